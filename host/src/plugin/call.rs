//! One call into a guest: the clock runs, and whatever comes back is told apart.
//!
//! The engine reports every misfortune as one error type. Which limit or rule was behind it is known from what the
//! host's own meters noted while the guest ran, so they are asked first and the engine's words come last.

use wasmtime::{Store, Trap, WasmBacktrace};

use super::abi::v0_1::types;
use super::error::{Place, PluginError};
use super::imports::log::printable;
use super::limits::{LimitKind, Limits};
use super::state::{State, Stop};

/// Longest text of a plugin's failure that is shown.
const MAX_TEXT: usize = 4096;
/// Innermost functions of a backtrace that are shown.
const MAX_FRAMES: usize = 8;

/// A store, its limits, and how much was pushed into it so far.
pub(super) struct Calls {
    pub(super) store: Store<State>,
    pub(super) limits: Limits,
    pub(super) pushed: u64,
    poisoned: bool,
}

impl Calls {
    pub(super) fn new(store: Store<State>, limits: Limits) -> Self {
        Self { store, limits, pushed: 0, poisoned: false }
    }

    pub(super) fn place(&self) -> Place {
        self.store.data().place.clone()
    }

    /// Runs a call under the time budget. After an error the store is never used again.
    pub(super) fn run<T>(
        &mut self,
        call: impl FnOnce(&mut Store<State>) -> wasmtime::Result<T>,
    ) -> Result<T, PluginError> {
        if self.poisoned {
            return Err(PluginError::Poisoned { place: Box::new(self.place()) });
        }
        let budget = self.limits.wall_budget(self.pushed);
        self.store.data_mut().clock.start(budget);
        self.store.set_epoch_deadline(1);
        let result = call(&mut self.store);
        self.store.data_mut().clock.stop();
        result.map_err(|error| {
            self.poisoned = true;
            self.classify(&error)
        })
    }

    /// An error about what the guest returned; the store is not used again.
    pub(super) fn contract(&mut self, problem: String) -> PluginError {
        self.poisoned = true;
        PluginError::Contract { place: Box::new(self.place()), problem }
    }

    /// The store is not used again: what it returned was refused.
    pub(super) fn poison(&mut self) {
        self.poisoned = true;
    }

    /// A limit the host itself counts; the store is not used again.
    pub(super) fn over(&mut self, limit: LimitKind, detail: String) -> PluginError {
        self.poisoned = true;
        PluginError::OverLimit { place: Box::new(self.place()), limit, detail }
    }

    /// A failure the plugin returned. The store stays usable.
    pub(super) fn failure(&self, failure: types::Failure) -> PluginError {
        PluginError::Failure { place: Box::new(self.place()), failure: Box::new(shown(failure.into())) }
    }

    fn classify(&self, error: &wasmtime::Error) -> PluginError {
        let state = self.store.data();
        let place = Box::new(self.place());
        let limits = &self.limits;
        let over = |limit, detail| PluginError::OverLimit { place: place.clone(), limit, detail };
        match state.stop {
            Some(Stop::Cancelled) => return PluginError::Cancelled { place },
            Some(Stop::OutOfTime) => {
                let budget = state.clock.budget.as_secs_f64();
                let detail = format!("{budget:.1} s for {} of input", mib(self.pushed));
                return over(LimitKind::Time, detail);
            }
            None => {}
        }
        if let Some(rule) = state.broken_rule {
            return PluginError::Contract { place, problem: rule.to_owned() };
        }
        if let Some(asked) = state.memory.unavailable {
            return PluginError::NoMemory { place, asked: mib(asked as u64) };
        }
        if let Some(asked) = state.memory.refused {
            let detail = format!("{} allowed, {} asked for", mib(limits.memory_bytes), mib(asked as u64));
            return over(LimitKind::Memory, detail);
        }
        let cause = error.root_cause().to_string();
        if let Some(trap) = error.downcast_ref::<Trap>() {
            return PluginError::Trap { place, trap: trap.to_string(), backtrace: backtrace(error) };
        }
        // These two errors have no public type; the tests hold the engine to its words.
        if cause.contains("fuel allocated for hostcalls has been exhausted") {
            return over(LimitKind::Output, format!("{} may cross in one call", mib(limits.output_bytes_per_call)));
        }
        if cause.contains("handle limit exceeded") || cause.contains("resource table has no free keys") {
            return over(LimitKind::Handles, format!("{} may be alive at once", limits.handles));
        }
        PluginError::Contract { place, problem: printable(&causes(error), MAX_TEXT) }
    }
}

/// What the engine says from the outermost context to the cause, each once. The backtrace among it says nothing here.
fn causes(error: &wasmtime::Error) -> String {
    let mut told: Vec<String> = Vec::new();
    for cause in error.chain().map(ToString::to_string) {
        if !cause.starts_with("error while executing at wasm backtrace")
            && !told.iter().any(|said| said.contains(&cause))
        {
            told.push(cause);
        }
    }
    told.join(": ")
}

/// A failure's text comes from the plugin and goes to terminals.
pub(super) fn shown(mut failure: super::types::Failure) -> super::types::Failure {
    failure.code = printable(&failure.code, 128);
    failure.message = printable(&failure.message, MAX_TEXT);
    failure.path = failure.path.map(|path| printable(&path, MAX_TEXT));
    if let Some(at) = &mut failure.at {
        at.column = at.column.take().map(|column| printable(&column, 256));
    }
    failure
}

pub(super) fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// The innermost functions, by name where the component kept names. Offsets and file names say nothing to an operator.
fn backtrace(error: &wasmtime::Error) -> String {
    let Some(trace) = error.downcast_ref::<WasmBacktrace>() else { return String::new() };
    let names: Vec<String> = trace
        .frames()
        .iter()
        .take(MAX_FRAMES)
        .map(|frame| match frame.func_name() {
            Some(name) => printable(name, 120),
            None => format!("function {}", frame.func_index()),
        })
        .collect();
    if names.is_empty() { String::new() } else { format!(" (in {})", names.join(" < ")) }
}
