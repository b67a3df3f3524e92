//! Which source is due when. Knows no clock and starts nothing: it is told the time and asked what to do.
//!
//! A source is never running twice. Whatever becomes due while it runs, by schedule or by request, is one more run
//! after it. A failed run is tried again after a while that doubles, and no later than the schedule says.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::schedule::Schedule;

/// How long to wait after failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// After the first.
    pub first: Duration,
    /// At most.
    pub most: Duration,
}

impl Backoff {
    fn after(self, failures: u32) -> Duration {
        let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.most)
    }
}

/// What a request to run a source came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Triggered {
    /// It runs now.
    Now,
    /// It is running; it runs once more after that.
    Again,
}

/// The sources of a service.
#[derive(Debug, Default)]
pub struct Timetable {
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug, Default)]
struct Entry {
    schedule: Option<Schedule>,
    /// When it runs next.
    due: Option<DateTime<Utc>>,
    running: bool,
    /// Asked for while it was running.
    again: bool,
    failures: u32,
    /// Not in the configuration any more; forgotten when its run ends.
    gone: bool,
}

impl Timetable {
    /// Takes the sources of a configuration. Those that are new are due at once if `start` says so and they have a
    /// schedule; what is known of the others stays.
    pub fn adopt(&mut self, sources: &[(String, Option<Schedule>)], now: DateTime<Utc>, start: bool) {
        for entry in self.entries.values_mut() {
            entry.gone = true;
        }
        for (name, schedule) in sources {
            let known = self.entries.contains_key(name);
            let entry = self.entries.entry(name.clone()).or_default();
            entry.gone = false;
            if !known || entry.schedule != *schedule {
                entry.schedule.clone_from(schedule);
                let next = schedule.as_ref().and_then(|schedule| schedule.next_after(now));
                entry.due = if start && !known { schedule.as_ref().map(|_| now) } else { next };
            }
        }
        self.entries.retain(|_, entry| entry.running || !entry.gone);
    }

    /// Sources to be started now; they count as running from here on.
    pub fn due(&mut self, now: DateTime<Utc>) -> Vec<String> {
        let due = self
            .entries
            .iter_mut()
            .filter(|(_, entry)| !entry.running && !entry.gone && entry.due.is_some_and(|due| due <= now));
        due.map(|(name, entry)| {
            entry.running = true;
            // From here on, what the schedule says is meant for the run after this one.
            entry.due = entry.schedule.as_ref().and_then(|schedule| schedule.next_after(now));
            name.clone()
        })
        .collect()
    }

    /// Asks for a run; none if there is no such source.
    pub fn trigger(&mut self, name: &str, now: DateTime<Utc>) -> Option<Triggered> {
        let entry = self.entries.get_mut(name).filter(|entry| !entry.gone)?;
        if entry.running {
            entry.again = true;
            return Some(Triggered::Again);
        }
        entry.due = Some(now);
        Some(Triggered::Now)
    }

    /// Takes note that a run has ended.
    pub fn ended(&mut self, name: &str, failed: bool, now: DateTime<Utc>, backoff: Backoff) {
        let Some(entry) = self.entries.get_mut(name) else { return };
        entry.running = false;
        if entry.gone {
            self.entries.remove(name);
            return;
        }
        entry.failures = if failed { entry.failures.saturating_add(1) } else { 0 };
        let again = std::mem::take(&mut entry.again);
        if failed {
            let retry = now + backoff.after(entry.failures);
            // A time that has passed while it ran does not shorten the wait.
            let scheduled = entry.due.filter(|due| *due > now);
            entry.due = Some(scheduled.map_or(retry, |due| due.min(retry)));
        }
        if again {
            entry.due = Some(now);
        }
    }

    /// When to look again.
    pub fn next_wake(&self) -> Option<DateTime<Utc>> {
        self.entries.values().filter(|entry| !entry.running).filter_map(|entry| entry.due).min()
    }

    /// When a source runs next, and how often in a row it has failed.
    pub fn outlook(&self, name: &str) -> (Option<DateTime<Utc>>, u32) {
        self.entries.get(name).map_or((None, 0), |entry| (entry.due, entry.failures))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff { first: Duration::from_secs(60), most: Duration::from_secs(600) };

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-11-20T{text}Z").parse().unwrap()
    }

