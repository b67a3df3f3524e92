# Sourced by run.sh: who is measured. Each function adds one contestant to the next `measure`, the first of which the others
# are compared with.

contestants=()

# contestant NAME OUTPUT PREPARATION COMMAND: what is run before each time, untimed; OUTPUT is what is weighed afterwards.
contestant() {
    contestants+=(--contestant "$1" "$2" "$3" "$4")
}

# compiled PLUGIN: the plugin has been compiled and kept, so that no measured run compiles it. Prints its path.
compiled() {
    "$target/release/costhost" plugin show "$target/plugins/$1.wasm" > /dev/null
    echo "$target/plugins/$1.wasm"
}

# costhost_run NAME PLUGIN INPUT: a load into an empty lake.
costhost_run() {
    local lake="$work/lake"
    contestant "$1" "$lake/default/*/line_items" "rm -rf '$lake'" \
        "'$target/release/costhost' run --plugin '$(compiled "$2")' '$3' --source-name bench --lake '$lake'"
}

# peer TASK PROVIDER FILES: a task of peers.py.
peer() {
    local out="$work/out-$1"
    contestant "$1" "$out/data.parquet" "rm -rf '$out'" "'$(peers_python)' '$root/bench/peers.py' $1 $2 '$3' '$out'"
}

# measure TITLE: runs them all and prints the table.
measure() {
    python3 "$root/bench/measure.py" --title "$1" --runs "$runs" --results "$work/results.jsonl" "${contestants[@]}"
    contestants=()
}
