;; Returns 200 MiB from one push.
(memory $memory 3400)

(func $push (param $self i32) (param $data i32) (param $length i32) (result i32)
  (call $rows (i32.const 1048576) (i32.const 209715200) (i32.const 1)))
