;; Wants 1 GiB before its first instruction.
(memory $memory 16384)
