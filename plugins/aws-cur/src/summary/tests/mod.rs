//! The summary against small cases worked out by hand, and against its law.

mod facts;
mod law;
mod real;
mod rows;

use super::columns::sum;
use costhost_sdk::Accumulate;
use rows::{Coding, Result, batch, folded, line, open, pulled, row};

/// calculated, amortized, true-up, upfront
fn shares(result: &Result) -> [&str; 4] {
    ["calculated_amortized_cost", "amortized_cost", "trueup_cost", "upfront_cost"].map(|name| result[name].as_str())
}

const TYPE: &str = "line_item_line_item_type";
const COST: &str = "line_item_unblended_cost";
const EFFECTIVE: &str = "savings_plan_savings_plan_effective_cost";

#[test]
fn ordinary_lines_are_amortized_as_they_are() {
    for kind in
        ["Usage", "Tax", "Credit", "BundledDiscount", "EdpDiscount", "PrivateRateDiscount", "Fee", "Refund", "New"]
    {
        let result = line(&[(TYPE, kind), (COST, "1.5"), (EFFECTIVE, "9")]);
        assert_eq!(shares(&result), ["1.5", "1.5", "0", "0"], "{kind}");
    }
}

#[test]
fn savings_plans() {
    let covered = line(&[(TYPE, "SavingsPlanCoveredUsage"), (COST, "10"), (EFFECTIVE, "7")]);
    assert_eq!(shares(&covered), ["7", "7", "0", "0"]);
    let negation = line(&[(TYPE, "SavingsPlanNegation"), (COST, "-10"), ("line_item_usage_amount", "5")]);
    assert_eq!(shares(&negation), ["0", "0", "0", "0"]);
    assert_eq!((negation["usage_amount"].as_str(), negation["unblended_cost"].as_str()), ("0", "-10"));
    let recurring = line(&[
        (TYPE, "SavingsPlanRecurringFee"),
        (COST, "4"),
        (EFFECTIVE, "0"),
        ("savings_plan_total_commitment_to_date", "9"),
        ("savings_plan_used_commitment", "7"),
        ("savings_plan_amortized_upfront_commitment_for_billing_period", "5"),
    ]);
    assert_eq!(shares(&recurring), ["0", "2", "-5", "0"]);
    let upfront = line(&[(TYPE, "SavingsPlanUpfrontFee"), (COST, "100")]);
    assert_eq!(shares(&upfront), ["0", "0", "0", "100"]);
    // 10 - 10 + 4 = (7 + 0 + 2) + (-5): the month closes.
}

#[test]
fn reservations() {
    let used = line(&[(TYPE, "DiscountedUsage"), (COST, "0"), ("reservation_effective_cost", "0.3")]);
    assert_eq!(shares(&used), ["0", "0.3", "0", "0"]);
    let fee = line(&[
        (TYPE, "RIFee"),
        (COST, "20"),
        ("reservation_unused_amortized_upfront_fee_for_billing_period", "3"),
        ("reservation_unused_recurring_fee", "1"),
        ("reservation_amortized_upfront_fee_for_billing_period", "6"),
    ]);
    assert_eq!(shares(&fee), ["20", "4", "-6", "0"]);
    let upfront = line(&[(TYPE, "Fee"), (COST, "50"), ("reservation_reservation_a_r_n", "arn:r")]);
    assert_eq!(shares(&upfront), ["50", "0", "0", "50"]);
}

