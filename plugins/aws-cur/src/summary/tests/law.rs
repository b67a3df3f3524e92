//! Alone = in parts, however rows are split, encoded and merged.

use super::rows::{Coding, Row, batch, open, pulled, row};
use costhost_sdk::Accumulate;
use proptest::prelude::*;

const CODINGS: [Coding; 4] = [Coding::Plain, Coding::Byte, Coding::Short, Coding::Word];

fn any_row() -> impl Strategy<Value = Row> {
    let kinds = prop::sample::select(vec![
        "Usage",
        "SavingsPlanCoveredUsage",
        "SavingsPlanNegation",
        "SavingsPlanRecurringFee",
        "SavingsPlanUpfrontFee",
        "DiscountedUsage",
        "RIFee",
        "Fee",
        "Refund",
    ]);
    let amount = || (-999_999_i64..999_999, 0_usize..12).prop_map(|(digits, zeros)| format!("{digits}e-{zeros}"));
    let texts = (0..3_u8, 0..3_u8, 0..3_u8, 1..4_u8);
    let committed = prop::collection::vec(prop::option::of(amount()), COMMITTED.len());
    // Plans that begin on the day of the line, days before, or long before it, so that some refunds are cancellations.
    let arns = (any::<bool>(), prop::option::of(prop::sample::select(vec!["2024-06-01", "2024-12-28", "2025-01-01"])));
    (kinds, amount(), amount(), texts, committed, arns).prop_map(|(kind, cost, rate, texts, committed, arns)| {
        let (account, tag, resource, day) = texts;
        let mut cells = row(&[
            ("line_item_line_item_type", kind),
            ("line_item_unblended_cost", &cost),
            ("line_item_unblended_rate", &rate),
            ("savings_plan_savings_plan_effective_cost", &rate),
            ("line_item_usage_start_date", &format!("2025-01-0{day}T00:00:00Z")),
        ]);
        let mut put = |name, value: String| cells.push((name, value));
        if account > 0 {
            put("line_item_usage_account_id", format!("{account}"));
        }
        if tag > 0 {
            put("resource_tags", format!("user_k={tag};user_other=x"));
        }
        if resource > 0 {
            put("line_item_resource_id", format!("i-{resource}"));
        }
        for (name, value) in COMMITTED.into_iter().zip(committed) {
            value.into_iter().for_each(|value| put(name, value));
        }
        if arns.0 {
            put("reservation_reservation_a_r_n", "arn:r".to_owned());
        }
        if let Some(start) = arns.1 {
            put("savings_plan_savings_plan_a_r_n", "arn:s".to_owned());
            put("savings_plan_start_time", format!("{start}T00:00:00Z"));
        }
        cells
    })
}

/// What only some lines have: net costs, and those of reservations and savings plans.
const COMMITTED: [&str; 12] = [
    "line_item_net_unblended_cost",
    "savings_plan_net_savings_plan_effective_cost",
    "savings_plan_total_commitment_to_date",
    "savings_plan_used_commitment",
    "savings_plan_amortized_upfront_commitment_for_billing_period",
    "reservation_effective_cost",
    "reservation_net_effective_cost",
    "reservation_amortized_upfront_fee_for_billing_period",
    "reservation_unused_amortized_upfront_fee_for_billing_period",
    "reservation_net_unused_amortized_upfront_fee_for_billing_period",
    "reservation_unused_recurring_fee",
    "reservation_net_unused_recurring_fee",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn alone_is_in_parts(
        rows in prop::collection::vec((any_row(), 0..3_usize), 1..40),
        seed in any::<u64>(),
    ) {
        let all: Vec<Row> = rows.iter().map(|(row, _)| row.clone()).collect();
        let mut alone = open(r#"{"markup_percent":"12.5"}"#);
        alone.update(&batch(&all, Coding::Plain)).unwrap();
        let alone = pulled(alone);

        let mut pieces = Vec::new();
        for part in 0..3 {
            let mut own: Vec<Row> = rows.iter().filter(|(_, of)| *of == part).map(|(row, _)| row.clone()).collect();
            if seed & (1 << part) != 0 {
                own.reverse();
            }
            let mut accumulator = open("");
            for (index, rows) in own.chunks(1 + (seed >> 8) as usize % 7).enumerate() {
                accumulator.update(&batch(rows, CODINGS[(index + part) % 4])).unwrap();
            }
            while let Some(piece) = accumulator.save().unwrap() {
                pieces.push(piece);
            }
        }
        if seed & 8 != 0 {
            pieces.reverse();
        }
        let mut last = open(r#"{"markup_percent":"12.5"}"#);
        for piece in &pieces {
            last.merge(piece).unwrap();
        }
        prop_assert_eq!(alone, pulled(last));
    }
}

/// A group with more resources than one piece holds is cut and grows together again.
#[test]
fn a_group_may_be_larger_than_a_piece() {
    let count = super::super::state::RESOURCES * 2 + 5;
    let rows: Vec<Row> = (0..count)
        .map(|id| row(&[("line_item_resource_id", &format!("i-{id}")), ("line_item_unblended_cost", "0.5")]))
        .collect();
    let mut part = open("");
    for rows in rows.chunks(10_000) {
        part.update(&batch(rows, Coding::Short)).unwrap();
    }
    let mut pieces = Vec::new();
    while let Some(piece) = part.save().unwrap() {
        assert!(piece.len() < 4 << 20);
        pieces.push(piece);
    }
    assert_eq!(pieces.len(), 3);
    let mut whole = open("");
    pieces.iter().rev().for_each(|piece| whole.merge(piece).unwrap());
    let result = pulled(whole);
    assert_eq!((result.len(), result[0]["resource_count"].as_str()), (1, count.to_string().as_str()));
    assert_eq!(result[0]["unblended_cost"], "32770.5");
}

/// The same rows give the same bytes, whatever came first.
#[test]
fn pieces_do_not_depend_on_the_order_of_rows() {
    let rows: Vec<Row> = (0..50)
        .map(|n| {
            row(&[("line_item_usage_account_id", &(n % 7).to_string()), ("line_item_resource_id", &n.to_string())])
        })
        .collect();
    let saved = |rows: &[Row]| {
        let mut accumulator = open("");
        rows.iter().for_each(|row| accumulator.update(&batch(std::slice::from_ref(row), Coding::Byte)).unwrap());
        accumulator.save().unwrap()
    };
    let reversed: Vec<Row> = rows.iter().rev().cloned().collect();
    assert_eq!(saved(&rows), saved(&reversed));
}
