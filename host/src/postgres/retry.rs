//! When a failed publication is tried again.

use std::time::Duration;

use rand::Rng as _;

/// How often a publication is tried again after transient errors.
pub(super) const RETRIES: u32 = 4;
const FIRST: Duration = Duration::from_millis(200);

/// How long to wait before retry number `retry`, from 0: twice as long each time, and up to half of that more or less, so
/// that hosts which failed together do not meet again.
pub(super) fn backoff(retry: u32) -> Duration {
    let base = FIRST * 2_u32.saturating_pow(retry.min(10));
    base.mul_f64(rand::rng().random_range(0.5..1.5))
}