/// Elsewhere every refund of a savings plan product counted as a cancellation and hid discounts.
#[test]
fn only_refunds_within_a_week_of_the_purchase_are_cancellations() {
    let refund = |arn: &str, start: &str| {
        let mut cells = vec![(TYPE, "Refund"), (COST, "-8"), ("line_item_product_code", "ComputeSavingsPlans")];
        if !arn.is_empty() {
            cells.push(("savings_plan_savings_plan_a_r_n", arn));
        }
        if !start.is_empty() {
            cells.push(("savings_plan_start_time", start));
        }
        shares(&line(&cells)).map(str::to_owned)
    };
    let (cancelled, kept) = (["-8", "0", "0", "-8"], ["-8", "-8", "0", "0"]);
    assert_eq!(refund("arn:s", "2024-12-30T00:00:00Z"), cancelled);
    assert_eq!(refund("arn:s", "2024-12-26T03:00:00Z"), cancelled);
    assert_eq!(refund("arn:s", "2024-12-26T02:59:59Z"), kept);
    assert_eq!(refund("arn:s", "2025-02-01T00:00:00Z"), kept);
    assert_eq!(refund("", "2024-12-30T00:00:00Z"), kept);
    assert_eq!(refund("arn:s", ""), kept);
}

#[test]
fn net_costs_are_known_only_where_the_report_has_them() {
    let gross = line(&[(TYPE, "Usage"), (COST, "2")]);
    assert!(!gross.contains_key("net_unblended_cost") && !gross.contains_key("net_amortized_cost"));
    let net = line(&[(TYPE, "Usage"), (COST, "2"), ("line_item_net_unblended_cost", "1.8")]);
    assert_eq!((net["net_unblended_cost"].as_str(), net["net_amortized_cost"].as_str()), ("1.8", "1.8"));
    let covered = line(&[
        (TYPE, "SavingsPlanCoveredUsage"),
        (COST, "2"),
        (EFFECTIVE, "1.5"),
        ("line_item_net_unblended_cost", "1.8"),
        ("savings_plan_net_savings_plan_effective_cost", "1.2"),
    ]);
    assert_eq!((covered["net_unblended_cost"].as_str(), covered["net_amortized_cost"].as_str()), ("1.8", "1.2"));
}

/// Net costs are those of the whole report: they must not depend on which rows share a group or a part.
#[test]
fn net_costs_are_known_in_all_groups_or_in_none() {
    let used = |account: &str, net: Option<&str>| {
        let mut cells = vec![(TYPE, "Usage"), (COST, "2"), ("line_item_usage_account_id", account)];
        cells.extend(net.map(|net| ("line_item_net_unblended_cost", net)));
        row(&cells)
    };
    let rows = [used("a", Some("1.8")), used("a", None), used("b", None)];
    let alone = folded("", &rows);
    let nets = |name: &str| alone.iter().map(|row| row[name].clone()).collect::<Vec<_>>();
    assert_eq!(nets("net_unblended_cost"), ["3.8", "2"]);
    assert_eq!(nets("net_amortized_cost"), ["3.8", "2"]);

    let mut whole = open("");
    for part in &rows {
        let mut accumulator = open("");
        accumulator.update(&batch(std::slice::from_ref(part), Coding::Plain)).unwrap();
        while let Some(piece) = accumulator.save().unwrap() {
            whole.merge(&piece).unwrap();
        }
    }
    assert_eq!(pulled(whole), alone);
    assert!(folded("", &rows[2..]).iter().all(|row| !row.contains_key("net_unblended_cost")));
}

