"""Independent computation of what the tests expect of Azure exports: every column of the daily summary and of the eight
rollups and the tag summary, for every file of the shared data that can be loaded.

    python3 tests/expected/azure_compute.py ../shared/data/azure tests/expected

It shares no code with costhost: Python's csv, json, re and decimal modules read the text, by the rules of the specification.
Markup is 10 percent. Writes azure_daily_summary.jsonl and azure_rollups.jsonl, and azure_totals.json with rows and exact costs.
"""
import csv, datetime, decimal, json, re, sys
from collections import defaultdict
from decimal import Decimal as D
from pathlib import Path

decimal.getcontext().prec = 80
csv.field_size_limit(1 << 30)
data, out = Path(sys.argv[1]), Path(sys.argv[2])
LAKE_DIGIT = D(1).scaleb(-18)
MARKUP = D("0.1")
FILES = [
    ("azure_azure_version_2.csv", "actual"),
    ("azure_ea_actual_small_ftk.csv", "actual"),
    ("azure_ea_amortized_small_ftk.csv", "amortized"),
    ("azure_ea_focusconv_sample.csv", "actual"),
    ("headersets_Enterprise.csv", "actual"),
    ("nise/costs/export/20251001-20251031/costreport_939d61dc-6eb1-48e2-839a-a6b004e77af5.csv", "actual"),
    ("nise/costs/export/20251101-20251130/costreport_f275418c-da2f-466e-9fdf-e1685f53f26c.csv", "actual"),
]


def lake(number):
    return number.quantize(LAKE_DIGIT, decimal.ROUND_HALF_EVEN)


def text(number):
    """Plain decimal text without needless zeros."""
    if number is None:
        return None
    shown = format(number, "f")
    shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
    return "0" if shown in ("-0", "") else shown


def day_of(written):
    if "/" in written:
        month, day, year = (int(part) for part in written.split("/"))
        return datetime.date(year, month, day).isoformat()
    return datetime.date.fromisoformat(written[:10]).isoformat()


def members(cell):
    """A JSON object, with or without its outer braces; the first of equal keys stands, what is empty or null does not count."""
    cell = (cell or "").strip()
    if not cell:
        return {}
    found = {}
    for key, value in json.loads(cell if cell.startswith("{") else "{" + cell + "}", object_pairs_hook=list):
        if isinstance(value, str) and value and key not in found:
            found[key] = value
    return found


def unit_of(measure, category):
    words = measure.split()
    if len(words) in (1, 2) and (number := re.fullmatch(r"(\d+(?:\.\d+)?)([KMB]?)", words[0], re.ASCII)):
        factor = D(number[1]) * {"": 1, "K": 1000, "M": 10**6, "B": 10**9}[number[2]]
        if len(words) == 2:
            name = {"Hours": "Hrs", "Hour": "Hrs", "GB/Month": "GB-Mo"}.get(words[1], words[1])
            return (D(1) if measure == "100 Hours" and category == "Virtual Machines" else factor), name
        if number[2]:
            return factor, "Units"
    return D(1), measure or None


def daily(path, metric):
    """Groups by key: cost, quantity, units, resources."""
    groups = defaultdict(lambda: [None, None, set(), set()])
    rows, exact, rounded = 0, D(0), 0
    with open(data / path, encoding="utf-8-sig", newline="") as file:
        for line in csv.DictReader(file):
            row = {name.lower(): value for name, value in line.items()}
            first = lambda *names: next((row[name] for name in names if row.get(name)), None)
            rows += 1
            cost, quantity = first("costinbillingcurrency", "cost"), first("quantity")
            if cost is not None:
                exact += D(cost)
                rounded += D(cost) != lake(D(cost))
            factor, unit = unit_of(first("unitofmeasure") or "", first("metercategory"))
            try:
                kind = members(first("additionalinfo")).get("ServiceType")
            except json.JSONDecodeError:
                kind = None
            subscription = first("subscriptionid", "subscriptionguid")
            key = (
                day_of(row["date"]),
                subscription,
                first("subscriptionname") or subscription,
                first("resourcelocation"),
                first("servicename") or first("metercategory"),
                kind,
                json.dumps(members(row.get("tags")), sort_keys=True, separators=(",", ":"), ensure_ascii=False),
                first("billingcurrencycode", "billingcurrency"),
                metric,
            )
            group = groups[key]
            if cost is not None:
                group[0] = (group[0] or D(0)) + lake(D(cost))
            if quantity is not None:
                group[1] = (group[1] or D(0)) + lake(lake(D(quantity)) * factor)
            if unit:
                group[2].add(unit)
            if resource := first("resourceid", "instancename"):
                group[3].add(resource)
    return groups, rows, exact, rounded


