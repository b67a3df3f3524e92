;; Fails with a message that is not UTF-8.
(func $push (param $self i32) (param $data i32) (param $length i32) (result i32)
  (i32.store (i32.const 256) (i32.const 0xfffefdfc))
  (call $fail (i32.const 256) (i32.const 4)))
