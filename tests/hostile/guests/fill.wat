;; Fills 256 MiB of memory again and again: the engine looks at the clock only between two of these instructions.
(memory $memory 4100)

(func $push (param $self i32) (param $data i32) (param $length i32) (result i32)
  (loop $for_ever
    (memory.fill (i32.const 65536) (i32.const 7) (i32.const 268435456))
    (br $for_ever))
  unreachable)
