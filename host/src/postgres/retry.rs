//! When a failed transaction is tried again.

use std::time::Duration;

use rand::Rng as _;

use super::error::DatabaseError;

/// How often a transaction is tried again after transient errors.
const RETRIES: u32 = 4;
const FIRST: Duration = Duration::from_millis(200);

/// How long to wait before retry number `retry`, from 0: twice as long each time, and up to half of that more or less, so
/// that hosts which failed together do not meet again.
fn backoff(retry: u32) -> Duration {
    let base = FIRST * 2_u32.saturating_pow(retry.min(10));
    base.mul_f64(rand::rng().random_range(0.5..1.5))
}

/// Counts how often something was tried again.
#[derive(Debug, Default)]
pub(super) struct Retries(u32);

impl Retries {
    /// Whether to try again after this error: waits, and says so, if it is.
    pub(super) async fn again(&mut self, error: &DatabaseError, action: &str) -> bool {
        if !error.is_transient() || self.0 >= RETRIES {
            return false;
        }
        let wait = backoff(self.0);
        tracing::warn!(%error, retry_in = ?wait, "{action} failed; trying again");
        tokio::time::sleep(wait).await;
        self.0 += 1;
        true
    }

    /// How often so far.
    pub(super) fn count(&self) -> u32 {
        self.0
    }
}
