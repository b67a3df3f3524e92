;; Reads through the handle that discovery had, long after it.
(func $push (param $self i32) (param $data i32) (param $length i32) (result i32)
  (call $read_text (i32.const 1) (i32.const @word@) (i32.const @word_length@) (i32.const 256))
  (call $fail (i32.load (i32.const 260)) (i32.load (i32.const 264))))
