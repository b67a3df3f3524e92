//! The run: files of all planned periods through a few worker threads, each period committed as its last file is done.
//!
//! A worker takes one file through all its stages; that is simpler than a pipeline and as fast while there are files
//! for every core. A period that fails is left as it was, and the others go on.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::commit::discard;
use super::error::{IngestError, chain};
use super::file::{self, FileResult, FileTask};
use super::period::{PeriodWork, period_receipt};
use super::plan::{Decision, Plan, PlannedPeriod};
use super::progress::Progress;
use super::receipt::{PeriodReceipt, PeriodStatus, ProblemReceipt, Receipt};
use super::request::RunOptions;
use super::resummarize::Resummarize;
use super::tables::PluginTables;
use super::totals::Totals;
use crate::lake::Lake;
use crate::plugin::Cancel;

/// What a run works with, beside its plan.
#[derive(Debug, Clone, Copy)]
pub struct RunContext<'a> {
    /// The lake.
    pub lake: &'a Lake,
    /// How.
    pub options: &'a RunOptions,
    /// Set when the run must stop.
    pub cancel: &'a Cancel,
    /// Random id of the run.
    pub run: uuid::Uuid,
    /// Whether to draw progress bars.
    pub bars: bool,
}

/// Loads everything the plan says, and tells what became of it. Blocking: call it where threads may wait, inside a
/// tokio runtime's context.
///
/// # Errors
/// When the lake cannot hold a plugin's tables. Everything else is told by the receipt.
pub fn execute(plan: Plan, context: RunContext<'_>) -> Result<Receipt, IngestError> {
    let started = Instant::now();
    let started_text = super::time_text(chrono::Utc::now().timestamp());
    let to_read: u64 = plan.periods.iter().filter(|p| p.decision.reads()).map(PlannedPeriod::bytes).sum();
    let progress = Progress::new(to_read, context.bars);
    let slots: Vec<PeriodSlot<'_>> = slots(&plan, context)?;
    let queue = Mutex::new(files_to_do(&slots));
    let handle = tokio::runtime::Handle::current();
    std::thread::scope(|scope| {
        for _ in 0..context.options.workers.max(1) {
            scope.spawn(|| {
                let _runtime = handle.enter();
                while let Some((slot, index)) = next(&queue) {
                    if let Some(slot) = slots.get(slot) {
                        slot.work(index, context, &progress);
                    }
                }
            });
        }
    });
    progress.finish();
    let receipts: Vec<(PeriodReceipt, Totals)> = slots.into_iter().map(PeriodSlot::into_receipt).collect();
    Ok(receipt(receipts, plan, context, started, started_text))
}

/// A slot per planned period; periods of one plugin share its tables.
fn slots<'a>(plan: &'a Plan, context: RunContext<'_>) -> Result<Vec<PeriodSlot<'a>>, IngestError> {
    let mut tables: BTreeMap<&str, PluginTables> = BTreeMap::new();
    let mut slots = Vec::with_capacity(plan.periods.len());
    for period in &plan.periods {
        let tables = match tables.entry(period.plugin.digest()) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => {
                let opened = PluginTables::open(context.lake, &context.options.tenant, period.plugin.manifest())?;
                new.insert(opened).clone()
            }
        };
        slots.push(PeriodSlot { period, tables, given_up: AtomicBool::new(false), state: Mutex::default() });
    }
    Ok(slots)
}

fn files_to_do(slots: &[PeriodSlot<'_>]) -> VecDeque<(usize, usize)> {
    let jobs = |slot: &PeriodSlot<'_>| match slot.period.decision {
        Decision::New | Decision::Changed => slot.period.files.len().max(1),
        Decision::Summarize => 1,
        Decision::Unchanged | Decision::Superseded => 0,
    };
    slots.iter().enumerate().flat_map(|(at, slot)| (0..jobs(slot)).map(move |index| (at, index))).collect()
}

fn next(queue: &Mutex<VecDeque<(usize, usize)>>) -> Option<(usize, usize)> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

/// A planned period while its files are worked on.
struct PeriodSlot<'a> {
    period: &'a PlannedPeriod,
    tables: PluginTables,
    /// Set with the first error: what is left of the period is not worked on.
    given_up: AtomicBool,
    state: Mutex<SlotState>,
}

#[derive(Default)]
struct SlotState {
    done: Vec<(usize, FileResult)>,
    finished: usize,
    error: Option<IngestError>,
    receipt: Option<PeriodReceipt>,
    totals: Totals,
}

