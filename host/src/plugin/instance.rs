//! An instance of a plugin: one store for some files of one unit of work, or for its summaries.
//!
//! After an error that is not a failure the plugin itself returned, the instance answers every call with
//! [`PluginError::Poisoned`]: a guest that was stopped halfway holds nothing that can be trusted.

mod accumulators;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasmtime::component::ResourceAny;

use super::abi::v0_1::{fold, normalize, shares, summarize, types};
use super::call::{Calls, mib};
use super::error::{Place, PluginError};
use super::findings;
use super::limits::{Cancel, LimitKind, Limits};
use super::loaded::{CallContext, Plugin};
use super::manifest::TableRole;
use super::row_reader::{RowReader, Unchecked, UncheckedRows};
use super::state::{Duty, store};
use super::types::{NormalizeJob, Outcome, TableRows};

/// What an instance has used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Most bytes its memories held together.
    pub peak_memory_bytes: u64,
    /// Time spent in the guest.
    pub guest_time: Duration,
    /// Bytes pushed into it.
    pub pushed_bytes: u64,
    /// Bytes of rows, rejects and saved state it returned.
    pub returned_bytes: u64,
    /// Log records dropped because they came too fast.
    pub log_records_dropped: u64,
    /// WebAssembly instructions it ran, where the engine counts them.
    pub instructions: Option<u64>,
}

/// A normalizer of one instance. Give it back with [`Instance::drop_normalizer`].
#[derive(Debug)]
pub struct NormalizerHandle {
    instance: u64,
    resource: ResourceAny,
    /// Bytes this file pushed and got back.
    pushed: u64,
    returned: u64,
    finished: bool,
}

/// An accumulator of one instance. Give it back with [`Instance::drop_accumulator`].
#[derive(Debug)]
pub struct AccumulatorHandle {
    instance: u64,
    resource: ResourceAny,
    /// The table its result goes to.
    outputs: Vec<usize>,
}

/// One store with one instantiated plugin in it.
pub struct Instance {
    id: u64,
    plugin: Arc<Plugin>,
    calls: Calls,
    normalize: normalize::Guest,
    summarize: Option<summarize::Guest>,
    fold: Option<fold::Guest>,
    shares: Option<shares::Guest>,
    rows: RowReader,
    returned: u64,
    /// Bytes of saved state and summary rows, which all accumulators of the instance share a budget for.
    drained: u64,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").field("place", &self.calls.place()).finish_non_exhaustive()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.plugin.note_memory(self.usage().peak_memory_bytes);
    }
}