#[test]
fn a_group_is_a_day_and_what_the_specification_names() {
    let result = line(&[
        ("line_item_usage_start_date", "1970-01-02T23:59:59Z"),
        ("line_item_usage_account_id", "42"),
        ("bill_billing_entity", "AWS"),
        ("line_item_product_code", "AmazonEC2"),
        ("product_product_family", "Compute Instance"),
        ("line_item_availability_zone", "us-east-1a"),
        ("product", "product_name=Elastic;region=us-east-1"),
        ("product_region_code", "code"),
        ("product_instance_type", "m5.large"),
        ("pricing_unit", "Hrs"),
    ]);
    for (column, value) in [
        ("usage_start", "1"),
        ("usage_end", "1"),
        ("usage_account_id", "42"),
        ("product_code", "AmazonEC2"),
        ("product_family", "Compute Instance"),
        ("availability_zone", "us-east-1a"),
        ("region", "us-east-1"),
        ("instance_type", "m5.large"),
        ("unit", "Hrs"),
        ("tags", "{}"),
        ("cost_category", "{}"),
        ("currency_code", "USD"),
        ("resource_count", "0"),
    ] {
        assert_eq!(result[column], value, "{column}");
    }
    let marketplace = [("bill_billing_entity", "AWS Marketplace"), ("line_item_product_code", "abc123")];
    assert_eq!(line(&marketplace)["product_code"], "abc123");
    assert_eq!(line(&[marketplace[0], marketplace[1], ("product", "product_name=Elastic")])["product_code"], "Elastic");
    assert_eq!(line(&[("product_region_code", "eu-1")])["region"], "eu-1");
    assert_eq!(line(&[("line_item_usage_start_date", "1969-12-31T23:00:00Z")])["usage_start"], "-1");
}

