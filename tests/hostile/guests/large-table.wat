;; Wants a table of 30,000 elements before its first instruction.
(table 30000 funcref)
