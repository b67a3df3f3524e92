;; An honest plugin as a core module, in the canonical ABI of `wit/`. A guest of `guests/` brings what it does otherwise: a function
;; or memory of the same name stands in place of the one here, and everything else it holds is added.
;;
;; The test fills in the addresses (`@..@`) and data of the manifest and of what discovery finds. Addresses below 1024 are scratch.

(import "costhost:provider/storage@0.1.0" "[resource-drop]bucket" (func $drop_bucket (param i32)))
(import "costhost:provider/storage@0.1.0" "[method]bucket.list" (func $list (param i32 i32 i32 i32 i32 i32 i32 i32)))
(import "costhost:provider/storage@0.1.0" "[method]bucket.stat" (func $stat (param i32 i32 i32 i32)))
(import "costhost:provider/storage@0.1.0" "[method]bucket.read-text" (func $read_text (param i32 i32 i32 i32)))
(import "costhost:provider/log@0.1.0" "write" (func $log (param i32 i32 i32 i32 i32)))
(import "[export]costhost:provider/normalize@0.1.0" "[resource-new]normalizer" (func $new_normalizer (param i32) (result i32)))

(memory $memory 32)

(export "memory" (memory $memory))
(export "cabi_realloc" (func $cabi_realloc))
(export "costhost:provider/describe@0.1.0#describe" (func $describe))
(export "costhost:provider/discover@0.1.0#discover" (func $discover))
(export "costhost:provider/normalize@0.1.0#[static]normalizer.open" (func $open))
(export "costhost:provider/normalize@0.1.0#[method]normalizer.push" (func $push))
(export "costhost:provider/normalize@0.1.0#[method]normalizer.finish" (func $finish))

;; What the host hands over is kept until the next push has returned it.
(global $free (mut i32) (i32.const 1048576))

(func $cabi_realloc (param $old i32) (param $old_length i32) (param $align i32) (param $length i32) (result i32)
  (local $at i32)
  (local.set $at (i32.and (i32.add (global.get $free) (i32.const 15)) (i32.const -16)))
  (global.set $free (i32.add (local.get $at) (local.get $length)))
  (block $fits
    (loop $grow
      (br_if $fits (i32.le_u (global.get $free) (i32.mul (memory.size) (i32.const 65536))))
      (br_if $grow (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))
      unreachable))
  (local.get $at))

(func $describe (result i32)
  (i32.const @manifest@))

(func $discover (param $bucket i32) (param $settings i32) (param $settings_length i32) (param $window i32) (param $start i64)
    (param $end i64) (param $now i64) (result i32)
  (call $drop_bucket (local.get $bucket))
  (i32.const @findings@))

(func $open (param $job i32) (result i32)
  (global.set $free (i32.const 1048576))
  (i32.store8 (i32.const 512) (i32.const 0))
  (i32.store (i32.const 520) (call $new_normalizer (i32.const 0)))
  (i32.const 512))

;; Rows of table 0: the bytes that were pushed, which are Arrow IPC already.
(func $push (param $self i32) (param $data i32) (param $length i32) (result i32)
  (call $rows (local.get $data) (local.get $length) (i32.const 1)))

;; The outcome `ok` with outputs for table 0, all of them these bytes.
(func $rows (param $data i32) (param $length i32) (param $outputs i32) (result i32)
  (local $list i32) (local $left i32)
  (local.set $list (call $cabi_realloc (i32.const 0) (i32.const 0) (i32.const 4) (i32.mul (local.get $outputs) (i32.const 12))))
  (local.set $left (local.get $outputs))
  (block $done
    (loop $next
      (br_if $done (i32.eqz (local.get $left)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (i32.store offset=0 (call $nth (local.get $list) (local.get $left)) (i32.const 0))
      (i32.store offset=4 (call $nth (local.get $list) (local.get $left)) (local.get $data))
      (i32.store offset=8 (call $nth (local.get $list) (local.get $left)) (local.get $length))
      (br $next)))
  (global.set $free (i32.const 1048576))
  (call $outcome (local.get $list) (local.get $outputs)))

(func $nth (param $list i32) (param $index i32) (result i32)
  (i32.add (local.get $list) (i32.mul (local.get $index) (i32.const 12))))

;; `ok` with these outputs, one row and no rejects.
(func $outcome (param $outputs i32) (param $count i32) (result i32)
  (i64.store (i32.const 512) (i64.const 0))
  (i32.store (i32.const 520) (local.get $outputs))
  (i32.store (i32.const 524) (local.get $count))
  (i64.store (i32.const 528) (i64.const 1))
  (i64.store (i32.const 536) (i64.const 0))
  (i64.store (i32.const 544) (i64.const 0))
  (i32.const 512))

;; The failure `abort` with the code `guest.says` and this message.
(func $fail (param $message i32) (param $length i32) (result i32)
  (i64.store (i32.const 512) (i64.const 1))
  (i32.store (i32.const 520) (i32.const 3))
  (i32.store (i32.const 524) (i32.const @code@))
  (i32.store (i32.const 528) (i32.const 10))
  (i32.store (i32.const 532) (local.get $message))
  (i32.store (i32.const 536) (local.get $length))
  (i64.store (i32.const 540) (i64.const 0))
  (i64.store (i32.const 548) (i64.const 0))
  (i64.store (i32.const 556) (i64.const 0))
  (i32.const 512))

(func $finish (param $self i32) (result i32)
  (i64.store (i32.const 512) (i64.const 0))
  (i64.store (i32.const 520) (i64.const 0))
  (i64.store (i32.const 528) (i64.const 0))
  (i64.store (i32.const 536) (i64.const 0))
  (i64.store (i32.const 544) (i64.const 0))
  (i32.const 512))

;; The same failure with a number of eight digits as its message.
(func $fail_saying (param $number i32) (result i32)
  (local $at i32)
  (local.set $at (i32.const 264))
  (loop $digit
    (local.set $at (i32.sub (local.get $at) (i32.const 1)))
    (i32.store8 (local.get $at) (i32.add (i32.rem_u (local.get $number) (i32.const 10)) (i32.const 48)))
    (local.set $number (i32.div_u (local.get $number) (i32.const 10)))
    (br_if $digit (i32.gt_u (local.get $at) (i32.const 256))))
  (call $fail (i32.const 256) (i32.const 8)))
