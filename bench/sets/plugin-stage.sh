# A plugin's own work on one processor: as native code, and as the component in its sandbox
data="$(wide_bill $((rows / 4)) 1)"
plain="$work/plain-$((rows / 4))"
plain_text() {
    "$(peers_python)" "$root/bench/peers.py" text aws "$data/*/*.csv.gz" "$plain.part"
}
made "$plain" plain_text > /dev/null
native="$work/native-target"
# By the profile that components are built with, too.
CARGO_TARGET_DIR="$native" cargo build --quiet --profile plugin --locked --manifest-path "$root/Cargo.toml" -p aws-cur --example normalize_aws
CARGO_TARGET_DIR="$target" cargo build --quiet --release --locked --manifest-path "$root/Cargo.toml" -p costhost --example plugin_stage
warm "$plain"
contestant "native library" "" "" "'$native/plugin/examples/normalize_aws' '$plain/rows.csv'"
contestant "component, its rows checked" "" "" \
    "'$target/release/examples/plugin_stage' '$(compiled aws-cur)' '$plain/rows.csv'"
measure "Plugin alone, wide AWS bill of $((rows / 4)) rows of plain text"
