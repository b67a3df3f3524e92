#!/usr/bin/env bash
# The whole job (csv.gz -> zstd Parquet + daily summary) against DuckDB and Polars, alternating, on the same generated files.
# Usage: bench/run.sh TARGET_DIR ROWS [RUNS]. The peers' scripts and the wide generator lie in ../shared/tools.
set -euo pipefail
target="$1" rows="$2" runs="${3:-3}"
here="$(cd "$(dirname "$0")/.." && pwd)"
tools="$here/../shared/tools"
work="$target/bench"
mkdir -p "$work"

if ! "$work/peers/bin/python" -c 'import duckdb, polars' 2>/dev/null; then
    python3 -m venv "$work/peers"
    "$work/peers/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0 polars==2.1.0 pyarrow==26.0.1
fi
# A folder without a manifest says by its name which month it is.
data="$work/cur-$rows/2026-10"
if [ ! -d "$data" ]; then
    rm -rf "$work/curgen" && cp -r "$tools/curgen" "$work/curgen" && chmod -R u+w "$work/curgen"
    (cd "$work/curgen" && CARGO_TARGET_DIR="$work/curgen-target" cargo build --quiet --release --locked)
    "$work/curgen-target/release/curgen" --rows "$rows" --files 4 --seed 42 --month 2026-10 --resources 4000 --accounts 200 \
        --level 6 --out "$data"
fi
cat "$data"/*.csv.gz > /dev/null # warm the page cache for everyone

measure() { # NAME COMMAND...
    local name="$1"
    shift
    /usr/bin/env python3 - "$name" "$@" <<'PY'
import json, os, subprocess, sys, time
name, command = sys.argv[1], sys.argv[2:]
start = time.perf_counter()
child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
wall = time.perf_counter() - start
if status:
    sys.exit(f"{name} failed: {command}")
print(json.dumps({"name": name, "wall": round(wall, 3), "cpu": round(usage.ru_utime + usage.ru_stime, 2), "peak_mb": usage.ru_maxrss // 1024}), flush=True)
PY
}

results="$work/results-$rows.jsonl"
: > "$results"
for _ in $(seq "$runs"); do
    rm -rf "$work/lake"
    measure costhost "$target/release/costhost" run --plugin "$target/plugins/aws-cur.wasm" "$work/cur-$rows" --source-name bench \
        --lake "$work/lake" --json | tee -a "$results"
    du -sb "$work/lake/default/aws/line_items" | awk '{printf "  lake: %.1f MB\n", $1 / 1e6}'
    for task in duck_dbl_noorder_sum polars_dbl_sum; do
        CUR="$data/*.csv.gz" measure "$task" "$work/peers/bin/python" "$tools/peers.py" "$task" "$work/out-$task" | tee -a "$results"
    done
done
python3 - "$results" <<'PY'
import json, statistics, sys
runs = {}
for line in open(sys.argv[1]):
    run = json.loads(line)
    runs.setdefault(run["name"], []).append(run)
ours = statistics.median(run["wall"] for run in runs["costhost"])
print(f"{'median of ' + str(len(runs['costhost'])):24} {'wall s':>8} {'min-max':>14} {'cpu s':>7} {'peak MB':>8} {'wall / ours':>12}")
for name, all in runs.items():
    walls = sorted(run["wall"] for run in all)
    median = statistics.median(walls)
    cpu, peak = (statistics.median(run[key] for run in all) for key in ("cpu", "peak_mb"))
    print(f"{name:24} {median:8.2f} {walls[0]:6.2f}-{walls[-1]:6.2f} {cpu:8.2f} {peak:8.0f} {median / ours:12.2f}")
PY
