# Ten times the rows (2 GB of csv.gz): does time grow with them, and memory not
small="$(wide_bill "$rows" 4)" large="$(wide_bill $((rows * 10)) 40)"
costhost_run "costhost run, $rows rows" aws-cur "$small"
costhost_run "costhost run, $((rows * 10)) rows" aws-cur "$large"
measure "Ten times the rows, wide AWS bill"
