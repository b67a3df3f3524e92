"""Reads data files of a lake with programs that are not ours, and compares what they read, value by value.

read_back.py LAKE      prints how many files, rows and values DuckDB, Polars and pyarrow read alike
"""

import pathlib
import sys

import duckdb
import polars
import pyarrow.parquet


def plain(value):
    """A value as every reader gives it: a map is a list of pairs."""
    if isinstance(value, dict) and value.keys() == {"key", "value"}:
        return (value["key"], value["value"])
    if isinstance(value, list):
        return [plain(member) for member in value]
    return value


def columns(table):
    return {name: [plain(value) for value in table[name].to_pylist()] for name in table.column_names}


def read_by_all(file):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    rows = connection.read_parquet(str(file), hive_partitioning=False)
    return {
        "pyarrow": pyarrow.parquet.ParquetFile(file).read(),
        "DuckDB": rows.to_arrow_table(),
        "Polars": polars.read_parquet(file, hive_partitioning=False).to_arrow(),
    }


def main(lake):
    files = rows = values = 0
    for file in sorted(pathlib.Path(lake).rglob("source=*/**/*.parquet")):
        first, *others = ((name, columns(table)) for name, table in read_by_all(file).items())
        for name, read in others:
            if read.keys() != first[1].keys():
                sys.exit(f"{file}: {name} reads other columns than {first[0]}")
            for column, expected in first[1].items():
                for row, (a, b) in enumerate(zip(expected, read[column], strict=True)):
                    if a != b:
                        sys.exit(f"{file}: row {row} of {column} is {a!r} to {first[0]} and {b!r} to {name}")
        files += 1
        rows += len(next(iter(first[1].values())))
        values += sum(value is not None for column in first[1].values() for value in column)
    print(files, rows, values)


main(sys.argv[1])
