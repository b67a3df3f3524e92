//! Generated buckets, read back by a CSV reader of the test's own and compared with `expected.json`.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use costhost_bench::aws::month::Month;
use costhost_bench::aws::{Compression, Headers, Layout, Settings, generate};
use serde_json::Value;

fn settings(out: &Path) -> Settings {
    Settings {
        out: out.to_owned(),
        prefix: "cur".to_owned(),
        report: "acme-cur".to_owned(),
        bucket: "acme-billing".to_owned(),
        months: Month::parse_range("2025-11..2025-12").unwrap(),
        rows: 3_001,
        files: 2,
        seed: 7,
        accounts: 3,
        currencies: vec!["USD".to_owned(), "EUR".to_owned()],
        layout: Layout::CreateNew,
        compression: Compression::Gzip,
        headers: Headers::Slash,
        restate: Vec::new(),
    }
}

/// All files below a folder with their bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn json(path: PathBuf) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn text_of(path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    let mut text = String::new();
    match path.extension().unwrap().to_str().unwrap() {
        "gz" => flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap(),
        "zip" => zip::ZipArchive::new(std::io::Cursor::new(bytes))
            .unwrap()
            .by_index(0)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap(),
        _ => bytes.as_slice().read_to_string(&mut text).unwrap(),
    };
    text
}

/// Records of RFC 4180 text.
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                record.push(std::mem::take(&mut cell));
                records.push(std::mem::take(&mut record));
            }
            c => cell.push(c),
        }
    }
    assert!(record.is_empty() && cell.is_empty() && !quoted, "the file ends inside a record");
    records
}

/// Decimal text, plain or with an exponent, in units of 10^-20.
fn exact(text: &str) -> i128 {
    let (mantissa, exponent) = text.split_once('E').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().unwrap();
    let scale = 20 - fraction.len() as i32 + exponent.parse::<i32>().unwrap();
    digits * 10_i128.pow(scale.try_into().unwrap())
}

fn newest(out: &Path, month: &str, next: &str) -> Value {
    json(out.join(format!("cur/acme-cur/{month}-{next}/acme-cur-Manifest.json")))
}

/// Rows of the delivery that the period's manifest points at, and the index of each column.
fn delivery(out: &Path, manifest: &Value) -> (BTreeMap<String, usize>, Vec<Vec<String>>) {
    let mut header = BTreeMap::new();
    let mut rows = Vec::new();
    for key in manifest["reportKeys"].as_array().unwrap() {
        let mut file = records(&text_of(&out.join(key.as_str().unwrap()))).into_iter();
        header = file.next().unwrap().into_iter().enumerate().map(|(i, name)| (name, i)).collect();
        rows.extend(file);
    }
    (header, rows)
}

#[test]
fn files_add_up_to_what_is_expected() {
    for (compression, headers) in [
        (Compression::Gzip, Headers::Slash),
        (Compression::Zip, Headers::Slash),
        (Compression::None, Headers::Underscored),
    ] {
        let out = tempfile::tempdir().unwrap();
        generate(&Settings { compression, headers, ..settings(out.path()) }).unwrap();
        let expected = json(out.path().join("expected.json"));
        let expected = &expected["months"]["2025-12"];
        let (header, rows) = delivery(out.path(), &newest(out.path(), "20251201", "20260101"));
        let at = |slash: &str, underscored: &str| match headers {
            Headers::Slash => header[slash],
            Headers::Underscored => header[underscored],
        };
        let unblended = at("lineItem/UnblendedCost", "line_item_unblended_cost");
        let blended = at("lineItem/BlendedCost", "line_item_blended_cost");
        let currency = at("lineItem/CurrencyCode", "line_item_currency_code");
        let product = at("lineItem/ProductCode", "line_item_product_code");

        assert_eq!(rows.len(), 3_001);
        assert_eq!(expected["rows"], 3_001);
        for name in ["USD", "EUR"] {
            let mine: Vec<_> = rows.iter().filter(|row| row[currency] == name).collect();
            let expected = &expected["currencies"][name];
            let sum = |column: usize| {
                mine.iter().filter(|row| !row[column].is_empty()).map(|row| exact(&row[column])).sum::<i128>()
            };
            assert_eq!(sum(unblended), exact(expected["unblended_cost"].as_str().unwrap()));
            assert_eq!(sum(blended), exact(expected["blended_cost"].as_str().unwrap()));
            let mut services: BTreeMap<&str, i128> = BTreeMap::new();
            for row in &mine {
                *services.entry(&row[product]).or_default() += exact(&row[unblended]);
            }
            let wanted: BTreeMap<&str, i128> = expected["services"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(service, share)| (service.as_str(), exact(share["unblended_cost"].as_str().unwrap())))
                .collect();
            assert_eq!(services, wanted);
        }
    }
}

