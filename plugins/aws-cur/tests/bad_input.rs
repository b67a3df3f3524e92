//! Input as it should not be: what is set aside, what stops a file, and what is said about it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::result_large_err,
    reason = "tests fail by panicking"
)]

mod support;

use costhost_sdk::contract::{Form, Job, Period};
use costhost_sdk::reject::CARRIED;
use support::{Outcome, csv, csv_of, csv_with, job};

const HEADER: &str = "identity/LineItemId,lineItem/LineItemType,lineItem/UsageStartDate,lineItem/CurrencyCode,\
    lineItem/UnblendedCost,lineItem/UsageAmount,reservation/StartTime,product/ProductName,product/sku,\
    resourceTags/user:App,resourceTags/user:app,surprise\n";

fn read(rows: &[u8]) -> Outcome {
    let bytes = [HEADER.as_bytes(), rows].concat();
    let whole = csv(&bytes, 1 << 20).unwrap();
    let cut = csv(&bytes, 7).unwrap();
    assert_eq!(whole.batches, cut.batches);
    assert_eq!(whole.rejects, cut.rejects);
    whole
}

fn good(cost: &str) -> String {
    format!("id,Usage,2025-01-01T00:00:00Z,USD,{cost},1,,Name,SKU,A,a,x\n")
}

#[test]
fn cells_become_null_and_are_told() {
    let outcome = read(b"id,Usage,2025-01-01T00:00:00Z,USD,1E-7,NaN,soon,Name,\xFF,A,,\n");
    assert_eq!((outcome.rows, outcome.standing()), (1, 1));
    let told: Vec<_> = outcome.rejects.iter().map(|r| (r.code.as_str(), r.at.column.as_deref().unwrap())).collect();
    assert_eq!(
        told,
        [
            ("cell.not-an-amount", "lineItem/UsageAmount"),
            ("cell.not-a-time", "reservation/StartTime"),
            ("cell.not-utf8", "product/sku"),
        ]
    );
    for reject in &outcome.rejects {
        assert_eq!((reject.at.row, reject.at.byte, reject.whole_row), (Some(0), Some(HEADER.len() as u64), false));
        assert_eq!((reject.amount.as_deref(), reject.currency.as_deref()), (Some("0.0000001"), Some("USD")));
    }
    assert_eq!(outcome.sum("line_item_unblended_cost"), "0.0000001");
    for column in ["line_item_usage_amount", "reservation_start_time", "product_sku"] {
        assert_eq!(outcome.texts(column), [None], "{column}");
    }
}

#[test]
fn rows_that_cannot_count_are_left_out() {
    let bad: [(&[u8], &str, Option<&str>); 7] = [
        (b"id,Usage,2025-01-01T00:00:00Z,USD,zero,1,,N,S,A,a,x\n", "row.not-an-amount", None),
        (b"id,Usage,2025-01-01T00:00:00Z,USD,inf,1,,N,S,A,a,x\n", "row.not-an-amount", None),
        (b"id,Usage,01/02/2025,USD,2.50,1,,N,S,A,a,x\n", "row.not-a-time", Some("2.5")),
        (b"id,Usage,,USD,2.50,1,,N,S,A,a,x\n", "row.no-time", Some("2.5")),
        (b"id,Usage,2025-01-01T00:00:00Z,USD,2.50,1\n", "row.field-count", None),
        (b"id,Usage,2025-01-01T00:00:00Z,USD,2.50,1,,N,S,A,a,x,y\n", "row.field-count", None),
        (b"id,Us\xFFage,2025-01-01T00:00:00Z,USD,2.50,1,,N,S,A,a,x\n", "row.not-utf8", Some("2.5")),
    ];
    for (row, code, amount) in bad {
        let rows = [good("1").as_bytes(), row, good("3").as_bytes()].concat();
        let outcome = read(&rows);
        assert_eq!((outcome.rows, outcome.standing()), (3, 2), "{code}");
        assert_eq!(outcome.sum("line_item_unblended_cost"), "4", "{code}");
        let [reject] = outcome.rejects.as_slice() else { panic!("{:?}", outcome.rejects) };
        assert_eq!((reject.code.as_str(), reject.whole_row, reject.at.row), (code, true, Some(1)));
        assert_eq!(reject.at.byte, Some((HEADER.len() + good("1").len()) as u64), "{code}");
        assert_eq!(reject.amount.as_deref(), amount, "{code}");
    }
}

#[test]
fn a_file_that_ends_inside_quotes_loses_that_row_only() {
    let outcome = read([good("1").as_bytes(), b"id,\"Usage,2025-01-01T00:00:00Z,USD,2\n"].concat().as_slice());
    assert_eq!((outcome.rows, outcome.standing()), (2, 1));
    assert_eq!(outcome.rejects[0].code, "row.unterminated-quote");
}

