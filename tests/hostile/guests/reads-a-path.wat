;; Reads the object that the test names, and fails with its text or with what the host answered.
(func $discover (param $bucket i32) (param i32 i32 i32 i64 i64 i64) (result i32)
  (i64.store (i32.const 264) (i64.const 0))
  (call $read_text (local.get $bucket) (i32.const @word@) (i32.const @word_length@) (i32.const 256))
  (call $drop_bucket (local.get $bucket))
  (if (result i32) (i32.load8_u (i32.const 256))
    (then (call $fail (i32.load (i32.const 264)) (i32.load (i32.const 268))))
    (else (call $fail (i32.load (i32.const 260)) (i32.load (i32.const 264))))))
