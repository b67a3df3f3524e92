;; Writes 100,000 records at `info`.
(func $open (param $job i32) (result i32)
  (local $left i32)
  (local.set $left (i32.const 100000))
  (loop $more
    (call $log (i32.const 2) (i32.const @word@) (i32.const @word_length@) (i32.const 0) (i32.const 0))
    (local.set $left (i32.sub (local.get $left) (i32.const 1)))
    (br_if $more (local.get $left)))
  (i32.store8 (i32.const 512) (i32.const 0))
  (i32.store (i32.const 520) (call $new_normalizer (i32.const 0)))
  (i32.const 512))
