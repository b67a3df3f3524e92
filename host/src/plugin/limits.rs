//! How much of the machine a plugin may use.
//!
//! Every limit has a default, a flag, and an error that names it. Limits hold per instance: one store per file or per
//! unit of work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use wasmtime::ResourceLimiter;

use crate::source::bucket::GrantLimits;

const MIB: u64 = 1 << 20;
/// How many calls' worth of output is given before any input.
const OUTPUT_CALLS: u64 = 2;

/// What an instance may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes over all linear memories of the instance together.
    pub memory_bytes: u64,
    /// Time in the guest, summed over the instance's life, before anything was pushed.
    pub wall_base: Duration,
    /// Further time in the guest for every MiB pushed.
    pub wall_per_mib: Duration,
    /// Bytes one call may return. [`Limits::set_output`] changes it together with the next.
    pub output_bytes_per_call: u64,
    /// Bytes all calls for one file or unit of work may return together: this much, and
    pub output_bytes_base: u64,
    /// this many times its input.
    pub output_per_input: u64,
    /// Component handles alive at once.
    pub handles: usize,
    /// Log records per second, on average.
    pub log_records_per_second: u32,
    /// Bytes of one log message or field; longer ones are cut.
    pub log_message_bytes: usize,
    /// Log records less severe than this are not taken.
    pub log_level: LevelFilter,
    /// What one discovery may call, read and list.
    pub discovery: GrantLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 512 * MIB,
            wall_base: Duration::from_secs(60),
            wall_per_mib: Duration::from_secs(1),
            output_bytes_per_call: 32 * MIB,
            output_bytes_base: OUTPUT_CALLS * 32 * MIB,
            output_per_input: 8,
            handles: 256,
            log_records_per_second: 100,
            log_message_bytes: 4096,
            log_level: LevelFilter::TRACE,
            discovery: GrantLimits::default(),
        }
    }
}

impl Limits {
    /// Time an instance may spend in the guest after `pushed` bytes.
    pub fn wall_budget(&self, pushed: u64) -> Duration {
        let per_mib = self.wall_per_mib.as_secs_f64() * (pushed as f64 / MIB as f64);
        self.wall_base.saturating_add(Duration::try_from_secs_f64(per_mib).unwrap_or(Duration::MAX))
    }

    /// Lets one call return `per_call` bytes, and scales what all calls together may return before any input: the two
    /// are one flag, and the error of either tells people to raise it.
    pub fn set_output(&mut self, per_call: u64) {
        self.output_bytes_per_call = per_call;
        self.output_bytes_base = per_call.saturating_mul(OUTPUT_CALLS);
    }

    /// Bytes a file of `pushed` bytes so far may have returned.
    pub fn output_budget(&self, pushed: u64) -> u64 {
        self.output_bytes_base.saturating_add(self.output_per_input.saturating_mul(pushed))
    }
}

/// Which limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitKind {
    /// [`Limits::memory_bytes`].
    Memory,
    /// [`Limits::wall_base`] and [`Limits::wall_per_mib`].
    Time,
    /// [`Limits::output_bytes_per_call`].
    Output,
    /// [`Limits::output_bytes_base`] and [`Limits::output_per_input`].
    FileOutput,
    /// [`Limits::handles`].
    Handles,
}

impl LimitKind {
    /// The flag that raises it.
    pub fn flag(self) -> &'static str {
        match self {
            Self::Memory => "--max-memory",
            Self::Time => "--max-time",
            Self::Output | Self::FileOutput => "--max-output",
            Self::Handles => "--max-handles",
        }
    }
}

impl std::fmt::Display for LimitKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::Time => "time",
            Self::Output => "output per call",
            Self::FileOutput => "total output",
            Self::Handles => "handle",
        })
    }
}

/// Stops the guests of a run. Clones share one switch.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks every guest call under this switch to stop within one epoch (10 ms of guest time).
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

const MAX_MEMORIES: usize = 8;
const MAX_TABLES: usize = 16;
const MAX_INSTANCES: usize = 32;
const MAX_TABLE_ELEMENTS: usize = 20_000;
/// Bytes that a memory can have at most, whatever its type says.
const MAX_MEMORY_TYPE: usize = 1 << 32;

/// Counts memory over all linear memories of a store; wasmtime's own limiter caps each one alone.
#[derive(Debug)]
pub(super) struct MemoryMeter {
    limit: usize,
    held: usize,
    /// What the growth being tried adds, to take back if it fails.
    pending: usize,
    /// Whether the growth being tried is more than the memory's own type allows.
    beyond_type: bool,
    pub(super) peak: usize,
    /// The total that was asked for when growth was last refused.
    pub(super) refused: Option<usize>,
    /// The total that was asked for, within the limit, when this machine had no memory for it.
    pub(super) unavailable: Option<usize>,
}

impl MemoryMeter {
    pub(super) fn new(limit: u64) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Self { limit, held: 0, pending: 0, beyond_type: false, peak: 0, refused: None, unavailable: None }
    }
}

impl ResourceLimiter for MemoryMeter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let added = desired.saturating_sub(current);
        let total = self.held.saturating_add(added);
        if total > self.limit {
            self.pending = 0;
            self.refused = Some(total);
            return Ok(false);
        }
        self.pending = added;
        self.beyond_type = desired > maximum.unwrap_or(MAX_MEMORY_TYPE);
        self.held = total;
        self.peak = self.peak.max(total);
        Ok(true)
    }

    /// A guest that sees a refusal may go on with less, and put out something else. It may see those that come from its
    /// own type and from the limit, which are the same everywhere; for want of memory on this machine it is stopped.
    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        let asked = self.held;
        self.held = self.held.saturating_sub(self.pending);
        self.pending = 0;
        if self.beyond_type {
            return Ok(());
        }
        self.unavailable = Some(asked);
        Err(error)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }

    fn instances(&self) -> usize {
        MAX_INSTANCES
    }

    fn tables(&self) -> usize {
        MAX_TABLES
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES
    }
}
