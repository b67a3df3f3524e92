# A wide bill of 1 GB in one file, and in 4
lines=$((rows * 88 / 100))
one="$(wide_bill "$lines" 1)" four="$(wide_bill "$lines" 4)"
warm "$one" "$four"
costhost_run "costhost run, one file" aws-cur "$one"
costhost_run "costhost run, 4 files" aws-cur "$four"
peer duckdb aws "$one/*/*.csv.gz"
peer polars aws "$one/*/*.csv.gz"
measure "One file or four, wide AWS bill of $lines rows (peers: one file)"