/// The amortized formula of the AWS daily summary, worked out from the cells alone.
#[test]
fn cells_balance_the_amortized_view() {
    let out = tempfile::tempdir().unwrap();
    generate(&Settings { rows: 20_000, ..settings(out.path()) }).unwrap();
    let expected = json(out.path().join("expected.json"));
    let (header, rows) = delivery(out.path(), &newest(out.path(), "20251101", "20251201"));
    let mut sums: BTreeMap<(String, &str), i128> = BTreeMap::new();
    let mut types: BTreeMap<String, u64> = BTreeMap::new();
    for row in &rows {
        let text = |name: &str| row[header[name]].as_str();
        let number = |name: &str| if text(name).is_empty() { 0 } else { exact(text(name)) };
        let cost = number("lineItem/UnblendedCost");
        let (amortized, trueup, upfront) = match text("lineItem/LineItemType") {
            "SavingsPlanCoveredUsage" => (number("savingsPlan/SavingsPlanEffectiveCost"), 0, 0),
            "SavingsPlanRecurringFee" => (
                number("savingsPlan/TotalCommitmentToDate") - number("savingsPlan/UsedCommitment"),
                -number("savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod"),
                0,
            ),
            "SavingsPlanNegation" => (0, 0, 0),
            "SavingsPlanUpfrontFee" => (0, 0, cost),
            "DiscountedUsage" => (number("reservation/EffectiveCost"), 0, 0),
            "RIFee" => (
                number("reservation/UnusedAmortizedUpfrontFeeForBillingPeriod")
                    + number("reservation/UnusedRecurringFee"),
                -number("reservation/AmortizedUpfrontFeeForBillingPeriod"),
                0,
            ),
            "Fee" if !text("reservation/ReservationARN").is_empty() => (0, 0, cost),
            _ => (cost, 0, 0),
        };
        *types.entry(text("lineItem/LineItemType").to_owned()).or_default() += 1;
        let currency = text("lineItem/CurrencyCode");
        let named = [("unblended", cost), ("amortized", amortized), ("trueup", trueup), ("upfront", upfront)];
        for (name, amount) in named {
            *sums.entry((currency.to_owned(), name)).or_default() += amount;
        }
    }
    for currency in ["USD", "EUR"] {
        let sum = |name| sums[&(currency.to_owned(), name)];
        assert_eq!(sum("unblended"), sum("amortized") + sum("trueup") + sum("upfront"));
        let expected = &expected["months"]["2025-11"]["currencies"][currency];
        for name in ["unblended", "amortized", "trueup", "upfront"] {
            assert_eq!(sum(name), exact(expected[format!("{name}_cost")].as_str().unwrap()), "{name} {currency}");
        }
        assert_ne!(sum("trueup"), 0);
    }
    let wanted = [
        "Credit",
        "DiscountedUsage",
        "EdpDiscount",
        "Fee",
        "RIFee",
        "Refund",
        "SavingsPlanCoveredUsage",
        "SavingsPlanNegation",
        "SavingsPlanRecurringFee",
        "SavingsPlanUpfrontFee",
        "Tax",
        "Usage",
    ];
    assert_eq!(types.keys().collect::<Vec<_>>(), wanted);
    assert_eq!(types["SavingsPlanCoveredUsage"], types["SavingsPlanNegation"]);
    let has = |column: &str, test: &dyn Fn(&str) -> bool| rows.iter().any(|row| test(&row[header[column]]));
    assert!(has("lineItem/UnblendedCost", &|cell| cell.contains('E')));
    assert!(has("lineItem/LineItemDescription", &|cell| cell.contains('\n') && cell.contains('"')));
    assert!(has("bill/BillingEntity", &|cell| cell == "AWS Marketplace"));
    assert!(has("lineItem/Operation", &|cell| cell == "EKSPod-EC2"));
}

