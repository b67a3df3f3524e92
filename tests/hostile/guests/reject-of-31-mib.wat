;; Returns one reject with a message of 31 MiB from every push: no call is over its limit, all together are.
(memory $memory 600)

(func $push (param $self i32) (param $data i32) (param $length i32) (result i32)
  (global.set $free (i32.const 1048576))
  (drop (call $outcome (i32.const 0) (i32.const 0)))
  (memory.fill (i32.const 4194304) (i32.const 65) (i32.const 32505856))
  (i32.store (i32.const 264) (i32.const 4194304))
  (i32.store (i32.const 268) (i32.const 32505856))
  (i32.store (i32.const 536) (i32.const 256))
  (i32.store (i32.const 540) (i32.const 1))
  (i32.const 512))
