"""Runs commands by turns and prints a Markdown table of their wall time, CPU time, peak memory and output.

measure.py --title TITLE --runs N --results FILE --contestant NAME OUTPUT PREPARATION COMMAND [--contestant ..]

Each command is a whole process, begun by `exec` of a shell; PREPARATION is run before each, untimed. Peak is the largest
resident size of one process. OUTPUT (a glob of files or folders, may be empty) is weighed after each run. Every single
run is kept as a line of JSON in FILE.
"""

import argparse
import glob
import json
import os
import statistics
import subprocess
import sys
import time


def run(name, output, preparation, command):
    if preparation:
        subprocess.run(["bash", "-c", preparation], check=True)
    start = time.perf_counter()
    child = subprocess.Popen(["bash", "-c", f"exec {command}"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    if status:
        sys.exit(f"{name} failed: {command}\n{errors.decode(errors='replace')[-2000:]}")
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss / 1024, "parquet": weight(output)}


def weight(pattern):
    total = 0
    for path in glob.glob(pattern) if pattern else []:
        if os.path.isdir(path):
            total += sum(os.path.getsize(os.path.join(at, file)) for at, _, files in os.walk(path) for file in files if file.endswith(".parquet"))
        else:
            total += os.path.getsize(path)
    return total


def spread(values, form):
    return f"{statistics.median(values):{form}} ({min(values):{form}}-{max(values):{form}})"


def table(title, contestants, results):
    runs = len(next(iter(results.values())))
    ours = {key: statistics.median(run[key] for run in results[contestants[0][0]]) for key in ("wall", "cpu")}
    print(f"\n{title}, {time.strftime('%Y-%m-%d')}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors\n")
    print(f"| median of {runs} (min-max) | wall s | CPU s | peak MB | Parquet MB | wall / first | CPU / first |")
    print("|---|---|---|---|---|---|---|")
    for name, *_ in contestants:
        of = lambda key: [run[key] for run in results[name]]
        parquet = statistics.median(of("parquet"))
        written = f"{parquet / 1e6:.1f}" if parquet else ""
        ratios = [statistics.median(of(key)) / ours[key] if ours[key] else 0 for key in ("wall", "cpu")]
        print(f"| {name} | {spread(of('wall'), '.2f')} | {spread(of('cpu'), '.2f')} | {spread(of('peak'), '.0f')} | {written} | {ratios[0]:.2f} | {ratios[1]:.2f} |")
    print(flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--title", required=True)
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--results", required=True)
    parser.add_argument("--contestant", nargs=4, action="append", required=True)
    args = parser.parse_args()
    results = {contestant[0]: [] for contestant in args.contestant}
    with open(args.results, "a") as kept:
        for turn in range(args.runs):
            for name, output, preparation, command in args.contestant:
                measured = run(name, output, preparation, command)
                results[name].append(measured)
                kept.write(json.dumps({"title": args.title, "name": name, "turn": turn, **measured}) + "\n")
                print(f"  {name}: {measured['wall']:.2f} s", file=sys.stderr, flush=True)
    table(args.title, args.contestant, results)


main()