#[test]
fn the_same_settings_give_the_same_bytes() {
    for compression in [Compression::Gzip, Compression::Zip] {
        let (one, two, three) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        generate(&Settings { compression, ..settings(one.path()) }).unwrap();
        generate(&Settings { compression, ..settings(two.path()) }).unwrap();
        generate(&Settings { compression, seed: 8, ..settings(three.path()) }).unwrap();
        assert_eq!(files(one.path()), files(two.path()));
        assert_ne!(files(one.path()), files(three.path()));
    }
}

#[test]
fn a_second_delivery_takes_the_first_ones_place() {
    let out = tempfile::tempdir().unwrap();
    generate(&settings(out.path())).unwrap();
    let before = files(out.path());
    let first = newest(out.path(), "20251101", "20251201");
    let november: Month = "2025-11".parse().unwrap();
    generate(&Settings { restate: vec![november], ..settings(out.path()) }).unwrap();
    let after = files(out.path());
    let second = newest(out.path(), "20251101", "20251201");

    assert_ne!(first["assemblyId"], second["assemblyId"]);
    assert_eq!(delivery(out.path(), &second).1.len(), 3_031);
    assert_eq!(json(out.path().join("expected.json"))["months"]["2025-11"]["rows"], 3_031);
    // All that lay there before is still there, but for the period's manifest and what is expected.
    let changed: Vec<_> =
        before.iter().filter(|(path, bytes)| after.get(*path) != Some(bytes)).map(|(path, _)| path).collect();
    assert_eq!(
        changed.iter().map(|path| path.to_str().unwrap()).collect::<Vec<_>>(),
        ["cur/acme-cur/20251101-20251201/acme-cur-Manifest.json", "expected.json"]
    );

    let overwritten = tempfile::tempdir().unwrap();
    let layout = Layout::Overwrite;
    generate(&Settings { layout, restate: vec![november], ..settings(overwritten.path()) }).unwrap();
    let manifest = newest(overwritten.path(), "20251101", "20251201");
    assert_eq!(manifest["reportKeys"][0], "cur/acme-cur/20251101-20251201/acme-cur-00001.csv.gz");
    assert_eq!(manifest["assemblyId"], second["assemblyId"]);
    assert_eq!(delivery(overwritten.path(), &manifest).1.len(), 3_031);
}

#[test]
fn refuses_what_it_cannot_make() {
    let out = tempfile::tempdir().unwrap();
    let month: Month = "2024-01".parse().unwrap();
    for (bad, word) in [
        (Settings { rows: 20, ..settings(out.path()) }, "at least"),
        (Settings { files: 0, ..settings(out.path()) }, "at least one"),
        (Settings { report: "../up".to_owned(), ..settings(out.path()) }, "report name"),
        (Settings { prefix: "a/../b".to_owned(), ..settings(out.path()) }, "prefix"),
        (Settings { restate: vec![month], ..settings(out.path()) }, "2024-01"),
    ] {
        let message = generate(&bad).unwrap_err().to_string();
        assert!(message.contains(word), "{message}");
    }
    assert!(files(out.path()).is_empty());
}
