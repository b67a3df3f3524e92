# The same on a bill of the project's own generator
data="$(own_bill "cur-$rows" cur --rows "$rows" --files 4 --months 2026-10..2026-10 --seed 7 --accounts 50)"
warm "$data"
costhost_run "costhost run" aws-cur "$data"
peer duckdb aws "$data/cur/acme-cur/*/*/*.csv.gz"
peer polars aws "$data/cur/acme-cur/*/*/*.csv.gz"
measure "Whole job, AWS bill of the own generator, $rows rows in 4 files"
