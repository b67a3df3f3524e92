;; Makes handles of its resource and drops none.
(func $open (param $job i32) (result i32)
  (loop $more
    (drop (call $new_normalizer (i32.const 0)))
    (br $more))
  unreachable)
