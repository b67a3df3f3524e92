//! Bills of Tally, a vendor of data services that does not exist: one CSV file a month, into lines and daily costs.
//!
//! It is written as someone would who knows the SDK and nothing of the host, with all that a plugin can declare: a bill,
//! keys of labels, a reference table with a lookup, rollups, reports, partitions and indexes. To write a plugin of your
//! own, read [`tables`] and [`manifest`] first: they say what it is; then [`discover`], [`normalize`] and [`summary`],
//! which do its work.

#![allow(clippy::result_large_err, reason = "failures are the contract's own records, and rare")]

pub mod discover;
pub mod manifest;
pub mod normalize;
pub mod rows;
pub mod settings;
pub mod summary;
pub mod tables;

use costhost_sdk::contract::{Failure, Findings, Manifest, Request};
use costhost_sdk::storage::Storage;
use costhost_sdk::{Plugin, Summarize};
use settings::Settings;

/// The plugin.
#[derive(Debug)]
pub struct Tally;

costhost_sdk::export!(Tally);

impl Plugin for Tally {
    type Normalizer = normalize::Normalizer;

    fn describe() -> Manifest {
        manifest::manifest()
    }

    fn discover(storage: &dyn Storage, request: &Request) -> Result<Findings, Failure> {
        // Wrong settings are told before anything is read.
        Settings::parse(&request.settings)?;
        discover::discover(storage, request.window)
    }
}

impl Summarize for Tally {
    type Accumulator = summary::DailyCosts;
}
