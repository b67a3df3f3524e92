//! Alone = in parts, however rows are split, encoded and merged.

use super::rows::{Coding, Row, batch, everything, open, open_in, pulled, row};
use crate::manifest::DAILY;
use crate::summary::DailySummary;
use costhost_sdk::Accumulate;
use costhost_sdk::contract::Period;
use costhost_sdk::testing::share;
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
    (kinds, amount(), amount(), texts, committed, arns, facts()).prop_map(
        |(kind, cost, rate, texts, committed, arns, facts)| {
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
            cells.extend(facts);
            cells
        },
    )
}

/// What lines may say of their bill and of accounts; and split cost allocation, whose tags do not count.
fn facts() -> impl Strategy<Value = Row> {
    let column = |name: &'static str, texts: &'static [&'static str]| {
        prop::option::of(prop::sample::select(texts)).prop_map(move |text| text.map(|text| (name, text.to_owned())))
    };
    let columns = (
        column("bill_bill_type", &["Anniversary", "Purchase", "Refund"]),
        column("bill_payer_account_id", &["7", "8"]),
        column("bill_invoice_id", &["EUINGB25-1", "1234", "1235", ""]),
        column("bill_payer_account_name", &["Payer", "Renamed"]),
        column("line_item_usage_account_name", &["A", "B", "C"]),
        column("line_item_operation", &["EKSPod-EC2", "RunInstances"]),
    );
    columns.prop_map(|(a, b, c, d, e, f)| [a, b, c, d, e, f].into_iter().flatten().collect())
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

const SETTINGS: [&str; 3] = [
    r#"{"markup_percent":"12.5"}"#,
    r#"{"markup_percent":"-3","enabled_tag_keys":["k"]}"#,
    r#"{"disabled_tag_keys":["other"]}"#,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn alone_is_in_parts(
        rows in prop::collection::vec((any_row(), 0..3_usize), 1..40),
        seed in any::<u64>(),
        settings in prop::sample::select(&SETTINGS[..]),
    ) {
        let all: Vec<Row> = rows.iter().map(|(row, _)| row.clone()).collect();
        let mut alone = open(settings);
        alone.update(&batch(&all, Coding::Plain)).unwrap();
        let alone = everything(alone);

        let mut pieces = Vec::new();
        for part in 0..3 {
            let mut own: Vec<Row> = rows.iter().filter(|(_, of)| *of == part).map(|(row, _)| row.clone()).collect();
            if seed & (1 << part) != 0 {
                own.reverse();
            }
            let mut accumulator = open(settings);
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
        let mut last = open(settings);
        for piece in &pieces {
            last.merge(piece).unwrap();
        }
        prop_assert_eq!(alone, everything(last));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn alone_is_in_shares(
        rows in prop::collection::vec((any_row(), 0..4_usize), 1..40),
        parts in 1..=4_usize,
        settings in prop::sample::select(&SETTINGS[..]),
    ) {
        let folded = |rows: &[Row]| {
            // The days of the rows.
            let mut accumulator = open_in(settings, Period { start: 1_735_689_600, end: 1_736_035_200 });
            rows.chunks(5).for_each(|rows| accumulator.update(&batch(rows, Coding::Byte)).unwrap());
            accumulator
        };
        let own = |part: usize| -> Vec<Row> {
            rows.iter().filter(|(_, of)| of % parts == part).map(|(row, _)| row.clone()).collect()
        };
        let all: Vec<Row> = rows.iter().map(|(row, _)| row.clone()).collect();
        let mut shared: Vec<DailySummary> = (0..parts).map(|part| folded(&own(part))).collect();
        share(&mut shared).unwrap();
        let mut together: Vec<_> = shared.into_iter().flat_map(everything).collect();
        // The summary's rows are in the order of shares; other tables are of the first.
        together.sort_by_key(|(table, _)| *table == DAILY);
        prop_assert_eq!(everything(folded(&all)), together);
    }
}

/// A group with more resources than one piece holds is cut and grows together again.
#[test]
fn a_group_may_be_larger_than_a_piece() {
    let count = costhost_sdk::summary::fold::PIECE_RESOURCES * 2 + 5;
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
            row(&[
                ("line_item_usage_account_id", &(n % 7).to_string()),
                ("line_item_resource_id", &n.to_string()),
                ("bill_invoice_id", &(n % 5).to_string()),
                ("line_item_usage_account_name", &(n % 3).to_string()),
                ("resource_tags", &format!("user_k{}=v", n % 4)),
            ])
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