    fn hourly(name: &str) -> (String, Option<Schedule>) {
        (name.to_owned(), Some(Schedule::parse("0 * * * *", name, Duration::ZERO).unwrap()))
    }

    fn one() -> Timetable {
        let mut table = Timetable::default();
        table.adopt(&[hourly("a")], at("06:30:00"), false);
        table
    }

    #[test]
    fn runs_missed_while_one_was_running_collapse_into_one() {
        let mut table = one();
        assert!(table.due(at("06:59:59")).is_empty());
        assert_eq!(table.due(at("07:00:00")), ["a"]);
        assert!(table.due(at("10:30:00")).is_empty(), "never twice at once");
        table.ended("a", false, at("10:30:00"), BACKOFF);
        assert_eq!(table.due(at("10:30:00")), ["a"], "for 08:00, 09:00 and 10:00 together");
        table.ended("a", false, at("10:31:00"), BACKOFF);
        assert_eq!(table.next_wake(), Some(at("11:00:00")));
    }

    #[test]
    fn failures_wait_longer_each_time_but_never_beyond_the_schedule() {
        let mut table = one();
        let mut waits = Vec::new();
        let mut now = at("07:00:00");
        for _ in 0..5 {
            assert_eq!(table.due(now), ["a"]);
            table.ended("a", true, now, BACKOFF);
            let next = table.next_wake().unwrap();
            waits.push((next - now).num_seconds());
            now = next;
        }
        assert_eq!(waits, [60, 120, 240, 480, 600]);
        let mut late = one();
        assert_eq!(late.due(at("07:00:00")), ["a"]);
        late.ended("a", true, at("07:59:30"), BACKOFF);
        assert_eq!(late.next_wake(), Some(at("08:00:00")));
        assert_eq!(late.due(at("08:00:00")), ["a"]);
        late.ended("a", false, at("08:01:00"), BACKOFF);
        assert_eq!(late.outlook("a"), (Some(at("09:00:00")), 0));
    }

    #[test]
    fn a_request_runs_now_or_once_more_after_the_run_that_is_on() {
        let mut table = one();
        assert_eq!(table.trigger("b", at("06:31:00")), None);
        assert_eq!(table.trigger("a", at("06:31:00")), Some(Triggered::Now));
        assert_eq!(table.due(at("06:31:00")), ["a"]);
        assert_eq!(table.trigger("a", at("06:31:10")), Some(Triggered::Again));
        assert_eq!(table.trigger("a", at("06:31:20")), Some(Triggered::Again));
        table.ended("a", false, at("06:32:00"), BACKOFF);
        assert_eq!(table.due(at("06:32:00")), ["a"]);
        table.ended("a", false, at("06:33:00"), BACKOFF);
        assert!(table.due(at("06:33:00")).is_empty());
        assert_eq!(table.next_wake(), Some(at("07:00:00")));
    }

    #[test]
    fn a_source_that_leaves_ends_its_run_and_is_forgotten() {
        let mut table = one();
        assert_eq!(table.due(at("07:00:00")), ["a"]);
        table.adopt(&[hourly("b")], at("07:00:10"), true);
        assert_eq!(table.trigger("a", at("07:00:20")), None);
        assert_eq!(table.due(at("07:00:20")), ["b"], "a source that comes with a schedule starts at once");
        table.ended("a", false, at("07:01:00"), BACKOFF);
        assert_eq!(table.next_wake(), None);
        // Back again before its run had ended, it is still not run twice.
        let mut table = one();
        assert_eq!(table.due(at("07:00:00")), ["a"]);
        table.adopt(&[], at("07:00:10"), true);
        table.adopt(&[hourly("a")], at("07:00:20"), true);
        assert!(table.due(at("07:00:30")).is_empty());
    }

    #[test]
    fn a_source_without_a_schedule_waits_to_be_asked() {
        let mut table = Timetable::default();
        table.adopt(&[("a".to_owned(), None)], at("07:00:00"), true);
        assert_eq!(table.next_wake(), None);
        assert_eq!(table.trigger("a", at("07:00:00")), Some(Triggered::Now));
        assert_eq!(table.due(at("07:00:00")), ["a"]);
    }
}