NAMES = "usage_start subscription_guid subscription_name resource_location service_name instance_type tags currency metric".split()


def summary_rows(groups):
    for key, (cost, quantity, units, resources) in groups.items():
        row = dict(zip(NAMES, key))
        row["usage_end"] = row["usage_start"]
        row["unit_of_measure"] = max(units) if units else None
        row["instance_ids"], row["instance_count"] = sorted(resources), len(resources)
        row["pretax_cost"], row["usage_quantity"] = cost, quantity
        row["markup_cost"] = None if cost is None else lake(cost * MARKUP)
        yield row


DAY = ["usage_start", "usage_end", "currency", "metric"]
WHO = ["subscription_guid", "subscription_name"]
NETWORKS = {"Virtual Network", "VPN", "DNS", "Traffic Manager", "ExpressRoute", "Load Balancer", "Application Gateway"}
SERVICE = lambda row: row["service_name"] or ""
ROLLUPS = {
    "reporting_azure_cost_summary_p": ([], False, False, lambda row: True),
    "reporting_azure_cost_summary_by_account_p": (WHO, False, False, lambda row: True),
    "reporting_azure_cost_summary_by_location_p": (WHO + ["resource_location"], False, False, lambda row: True),
    "reporting_azure_cost_summary_by_service_p": (WHO + ["service_name"], False, False, lambda row: True),
    "reporting_azure_compute_summary_p": (
        WHO + ["instance_type"], True, True, lambda row: row["instance_type"] is not None and row["unit_of_measure"] == "Hrs",
    ),
    "reporting_azure_storage_summary_p": (
        WHO + ["service_name"], True, False, lambda row: "Storage" in SERVICE(row) and row["unit_of_measure"] == "GB-Mo",
    ),
    "reporting_azure_network_summary_p": (WHO + ["service_name"], True, False, lambda row: SERVICE(row) in NETWORKS),
    "reporting_azure_database_summary_p": (
        WHO + ["service_name"], True, False,
        lambda row: SERVICE(row) in ("Cosmos DB", "Cache for Redis") or "database" in SERVICE(row).lower(),
    ),
}


def total(rows, column):
    values = [row[column] for row in rows if row[column] is not None]
    return sum(values, D(0)) if values else None


def rollups(rows):
    for table, (by, usage, instances, wanted) in ROLLUPS.items():
        groups = defaultdict(list)
        for row in filter(wanted, rows):
            groups[tuple(row[column] for column in DAY + by)].append(row)
        for key, members_of in groups.items():
            made = dict(zip(DAY + by, key), table=table)
            for column in ["pretax_cost", "markup_cost"] + (["usage_quantity"] if usage else []):
                made[column] = total(members_of, column)
            if usage:
                units = [row["unit_of_measure"] for row in members_of if row["unit_of_measure"] is not None]
                made["unit_of_measure"] = max(units, default=None)
            if instances:
                ids = sorted({one for row in members_of for one in row["instance_ids"]})
                made["instance_ids"], made["instance_count"] = ids, len(ids)
            yield made
    tags = defaultdict(set)
    for row in rows:
        for key, value in json.loads(row["tags"]).items():
            tags[key, row["subscription_guid"]].add(value)
    for (key, subscription), values in tags.items():
        yield dict(table="reporting_azuretags_summary", key=key, subscription_guid=subscription, values=sorted(values))


def line(row):
    shown = {name: text(value) if isinstance(value, D) else value for name, value in row.items()}
    return json.dumps(shown, sort_keys=True, ensure_ascii=False)


totals = {}
summary_lines, rollup_lines = [], []
for path, metric in FILES:
    groups, rows, exact, rounded = daily(path, metric)
    made = list(summary_rows(groups))
    in_lake = total(made, "pretax_cost")
    totals[path] = dict(rows=rows, groups=len(made), exact=text(exact), lake=text(in_lake), rounded=rounded)
    summary_lines += sorted(line(dict(row, file=path)) for row in made)
    rollup_lines += sorted(line(dict(row, file=path)) for row in rollups(made))
(out / "azure_daily_summary.jsonl").write_text("\n".join(summary_lines) + "\n", encoding="utf-8")
(out / "azure_rollups.jsonl").write_text("\n".join(rollup_lines) + "\n", encoding="utf-8")
(out / "azure_totals.json").write_text(json.dumps(totals, indent=1) + "\n", encoding="utf-8")