#[test]
fn maps_and_repeated_names() {
    let outcome = read(b"id,Usage,2025-01-01T00:00:00Z,USD,1,1,,,,,a,\nid,Usage,2025-01-01T00:00:00Z,USD,1,1,,,,,,\n");
    let tags = outcome.maps("resource_tags");
    assert_eq!(tags[0].as_ref().unwrap().iter().collect::<Vec<_>>(), [(&"user_app".to_owned(), &"a".to_owned())]);
    assert_eq!(tags[1], None);
    assert_eq!(outcome.maps("product"), [None, None]);
    let outcome = read(good("1").as_bytes());
    assert_eq!(outcome.maps("resource_tags")[0].as_ref().unwrap().len(), 2, "tag keys keep their case");
    assert_eq!(outcome.maps("extra")[0].as_ref().unwrap()["surprise"], "x");
    // Two spellings of one column: the first that is not empty stands.
    let twice = "lineItem/LineItemType,lineItem/UsageStartDate,lineItem/UnblendedCost,savingsPlan/SavingsPlanARN,\
        savings_plan_savings_plan_arn,product/region,product_region,lineItem/BlendedCost,line_item_blended_cost\n\
        Usage,2025-01-01,1,,second,r1,r2,,7\nUsage,2025-01-01,1,first,second,,r2,6,7\n";
    let outcome = csv(twice.as_bytes(), 1 << 20).unwrap();
    let some = |values: [&str; 2]| values.map(|v| Some(v.to_owned())).to_vec();
    assert_eq!(outcome.texts("savings_plan_savings_plan_a_r_n"), some(["second", "first"]));
    assert_eq!(outcome.texts("line_item_blended_cost"), some(["7", "6"]));
    let regions = outcome.maps("product");
    assert_eq!(regions.iter().map(|m| m.as_ref().unwrap()["region"].as_str()).collect::<Vec<_>>(), ["r1", "r2"]);
}

#[test]
fn map_cells_that_are_no_objects() {
    let header = "line_item_line_item_type,line_item_usage_start_date,line_item_unblended_cost,resource_tags\n";
    let rows = "Usage,2025-01-01,1,\"{\"\"user_a\"\": \"\"1\"\", \"\"user_b\"\": \"\"\"\"}\"\nUsage,2025-01-01,1,{a=b}\nUsage,2025-01-01,1,{}\n";
    let outcome = csv(format!("{header}{rows}").as_bytes(), 1 << 20).unwrap();
    let tags = outcome.maps("resource_tags");
    assert_eq!(tags[0].as_ref().unwrap().iter().collect::<Vec<_>>(), [(&"user_a".to_owned(), &"1".to_owned())]);
    assert_eq!(tags[1..], [None, None]);
    let [reject] = outcome.rejects.as_slice() else { panic!("{:?}", outcome.rejects) };
    assert_eq!((reject.code.as_str(), reject.at.row, reject.whole_row), ("cell.not-an-object", Some(1), false));
}

#[test]
fn rejects_that_do_not_travel_are_counted() {
    let rows = CARRIED + 800;
    let bytes = [HEADER.as_bytes(), good("x").repeat(rows).as_bytes()].concat();
    let outcome = csv(&bytes, 1 << 20).unwrap();
    assert_eq!((outcome.rows, outcome.standing()), (rows as u64, 0));
    assert_eq!((outcome.rejects.len(), outcome.uncounted), (CARRIED, 800));
}

#[test]
fn columns_whose_values_do_not_repeat_are_plain() {
    let rows: String =
        (0..40_000).map(|i| format!("id-{i},Usage,2025-01-01T00:00:00Z,USD,0.1,1,,N{i},S{i},{i},,\n")).collect();
    let outcome = csv(format!("{HEADER}{rows}").as_bytes(), 1 << 20).unwrap();
    assert_eq!(outcome.sum("line_item_unblended_cost"), "4000");
    let types: Vec<_> = outcome
        .batches
        .iter()
        .map(|b| b.column_by_name("identity_line_item_id").unwrap().data_type().clone())
        .collect();
    assert_eq!(types, [arrow_schema::DataType::Utf8, arrow_schema::DataType::Utf8]);
    let (ids, skus) = (outcome.texts("identity_line_item_id"), outcome.texts("product_sku"));
    let (tags, products) = (outcome.maps("resource_tags"), outcome.maps("product"));
    for i in 0..40_000 {
        assert_eq!(ids[i], Some(format!("id-{i}")));
        assert_eq!(skus[i], Some(format!("S{i}")));
        assert_eq!(tags[i].as_ref().unwrap()["user_App"], i.to_string());
        assert_eq!(products[i].as_ref().unwrap()["product_name"], format!("N{i}"));
    }
}

