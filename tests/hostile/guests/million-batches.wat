;; Returns one value that holds the pushed batch, which has no rows, twenty thousand times over.
(func $push (param $self i32) (param $data i32) (param $length i32) (result i32)
  (local $schema i32) (local $batch i32) (local $value i32) (local $at i32) (local $left i32)
  ;; The schema's message, then the batch, then eight bytes that end the stream.
  (local.set $schema (i32.add (i32.load offset=4 (local.get $data)) (i32.const 8)))
  (local.set $batch (i32.sub (i32.sub (local.get $length) (local.get $schema)) (i32.const 8)))
  (local.set $left (i32.const 20000))
  (local.set $value (call $cabi_realloc (i32.const 0) (i32.const 0) (i32.const 8)
    (i32.add (local.get $length) (i32.mul (local.get $batch) (local.get $left)))))
  (memory.copy (local.get $value) (local.get $data) (local.get $schema))
  (local.set $at (i32.add (local.get $value) (local.get $schema)))
  (loop $next
    (memory.copy (local.get $at) (i32.add (local.get $data) (local.get $schema)) (local.get $batch))
    (local.set $at (i32.add (local.get $at) (local.get $batch)))
    (local.set $left (i32.sub (local.get $left) (i32.const 1)))
    (br_if $next (local.get $left)))
  (memory.copy (local.get $at) (i32.sub (i32.add (local.get $data) (local.get $length)) (i32.const 8)) (i32.const 8))
  (call $rows (local.get $value) (i32.sub (i32.add (local.get $at) (i32.const 8)) (local.get $value)) (i32.const 1)))
