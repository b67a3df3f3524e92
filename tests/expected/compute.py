"""Independent computation of what the end-to-end tests expect: row counts and exact totals of the shared reports, and
every number of the daily summary for the generated months.

    python3 -m venv venv && venv/bin/pip install duckdb pyarrow
    venv/bin/python tests/expected/compute.py ../shared/data/aws tests/expected

It shares no code with costhost: Python's csv, zipfile, gzip and decimal modules read the text, pyarrow reads Parquet and
repr() gives the shortest decimal of a double.
"""
import csv, decimal, gzip, io, json, sys, zipfile
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq

decimal.getcontext().prec = 76
csv.field_size_limit(1 << 30)
data, out = Path(sys.argv[1]), Path(sys.argv[2])


def text_of(path):
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    if path.suffix == ".zip":
        archive = zipfile.ZipFile(path)
        return io.TextIOWrapper(archive.open(archive.namelist()[0]), encoding="utf-8-sig", newline="")
    return open(path, encoding="utf-8-sig", newline="")


def csv_rows(path):
    with text_of(path) as file:
        yield from csv.DictReader(file)


def parquet_rows(path):
    table = pq.read_table(path)
    number = lambda value: repr(value) if isinstance(value, float) else value
    for row in table.to_pylist():
        yield {name: number(value) for name, value in row.items()}


def rows_of(path):
    return parquet_rows(path) if path.suffix == ".parquet" else csv_rows(path)


def first(row, *names):
    for name in names:
        value = row.get(name)
        if value not in (None, ""):
            return value
    return None


COST = ("lineItem/UnblendedCost", "line_item_unblended_cost")
BLENDED = ("lineItem/BlendedCost", "line_item_blended_cost")
USAGE = ("lineItem/UsageAmount", "line_item_usage_amount")


LAKE_DIGIT = Decimal(1).scaleb(-18)


def amount(text):
    """As the lake holds it: at most 18 decimals, the last one rounded half-even. Null where it is no number: koku-nise
    shifts a few words into number columns, which must be set aside."""
    try:
        Decimal(text)
    except decimal.InvalidOperation:
        return None
    return Decimal(text).quantize(LAKE_DIGIT, rounding=decimal.ROUND_HALF_EVEN)


def plain(value):
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) if value else "0"


def totals(paths):
    rows, sums = 0, defaultdict(Decimal)
    for path in paths:
        for row in rows_of(path):
            rows += 1
            for name, keys in (("unblended", COST), ("blended", BLENDED), ("usage", USAGE)):
                value = first(row, *keys)
                if value is not None and amount(value) is not None:
                    sums[name] += amount(value)
    return {"rows": rows, **{name: plain(value) for name, value in sums.items()}}


reports = {
    "cur1-parquet": ["cur1-parquet/2018-10/Oct2018-WorkshopCUR-00001.snappy.parquet"],
    "cur1-slash-csv": ["cur1-slash-csv/anonymized.csv"],
    "cur1-bucket": ["cur1-bucket/koku-local/20180801-20180901/16e57707-f9e3-49be-8be6-b84e684b5194/koku-local-1.csv.gz"],
    "cur1-zip": ["cur1-zip/mock-cur-bucket/20240101-20240131/MockTestReport-00001.csv.zip"],
    "cur2-csv": ["cur2-csv/mock-cur-v2-bucket/data/BILLING_PERIOD=2024-09/MockTestReportV2-00001.csv.gz"],
    "nise-2025-10": ["nise/reports/cur/20251001-20251101/17fc695a-07a0-4a6e-8822-e8f36c031199/October-2025-cur.csv.gz"],
    "nise-2025-11": ["nise/reports/cur/20251101-20251201/9a1de644-815e-46d1-bb8f-aa1837f8a88b/November-2025-cur.csv.gz"],
    "nise-cur2-2025-10-csv": ["nise-cur2-like/October-2025-cur2.csv.gz"],
    "nise-cur2-2025-11-csv": ["nise-cur2-like/November-2025-cur2.csv.gz"],
    "nise-cur2-2025-10-parquet": ["nise-cur2-like/October-2025-cur2.parquet"],
    "nise-cur2-2025-11-parquet": ["nise-cur2-like/November-2025-cur2.parquet"],
}
result = {name: totals([data / path for path in paths]) for name, paths in reports.items()}
(out / "totals.json").write_text(json.dumps(result, indent=2) + "\n")


