#!/usr/bin/env bash
# Measures costhost against what a user would pick instead, on generated bills.
#
#   bench/run.sh TARGET SET [RUNS]
#
# TARGET is cargo's target directory with a release build (`just build`); data, peers and results are kept in TARGET/bench
# from run to run. SET is a file of bench/sets, or `all` for those that need no more than a few minutes. RUNS of all
# contestants alternate; figures are medians. BENCH_ROWS (1000000) makes everything smaller for a trial.
set -euo pipefail
shopt -s inherit_errexit
if [ $# -lt 2 ]; then
    sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"
    echo "Sets:"
    for set in "$(dirname "$0")"/sets/*.sh; do
        printf '  %-14s %s\n' "$(basename "$set" .sh)" "$(sed -n '1s/^# //p' "$set")"
    done
    exit 2
fi
target="$(realpath "$1")" wanted="$2" runs="${3:-5}"
root="$(cd "$(dirname "$0")/.." && pwd)"
work="$target/bench"
rows="${BENCH_ROWS:-1000000}"
mkdir -p "$work"

# shellcheck source=bench/prepare.sh
. "$root/bench/prepare.sh"
# shellcheck source=bench/contestants.sh
. "$root/bench/contestants.sh"

if [ "$wanted" = all ]; then
    sets="whole-job own-generator azure one-file nothing-new summarize parquet-in parquet-size plugin-stage"
else
    sets="$wanted"
fi
for set in $sets; do
    if [ ! -f "$root/bench/sets/$set.sh" ]; then
        echo "there is no set $set; bench/run.sh without arguments lists them" >&2
        exit 2
    fi
    # shellcheck source=/dev/null
    . "$root/bench/sets/$set.sh"
done
