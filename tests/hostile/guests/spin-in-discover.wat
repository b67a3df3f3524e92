;; Never returns from discovery.
(func $discover (param i32 i32 i32 i32 i64 i64 i64) (result i32)
  (loop $for_ever (br $for_ever))
  unreachable)