def daily_summary(paths, markup):
    """Every column of reporting_awscostentrylineitem_daily_summary that does not come from the host, by its formula."""
    groups = {}
    for path in paths:
        for row in csv_rows(path):
            get = lambda name: row.get(name) or None
            dec = lambda name: amount(row[name]) if row.get(name) else None
            if get("lineItem/Operation") in ("EKSPod-EC2", "ECSTask-EC2"):
                continue
            product = get("lineItem/ProductCode")
            if get("bill/BillingEntity") == "AWS Marketplace":
                product = get("product/ProductName") or product
            prefix = "resourceTags/user:"
            tags = {k[len(prefix):]: v for k, v in row.items() if k.startswith(prefix) and v}
            prefix = "costCategory/"
            categories = {k[len(prefix):]: v for k, v in row.items() if k.startswith(prefix) and v}
            as_json = lambda value: json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            key = (
                row["lineItem/UsageStartDate"][:10], get("lineItem/UsageAccountId"), product,
                get("product/productFamily"), get("lineItem/AvailabilityZone"),
                get("product/region") or get("product/regionCode"), get("product/instanceType"), get("pricing/unit"),
                as_json(tags), as_json(categories), get("lineItem/CurrencyCode"),
            )
            group = groups.setdefault(key, {"resources": set(), "sums": defaultdict(Decimal), "max": {}, "seen": set()})
            kind = get("lineItem/LineItemType")
            zero = Decimal(0)
            unblended = dec("lineItem/UnblendedCost") or zero
            sp_effective = dec("savingsPlan/SavingsPlanEffectiveCost") or zero
            reserved = get("reservation/ReservationARN") is not None

            def add(name, value):
                if value is not None:
                    group["sums"][name] += value
                    group["seen"].add(name)

            def top(name, value):
                if value is not None:
                    group["max"][name] = max(group["max"].get(name, value), value)

            if get("lineItem/ResourceId"):
                group["resources"].add(get("lineItem/ResourceId"))
            usage = dec("lineItem/UsageAmount")
            add("usage_amount", zero if kind == "SavingsPlanNegation" and usage is not None else usage)
            add("normalized_usage_amount", dec("lineItem/NormalizedUsageAmount"))
            add("unblended_cost", dec("lineItem/UnblendedCost"))
            add("blended_cost", dec("lineItem/BlendedCost"))
            add("savingsplan_effective_cost", dec("savingsPlan/SavingsPlanEffectiveCost"))
            add("public_on_demand_cost", dec("pricing/publicOnDemandCost"))
            for name, column in (("normalization_factor", "lineItem/NormalizationFactor"),
                                 ("unblended_rate", "lineItem/UnblendedRate"), ("blended_rate", "lineItem/BlendedRate"),
                                 ("public_on_demand_rate", "pricing/publicOnDemandRate")):
                top(name, dec(column))
            plan_kinds = ("SavingsPlanCoveredUsage", "SavingsPlanNegation", "SavingsPlanUpfrontFee", "SavingsPlanRecurringFee")
            add("calculated_amortized_cost", sp_effective if kind in plan_kinds else unblended)
            amortized, trueup, upfront = unblended, zero, zero
            if kind == "SavingsPlanCoveredUsage":
                amortized = sp_effective
            elif kind == "SavingsPlanRecurringFee":
                amortized = (dec("savingsPlan/TotalCommitmentToDate") or zero) - (dec("savingsPlan/UsedCommitment") or zero)
                trueup = -(dec("savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod") or zero)
            elif kind == "SavingsPlanNegation":
                amortized = zero
            elif kind == "SavingsPlanUpfrontFee":
                amortized, upfront = zero, unblended
            elif kind == "DiscountedUsage":
                amortized = dec("reservation/EffectiveCost") or zero
            elif kind == "RIFee":
                amortized = (dec("reservation/UnusedAmortizedUpfrontFeeForBillingPeriod") or zero) + (
                    dec("reservation/UnusedRecurringFee") or zero)
                trueup = -(dec("reservation/AmortizedUpfrontFeeForBillingPeriod") or zero)
            elif kind == "Fee" and reserved:
                amortized, upfront = zero, unblended
            add("amortized_cost", amortized)
            add("trueup_cost", trueup)
            add("upfront_cost", upfront)
    names = ("usage_start", "usage_account_id", "product_code", "product_family", "availability_zone", "region",
             "instance_type", "unit", "tags", "cost_category", "currency_code")
    rows = []
    for key, group in groups.items():
        row = dict(zip(names, key))
        row["usage_end"] = row["usage_start"]
        row["resource_ids"] = sorted(group["resources"])
        row["resource_count"] = len(group["resources"])
        numbers = {name: group["sums"][name] for name in group["seen"]} | group["max"]
        for name, base in (("markup_cost", "unblended_cost"), ("markup_cost_blended", "blended_cost"),
                           ("markup_cost_savingsplan", "savingsplan_effective_cost"),
                           ("markup_cost_amortized", "calculated_amortized_cost")):
            if base in numbers:
                numbers[name] = amount(numbers[base] * markup / 100)
        row.update({name: plain(value) for name, value in numbers.items()})
        rows.append(row)
    return sorted(rows, key=lambda row: json.dumps([row[name] for name in names]))


months = {name: daily_summary([data / path for path in reports[name]], Decimal("12.5")) for name in ("nise-2025-10", "nise-2025-11")}
with open(out / "daily_summary.jsonl", "w") as file:
    for name, rows in months.items():
        for row in rows:
            file.write(json.dumps({"report": name, **row}, sort_keys=True, ensure_ascii=False) + "\n")
print(json.dumps(result, indent=2), {name: len(rows) for name, rows in months.items()})
