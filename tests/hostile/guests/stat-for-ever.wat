;; Looks at an object again and again: the clock of the guest stands still while the host answers.
(func $discover (param $bucket i32) (param i32 i32 i32 i64 i64 i64) (result i32)
  (loop $for_ever
    (call $stat (local.get $bucket) (i32.const @word@) (i32.const @word_length@) (i32.const 256))
    (br_if $for_ever (i32.eqz (i32.load8_u (i32.const 256)))))
  (call $drop_bucket (local.get $bucket))
  (call $fail (i32.load (i32.const 268)) (i32.load (i32.const 272))))
