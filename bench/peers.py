"""What a user would pick instead of costhost: DuckDB or Polars on the same files, to zstd Parquet and a daily summary.

peers.py TASK PROVIDER FILES OUT      TASK: duckdb, duckdb-decimals, polars; PROVIDER: aws, azure
peers.py to-parquet PROVIDER FILES OUT      each csv.gz as a snappy Parquet file, its columns typed and named as AWS does
peers.py text PROVIDER FILES OUT      one plain CSV file of the first file's rows

FILES is a glob of csv.gz or Parquet files. OUT is made anew: data.parquet has every row and column, summary.parquet the
sums of each day by what bills are naturally told apart by. Amounts are doubles, but for duckdb-decimals, where they are
DECIMAL(38,18) as costhost's are. All processors are used, and rows may change their order.
"""

import csv
import glob
import gzip
import os
import re
import shutil
import sys

AWS = {
    "amounts": """lineItem/UsageAmount lineItem/NormalizationFactor lineItem/NormalizedUsageAmount lineItem/UnblendedRate
        lineItem/UnblendedCost lineItem/BlendedRate lineItem/BlendedCost pricing/publicOnDemandCost pricing/publicOnDemandRate
        reservation/AmortizedUpfrontCostForUsage reservation/AmortizedUpfrontFeeForBillingPeriod reservation/EffectiveCost
        reservation/NormalizedUnitsPerReservation reservation/NumberOfReservations reservation/RecurringFeeForUsage
        reservation/TotalReservedNormalizedUnits reservation/TotalReservedUnits reservation/UnitsPerReservation
        reservation/UnusedAmortizedUpfrontFeeForBillingPeriod reservation/UnusedNormalizedUnitQuantity
        reservation/UnusedQuantity reservation/UnusedRecurringFee reservation/UpfrontValue
        savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod savingsPlan/RecurringCommitmentForBillingPeriod
        savingsPlan/SavingsPlanEffectiveCost savingsPlan/SavingsPlanRate savingsPlan/TotalCommitmentToDate
        savingsPlan/UsedCommitment""".split(),
    "times": "bill/BillingPeriodStartDate bill/BillingPeriodEndDate lineItem/UsageStartDate lineItem/UsageEndDate".split(),
    "time_type": "TIMESTAMP",
    "time_format": "%Y-%m-%dT%H:%M:%SZ",
    "day": "lineItem/UsageStartDate",
    "keys": """lineItem/UsageAccountId lineItem/ProductCode product/region lineItem/AvailabilityZone product/instanceType
        pricing/unit resourceTags/user:app resourceTags/user:environment costCategory/CostCenter
        lineItem/CurrencyCode""".split(),
    "members": {},
    "sums": """lineItem/UsageAmount lineItem/UnblendedCost lineItem/BlendedCost pricing/publicOnDemandCost
        reservation/EffectiveCost savingsPlan/SavingsPlanEffectiveCost""".split(),
}
AZURE = {
    "amounts": "Quantity EffectivePrice CostInBillingCurrency UnitPrice PayGPrice".split(),
    "times": "Date BillingPeriodStartDate BillingPeriodEndDate".split(),
    "time_type": "DATE",
    "time_format": "%m/%d/%Y",
    "day": "Date",
    "keys": "SubscriptionId SubscriptionName ResourceLocation MeterCategory UnitOfMeasure Tags BillingCurrencyCode".split(),
    # Columns of JSON, and what summaries are told apart by in them.
    "members": {"AdditionalInfo": "ServiceType"},
    "sums": "Quantity CostInBillingCurrency".split(),
}


def underscored(name):
    """A column as AWS names it in Parquet: `lineItem/UnblendedCost` is `line_item_unblended_cost`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", re.sub(r"[/:]", "_", name)).lower()


def header(files):
    with gzip.open(sorted(glob.glob(files))[0], "rt", encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file))


class Shape:
    """A provider's columns as these files have them."""

    def __init__(self, provider, names):
        told = {"aws": AWS, "azure": AZURE}[provider]
        known = set(names)

        def here(columns):
            columns = columns if known & set(told["times"]) else [underscored(column) for column in columns]
            return [column for column in columns if column in known]

        self.names = names
        self.amounts, self.times, self.keys, self.sums = (here(told[of]) for of in ("amounts", "times", "keys", "sums"))
        (self.day,) = here([told["day"]])
        self.members = told["members"]
        self.time_type, self.time_format = told["time_type"], told["time_format"]


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def duckdb_source(files, shape, amount):
    if files.endswith(".parquet"):
        return f"read_parquet('{files}')"
    kinds = {**{name: "VARCHAR" for name in shape.names}, **dict.fromkeys(shape.amounts, amount), **dict.fromkeys(shape.times, shape.time_type)}
    columns = "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in kinds.items()) + "}"
    dates = f", dateformat='{shape.time_format}'" if shape.time_type == "DATE" else ""
    return f"read_csv('{files}', header=true, columns={columns}, auto_detect=false, delim=',', quote='\"', escape='\"'{dates})"


