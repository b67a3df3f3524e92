//! From files to daily costs, natively: what is found, read, set aside and added up; alone and in parts.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "helpers of tests")]

use arrow_array::RecordBatch;
use arrow_array::types::{Date32Type, Int64Type, TimestampMicrosecondType};
use costhost_sdk::contract::{Compression, Form, InputFile, Job, Period, Request, Task};
use costhost_sdk::testing::DirStorage;
use costhost_sdk::{Accumulate, Normalize, Plugin, decimal, ipc};
use proptest::prelude::*;
use std::collections::BTreeMap;
use tally::rows::{amounts, lists, numbers, texts};
use tally::summary::DailyCosts;
use tally::tables::{BILLS, DAILY, LABEL_KEYS, TEAMS};
use tally::{Tally, manifest, normalize::Normalizer};

const OCTOBER: Period = Period { start: 1_759_276_800, end: 1_761_955_200 };
const FILE: &str = "\
service,day,team,department,project,seats,cost,currency,labels,invoice,colour
Warehouse,2025-10-01,Blue,Sales,p1,2,1.000000000000000001,USD,\"{\"\"env\"\":\"\"prod\"\",\"\"app\"\":\"\"shop\"\"}\",INV-1,red
Warehouse,2025-10-01,Blue,Sales,p2,,2E-3,USD,\"{\"\"app\"\":\"\"shop\"\",\"\"env\"\":\"\"prod\"\"}\",INV-1,red
Warehouse,2025-10-01,Blue,Ads,p2,1,1,EUR,\"{\"\"app\"\":\"\"shop\"\",\"\"env\"\":\"\"prod\"\"}\",INV-2,red
Chat,2025-10-02,,,,5,-0.5,USD,,,red
Chat,2025-10-02,,,,5,much,USD,,,red
Chat,,,,,5,1,USD,,,red
";

fn job() -> Job {
    Job {
        settings: String::new(),
        now: 0,
        source: String::new(),
        revision: "1".to_owned(),
        period: OCTOBER,
        labels: Vec::new(),
        file: InputFile {
            path: "tally-2025-10.csv".to_owned(),
            compression: Compression::None,
            form: Form::Bytes,
            dataset: "usage".to_owned(),
            rows: None,
            bytes: None,
        },
    }
}

fn accumulator(settings: &str) -> DailyCosts {
    let (summary, source) = (manifest::DAILY_COSTS.to_owned(), String::new());
    DailyCosts::open(&Task { summary, settings: settings.to_owned(), now: 0, source, period: OCTOBER }).unwrap()
}

/// The lines of a file, and the codes and rows of what was set aside.
fn read(file: &str) -> (Vec<RecordBatch>, Vec<(String, Option<u64>)>) {
    let mut normalizer = Normalizer::open(&job()).unwrap();
    let (mut batches, mut rejects) = (Vec::new(), Vec::new());
    let mut pieces: Vec<_> = file.as_bytes().chunks(7).map(|piece| normalizer.push(piece).unwrap()).collect();
    pieces.push(normalizer.finish().unwrap());
    for rows in pieces {
        batches.extend(rows.batches.into_iter().map(|(_, batch)| batch));
        rejects.extend(rows.rejects.into_iter().map(|reject| (reject.code, reject.at.row)));
    }
    (batches, rejects)
}

/// Every row of every table, as text.
fn result(mut accumulator: DailyCosts) -> BTreeMap<u32, Vec<String>> {
    accumulator.complete().unwrap();
    let mut rows: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    while let Some((table, batch)) = accumulator.pull().unwrap() {
        rows.entry(table).or_default().extend(match table {
            DAILY => daily_rows(&batch),
            BILLS => bill_rows(&batch),
            LABEL_KEYS => joined(&batch, &["key"]),
            TEAMS => joined(&batch, &["team", "department"]),
            other => panic!("rows of table {other}"),
        });
    }
    rows
}

fn joined(batch: &RecordBatch, names: &[&str]) -> Vec<String> {
    let columns: Vec<_> = names.iter().map(|name| texts(batch, name).unwrap()).collect();
    let row = |row: usize| columns.iter().map(|column| column[row].unwrap_or_default()).collect::<Vec<_>>().join(" ");
    (0..batch.num_rows()).map(row).collect()
}

fn daily_rows(batch: &RecordBatch) -> Vec<String> {
    let number = |name: &str, row: usize| amounts(batch, name).unwrap()[row].map_or("-".to_owned(), decimal::format);
    let (days, projects) = (numbers::<Date32Type>(batch, "day").unwrap(), lists(batch, "projects").unwrap());
    let groups = joined(batch, &["team", "service", "labels", "currency"]);
    let row = |(row, group): (usize, &String)| {
        let (day, projects) = (days[row].unwrap(), projects[row].join("+"));
        format!("{day} {group} [{projects}] {} {}", number("seats", row), number("cost", row))
    };
    groups.iter().enumerate().map(row).collect()
}

fn bill_rows(batch: &RecordBatch) -> Vec<String> {
    let times = |name| numbers::<TimestampMicrosecondType>(batch, name).unwrap()[0].unwrap() / 1_000_000;
    let span = ["period_start", "period_end"].map(times);
    let lines = numbers::<Int64Type>(batch, "lines").unwrap()[0].unwrap();
    vec![format!("{} {lines} {span:?}", lists(batch, "invoices").unwrap()[0].join("+"))]
}

