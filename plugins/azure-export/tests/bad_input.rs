//! Exports as they should not be, and those that only look so: what is set aside, what stops a file, what is said about it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::result_large_err,
    reason = "tests fail by panicking"
)]

mod support;

use costhost_sdk::contract::{Form, Job, Period, Remedy};
use costhost_sdk::{Normalize, time};
use serde_json::{Value, json};
use support::{ALL_TIME, Outcome, csv, job, summary};

const HEADER: &str = "Date,SubscriptionId,MeterCategory,Cost,BillingCurrency,Quantity,Tags,AdditionalInfo,ChargeType\n";

fn october() -> Period {
    let at = |day: &str| time::parse(day.as_bytes()).unwrap() / 1_000_000;
    Period { start: at("2025-10-01"), end: at("2025-11-01") }
}

fn plain() -> Job {
    job(Form::Bytes, october(), &[])
}

/// Rejects by row: within a push, rows that were left out come before cells.
fn by_place(outcome: &Outcome) -> Vec<String> {
    let mut rejects: Vec<_> = outcome.rejects.iter().collect();
    rejects.sort_by_key(|reject| (reject.at.row, reject.at.column.clone()));
    rejects.into_iter().map(|reject| format!("{reject:?}")).collect()
}

/// Rows below [`HEADER`], pushed whole and cut.
fn read(job: &Job, rows: &str) -> Result<Outcome, String> {
    let bytes = format!("{HEADER}{rows}").into_bytes();
    let whole = csv(job, &bytes, 1 << 20);
    match (&whole, csv(job, &bytes, 3)) {
        (Ok(whole), Ok(cut)) => assert_eq!((&whole.batches, by_place(whole)), (&cut.batches, by_place(&cut))),
        (Err(whole), Err(cut)) => assert_eq!(whole.code, cut.code),
        (whole, cut) => panic!("{whole:?} {cut:?}"),
    }
    whole.map_err(|failure| {
        assert_eq!((failure.remedy, failure.path.as_deref()), (Remedy::SkipReport, Some("export.csv")));
        failure.code
    })
}

fn days(job: &Job, dates: &[&str]) -> Result<Vec<Value>, String> {
    let rows: String = dates.iter().map(|date| format!("{date},s,Storage,1,EUR,1,,,Usage\n")).collect();
    read(job, &rows).map(|outcome| outcome.texts("date"))
}

#[test]
fn dates_are_read_as_the_whole_file_says() {
    // ISO, or month first with or without zeros; a day beyond the 12th proves the order, wherever it stands.
    assert_eq!(days(&plain(), &["2025-10-02"]).unwrap(), ["2025-10-02"]);
    assert_eq!(days(&plain(), &["2025-10-02T00:00:00Z"]).unwrap(), ["2025-10-02"]);
    assert_eq!(days(&plain(), &["10/2/2025", "10/13/2025"]).unwrap(), ["2025-10-02", "2025-10-13"]);
    // Nothing in the file proves it, but only one order puts days into the month that the folder names.
    assert_eq!(days(&plain(), &["10/2/2025", "10/10/2025"]).unwrap(), ["2025-10-02", "2025-10-10"]);
    // One reading only, whatever the order.
    let anywhere = job(Form::Bytes, ALL_TIME, &[("period_told_by_rows", "true")]);
    assert_eq!(days(&anywhere, &["10/10/2025"]).unwrap(), ["2025-10-10"]);
}

#[test]
fn dates_that_can_be_read_in_two_ways_are_refused() {
    let anywhere = job(Form::Bytes, ALL_TIME, &[("period_told_by_rows", "true")]);
    assert_eq!(days(&anywhere, &["10/02/2025", "10/03/2025"]).unwrap_err(), "input.ambiguous-dates");
    // A year is not a month: both orders lie in it.
    assert_eq!(days(&job(Form::Bytes, ALL_TIME, &[]), &["10/02/2025"]).unwrap_err(), "input.ambiguous-dates");
    assert_eq!(days(&plain(), &["03/02/2025"]).unwrap_err(), "input.ambiguous-dates");
    assert_eq!(days(&plain(), &["10/02/2025", "02/10/2025"]).unwrap_err(), "input.ambiguous-dates");
    // The day stands first, told late in the file.
    assert_eq!(days(&plain(), &["10/02/2025", "31/10/2025"]).unwrap_err(), "input.day-first");
    assert_eq!(days(&plain(), &["10/31/2025", "31/10/2025"]).unwrap_err(), "input.day-first");
    assert_eq!(days(&plain(), &["2025-10-02", "10/31/2025"]).unwrap_err(), "input.mixed-dates");
}

