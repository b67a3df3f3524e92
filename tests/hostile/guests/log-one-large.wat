;; Writes one record of 20 MiB.
(memory $memory 400)

(func $open (param $job i32) (result i32)
  (memory.fill (i32.const 1048576) (i32.const 65) (i32.const 20971520))
  (call $log (i32.const 2) (i32.const 1048576) (i32.const 20971520) (i32.const 0) (i32.const 0))
  (i32.store8 (i32.const 512) (i32.const 0))
  (i32.store (i32.const 520) (call $new_normalizer (i32.const 0)))
  (i32.const 512))