#[test]
fn a_file_becomes_daily_costs_a_bill_keys_and_teams() {
    let (batches, rejects) = read(FILE);
    let rows: Vec<Option<u64>> = rejects.iter().map(|(_, row)| *row).collect();
    assert_eq!(rows, [Some(4), Some(5)], "{rejects:?}");
    let mut all = accumulator("");
    batches.iter().for_each(|batch| all.update(batch).unwrap());
    let found = result(all);
    let shop = r#"{"app":"shop","env":"prod"}"#;
    let expected = [
        format!("20362 Blue Warehouse {shop} EUR [p2] 1 1"),
        format!("20362 Blue Warehouse {shop} USD [p1+p2] 2 1.002000000000000001"),
        "20363  Chat {} USD [] 5 -0.5".to_owned(),
    ];
    assert_eq!(found[&DAILY], expected);
    assert_eq!(found[&BILLS], [format!("INV-1+INV-2 4 {:?}", [OCTOBER.start, OCTOBER.end])]);
    assert_eq!(
        (found[&LABEL_KEYS].clone(), found[&TEAMS].clone()),
        (vec!["app".into(), "env".into()], vec!["Blue Sales".into()])
    );
}

#[test]
fn disabled_keys_are_left_out_of_costs_and_still_told() {
    let mut some = accumulator(r#"{"disabled_tag_keys":["env"]}"#);
    read(FILE).0.iter().for_each(|batch| some.update(batch).unwrap());
    let found = result(some);
    assert!(found[&DAILY][0].contains(r#"{"app":"shop"}"#), "{found:?}");
    assert_eq!(found[&LABEL_KEYS], ["app", "env"]);
}

#[test]
fn folders_are_sources_and_files_of_a_month_one_report() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("acme")).unwrap();
    for name in ["tally-2025-10.csv", "acme/tally-2025-10-1.csv", "acme/tally-2025-10-2.csv.gz", "acme/notes.csv"] {
        std::fs::write(folder.path().join(name), FILE).unwrap();
    }
    let request = |window| Request { settings: String::new(), window, now: 0 };
    let found = Tally::discover(&DirStorage::new(folder.path()).paged(1), &request(None)).unwrap();
    let told: Vec<_> = found.reports.iter().map(|report| (report.source.as_str(), report.files.len())).collect();
    assert_eq!(told, [("", 1), ("acme", 2)]);
    assert!(
        found.reports.iter().all(|report| (report.period.start, report.period.end) == (OCTOBER.start, OCTOBER.end))
    );
    assert_eq!(found.reports[1].files[1].compression, Compression::Gzip);
    let before = Period { start: 0, end: OCTOBER.start };
    assert!(Tally::discover(&DirStorage::new(folder.path()), &request(Some(before))).unwrap().reports.is_empty());
}

#[test]
fn what_is_no_report_is_told() {
    let mut empty = Normalizer::open(&job()).unwrap();
    assert_eq!(empty.finish().unwrap_err().code, "input.wrong-header");
    let mut other = Normalizer::open(&job()).unwrap();
    let failure = other.push(b"day,price\n2025-10-01,3\n").unwrap_err();
    assert_eq!((failure.code.as_str(), failure.path.as_deref()), ("input.wrong-header", Some("tally-2025-10.csv")));
    assert!(failure.message.contains("cost"), "{}", failure.message);
    let foreign = ipc::encode(&read(FILE).0[0]).unwrap();
    assert_eq!(accumulator("").merge(&foreign).unwrap_err().code, "summary.foreign-state");
}

fn any_line() -> impl Strategy<Value = String> {
    let one_of = |texts: &'static [&'static str]| prop::sample::select(texts);
    let cost =
        prop::option::of((-99_999_i64..99_999, 0..18_u8).prop_map(|(digits, zeros)| format!("{digits}e-{zeros}")));
    (
        (1..4_u8, one_of(&["", "Blue", "Red"]), one_of(&["", "Sales", "Ads"]), one_of(&["", "p1", "p2"])),
        (one_of(&["", "Lake"]), one_of(&["", "3", "0.5"]), cost, one_of(&["USD", "EUR"]), one_of(&["", "I1", "I2"])),
        one_of(&["", "\"{\"\"env\"\":\"\"prod\"\"}\"", "\"{\"\"env\"\":\"\"test\"\",\"\"app\"\":\"\"x\"\"}\""]),
    )
        .prop_map(|((day, team, department, project), (service, seats, cost, currency, invoice), labels)| {
            let cost = cost.unwrap_or_default();
            format!(
                "{service},2025-10-0{day},{team},{department},{project},{seats},{cost},{currency},{labels},{invoice}\n"
            )
        })
}

proptest! {
    #[test]
    fn alone_is_as_in_parts(rows in prop::collection::vec((any_line(), 0..3_usize), 0..30), backwards: bool) {
        let header = "service,day,team,department,project,seats,cost,currency,labels,invoice\n";
        let of = |part: Option<usize>| -> String {
            let kept = rows.iter().filter(|(_, at)| part.is_none_or(|part| part == *at));
            std::iter::once(header).chain(kept.map(|(row, _)| row.as_str())).collect()
        };
        let mut alone = accumulator("");
        read(&of(None)).0.iter().for_each(|batch| alone.update(batch).unwrap());
        let mut pieces = Vec::new();
        for part in 0..3 {
            let mut accumulator = accumulator("");
            read(&of(Some(part))).0.iter().for_each(|batch| accumulator.fold(0, batch).unwrap());
            pieces.extend(std::iter::from_fn(|| accumulator.save().unwrap()));
        }
        if backwards {
            pieces.reverse();
        }
        let mut merged = accumulator("");
        pieces.iter().for_each(|piece| merged.merge(piece).unwrap());
        prop_assert_eq!(result(merged), result(alone));
    }
}
