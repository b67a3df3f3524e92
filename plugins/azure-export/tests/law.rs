//! Alone = in parts, however rows are split and merged, and however files are cut.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::result_large_err,
    reason = "tests fail by panicking"
)]

mod support;

use azure_export::summary::DailySummary;
use costhost_sdk::Accumulate;
use costhost_sdk::contract::{Form, Period};
use costhost_sdk::testing::share;
use proptest::prelude::*;
use support::{Outcome, accumulator, csv, job, pulled};

const HEADER: &str = "Date,SubscriptionId,SubscriptionName,ResourceLocation,MeterCategory,ServiceName,UnitOfMeasure,Quantity,\
    CostInBillingCurrency,BillingCurrencyCode,ResourceId,Tags,AdditionalInfo,InvoiceId,BillingAccountId\n";
const PERIOD: Period = Period { start: 1_759_276_800, end: 1_761_955_200 };

fn any_row() -> impl Strategy<Value = String> {
    let one = |texts: &'static [&'static str]| prop::sample::select(texts);
    let amount = || {
        (-999_999_i64..999_999, 0_usize..30, any::<bool>())
            .prop_map(|(digits, zeros, some)| if some { format!("{digits}e-{zeros}") } else { String::new() })
    };
    let who = (one(&["s1", "s2", ""]), one(&["One", ""]), one(&["westeurope", ""]));
    let what = (one(&["Storage", "Virtual Machines"]), one(&["", "Bandwidth"]));
    let unit = one(&["1 Hour", "100 Hours", "10K", "0.3 GB", "1/Month", ""]);
    let tags = one(&["", "\"\"\"a\"\": \"\"1\"\"\"", "\"{\"\"a\"\": \"\"1\"\", \"\"b\"\": \"\"x,y\"\"}\""]);
    let info = one(&["", "\"{\"\"ServiceType\"\": \"\"Standard_B2s\"\"}\"", "\"{\"\"ServiceType\"\": null}\""]);
    let bill = (one(&["", "I1", "I2"]), one(&["7", "8"]));
    (1..4_u8, who, what, unit, (amount(), amount()), one(&["r1", "r2", "r3", ""]), (tags, info), bill).prop_map(
        |(day, who, what, unit, (quantity, cost), resource, (tags, info), bill)| {
            format!(
                "2025-10-0{day},{},{},{},{},{},{unit},{quantity},{cost},EUR,{resource},{tags},{info},{},{}\n",
                who.0, who.1, who.2, what.0, what.1, bill.0, bill.1
            )
        },
    )
}

fn read(rows: &[String], size: usize) -> Outcome {
    let text = format!("{HEADER}{}", rows.concat());
    let outcome = csv(&job(Form::Bytes, PERIOD, &[]), text.as_bytes(), size).unwrap();
    assert_eq!(outcome.rejects, []);
    outcome
}

fn folded(settings: &str, rows: &[String], size: usize) -> DailySummary {
    let mut accumulator = accumulator(settings, PERIOD);
    read(rows, size).batches.iter().for_each(|batch| accumulator.update(batch).unwrap());
    accumulator
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn alone_is_in_parts(
        rows in prop::collection::vec((any_row(), 0..3_usize), 1..40),
        reversed in any::<[bool; 3]>(),
        size in 1..200_usize,
        settings in prop::sample::select(&[r#"{"markup_percent":"12.5"}"#, r#"{"disabled_tag_keys":["a"]}"#][..]),
    ) {
        let all: Vec<String> = rows.iter().map(|(row, _)| row.clone()).collect();
        let alone = pulled(folded(settings, &all, 1 << 20));
        let mut pieces = Vec::new();
        for (part, reversed) in reversed.into_iter().enumerate() {
            let mut own: Vec<String> = rows.iter().filter(|(_, of)| *of == part).map(|(row, _)| row.clone()).collect();
            if reversed {
                own.reverse();
            }
            let mut accumulator = folded(settings, &own, size);
            while let Some(piece) = accumulator.save().unwrap() {
                pieces.push(piece);
            }
        }
        if reversed[0] {
            pieces.reverse();
        }
        let mut last = accumulator(settings, PERIOD);
        pieces.iter().for_each(|piece| last.merge(piece).unwrap());
        prop_assert_eq!(pulled(last), alone);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Each part keeps the groups of some days; together they are in the order of one accumulator.
    #[test]
    fn alone_is_in_shares(
        rows in prop::collection::vec((any_row(), 0..4_usize), 1..40),
        parts in 1..=4_usize,
        settings in prop::sample::select(&[r#"{"markup_percent":"12.5"}"#, r#"{"disabled_tag_keys":["a"]}"#][..]),
    ) {
        let all: Vec<String> = rows.iter().map(|(row, _)| row.clone()).collect();
        let alone = pulled(folded(settings, &all, 1 << 20));
        let mut shared: Vec<DailySummary> = (0..parts)
            .map(|part| {
                let own = rows.iter().filter(|(_, of)| of % parts == part).map(|(row, _)| row.clone());
                folded(settings, &own.collect::<Vec<_>>(), 64)
            })
            .collect();
        share(&mut shared).unwrap();
        let mut together: [Vec<_>; 3] = Default::default();
        for part in shared {
            together.iter_mut().zip(pulled(part)).for_each(|(all, rows)| all.extend(rows));
        }
        prop_assert_eq!(together, alone);
    }
}

/// Pieces of a share that was given away must not come back: they would be lost.
#[test]
fn a_piece_of_another_share_is_refused() {
    let row = |day: u32| format!("2025-10-{day:02},s,,,Storage,,1 Hour,2,1.5,EUR,r,,,,7\n");
    let [mut first, mut other] = [0, 1].map(|_| folded("{}", &[row(1), row(31)], 64));
    assert!(first.has_shares());
    let piece = std::iter::from_fn(|| other.save_share(1, 2).unwrap()).last().unwrap();
    while first.save_share(1, 2).unwrap().is_some() {}
    assert_eq!(first.merge(&piece).unwrap_err().code, "summary.foreign-state");
    assert_eq!(first.save_share(2, 3).unwrap_err().code, "summary.wrong-share");
    assert_eq!(first.save_share(2, 2).unwrap_err().code, "summary.wrong-share");
}

/// The unit is the largest of those that lines of a row have; their resources are counted once.
#[test]
fn lines_of_several_units_are_one_row() {
    let row = |unit: &str, resource: &str| format!("2025-10-01,s,,,Storage,,{unit},2,1.5,EUR,{resource},,,,7\n");
    let rows = [row("10 Hours", "b"), row("1 GB/Month", "a"), row("1 GB/Month", "b"), row("", "")];
    let [rows, bills, keys] = pulled(folded("{}", &rows, 64));
    assert_eq!((rows.len(), bills.len(), keys.len()), (1, 1, 0));
    assert_eq!((&rows[0]["unit_of_measure"], &rows[0]["usage_quantity"]), (&"Hrs".into(), &"26".into()));
    assert_eq!((&rows[0]["instance_ids"], &rows[0]["pretax_cost"]), (&serde_json::json!(["a", "b"]), &"6".into()));
    assert_eq!((&rows[0]["subscription_name"], &rows[0]["service_name"]), (&"s".into(), &"Storage".into()));
    assert_eq!((&bills[0]["billing_account_id"], &bills[0]["billing_period_end"]), (&"7".into(), &"2025-11-01".into()));
}