/// Elsewhere CUR 2.0's tag map gave no tags and no warning.
#[test]
fn tags_are_those_of_users_and_enabled() {
    let tagged = [row(&[
        ("resource_tags", "user_b=2;aws_createdBy=x;user_a=\"q\"\n;user_c="),
        ("cost_category", "Team=A;Env=p"),
    ])];
    let all = &folded("", &tagged)[0];
    assert_eq!(all["tags"], r#"{"a":"\"q\"\n","b":"2"}"#);
    assert_eq!(all["cost_category"], r#"{"Env":"p","Team":"A"}"#);
    assert_eq!(folded(r#"{"enabled_tag_keys":["b","z"]}"#, &tagged)[0]["tags"], r#"{"b":"2"}"#);
    assert_eq!(folded(r#"{"enabled_tag_keys":[]}"#, &tagged)[0]["tags"], "{}");
    let other_order = row(&[("resource_tags", "user_a=1;user_b=2")]);
    let same = folded("", &[other_order, row(&[("resource_tags", "user_b=2;user_a=1")])]);
    assert_eq!(same.len(), 1);
}

#[test]
fn enabled_tags_are_known_by_their_underscored_spelling_too() {
    let kept = |settings: &str, tags: &str| folded(settings, &[row(&[("resource_tags", tags)])])[0]["tags"].clone();
    let app = r#"{"enabled_tag_keys":["MyApp"]}"#;
    assert_eq!(kept(app, "user_my_app=a;user_myapp=b"), r#"{"my_app":"a"}"#);
    assert_eq!(kept(app, "user_MyApp=a"), r#"{"MyApp":"a"}"#);
    assert_eq!(kept(r#"{"enabled_tag_keys":["my_app"]}"#, "user_MyApp=a"), "{}");
}

/// Texts live as long as the file is folded, and product attributes and tags are most of a report's text.
#[test]
fn only_texts_that_are_wanted_are_kept() {
    let rows: Vec<_> = (0..100)
        .map(|n| {
            row(&[
                ("product", &format!("sku_group=g{n};region=r;product_name=p{n};other=o{n}")),
                ("resource_tags", &format!("user_a=1;user_b=b{n};aws_createdBy=c{n}")),
                ("savings_plan_savings_plan_a_r_n", &format!("arn:s{n}")),
                ("reservation_reservation_a_r_n", &format!("arn:r{n}")),
            ])
        })
        .collect();
    for coding in [Coding::Plain, Coding::Short, Coding::Word] {
        let mut accumulator = open(r#"{"enabled_tag_keys":["a"]}"#);
        accumulator.update(&batch(&rows, coding)).unwrap();
        // `{}`, USD, r, the key a, its value, and the object of both.
        assert_eq!(accumulator.rows.fold.groups.interner.len(), 6, "{coding:?}");
        let result = pulled(accumulator);
        assert_eq!((result.len(), result[0]["tags"].as_str(), result[0]["region"].as_str()), (1, r#"{"a":"1"}"#, "r"));
    }
}

#[test]
fn currencies_are_never_summed() {
    let rows = [row(&[(COST, "1")]), row(&[(COST, "2"), ("line_item_currency_code", "EUR")]), row(&[(COST, "4")])];
    let result = folded("", &rows);
    let costs: Vec<_> =
        result.iter().map(|row| (row["currency_code"].as_str(), row["unblended_cost"].as_str())).collect();
    assert_eq!(costs, [("EUR", "2"), ("USD", "5")]);
}

#[test]
fn split_cost_allocation_is_not_summed() {
    let split = |operation| row(&[(COST, "1"), ("line_item_operation", operation)]);
    let result = folded("", &[split("EKSPod-EC2"), split("ECSTask-EC2"), split("RunInstances")]);
    assert_eq!((result.len(), result[0]["unblended_cost"].as_str()), (1, "1"));
}

#[test]
fn sums_largest_values_and_resources() {
    let used = |id: &str, cost: &str, rate: &str| {
        row(&[
            ("line_item_resource_id", id),
            (COST, cost),
            ("line_item_unblended_rate", rate),
            ("line_item_blended_cost", "0.1"),
        ])
    };
    let rows = [used("i-2", "1e-9", "-3"), used("i-1", "0.000000000000000001", "-2"), used("i-2", "-5", "-4")];
    let result = &folded(r#"{"markup_percent":"10"}"#, &rows)[0];
    assert_eq!((result["resource_ids"].as_str(), result["resource_count"].as_str()), ("i-1,i-2", "2"));
    assert_eq!(result["unblended_cost"], "-4.999999998999999999");
    assert_eq!(result["unblended_rate"], "-2");
    // -0.4999999998999999999 has 19 decimals.
    assert_eq!(result["markup_cost"], "-0.4999999999");
    assert_eq!(result["markup_cost_blended"], "0.03");
    assert_eq!(result["markup_cost_amortized"], result["markup_cost"]);
    for absent in
        ["usage_amount", "blended_rate", "markup_cost_savingsplan", "account_alias_id", "organizational_unit_id"]
    {
        assert!(!result.contains_key(absent), "{absent}");
    }
}

#[test]
fn a_sum_too_large_names_its_column() {
    let rows = |count| batch(&vec![row(&[(COST, "60000000000000000000")]); count], Coding::Plain);
    let mut accumulator = open("");
    accumulator.update(&rows(2)).unwrap();
    let failure = accumulator.complete().unwrap_err();
    assert_eq!(open("").update(&rows(3)).unwrap_err(), failure);
    assert_eq!(failure.code, "summary.overflow");
    assert!(failure.message.contains(super::columns::SUMS[sum::UNBLENDED]), "{}", failure.message);
}

#[test]
fn foreign_state_and_other_types_are_refused() {
    assert_eq!(open("").merge(b"no").unwrap_err().code, "summary.foreign-state");
    let lines = batch(&[row(&[])], Coding::Plain);
    let bytes = costhost_sdk::ipc::encode(&lines).unwrap();
    assert_eq!(open("").merge(&bytes).unwrap_err().code, "summary.foreign-state");
    let one = lines.project(&[0]).unwrap();
    assert_eq!(open("").update(&one).unwrap_err().code, "summary.missing-column");
    assert!(pulled(open("")).is_empty());
}

#[test]
fn the_host_may_send_only_the_declared_columns() {
    let manifest = crate::manifest::manifest();
    let lines = batch(&[row(&[(COST, "1")])], Coding::Plain);
    let schema = lines.schema();
    let places: Vec<usize> = manifest.summaries[0].columns.iter().map(|name| schema.index_of(name).unwrap()).collect();
    let mut accumulator = open("");
    accumulator.update(&lines.project(&places).unwrap()).unwrap();
    assert_eq!(pulled(accumulator)[0]["unblended_cost"], "1");
}
