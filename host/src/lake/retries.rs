//! How long a commit is tried, and what is known about attempts that failed.

use std::time::{Duration, Instant};

use deltalake::DeltaTableError;
use deltalake::kernel::transaction::TransactionError;
use rand::Rng as _;

use super::error::LakeError;

/// How long one commit may lose to other writers.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often the store may fail in other ways; it has its own retries below this.
const STORE_FAILURES: u32 = 4;

/// How an attempt ended without a commit that is known of.
pub(crate) enum Failure {
    /// Another writer took the version.
    Conflict(DeltaTableError),
    /// Whether it landed is open.
    Unknown(DeltaTableError),
}

/// Whether the error means that another writer took the version, or leaves open what happened.
pub(crate) fn classify(error: DeltaTableError) -> Failure {
    match &error {
        DeltaTableError::VersionAlreadyExists(_)
        | DeltaTableError::Transaction {
            source:
                TransactionError::VersionAlreadyExists(_)
                | TransactionError::MaxCommitAttempts(_)
                | TransactionError::CommitConflict(_),
        } => Failure::Conflict(error),
        _ => Failure::Unknown(error),
    }
}

/// Patience, and what is open.
pub(crate) struct Tries {
    started: Instant,
    attempts: u32,
    store_failures: u32,
    /// The version the last attempt was built on, while it is not known whether the attempt landed.
    pub(crate) base: Option<u64>,
    last: Option<DeltaTableError>,
}

impl Tries {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), attempts: 0, store_failures: 0, base: None, last: None }
    }

    /// Whether an attempt may still land.
    pub(crate) fn open(&self) -> bool {
        self.base.is_some()
    }

    pub(crate) fn failed(&mut self, table: &str, failure: Failure) -> Result<(), LakeError> {
        self.attempts += 1;
        match failure {
            Failure::Conflict(error) => {
                tracing::debug!(table, attempt = self.attempts, %error, "another writer was faster");
                self.last = Some(error);
            }
            Failure::Unknown(error) => {
                tracing::warn!(table, attempt = self.attempts, %error, "a commit failed and is looked into");
                self.store_failures += 1;
                self.last = Some(error);
                if self.store_failures > STORE_FAILURES {
                    return self.give_up(table);
                }
            }
        }
        Ok(())
    }

    /// Ends the matter once patience is over.
    pub(crate) fn check(&mut self, table: &str) -> Result<(), LakeError> {
        if self.started.elapsed() > PATIENCE { self.give_up(table) } else { Ok(()) }
    }

    fn give_up(&mut self, table: &str) -> Result<(), LakeError> {
        let source = Box::new(self.last.take().unwrap_or(DeltaTableError::NotInitialized));
        Err(LakeError::Contended {
            table: table.to_owned(),
            attempts: self.attempts,
            seconds: self.started.elapsed().as_secs(),
            unknown: self.open(),
            source,
        })
    }

    /// Waits a random time that grows with the attempts, so that writers do not meet again.
    pub(crate) async fn pause(&self) {
        let ceiling = 5_u64 << self.attempts.min(8);
        let millis = rand::rng().random_range(0..=ceiling);
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
}
