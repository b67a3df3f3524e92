//! When a source is run: a cron expression in UTC, and a delay that is always the same for one source.

use std::time::Duration;

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Year};
use sha2::{Digest, Sha256};

/// A cron expression with the delay of one source.
///
/// The delay is made from the source's name: sources of one schedule do not start at once, and each keeps its distance.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    text: String,
    cron: Cron,
    delay: Duration,
}

impl Schedule {
    /// Reads five fields, minute to day of the week, or six with seconds before them; `@daily` and the like are known.
    ///
    /// # Errors
    /// When it is no cron expression, or names a time that never comes.
    pub fn parse(text: &str, source: &str, jitter: Duration) -> Result<Self, String> {
        let told = |why: String| {
            format!("schedule `{text}` is not a cron expression ({why}); write for example \"17 */6 * * *\"")
        };
        let parser = CronParser::builder().year(Year::Disallowed).build();
        let cron = parser.parse(text).map_err(|error| told(error.to_string()))?;
        let schedule = Self { text: text.to_owned(), cron, delay: delay(source, jitter) };
        schedule.next_after(Utc::now()).map(|_| schedule.clone()).ok_or_else(|| told("it names no time".to_owned()))
    }

    /// The first time after `time`, the delay included.
    pub fn next_after(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // A firing that lies before `time` may, with its delay, still be to come.
        let from = time - self.delay;
        self.cron.find_next_occurrence(&from, false).ok().map(|fires| fires + self.delay)
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

fn delay(source: &str, jitter: Duration) -> Duration {
    let digest = Sha256::digest(source.as_bytes());
    let number = digest.iter().take(4).fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    jitter.mul_f64(f64::from(number) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn times_are_utc_and_strictly_later() {
        let schedule = Schedule::parse("17 */6 * * *", "a", Duration::ZERO).unwrap();
        assert_eq!(schedule.next_after(at("2026-11-20T06:16:59Z")), Some(at("2026-11-20T06:17:00Z")));
        assert_eq!(schedule.next_after(at("2026-11-20T06:17:00Z")), Some(at("2026-11-20T12:17:00Z")));
    }

    #[test]
    fn a_source_keeps_its_delay_and_misses_no_firing() {
        let jitter = Duration::from_secs(300);
        let schedule = Schedule::parse("0 * * * *", "prod", jitter).unwrap();
        let first = schedule.next_after(at("2026-11-20T06:30:00Z")).unwrap();
        assert!(first >= at("2026-11-20T07:00:00Z") && first <= at("2026-11-20T07:05:00Z"), "{first}");
        // Between the firing and its delayed start, the start is still to come.
        assert_eq!(schedule.next_after(first - Duration::from_millis(1)), Some(first));
        assert_eq!(schedule.next_after(first), Some(first + Duration::from_secs(3600)));
        let other = Schedule::parse("0 * * * *", "test", jitter).unwrap();
        assert_ne!(other.next_after(at("2026-11-20T06:30:00Z")), Some(first));
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for wrong in ["", "hourly", "61 * * * *", "* * * *", "0 0 31 2 *"] {
            let error = Schedule::parse(wrong, "a", Duration::ZERO).unwrap_err();
            assert!(error.contains(wrong) && error.contains("cron"), "{error}");
        }
    }
}
