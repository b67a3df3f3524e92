;; Returns 200,000 rejects from one push.
(memory $memory 512)

(func $push (param $self i32) (param $data i32) (param $length i32) (result i32)
  (drop (call $outcome (i32.const 0) (i32.const 0)))
  ;; Of zeros: no code, no message, no place.
  (i32.store (i32.const 536) (i32.const 2097152))
  (i32.store (i32.const 540) (i32.const 200000))
  (i32.const 512))
