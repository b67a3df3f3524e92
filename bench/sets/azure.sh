# An Azure export: csv.gz to Parquet lake and daily summary
data="$(own_bill "azure-$rows" azure --rows "$rows" --files 4 --months 2026-10..2026-10 --seed 7 --subscriptions 50 --gzip)"
warm "$data"
costhost_run "costhost run" azure-export "$data"
peer duckdb azure "$data/costs/*/*/*.csv.gz"
peer polars azure "$data/costs/*/*/*.csv.gz"
measure "Whole job, Azure export of $rows rows in 4 files"
