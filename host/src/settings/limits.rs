//! What plugins may use: the sections `[limits]` and `[plugin.ID]`.

use std::time::Duration;

use serde::Deserialize;
use tracing::level_filters::LevelFilter;

use super::ByteSize;
use crate::plugin::Limits;

/// The `[limits]` section: what one plugin instance may use. A `[plugin.ID]` says it of one plugin.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsSection {
    /// Sum of all its memories, such as `512MiB`.
    pub max_memory: Option<ByteSize>,
    /// Seconds an instance may compute, before an allowance per MiB of input.
    pub max_time: Option<u64>,
    /// Bytes one call may return; all calls together twice that, and more with their input.
    pub max_output: Option<ByteSize>,
    /// Resource handles.
    pub max_handles: Option<usize>,
    /// Log records a second.
    pub max_log_rate: Option<u32>,
    /// Calls to storage in one discovery.
    pub max_discovery_calls: Option<u64>,
    /// Bytes read in one discovery, after decompression.
    pub max_discovery_bytes: Option<ByteSize>,
    /// Objects and folders listed in one discovery.
    pub max_discovery_entries: Option<u64>,
    /// Least severe records that are taken: `off`, `error`, `warn`, `info`, `debug` or `trace`.
    pub log: Option<LogLevel>,
}

impl LimitsSection {
    /// Sets what the section says, and leaves the rest.
    pub fn apply(&self, limits: &mut Limits) {
        if let Some(ByteSize(bytes)) = self.max_memory {
            limits.memory_bytes = bytes;
        }
        if let Some(seconds) = self.max_time {
            limits.wall_base = Duration::from_secs(seconds);
        }
        if let Some(ByteSize(bytes)) = self.max_output {
            limits.set_output(bytes);
        }
        if let Some(handles) = self.max_handles {
            limits.handles = handles;
        }
        if let Some(rate) = self.max_log_rate {
            limits.log_records_per_second = rate;
        }
        if let Some(calls) = self.max_discovery_calls {
            limits.discovery.calls = calls;
        }
        if let Some(ByteSize(bytes)) = self.max_discovery_bytes {
            limits.discovery.bytes = bytes;
        }
        if let Some(entries) = self.max_discovery_entries {
            limits.discovery.entries = entries;
        }
        if let Some(LogLevel(level)) = self.log {
            limits.log_level = level;
        }
    }
}

/// Which log records of a plugin are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct LogLevel(pub LevelFilter);

impl TryFrom<String> for LogLevel {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // The filter's own parser takes numbers and capitals, too; one spelling is enough.
        let known = ["off", "error", "warn", "info", "debug", "trace"].contains(&text.as_str());
        let level = text.parse().ok().filter(|_| known).map(Self);
        level.ok_or_else(|| format!("`{text}` is no level; write off, error, warn, info, debug or trace"))
    }
}
