;; Returns an output of no bytes at all.
(func $push (param $self i32) (param $data i32) (param $length i32) (result i32)
  (call $rows (local.get $data) (i32.const 0) (i32.const 1)))