#[test]
fn runs_outlive_batches_and_values_do_not_leak() {
    // Five products in the first batch, others later, one of them with a cell that is no text.
    let product = |i: usize| if i < 40_000 { i % 5 } else { 5 + i % 7 };
    let row = |i: usize| {
        let (n, early) = (product(i), if i < 20_000 { "early" } else { "" });
        let mut row =
            format!("id-{i},Usage,2025-01-01T00:00:00Z,USD,1,1,,N{n},S{n},A{},{early},\n", n % 3).into_bytes();
        if n == 9 {
            let at = row.windows(2).rposition(|w| w == b"S9").unwrap();
            row[at + 1] = 0xFF;
        }
        row
    };
    let rows: Vec<u8> = (0..100_000).flat_map(row).collect();
    let outcome = csv(&[HEADER.as_bytes(), &rows].concat(), 1 << 20).unwrap();
    assert_eq!((outcome.batches.len(), outcome.standing()), (4, 100_000));
    let bad = (0..100_000).filter(|i| product(*i) == 9).count() as u64;
    assert_eq!(outcome.rejects.len() as u64 + outcome.uncounted, bad);
    let (skus, products, tags) = (outcome.texts("product_sku"), outcome.maps("product"), outcome.maps("resource_tags"));
    for i in 0..100_000 {
        let n = product(i);
        assert_eq!(skus[i], (n != 9).then(|| format!("S{n}")), "{i}");
        assert_eq!(products[i].as_ref().unwrap()["product_name"], format!("N{n}"));
        let tags = tags[i].as_ref().unwrap();
        assert_eq!(tags["user_App"], format!("A{}", n % 3));
        assert_eq!(tags.get("user_app").map(String::as_str), (i < 20_000).then_some("early"));
    }
}

#[test]
fn files_that_are_no_reports() {
    for (bytes, code) in [
        (&b""[..], "input.wrong-header"),
        (b"\n\n", "input.wrong-header"),
        (b"a,b,c\n1,2,3\n", "input.wrong-header"),
        (b"\x1F\x8B\x08\x00", "input.wrong-header"),
        (b"lineItem/LineItemType,lineItem/UsageStartDate,lineItem/CurrencyCode\n", "input.missing-column"),
    ] {
        let failure = csv(bytes, 1 << 20).unwrap_err();
        assert_eq!((failure.code.as_str(), failure.path.as_deref()), (code, Some("report.csv")));
    }
    let outcome = csv(HEADER.as_bytes(), 1 << 20).unwrap();
    assert_eq!((outcome.rows, outcome.standing()), (0, 0), "a report without rows is a report");
    let noted = csv_with(HEADER.as_bytes(), 1 << 20, &[("columns", "lineItem/LineItemType,never/Seen")]).unwrap();
    assert!(noted.notes[0].contains("10 columns") && noted.notes[0].contains("lacks 1"), "{:?}", noted.notes);
}

/// A row of another month would be counted there, and would be lost with that month's next delivery.
#[test]
fn rows_of_another_billing_period_stop_the_file() {
    let header = "bill/BillingPeriodStartDate,lineItem/LineItemType,lineItem/UsageStartDate,lineItem/UnblendedCost\n";
    let september = Period { start: 1_725_148_800, end: 1_727_740_800 };
    let read = |rows: &[&str], piece| {
        let text = format!("{header}{}", rows.iter().map(|row| format!("{row}\n")).collect::<String>());
        csv_of(&Job { period: september, ..job(Form::Bytes, &[]) }, text.as_bytes(), piece)
    };
    let own = "2024-09-01T00:00:00Z,Usage,2024-09-30T23:00:00Z,1";
    // A fee may be of another month than the bill it stands on, and a row may name no bill.
    let rows = [own, "2024-09-01T00:00:00Z,Fee,2024-10-01T00:00:00Z,1", ",Usage,2024-08-01T00:00:00Z,1"];
    assert_eq!(read(&rows, 1 << 20).unwrap().standing(), 3);

    for (other, day) in [("2024-10-01T00:00:00Z", "2024-10-01"), ("2024-08-31", "2024-08-31")] {
        let other = format!("{other},Usage,2024-09-30T23:00:00Z,1");
        // The second row is left out, so the other month's is the fourth of the file.
        for piece in [7, 1 << 20] {
            let failure = read(&[own, "2024-09-01,Usage,2024-09-02,zero", own, &other, own], piece).unwrap_err();
            assert_eq!((failure.code.as_str(), failure.path.as_deref()), ("input.other-period", Some("report.csv")));
            let at = failure.at.unwrap();
            assert_eq!((at.row, at.column.as_deref()), (Some(3), Some("bill/BillingPeriodStartDate")));
            let message = failure.message;
            assert!(message.contains("row 4") && message.contains("2024-09-01") && message.contains(day), "{message}");
        }
    }

    // What a manifest lists stands, and is told.
    let mut told = Job { period: september, ..job(Form::Bytes, &[("manifest", "cur-Manifest.json")]) };
    let text = format!("{header}{own}\n2024-08-01,Usage,2024-08-30T23:00:00Z,1\n");
    let outcome = csv_of(&told, text.as_bytes(), 7).unwrap();
    assert_eq!((outcome.standing(), outcome.notes.len()), (2, 1));
    assert!(
        outcome.notes[0].starts_with("1 rows are") && outcome.notes[0].contains("2024-08-01"),
        "{:?}",
        outcome.notes
    );
    told.period = support::ALL_TIME;
    assert_eq!(csv_of(&told, text.as_bytes(), 7).unwrap().notes, Vec::<String>::new());
}
