;; Says that its result lies where it has no memory.
(func $push (param $self i32) (param $data i32) (param $length i32) (result i32)
  (i32.const -64))
