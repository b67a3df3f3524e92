//! What the host keeps beside a guest's memory: one [`State`] per store.

use std::time::{Duration, Instant};

use wasmtime::component::ResourceTable;
use wasmtime::{Store, UpdateDeadline};

use super::error::Place;
use super::imports::log::LogMeter;
use super::limits::{Cancel, Limits, MemoryMeter};

/// What the guest was called for; imports may depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duty {
    Describe,
    Discover,
    Work,
}

/// Why the epoch callback stopped a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    Cancelled,
    OutOfTime,
}

/// Time spent in the guest, against a budget that grows with the input.
#[derive(Debug)]
pub(super) struct GuestClock {
    used: Duration,
    running_since: Option<Instant>,
    deadline: Instant,
    pub(super) budget: Duration,
}

impl GuestClock {
    fn new(budget: Duration) -> Self {
        Self { used: Duration::ZERO, running_since: None, deadline: Instant::now(), budget }
    }

    pub(super) fn start(&mut self, budget: Duration) {
        let now = Instant::now();
        self.budget = budget;
        self.running_since = Some(now);
        let left = budget.saturating_sub(self.used);
        self.deadline = now.checked_add(left).unwrap_or(now + Duration::from_secs(86_400));
    }

    pub(super) fn stop(&mut self) {
        if let Some(since) = self.running_since.take() {
            self.used += since.elapsed();
        }
    }

    /// Leaves out time the guest spent waiting for the host.
    pub(super) fn pause(&mut self, waited: Duration) {
        self.deadline = self.deadline.checked_add(waited).unwrap_or(self.deadline);
        self.running_since = self.running_since.and_then(|since| since.checked_add(waited));
    }

    pub(super) fn used(&self) -> Duration {
        self.used
    }

    fn over(&self) -> bool {
        Instant::now() >= self.deadline
    }
}

/// The data of a store.
pub(super) struct State {
    pub(super) place: Place,
    pub(super) duty: Duty,
    pub(super) memory: MemoryMeter,
    pub(super) clock: GuestClock,
    pub(super) logs: LogMeter,
    pub(super) handles: ResourceTable,
    pub(super) stop: Option<Stop>,
    /// The rule a host call found broken; it became a trap.
    pub(super) broken_rule: Option<&'static str>,
    cancel: Cancel,
}

impl State {
    /// Remembers the broken rule and gives the error that traps the guest.
    pub(super) fn forbid(&mut self, rule: &'static str) -> wasmtime::Error {
        self.broken_rule = Some(rule);
        wasmtime::format_err!("{rule}")
    }
}

/// A store with every limit in force, before anything is instantiated in it.
pub(super) fn store(
    engine: &wasmtime::Engine,
    place: Place,
    duty: Duty,
    limits: &Limits,
    cancel: &Cancel,
) -> Store<State> {
    let mut handles = ResourceTable::new();
    handles.set_max_capacity(limits.handles);
    let state = State {
        place,
        duty,
        memory: MemoryMeter::new(limits.memory_bytes),
        clock: GuestClock::new(limits.wall_base),
        logs: LogMeter::new(limits),
        handles,
        stop: None,
        broken_rule: None,
        cancel: cancel.clone(),
    };
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.memory);
    store.set_hostcall_fuel(usize::try_from(limits.output_bytes_per_call).unwrap_or(usize::MAX));
    store.set_max_component_handles(limits.handles);
    // Only an engine that counts instructions takes fuel; what is gone of it is the count, never a limit.
    let _ = store.set_fuel(u64::MAX);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut context| {
        let state = context.data_mut();
        if state.cancel.is_cancelled() {
            state.stop = Some(Stop::Cancelled);
        } else if state.clock.over() {
            state.stop = Some(Stop::OutOfTime);
        }
        Ok(if state.stop.is_some() { UpdateDeadline::Interrupt } else { UpdateDeadline::Continue(1) })
    });
    store
}
