# How large the same rows are as Parquet: exact decimals against doubles
data="$(wide_bill "$rows" 4)"
costhost_run "costhost run" aws-cur "$data"
peer duckdb-decimals aws "$data/*/*.csv.gz"
peer duckdb aws "$data/*/*.csv.gz"
peer polars aws "$data/*/*.csv.gz"
kept="$runs" runs=1
measure "Size of the line items, wide AWS bill of $rows rows"
runs="$kept"
