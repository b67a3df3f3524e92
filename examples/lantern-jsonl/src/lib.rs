//! Bills of lantern-jsonl for costhost.

pub mod discover;
pub mod manifest;
pub mod normalize;

use costhost_sdk::contract::{Failure, Findings, Manifest, Request};
use costhost_sdk::daily::DailySums;
use costhost_sdk::storage::Storage;
use costhost_sdk::{Plugin, Summarize};

/// The plugin.
#[derive(Debug)]
pub struct Provider;

costhost_sdk::export!(Provider);

impl Plugin for Provider {
    type Normalizer = normalize::Normalizer;

    fn describe() -> Manifest {
        manifest::manifest()
    }

    fn discover(storage: &dyn Storage, request: &Request) -> Result<Findings, Failure> {
        discover::discover(storage, request.window)
    }
}

impl Summarize for Provider {
    type Accumulator = DailySums<manifest::DailyCosts>;
}
