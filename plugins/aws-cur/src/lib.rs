//! AWS Cost and Usage Reports: CUR v1 and CUR 2.0, as CSV and Parquet, into line items and daily summaries.
//!
//! Natively this is a library; for wasm32 it is the component.

#![allow(clippy::result_large_err, reason = "failures are the contract's own records, and rare")]

pub mod columns;
pub mod discover;
pub mod manifest;
pub mod naming;
pub mod normalize;
mod reports;
mod rollups;
pub mod settings;
mod slices;
pub mod summary;
pub mod tables;

use costhost_sdk::contract::{Failure, Findings, Job, Manifest, Request};
use costhost_sdk::storage::Storage;
use costhost_sdk::{Normalize, Plugin, Rows, Summarize};
use settings::Settings;

/// The plugin.
#[derive(Debug)]
pub struct AwsCur;

costhost_sdk::export!(AwsCur);

impl Plugin for AwsCur {
    type Normalizer = LineItems;

    fn describe() -> Manifest {
        manifest::manifest()
    }

    fn discover(storage: &dyn Storage, request: &Request) -> Result<Findings, Failure> {
        // Wrong settings are told before anything is read.
        Settings::parse(&request.settings)?;
        discover::discover(storage, request)
    }
}

impl Summarize for AwsCur {
    type Accumulator = summary::DailySummary;
}

/// One file of a report, on its way to line items.
#[derive(Debug)]
pub struct LineItems(normalize::Normalizer);

impl Normalize for LineItems {
    fn open(job: &Job) -> Result<LineItems, Failure> {
        normalize::Normalizer::open(job).map(LineItems)
    }

    fn push(&mut self, data: &[u8]) -> Result<Rows, Failure> {
        self.0.push(data)
    }

    fn finish(&mut self) -> Result<Rows, Failure> {
        self.0.finish()
    }
}
