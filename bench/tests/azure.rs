//! Generated containers of Azure exports: the same settings give the same bytes, and files hold what manifests and
//! `expected.json` say.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use costhost_bench::aws::month::Month;
use costhost_bench::azure::{Dates, Metric, Settings, generate};
use serde_json::Value;

fn settings(out: &Path) -> Settings {
    Settings {
        out: out.to_owned(),
        export: "costs".to_owned(),
        months: Month::parse_range("2025-10..2025-11").unwrap(),
        rows: 501,
        files: 2,
        seed: 3,
        subscriptions: 3,
        currency: "EUR".to_owned(),
        metrics: vec![Metric::Actual, Metric::Amortized],
        dates: Dates::MonthFirst,
        gzip: false,
        manifest: true,
    }
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|(below, bytes)| (path.join(below), bytes)));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

/// Cells of a line; no cell of these files holds a line end.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            other => cell.push(other),
        }
    }
    cells.push(cell);
    cells
}

#[test]
fn the_same_settings_give_the_same_bytes() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    generate(&settings(one.path())).unwrap();
    generate(&settings(two.path())).unwrap();
    let relative = |root: &Path| -> Vec<(PathBuf, Vec<u8>)> {
        files(root).into_iter().map(|(path, bytes)| (path.strip_prefix(root).unwrap().to_owned(), bytes)).collect()
    };
    let (one, two) = (relative(one.path()), relative(two.path()));
    // Two exports of two months with two parts and a manifest each; and the totals.
    assert_eq!(one.len(), 2 * 2 * 3 + 1);
    assert!(one == two);
}

#[test]
fn files_hold_what_was_promised() {
    let folder = tempfile::tempdir().unwrap();
    let expected = generate(&settings(folder.path())).unwrap();
    let mut rows: BTreeMap<(String, String), (u64, i128)> = BTreeMap::new();
    for (path, bytes) in files(folder.path()) {
        let place: Vec<String> =
            path.strip_prefix(folder.path()).unwrap().iter().map(|part| part.to_str().unwrap().to_owned()).collect();
        if path.ends_with("manifest.json") {
            let manifest: Value = serde_json::from_slice(&bytes).unwrap();
            for blob in manifest["blobs"].as_array().unwrap() {
                let file = fs::read(folder.path().join(blob["blobName"].as_str().unwrap())).unwrap();
                assert_eq!(blob["byteCount"], file.len() as u64);
                assert_eq!(blob["dataRowCount"], file.iter().filter(|byte| **byte == b'\n').count() as u64 - 1);
            }
            continue;
        }
        if place.len() == 1 {
            continue;
        }
        let text = String::from_utf8(bytes).unwrap();
        let mut lines = text.lines();
        let header = cells(lines.next().unwrap().trim_start_matches('\u{feff}'));
        assert_eq!(header.len(), 57);
        let cost = header.iter().position(|name| name == "CostInBillingCurrency").unwrap();
        let month = format!("{}-{}", &place[1][..4], &place[1][4..6]);
        let (count, sum) = rows.entry((place[0].clone(), month)).or_default();
        for line in lines {
            let cells = cells(line);
            assert_eq!(cells.len(), 57, "{line}");
            *count += 1;
            *sum += units(&cells[cost]);
        }
    }
    for (export, months) in &expected.exports {
        for (month, totals) in months {
            let (count, sum) = rows[&(export.clone(), month.clone())];
            assert_eq!((count, totals.rows), (501, 501));
            assert_eq!(sum, units(&totals.currencies["EUR"].cost.to_string()), "{export} {month}");
        }
    }
}

/// Decimal text in units of 10^-11.
fn units(text: &str) -> i128 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<11}").parse().unwrap()
}
