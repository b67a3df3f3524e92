;; Lists the prefix that the test names, and fails with the first name in it or with what the host answered.
(func $discover (param $bucket i32) (param i32 i32 i32 i64 i64 i64) (result i32)
  (i64.store (i32.const 264) (i64.const 0))
  (call $list (local.get $bucket) (i32.const @word@) (i32.const @word_length@) (i32.const 1) (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 256))
  (call $drop_bucket (local.get $bucket))
  (if (result i32) (i32.load8_u (i32.const 256))
    (then (call $fail (i32.load (i32.const 264)) (i32.load (i32.const 268))))
    (else
      (call $fail (i32.load (i32.load (i32.const 260))) (i32.load offset=4 (i32.load (i32.const 260)))))))
