;; Calls itself without end.
(func $push (param $self i32) (param $data i32) (param $length i32) (result i32)
  (call $push (local.get $self) (local.get $data) (i32.add (call $deeper (local.get $length)) (i32.const 1))))

(func $deeper (param $depth i32) (result i32)
  (i32.add (call $deeper (i32.add (local.get $depth) (i32.const 1))) (i32.const 1)))
