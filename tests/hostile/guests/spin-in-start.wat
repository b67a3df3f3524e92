;; Never gets as far as being asked anything.
(func $for_ever (loop $again (br $again)))
(start $for_ever)
