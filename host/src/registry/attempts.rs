//! How often a server is asked again, and when: one that is busy, restarts or loses a connection gets another chance, and no
//! command waits without end.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// Requests for one thing, all together.
const MOST: u32 = 5;
/// Before the second attempt, about; twice as long before each further one.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// Longest wait that a server may ask for. One that wants more is told of instead.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// After so long nothing is tried again.
const WHOLE: Duration = Duration::from_secs(300);

/// The attempts at one thing.
#[derive(Debug)]
pub(super) struct Attempts {
    made: u32,
    began: Instant,
}

impl Attempts {
    pub(super) fn new() -> Self {
        Self { made: 0, began: Instant::now() }
    }

    /// Takes note of an attempt that failed, and waits until the next one: as long as the server asked for, else longer each
    /// time.
    ///
    /// # Errors
    /// When there is no further attempt: why, from the `problem` of the last one.
    pub(super) async fn failed(&mut self, problem: String, asked: Option<Duration>) -> Result<(), String> {
        self.made += 1;
        if let Some(asked) = asked.filter(|asked| *asked > LONGEST_WAIT) {
            return Err(format!("{problem} and asks to come back in {} s; try again then", asked.as_secs()));
        }
        if self.made >= MOST || self.began.elapsed() >= WHOLE {
            return Err(format!("{problem}; so ended the last of {} attempts", self.made));
        }
        let wait = asked.unwrap_or_else(|| self.own_wait());
        tracing::warn!(attempt = self.made, wait = ?wait, "{problem}; trying again");
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// Not the same for all who were turned away at one moment.
    fn own_wait(&self) -> Duration {
        let wait = FIRST_WAIT.saturating_mul(1 << (self.made - 1).min(16));
        wait.mul_f64(0.75 + rand::random::<f64>() / 2.0)
    }
}

/// Whether an answer says that the same request may succeed a moment later.
pub(super) fn passes(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// How long a server asks to be left alone: a number of seconds, or a time.
pub(super) fn asked_wait(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let time = DateTime::parse_from_rfc2822(text).ok()?;
    // A time that has passed asks for nothing.
    Some((time.to_utc() - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Option<u64> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
        asked_wait(&headers, "2026-11-20T10:00:00Z".parse().unwrap()).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_server_asks_for_seconds_or_names_a_time() {
        assert_eq!((asked("0"), asked("120")), (Some(0), Some(120)));
        assert_eq!(asked("Fri, 20 Nov 2026 10:00:30 GMT"), Some(30));
        assert_eq!(asked("Fri, 20 Nov 2026 09:00:00 GMT"), Some(0));
        assert_eq!((asked("soon"), asked("-1")), (None, None));
        assert_eq!(asked_wait(&HeaderMap::new(), Utc::now()), None);
    }

    #[tokio::test]
    async fn attempts_end_and_nobody_waits_for_an_hour() {
        let mut attempts = Attempts::new();
        for _ in 1..MOST {
            attempts.failed("busy".to_owned(), Some(Duration::ZERO)).await.unwrap();
        }
        let end = attempts.failed("busy".to_owned(), Some(Duration::ZERO)).await.unwrap_err();
        assert_eq!(end, "busy; so ended the last of 5 attempts");
        let hour = Attempts::new().failed("busy".to_owned(), Some(Duration::from_secs(3600))).await.unwrap_err();
        assert!(hour.contains("in 3600 s"), "{hour}");
    }

    #[test]
    fn waits_grow() {
        let wait = |made: u32| Attempts { made, began: Instant::now() }.own_wait();
        assert!(wait(1) < wait(3) && wait(4) < Duration::from_secs(3));
    }
}
