# A run that finds nothing new, on a lake of 36 months
data="$(own_bill months-36 cur --rows 2000 --files 1 --months 2023-11..2026-10 --seed 7)"
lake="$work/lake-36"
run="'$target/release/costhost' run --plugin '$(compiled aws-cur)' '$data' --source-name bench --lake '$lake'"
rm -rf "$lake"
bash -c "$run" > /dev/null
contestant "costhost run" "" "" "$run"
measure "Nothing new, 36 months"
