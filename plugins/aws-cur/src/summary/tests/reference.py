"""The daily summary of a CUR v1 file, worked out independently with Python's decimals.

    python3 reference.py ../shared/data/aws/nise/reports/cur/20251001-20251101/*/October-2025-cur.csv.gz

Prints the number of groups, the total of each sum, and an FNV-1a digest of every value of every group; `real.rs`
expects them.
"""
import csv, datetime, decimal, gzip, json, sys
from decimal import Decimal as D

decimal.getcontext().prec = 80
MARKUP = D("10")
SCAD = ("EKSPod-EC2", "ECSTask-EC2")
PLAN_TYPES = ("SavingsPlanCoveredUsage", "SavingsPlanNegation", "SavingsPlanUpfrontFee", "SavingsPlanRecurringFee")


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def number(text):
    """Of 18 decimals; garbage (koku-nise puts some into wrong columns) is a rejected cell, which is null."""
    try:
        return D(text).quantize(D("1e-18"), decimal.ROUND_HALF_EVEN) if text else None
    except decimal.InvalidOperation:
        return None


def shares(r, n):
    kind, cost = r["lineItem/LineItemType"], n("lineItem/UnblendedCost") or D(0)
    z = lambda name: n(name) or D(0)
    sp_eff = z("savingsPlan/SavingsPlanEffectiveCost")
    calculated = sp_eff if kind in PLAN_TYPES else cost
    arn = r.get("savingsPlan/SavingsPlanArn") or r.get("savingsPlan/SavingsPlanARN")
    trueup = upfront = D(0)
    if kind == "SavingsPlanCoveredUsage":
        amortized = sp_eff
    elif kind == "SavingsPlanRecurringFee":
        amortized = z("savingsPlan/TotalCommitmentToDate") - z("savingsPlan/UsedCommitment")
        trueup = -z("savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod")
    elif kind == "SavingsPlanNegation":
        amortized = D(0)
    elif kind == "SavingsPlanUpfrontFee" or (kind == "Fee" and r.get("reservation/ReservationARN")):
        amortized, upfront = D(0), cost
    elif kind == "DiscountedUsage":
        amortized = z("reservation/EffectiveCost")
    elif kind == "RIFee":
        amortized = z("reservation/UnusedAmortizedUpfrontFeeForBillingPeriod") + z("reservation/UnusedRecurringFee")
        trueup = -z("reservation/AmortizedUpfrontFeeForBillingPeriod")
    elif kind == "Refund" and arn and r.get("savingsPlan/StartTime"):
        age = instant(r["lineItem/UsageStartDate"]) - instant(r["savingsPlan/StartTime"])
        cancelled = datetime.timedelta(0) <= age <= datetime.timedelta(7)
        amortized, upfront = (D(0), cost) if cancelled else (cost, D(0))
    else:
        amortized = cost
    return {"calculated_amortized_cost": calculated, "amortized_cost": amortized, "trueup_cost": trueup, "upfront_cost": upfront}


def key(r):
    v = lambda name: r.get(name) or None
    marketplace = v("product/ProductName") if r["bill/BillingEntity"] == "AWS Marketplace" else None
    tags = {k[len("resourceTags/user:"):]: x for k, x in r.items() if k.startswith("resourceTags/user:") and x}
    cats = {k[len("costCategory/"):]: x for k, x in r.items() if k.startswith("costCategory/") and x}
    text = lambda o: json.dumps(o, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return (
        str((instant(r["lineItem/UsageStartDate"]).date() - datetime.date(1970, 1, 1)).days),
        v("lineItem/UsageAccountId"), marketplace or v("lineItem/ProductCode"), v("product/productFamily"),
        v("lineItem/AvailabilityZone"), v("product/region") or v("product/regionCode"), v("product/instanceType"),
        v("pricing/unit"), text(tags), text(cats), v("lineItem/CurrencyCode"),
    )


KEYS = ("usage_start", "usage_account_id", "product_code", "product_family", "availability_zone", "region", "instance_type",
        "unit", "tags", "cost_category", "currency_code")
SUMS = {"normalized_usage_amount": "lineItem/NormalizedUsageAmount", "unblended_cost": "lineItem/UnblendedCost",
        "blended_cost": "lineItem/BlendedCost", "savingsplan_effective_cost": "savingsPlan/SavingsPlanEffectiveCost",
        "public_on_demand_cost": "pricing/publicOnDemandCost", "usage_amount": "lineItem/UsageAmount"}
MAXIMA = {"normalization_factor": "lineItem/NormalizationFactor", "unblended_rate": "lineItem/UnblendedRate",
          "blended_rate": "lineItem/BlendedRate", "public_on_demand_rate": "pricing/publicOnDemandRate"}
MARKUPS = {"markup_cost": "unblended_cost", "markup_cost_blended": "blended_cost",
           "markup_cost_savingsplan": "savingsplan_effective_cost", "markup_cost_amortized": "calculated_amortized_cost"}


def groups(path):
    found = {}
    for r in csv.DictReader(gzip.open(path, "rt", newline="", encoding="utf-8-sig")):
        if r.get("lineItem/Operation") in SCAD:
            continue
        n = lambda name: number(r.get(name))
        group = found.setdefault(key(r), {"resource_ids": set()})
        for column, name in SUMS.items():
            value = n(name)
            if value is not None:
                if column == "usage_amount" and r["lineItem/LineItemType"] == "SavingsPlanNegation":
                    value = D(0)
                group[column] = group.get(column, D(0)) + value
        for column, name in MAXIMA.items():
            value = n(name)
            if value is not None:
                group[column] = max(group.get(column, value), value)
        for column, value in shares(r, n).items():
            group[column] = group.get(column, D(0)) + value
        if r.get("lineItem/ResourceId"):
            group["resource_ids"].add(r["lineItem/ResourceId"])
    return found


def plain(value):
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def main(path):
    lines, totals = [], {}
    for names, group in groups(path).items():
        row = {k: v for k, v in zip(KEYS, names) if v is not None}
        row["usage_end"] = row["usage_start"]
        row["resource_count"] = str(len(group["resource_ids"]))
        row["resource_ids"] = ",".join(sorted(group.pop("resource_ids")))
        for column, of in MARKUPS.items():
            if of in group:
                group[column] = (group[of] * MARKUP / 100).quantize(D("1e-18"), decimal.ROUND_HALF_EVEN)
        for column, value in group.items():
            row[column] = plain(value)
            totals[column] = totals.get(column, D(0)) + value
        lines.append("|".join(f"{column}={row[column]}" for column in sorted(row)))
    digest = 0xcbf29ce484222325
    for byte in "\n".join(sorted(lines)).encode():
        digest = ((digest ^ byte) * 0x100000001b3) & (2**64 - 1)
    print(len(lines), f"{digest:016x}")
    for column in sorted(set(SUMS) | {"calculated_amortized_cost", "amortized_cost", "trueup_cost", "upfront_cost"}):
        print(column, plain(totals.get(column, D(0))))


main(sys.argv[1])