#[test]
fn other_dates_of_a_row_prove_the_order_too() {
    let header = "Date,Cost,BillingCurrencyCode,BillingPeriodStartDate,BillingPeriodEndDate\n";
    let anywhere = job(Form::Bytes, october(), &[("period_told_by_rows", "true")]);
    let read = |row: &str| csv(&anywhere, format!("{header}{row}\n").as_bytes(), 5).map_err(|failure| failure.code);
    assert_eq!(read("10/02/2025,1,EUR,10/01/2025,10/31/2025").unwrap().texts("date"), ["2025-10-02"]);
    assert_eq!(read("10/02/2025,1,EUR,,").unwrap_err(), "input.ambiguous-dates");
    assert_eq!(read("02/10/2025,1,EUR,01/10/2025,31/10/2025").unwrap_err(), "input.day-first");
    // A row of another billing period than the file's.
    assert_eq!(read("11/02/2025,1,EUR,11/01/2025,11/30/2025").unwrap_err(), "input.other-period");
}

#[test]
fn rows_and_cells_are_set_aside_with_their_money() {
    let rows = "2025-10-02,s,Storage,1.5,EUR,many,not json,{,Usage\n\
        soon,s,Storage,2.5,EUR,1,,,Usage\n\
        2025-10-02,s,Storage,free,EUR,1,,,Usage\n\
        2025-10-02,s,Storage\n\
        ,s,Storage,3.5,EUR,1,,,Usage\n\
        2025-10-02,s,Storage,-1E-7,EUR,1,,,Usage\n";
    let outcome = read(&plain(), rows).unwrap();
    let told: Vec<_> = outcome.rejects.iter().map(|reject| (reject.code.as_str(), reject.amount.as_deref())).collect();
    let want = [
        ("row.not-a-time", Some("2.5")),
        ("row.not-an-amount", None),
        ("row.field-count", None),
        ("row.no-time", Some("3.5")),
        ("cell.not-an-amount", Some("1.5")),
        ("cell.not-an-object", Some("1.5")),
        ("cell.not-an-object", Some("1.5")),
    ];
    assert_eq!(told, want);
    assert_eq!(outcome.rows, 6);
    assert_eq!(outcome.texts("cost_in_billing_currency"), ["1.5", "-0.0000001"]);
    assert_eq!(outcome.texts("tags"), [Value::Null, Value::Null]);
}

#[test]
fn tags_are_read_by_a_json_parser_with_and_without_braces() {
    let cell = |tags: &str| {
        let tags = tags.replace('"', "\"\"");
        let rows = format!("2025-10-02,s,Storage,1,EUR,1,\"{tags}\",,Usage\n");
        read(&plain(), &rows).unwrap().texts("tags").remove(0)
    };
    let bare = r#""a": "x\": \"y","b": "1\",\"2","url": "http://h:1/p, q","empty": """#;
    let want = json!({"a": "x\": \"y", "b": "1\",\"2", "url": "http://h:1/p, q"});
    assert_eq!(cell(bare), want);
    assert_eq!(cell(&format!("{{{bare}}}")), want);
    assert_eq!(cell("{}"), Value::Null);
    assert_eq!(cell(r#""a": null,"n": 1.50,"a": "second""#), json!({"a": "second", "n": "1.50"}));
}

#[test]
fn columns_in_no_list_are_kept_and_localized_headers_understood() {
    let header = "\u{feff}Datum (Date),Abonnement-ID (SubscriptionId),Kategorie (MeterCategory),Kosten (CostInBillingCurrency),\
        Währung (BillingCurrency),Ressourcengruppe (ResourceGroup),Neu (Surprise)\n";
    let text = format!("{header}10/13/2025,s,Storage,1,EUR,rg,kept\n");
    let outcome = csv(&plain(), text.as_bytes(), 4).unwrap();
    assert_eq!(outcome.texts("resource_group"), ["rg"]);
    assert_eq!(outcome.texts("extra"), [json!({"Neu (Surprise)": "kept"})]);
}

#[test]
fn charges_of_amortized_exports_are_not_taken_for_actual_ones() {
    let row = "2025-10-02,s,Storage,1,EUR,1,,,UnusedReservation\n";
    assert_eq!(read(&plain(), row).unwrap_err(), "input.wrong-metric");
    let amortized = Job { settings: r#"{"metric":"amortized"}"#.to_owned(), ..plain() };
    assert_eq!(read(&amortized, row).unwrap().texts("metric"), ["amortized"]);
    let by_path = job(Form::Bytes, october(), &[("metric", "amortized")]);
    assert_eq!(read(&by_path, row).unwrap().texts("metric"), ["amortized"]);
}

#[test]
fn a_header_alone_is_a_file_without_rows() {
    let outcome = csv(&plain(), HEADER.as_bytes(), 9).unwrap();
    assert_eq!((outcome.rows, outcome.batches.len()), (0, 0));
    let [rows, bills, keys] = summary(&outcome, "{}");
    assert_eq!((rows.len(), bills.len(), keys.len()), (0, 1, 0));
    let failure = csv(&plain(), b"", 1).unwrap_err();
    assert_eq!(failure.code, "input.wrong-header");
    assert!(azure_export::LineItems::open(&Job { settings: "[]".to_owned(), ..plain() }).is_err());
}
