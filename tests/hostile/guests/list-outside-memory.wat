;; Says that its outputs are a list which leads out of its memory.
(func $push (param $self i32) (param $data i32) (param $length i32) (result i32)
  (call $outcome (i32.const 1024) (i32.const 100000000)))
