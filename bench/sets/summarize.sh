# Summaries made anew from line items in the lake
data="$(wide_bill "$rows" 4)"
lake="$work/lake-summarize"
rm -rf "$lake"
"$target/release/costhost" run --plugin "$(compiled aws-cur)" "$data" --source-name bench --lake "$lake" > /dev/null
contestant "costhost summarize" "" "" \
    "'$target/release/costhost' summarize --force --plugin '$(compiled aws-cur)' --lake '$lake'"
measure "Summaries anew, wide AWS bill of $rows rows"
