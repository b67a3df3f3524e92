;; Makes its table larger until it may not, and gives up.
(table $table 1 funcref)

(func $push (param $self i32) (param $data i32) (param $length i32) (result i32)
  (loop $more
    (br_if $more (i32.ne (table.grow $table (ref.null func) (i32.const 1000)) (i32.const -1))))
  (call $fail_saying (table.size $table)))
