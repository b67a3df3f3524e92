# A wide bill in 4 files: csv.gz to Parquet lake and daily summary
data="$(wide_bill "$rows" 4)"
warm "$data"
costhost_run "costhost run" aws-cur "$data"
peer duckdb aws "$data/*/*.csv.gz"
peer polars aws "$data/*/*.csv.gz"
measure "Whole job, wide AWS bill of $rows rows in 4 files"
