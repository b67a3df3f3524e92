//! Messages from a plugin to its operator, through `tracing`.
//!
//! A plugin chooses the text, so it is shortened, its control characters are escaped, and records that come faster
//! than the limit are dropped and counted. Logging never fails, except from `describe`, which may not call the host.

use std::time::Instant;

use tracing::level_filters::LevelFilter;

use crate::plugin::Limits;
use crate::plugin::abi::v0_1::log::{Host, Level};
pub(in crate::plugin) use crate::plugin::printable::printable;
use crate::plugin::state::{Duty, State};

/// Messages of one instance that are kept for the receipt.
const MAX_NOTES: usize = 32;
/// Fields of one record that are shown.
const MAX_FIELDS: usize = 16;

/// A token bucket that holds one second's worth of records.
#[derive(Debug)]
pub(in crate::plugin) struct LogMeter {
    per_second: f64,
    tokens: f64,
    filled: Instant,
    /// Longest message or field in bytes.
    max_bytes: usize,
    /// Less severe records are not taken.
    level: LevelFilter,
    pub(in crate::plugin) dropped: u64,
    /// What the plugin had to say, for the run's receipt: `info` and above, the first few.
    pub(in crate::plugin) notes: Vec<String>,
}

impl LogMeter {
    pub(in crate::plugin) fn new(limits: &Limits) -> Self {
        let per_second = f64::from(limits.log_records_per_second);
        let (max_bytes, level) = (limits.log_message_bytes, limits.log_level);
        Self { per_second, tokens: per_second, filled: Instant::now(), max_bytes, level, dropped: 0, notes: Vec::new() }
    }

    fn admit(&mut self, now: Instant) -> bool {
        let gained = now.saturating_duration_since(self.filled).as_secs_f64() * self.per_second;
        self.tokens = (self.tokens + gained).min(self.per_second);
        self.filled = now;
        if self.tokens < 1.0 {
            self.dropped += 1;
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}

fn severity(level: Level) -> LevelFilter {
    match level {
        Level::Trace => LevelFilter::TRACE,
        Level::Debug => LevelFilter::DEBUG,
        Level::Info => LevelFilter::INFO,
        Level::Warn => LevelFilter::WARN,
        Level::Error => LevelFilter::ERROR,
    }
}

impl Host for State {
    fn write(&mut self, level: Level, message: String, fields: Vec<(String, String)>) -> wasmtime::Result<()> {
        if self.duty == Duty::Describe {
            return Err(self.forbid("called `log.write` from `describe`, which may not call the host"));
        }
        if severity(level) > self.logs.level || !self.logs.admit(Instant::now()) {
            return Ok(());
        }
        let max = self.logs.max_bytes;
        let message = printable(&message, max);
        if matches!(level, Level::Info | Level::Warn | Level::Error) && self.logs.notes.len() < MAX_NOTES {
            self.logs.notes.push(message.clone());
        }
        let mut facts = String::new();
        for (name, value) in fields.iter().take(MAX_FIELDS) {
            if !facts.is_empty() {
                facts.push(' ');
            }
            facts.push_str(&format!("{}={}", printable(name, 64), printable(value, max / 4)));
        }
        let place = &self.place;
        let (plugin, digest, context) = (&place.plugin, place.digest.get(..12).unwrap_or(""), &place.context);
        macro_rules! emit {
            ($level:ident) => {
                tracing::$level!(target: "costhost::plugin", plugin, digest, context, fields = facts, "{message}")
            };
        }
        match level {
            Level::Trace => emit!(trace),
            Level::Debug => emit!(debug),
            Level::Info => emit!(info),
            Level::Warn => emit!(warn),
            Level::Error => emit!(error),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn records_beyond_the_rate_are_dropped_and_counted_until_time_passes() {
        let mut meter = LogMeter::new(&Limits { log_records_per_second: 10, ..Limits::default() });
        let start = meter.filled;
        let admitted = (0..25).filter(|_| meter.admit(start)).count();
        assert_eq!((admitted, meter.dropped), (10, 15));
        assert!(meter.admit(start + Duration::from_millis(100)));
        assert!(!meter.admit(start + Duration::from_millis(100)));
    }
}