def duckdb_connection():
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"set threads={len(os.sched_getaffinity(0))}")
    connection.execute("set preserve_insertion_order=false")
    return connection


def duckdb_names(connection, files):
    return [row[0] for row in connection.execute(f"describe select * from read_parquet('{files}')").fetchall()]


def run_duckdb(provider, files, out, amount):
    connection = duckdb_connection()
    shape = Shape(provider, duckdb_names(connection, files) if files.endswith(".parquet") else header(files))
    source = duckdb_source(files, shape, amount)
    connection.execute(f"copy (select * from {source}) to '{out}/data.parquet' (format parquet, compression zstd)")
    keys = [f"cast({quoted(shape.day)} as date) as day"] + [quoted(key) for key in shape.keys]
    keys += [f"json_extract_string({quoted(column)}, '$.{member}') as {member}" for column, member in shape.members.items()]
    sums = [f"sum({quoted(name)}) as {quoted(name)}" for name in shape.sums] + ["count(*) as lines"]
    summary = f"select {', '.join(keys + sums)} from '{out}/data.parquet' group by all"
    connection.execute(f"copy ({summary}) to '{out}/summary.parquet' (format parquet, compression zstd)")


def run_polars(provider, files, out):
    os.environ["POLARS_MAX_THREADS"] = str(len(os.sched_getaffinity(0)))
    import polars as pl

    if files.endswith(".parquet"):
        rows = pl.scan_parquet(files)
        shape = Shape(provider, rows.collect_schema().names())
    else:
        shape = Shape(provider, header(files))
        rows = pl.scan_csv(files, schema={name: pl.Float64 if name in shape.amounts else pl.String for name in shape.names})
        kind = pl.Date if shape.time_type == "DATE" else pl.Datetime
        rows = rows.with_columns(pl.col(name).str.strptime(kind, shape.time_format) for name in shape.times)
    rows.sink_parquet(f"{out}/data.parquet", compression="zstd")
    day = pl.col(shape.day).cast(pl.Date).alias("day")
    members = [pl.col(column).str.json_path_match(f"$.{member}").alias(member) for column, member in shape.members.items()]
    summary = pl.scan_parquet(f"{out}/data.parquet").group_by([day, *shape.keys, *members])
    summary.agg([pl.col(name).sum() for name in shape.sums] + [pl.len().alias("lines")]).sink_parquet(f"{out}/summary.parquet", compression="zstd")


def to_parquet(provider, files, out):
    connection = duckdb_connection()
    shape = Shape(provider, header(files))
    taken, columns = set(), []
    for name in shape.names:
        renamed = underscored(name)
        # Columns whose names become one are left to the first.
        if renamed not in taken:
            taken.add(renamed)
            columns.append(f"{quoted(name)} as {quoted(renamed)}")
    for number, file in enumerate(sorted(glob.glob(files)), 1):
        source = duckdb_source(file, shape, "DOUBLE")
        connection.execute(f"copy (select {', '.join(columns)} from {source}) to '{out}/part-{number:05}.snappy.parquet' (format parquet, compression snappy)")


def text(files, out):
    with gzip.open(sorted(glob.glob(files))[0]) as packed, open(f"{out}/rows.csv", "wb") as plain:
        shutil.copyfileobj(packed, plain, 1 << 20)


def main():
    task, provider, files, out = sys.argv[1:]
    if not glob.glob(files):
        sys.exit(f"no file matches {files}")
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    if task == "duckdb":
        run_duckdb(provider, files, out, "DOUBLE")
    elif task == "duckdb-decimals":
        run_duckdb(provider, files, out, "DECIMAL(38,18)")
    elif task == "polars":
        run_polars(provider, files, out)
    elif task == "to-parquet":
        to_parquet(provider, files, out)
    elif task == "text":
        text(files, out)
    else:
        sys.exit(f"there is no task {task}")


main()
