//! Times the normalizer and the summary's fold on plain CSV files, natively and on one core:
//! `cargo run --release -p aws-cur --example normalize_aws FILE..`
#![allow(clippy::expect_used, reason = "a measuring tool may stop at the first error")]

use aws_cur::AwsCur;
use aws_cur::summary::columns::DAILY_SUMMARY;
use costhost_sdk::timing::csv_file;

fn main() {
    for path in std::env::args().skip(1) {
        println!("{path}: {}", csv_file::<AwsCur>(&path, DAILY_SUMMARY).expect("the file can be loaded"));
    }
}
