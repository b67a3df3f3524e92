# Reports that are Parquet already, as AWS delivers them
csv="$(wide_bill "$rows" 4)"
to_parquet() {
    "$(peers_python)" "$root/bench/peers.py" to-parquet aws "$csv/*/*.csv.gz" "$work/wide-parquet-$rows.part/2026-10"
}
data="$(made "$work/wide-parquet-$rows" to_parquet)"
warm "$data"
costhost_run "costhost run" aws-cur "$data"
peer duckdb aws "$data/*/*.parquet"
peer polars aws "$data/*/*.parquet"
measure "Parquet in, wide AWS bill of $rows rows in 4 files"
