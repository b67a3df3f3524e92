# Sourced by run.sh: peers and generated data, each made once and kept. Functions print the path of what they made.

# DuckDB and Polars in an environment of their own: prints its Python.
peers_python() {
    local python="$work/peers/bin/python"
    if ! "$python" -c 'import duckdb, polars' 2>/dev/null; then
        python3 -m venv "$work/peers" >&2
        "$work/peers/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0 polars==2.1.0 >&2
    fi
    echo "$python"
}

# A folder that is made by a command: once, and whole or not at all. made FOLDER COMMAND.. (which writes to FOLDER.part)
made() {
    local folder="$1"
    shift
    if [ ! -d "$folder" ]; then
        rm -rf "$folder.part"
        "$@" >&2
        mv "$folder.part" "$folder"
    fi
    echo "$folder"
}

# The wide generator, which others wrote: a bill of 142 columns. It lies beside the checkout.
wide_generator() {
    local tools="$root/../shared/tools/curgen" binary="$work/curgen-target/release/curgen"
    if [ ! -x "$binary" ]; then
        if [ ! -d "$tools" ]; then
            echo "this set measures on bills of curgen, whose source is expected in $tools; own-generator and azure do without" >&2
            exit 1
        fi
        rm -rf "$work/curgen" && cp -r "$tools" "$work/curgen" && chmod -R u+w "$work/curgen"
        (cd "$work/curgen" && CARGO_TARGET_DIR="$work/curgen-target" cargo build --quiet --release --locked) >&2
    fi
    echo "$binary"
}

# wide_bill ROWS FILES: a folder with one month's folder, whose name says which month it is.
wide_bill() {
    local generator
    generator="$(wide_generator)"
    local folder="$work/wide-$1-$2"
    made "$folder" "$generator" --rows "$1" --files "$2" --seed 42 --month 2026-10 --resources 4000 --accounts 200 \
        --level 6 --out "$folder.part/2026-10"
}

# own_bill NAME ARGUMENTS..: by the project's generator.
own_bill() {
    local name="$1" folder="$work/$1" kind="$2"
    shift 2
    made "$folder" own_generator "$kind" --out "$folder.part" "$@"
}

own_generator() {
    CARGO_TARGET_DIR="$target" cargo run --quiet --release --locked --manifest-path "$root/Cargo.toml" \
        -p costhost-bench --bin costhost-gen -- "$@"
}

# Reads files once, so that they come from memory for every contestant.
warm() {
    find "$@" -type f -exec cat {} + > /dev/null
}
