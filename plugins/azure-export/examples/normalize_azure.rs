//! Times the normalizer and the summary's fold on plain CSV files, natively and on one core:
//! `cargo run --release -p azure-export --example normalize_azure FILE..`. With `--parts` first, a summary is made of all of
//! them, each a part.
#![allow(clippy::expect_used, reason = "a measuring tool may stop at the first error")]

use azure_export::AzureExport;
use azure_export::summary::columns::DAILY_SUMMARY;
use costhost_sdk::timing::{csv_file, csv_files_in_parts};

fn main() {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if(|argument| argument == "--parts").is_some() {
        let paths: Vec<String> = arguments.collect();
        println!("{}", csv_files_in_parts::<AzureExport>(&paths, DAILY_SUMMARY).expect("the files can be loaded"));
        return;
    }
    for path in arguments {
        println!("{path}: {}", csv_file::<AzureExport>(&path, DAILY_SUMMARY).expect("the file can be loaded"));
    }
}
