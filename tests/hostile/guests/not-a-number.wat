;; Shows the bits of NaNs that were made in different ways; on some machines they differ in sign or payload.
(func $push (param $self i32) (param $data i32) (param $length i32) (result i32)
  (call $hex (i32.const 256) (i64.reinterpret_f64 (f64.div (f64.const 0) (call $f64 (i64.const 0)))))
  (call $hex (i32.const 272) (i64.reinterpret_f64 (f64.sqrt (call $f64 (i64.const 0xbff0000000000000)))))
  (call $hex (i32.const 288) (i64.reinterpret_f64 (f64.add (f64.const 1) (call $f64 (i64.const 0xfff4000000000123)))))
  (call $hex (i32.const 304)
    (i64.reinterpret_f64 (f64.sub (call $f64 (i64.const 0x7ff0000000000000)) (call $f64 (i64.const 0x7ff0000000000000)))))
  (call $hex (i32.const 320)
    (i64.extend_i32_u (i32.reinterpret_f32 (f32.demote_f64 (call $f64 (i64.const 0x7ff4000000000123))))))
  (call $fail (i32.const 256) (i32.const 80)))

;; A number that no compiler works with beforehand.
(func $f64 (param $bits i64) (result f64)
  (i64.store (i32.const 248) (local.get $bits))
  (f64.load (i32.const 248)))

;; Writes sixteen digits of a number.
(func $hex (param $at i32) (param $number i64)
  (local $left i32) (local $digit i32)
  (local.set $left (i32.const 16))
  (loop $next
    (local.set $left (i32.sub (local.get $left) (i32.const 1)))
    (local.set $digit (i32.wrap_i64 (i64.and (local.get $number) (i64.const 15))))
    (i32.store8 (i32.add (local.get $at) (local.get $left))
      (i32.add (local.get $digit) (select (i32.const 87) (i32.const 48) (i32.gt_u (local.get $digit) (i32.const 9)))))
    (local.set $number (i64.shr_u (local.get $number) (i64.const 4)))
    (br_if $next (local.get $left))))