impl PeriodSlot<'_> {
    fn state(&self) -> std::sync::MutexGuard<'_, SlotState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One file, and the whole period when it was the last.
    fn work(&self, index: usize, context: RunContext<'_>, progress: &Progress) {
        if self.period.decision == Decision::Summarize {
            return self.resummarize(context);
        }
        let what = || format!("working on {}", self.period.title());
        let result = unless_panicking(what, || self.file(index, context, progress));
        if result.is_err() {
            self.given_up.store(true, Ordering::Relaxed);
        }
        let last = {
            let mut state = self.state();
            state.finished += 1;
            match result {
                Ok(Some(result)) => state.done.push((index, result)),
                Ok(None) => {}
                // The first error tells what is wrong; what follows from it does not matter.
                Err(error) => _ = state.error.get_or_insert(error),
            }
            state.finished == self.period.files.len().max(1)
        };
        if last {
            self.complete(context);
        }
    }

    fn file(
        &self,
        index: usize,
        context: RunContext<'_>,
        progress: &Progress,
    ) -> Result<Option<FileResult>, IngestError> {
        let Some(info) = self.period.files.get(index) else { return Ok(None) };
        if self.given_up.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let bar = progress.file(&info.path, info.size);
        let task = FileTask {
            period: self.period,
            index,
            tables: &self.tables.declared,
            given_up: &self.given_up,
            options: context.options,
            cancel: context.cancel,
            run: context.run,
        };
        file::process(&task, &bar).map(Some)
    }

    fn complete(&self, context: RunContext<'_>) {
        let (mut done, error) = {
            let mut state = self.state();
            (std::mem::take(&mut state.done), state.error.take())
        };
        done.sort_by_key(|(index, _)| *index);
        let mut totals = Totals::default();
        done.iter().for_each(|(_, file)| totals.merge(&file.totals));
        let files: Vec<FileResult> = done.into_iter().map(|(_, file)| file).collect();
        let work = PeriodWork {
            period: self.period,
            tables: &self.tables,
            options: context.options,
            cancel: context.cancel,
            run: context.run,
        };
        let result = match error {
            None => unless_panicking(|| format!("committing {}", self.period.title()), || work.complete(files)),
            Some(error) => {
                self.discard(files);
                Err(error)
            }
        };
        if matches!(&result, Ok(receipt) if receipt.status == PeriodStatus::Loaded) {
            self.state().totals = totals;
        }
        self.end(result);
    }

    /// Makes summaries anew of the rows that are in.
    fn resummarize(&self, context: RunContext<'_>) {
        let result = unless_panicking(
            || format!("summarizing {}", self.period.title()),
            || {
                let Some(record) = &self.period.loaded else {
                    return Err(IngestError::Internal(format!("summarizing {}", self.period.title())));
                };
                let work = Resummarize {
                    record,
                    source_uuid: self.period.source_uuid,
                    plugin: &self.period.plugin,
                    settings: &self.period.settings,
                    load_id: &self.period.load_id,
                    why: &self.period.why,
                    lake: context.lake,
                    tables: &self.tables,
                    options: context.options,
                    cancel: context.cancel,
                    run: context.run,
                };
                work.execute()
            },
        );
        self.end(result);
    }

    fn end(&self, result: Result<PeriodReceipt, IngestError>) {
        let mut state = self.state();
        match result {
            Ok(receipt) => {
                tracing::info!(source = receipt.source, period = receipt.period, status = ?receipt.status, "period done");
                state.receipt = Some(receipt);
            }
            Err(error) => {
                let why = chain(&error);
                tracing::error!(source = self.period.source, period = %self.period.month, "{why}");
                state.receipt = Some(period_receipt(self.period, PeriodStatus::Failed, why));
            }
        }
    }

    fn discard(&self, files: Vec<FileResult>) {
        for (index, files) in files.into_iter().flat_map(|file| file.staged) {
            if let Some(table) = self.tables.declared.get(index) {
                discard(table, files);
            }
        }
    }

    fn into_receipt(self) -> (PeriodReceipt, Totals) {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let receipt = state.receipt.unwrap_or_else(|| match self.period.decision {
            Decision::Unchanged => period_receipt(self.period, PeriodStatus::Unchanged, self.period.why.clone()),
            Decision::Superseded => period_receipt(self.period, PeriodStatus::Superseded, self.period.why.clone()),
            Decision::New | Decision::Changed | Decision::Summarize => {
                let error = IngestError::Internal(format!("loading {}", self.period.title()));
                period_receipt(self.period, PeriodStatus::Failed, error.to_string())
            }
        });
        (receipt, state.totals)
    }
}

/// A panic is a defect of ours; it fails its period and not the run.
fn unless_panicking<T>(
    what: impl Fn() -> String,
    work: impl FnOnce() -> Result<T, IngestError>,
) -> Result<T, IngestError> {
    // Nothing that the work touches is looked at again after a panic but behind locks that forgive it.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(IngestError::Internal(what())))
}

fn receipt(
    periods: Vec<(PeriodReceipt, Totals)>,
    plan: Plan,
    context: RunContext<'_>,
    started: Instant,
    started_text: String,
) -> Receipt {
    let mut totals = Totals::default();
    let mut by_source: BTreeMap<String, Totals> = BTreeMap::new();
    for (receipt, period) in periods.iter().filter(|(receipt, _)| receipt.status == PeriodStatus::Loaded) {
        totals.merge(period);
        by_source.entry(receipt.source.clone()).or_default().merge(period);
    }
    let by_source = by_source.into_iter().map(|(source, totals)| (source, totals.to_json()));
    let periods: Vec<PeriodReceipt> = periods.into_iter().map(|(receipt, _)| receipt).collect();
    // Rows that were only summarized again were counted when they were read.
    let read = || periods.iter().filter(|period| period.status == PeriodStatus::Loaded);
    let outcomes = || read().filter_map(|period| period.outcome.as_ref());
    Receipt {
        run: context.run,
        costhost: env!("CARGO_PKG_VERSION"),
        started: started_text,
        wall_ms: started.elapsed().as_millis() as u64,
        tenant: context.options.tenant.clone(),
        lake: context.lake.url().to_string(),
        rows: outcomes().map(|outcome| outcome.rows).sum(),
        rejects: outcomes().map(|outcome| outcome.rejects).sum(),
        totals: totals.to_json(),
        totals_by_source: serde_json::Value::Object(by_source.collect()),
        problems: plan
            .problems
            .into_iter()
            .map(|problem| ProblemReceipt {
                source: problem.source,
                period: problem.month.map(|month| month.to_string()),
                message: problem.message,
            })
            .collect(),
        periods,
        publications: Vec::new(),
    }
}
