;; Takes a row from every push and returns none.
(func $push (param $self i32) (param $data i32) (param $length i32) (result i32)
  (global.set $free (i32.const 1048576))
  (call $outcome (i32.const 0) (i32.const 0)))