impl Instance {
    pub(super) fn new(
        plugin: Arc<Plugin>,
        place: Place,
        limits: &Limits,
        cancel: &Cancel,
    ) -> Result<Self, PluginError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let store = store(plugin.linked.engine(), place, Duty::Work, limits, cancel);
        let mut calls = Calls::new(store, limits.clone());
        let duties = &plugin.duties;
        let (normalize, summarize, fold, shares) = calls.run(|store| {
            let instance = plugin.linked.instantiate(&mut *store)?;
            let normalize = duties.normalize.load(&mut *store, &instance)?;
            let summarize = duties.summarize.as_ref().map(|duty| duty.load(&mut *store, &instance)).transpose()?;
            let fold = duties.fold.as_ref().map(|duty| duty.load(&mut *store, &instance)).transpose()?;
            let shares = duties.shares.as_ref().map(|duty| duty.load(&mut *store, &instance)).transpose()?;
            Ok((normalize, summarize, fold, shares))
        })?;
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let rows = RowReader::new(Arc::clone(&plugin), calls.place());
        Ok(Self { id, plugin, calls, normalize, summarize, fold, shares, rows, returned: 0, drained: 0 })
    }

    /// Says what is worked on from now on: errors and log records tell it.
    pub fn turn_to(&mut self, context: &CallContext) {
        let place = &mut self.calls.store.data_mut().place;
        place.context = context.to_string();
        self.rows = RowReader::new(Arc::clone(&self.plugin), place.clone());
    }

    /// Opens a normalizer for one file.
    ///
    /// # Errors
    /// [`PluginError::Failure`] when the plugin refuses the file or the settings; otherwise a limit, trap or broken rule.
    pub fn open_normalizer(&mut self, job: &NormalizeJob) -> Result<NormalizerHandle, PluginError> {
        let job = normalize::Job::from(job);
        let guest = self.normalize.normalizer();
        let opened = self.calls.run(|store| guest.call_open(store, &job))?;
        let resource = opened.map_err(|failure| self.calls.failure(failure))?;
        Ok(NormalizerHandle { instance: self.id, resource, pushed: 0, returned: 0, finished: false })
    }

    /// Pushes the next piece of the file.
    ///
    /// # Errors
    /// As [`Instance::open_normalizer`], and [`PluginError::BadRows`] when what came back is not what was declared.
    pub fn push(&mut self, normalizer: &mut NormalizerHandle, data: &[u8]) -> Result<Outcome, PluginError> {
        let unchecked = self.push_unchecked(normalizer, data)?;
        self.read(unchecked)
    }

    /// Pushes the next piece of the file and leaves the checking of rows to a [`RowReader`], on another thread perhaps.
    ///
    /// # Errors
    /// As [`Instance::open_normalizer`].
    pub fn push_unchecked(&mut self, normalizer: &mut NormalizerHandle, data: &[u8]) -> Result<Unchecked, PluginError> {
        self.own(normalizer.instance)?;
        self.unfinished(normalizer)?;
        self.calls.pushed += data.len() as u64;
        normalizer.pushed += data.len() as u64;
        let guest = self.normalize.normalizer();
        let outcome = self.calls.run(|store| guest.call_push(store, normalizer.resource, data))?;
        self.unchecked(normalizer, outcome)
    }

    /// Tells the normalizer that the file has ended.
    ///
    /// # Errors
    /// As [`Instance::push`].
    pub fn finish(&mut self, normalizer: &mut NormalizerHandle) -> Result<Outcome, PluginError> {
        let unchecked = self.finish_unchecked(normalizer)?;
        self.read(unchecked)
    }

    /// Tells the normalizer that the file has ended and leaves the checking of rows to a [`RowReader`].
    ///
    /// # Errors
    /// As [`Instance::open_normalizer`].
    pub fn finish_unchecked(&mut self, normalizer: &mut NormalizerHandle) -> Result<Unchecked, PluginError> {
        self.own(normalizer.instance)?;
        self.unfinished(normalizer)?;
        normalizer.finished = true;
        let guest = self.normalize.normalizer();
        let outcome = self.calls.run(|store| guest.call_finish(store, normalizer.resource))?;
        self.unchecked(normalizer, outcome)
    }

    /// Checks the rows of an earlier call; an instance whose rows are refused is not used again.
    ///
    /// # Errors
    /// [`PluginError::BadRows`] when rows are not what was declared.
    pub fn read(&mut self, unchecked: Unchecked) -> Result<Outcome, PluginError> {
        self.rows.read(unchecked).inspect_err(|_| self.calls.poison())
    }

    /// What checks the rows of this instance that it was not asked to check itself.
    pub fn row_reader(&self) -> RowReader {
        RowReader::new(Arc::clone(&self.plugin), self.calls.place())
    }

    /// Drops a normalizer and what the guest holds for it.
    ///
    /// # Errors
    /// When the guest traps or runs out of time while it cleans up.
    pub fn drop_normalizer(&mut self, normalizer: NormalizerHandle) -> Result<(), PluginError> {
        self.own(normalizer.instance)?;
        self.calls.run(|store| normalizer.resource.resource_drop(store))
    }

    /// What the plugin has said so far at `info` and above, for the run's receipt, and how much of it was dropped.
    pub fn take_notes(&mut self) -> Vec<String> {
        let logs = &mut self.calls.store.data_mut().logs;
        let mut notes = std::mem::take(&mut logs.notes);
        if logs.dropped > 0 {
            notes.push(format!("{} log records came too fast and were dropped", logs.dropped));
        }
        notes
    }

    /// What the instance has used so far. May be asked after an error, too.
    pub fn usage(&self) -> Usage {
        let state = self.calls.store.data();
        Usage {
            peak_memory_bytes: state.memory.peak as u64,
            guest_time: state.clock.used(),
            pushed_bytes: self.calls.pushed,
            returned_bytes: self.returned,
            log_records_dropped: state.logs.dropped,
            instructions: self.calls.store.get_fuel().ok().map(|left| u64::MAX - left),
        }
    }

    /// The engine panics on a handle of another store; a mix-up in the host must not take the process down.
    fn own(&self, instance: u64) -> Result<(), PluginError> {
        if instance == self.id { Ok(()) } else { Err(self.mixed_up("a handle of another instance")) }
    }

    /// The contract promises plugins that nothing is pushed after the end.
    fn unfinished(&self, normalizer: &NormalizerHandle) -> Result<(), PluginError> {
        if normalizer.finished { Err(self.mixed_up("a normalizer after its end")) } else { Ok(()) }
    }

    fn mixed_up(&self, what: &str) -> PluginError {
        let problem = format!("the host used {what}; please report this");
        PluginError::Contract { place: Box::new(self.calls.place()), problem }
    }

    fn within_output(&mut self, returned: u64, pushed: u64) -> Result<(), PluginError> {
        let budget = self.calls.limits.output_budget(pushed);
        if returned <= budget {
            return Ok(());
        }
        let detail = format!("{} returned for {} of input, {} allowed", mib(returned), mib(pushed), mib(budget));
        Err(self.calls.over(LimitKind::FileOutput, detail))
    }

    /// Charges what a normalizer returned and takes everything but the rows for what it is.
    fn unchecked(
        &mut self,
        normalizer: &mut NormalizerHandle,
        outcome: Result<normalize::Outcome, types::Failure>,
    ) -> Result<Unchecked, PluginError> {
        let outcome = outcome.map_err(|failure| self.calls.failure(failure))?;
        let rows = outcome.outputs.iter().map(|output| output.data.len() as u64);
        let rejects = outcome.rejects.iter().map(text_bytes);
        let returned: u64 = rows.chain(rejects).sum();
        self.returned += returned;
        normalizer.returned += returned;
        self.within_output(normalizer.returned, normalizer.pushed)?;
        let mut outputs = Vec::with_capacity(outcome.outputs.len());
        for output in outcome.outputs {
            let table = self.plugin.manifest().tables.get(output.table as usize);
            if table.is_some_and(|table| table.role == TableRole::Summary) {
                let problem = format!("a normalizer returned rows for table {}, which is a summary", output.table);
                return Err(self.calls.contract(problem));
            }
            outputs.push(self.declared(output)?);
        }
        let rejects = outcome.rejects.into_iter().map(|reject| findings::reject(reject.into()));
        let rejects = rejects.collect::<Result<_, _>>().map_err(|problem| self.calls.contract(problem))?;
        let (rows, rejects_uncounted) = (outcome.rows, outcome.rejects_uncounted);
        Ok(Unchecked { outputs, rows, rejects, rejects_uncounted })
    }

    fn rows(&mut self, output: types::Output) -> Result<TableRows, PluginError> {
        let unchecked = self.declared(output)?;
        self.rows.read_rows(unchecked).inspect_err(|_| self.calls.poison())
    }

    fn declared(&mut self, output: types::Output) -> Result<UncheckedRows, PluginError> {
        let table = output.table as usize;
        if table >= self.plugin.manifest().tables.len() {
            return Err(self.calls.contract(format!("it returned rows for table {table}, which it did not declare")));
        }
        Ok(UncheckedRows { table, data: output.data })
    }
}

/// Text a reject carries; the rest of it is small.
fn text_bytes(reject: &types::Reject) -> u64 {
    let optional = [&reject.at.column, &reject.amount, &reject.currency];
    let optional: usize = optional.into_iter().flatten().map(String::len).sum();
    (reject.code.len() + reject.message.len() + optional) as u64
}
