//! Times the normalizer and the summary's fold on plain CSV files, natively and on one core:
//! `cargo run --release -p azure-export --example normalize_azure FILE..`
#![allow(clippy::expect_used, reason = "a measuring tool may stop at the first error")]

use azure_export::AzureExport;
use azure_export::summary::columns::DAILY_SUMMARY;
use costhost_sdk::timing::csv_file;

fn main() {
    for path in std::env::args().skip(1) {
        println!("{path}: {}", csv_file::<AzureExport>(&path, DAILY_SUMMARY).expect("the file can be loaded"));
    }
}
