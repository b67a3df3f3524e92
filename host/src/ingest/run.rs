//! The run: files of all planned periods through a few worker threads, each period committed as its last file is done.
//!
//! A worker takes one file through all its stages while there are files for every worker, and spreads the stages over
//! threads when there are fewer. A period that fails is left as it was, and the others go on.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::commit::discard;
use super::error::{IngestError, chain};
use super::file::{FileResult, FileTask, Stretch};
use super::folding::Summarized;
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
    let queue = Queue::new(files_to_do(&slots), context.options.workers.max(1));
    let handle = tokio::runtime::Handle::current();
    std::thread::scope(|scope| {
        for _ in 0..queue.workers {
            scope.spawn(|| {
                let _runtime = handle.enter();
                while let Some(file) = queue.next() {
                    if let Some(slot) = slots.get(file.slot) {
                        slot.work(file, &queue, context, &progress);
                    }
                    queue.done();
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

fn files_to_do(slots: &[PeriodSlot<'_>]) -> VecDeque<File> {
    let jobs = |slot: &PeriodSlot<'_>| match slot.period.decision {
        Decision::New | Decision::Changed => slot.period.files.len().max(1),
        Decision::Summarize => 1,
        Decision::Unchanged | Decision::Superseded => 0,
    };
    slots
        .iter()
        .enumerate()
        .flat_map(|(at, slot)| (0..jobs(slot)).map(move |index| File { slot: at, index, spread: false }))
        .collect()
}

/// One file of a period, or the period itself where there is nothing to read.
#[derive(Debug, Clone, Copy)]
struct File {
    slot: usize,
    index: usize,
    /// Whether there is another worker's core for its stages.
    spread: bool,
}

/// Files that nobody has begun, and how many workers are busy.
struct Queue {
    state: Mutex<(VecDeque<File>, usize)>,
    workers: usize,
}

impl Queue {
    fn new(files: VecDeque<File>, workers: usize) -> Self {
        Self { state: Mutex::new((files, 0)), workers }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, (VecDeque<File>, usize)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next file for a worker, which says when it is [`Queue::done`].
    fn next(&self) -> Option<File> {
        let mut state = self.state();
        let file = state.0.pop_front()?;
        state.1 += 1;
        Some(File { spread: state.0.len() + state.1 < self.workers, ..file })
    }

    /// The next file of the same period, for the worker that has just come through with one.
    fn next_of(&self, slot: usize) -> Option<File> {
        self.state().0.pop_front_if(|file| file.slot == slot)
    }

    fn done(&self) {
        self.state().1 -= 1;
    }
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
    /// What was folded of some files, with the index of the first.
    summaries: Vec<(usize, Summarized)>,
    finished: usize,
    error: Option<IngestError>,
    receipt: Option<PeriodReceipt>,
    totals: Totals,
}

impl PeriodSlot<'_> {
    fn state(&self) -> std::sync::MutexGuard<'_, SlotState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file and as many more of its period as there are left, one after another; and the whole period when they were
    /// the last.
    fn work(&self, first: File, queue: &Queue, context: RunContext<'_>, progress: &Progress) {
        if self.period.decision == Decision::Summarize {
            return self.resummarize(context);
        }
        let what = || format!("working on {}", self.period.title());
        let mut stretch = Stretch::default();
        let (mut result, mut taken, mut next) = (Ok(()), 0, Some(first));
        while let Some(file) = next {
            taken += 1;
            if result.is_ok() {
                result = unless_panicking(what, || self.file(file, &mut stretch, context, progress));
                self.give_up_after(&result);
            }
            // A file spread over threads is the last of its stretch: its states may have left the instance.
            next = if file.spread && result.is_ok() { None } else { queue.next_of(first.slot) };
        }
        if result.is_ok() && !self.given_up.load(Ordering::Relaxed) {
            result = unless_panicking(what, || stretch.conclude());
            self.give_up_after(&result);
        }
        let last = {
            let mut state = self.state();
            state.finished += taken;
            state.done.append(&mut stretch.files);
            state.summaries.extend(stretch.summaries.map(|summaries| (first.index, summaries)));
            if let Err(error) = result {
                // The first error tells what is wrong; what follows from it does not matter.
                state.error.get_or_insert(error);
            }
            state.finished == self.period.files.len().max(1)
        };
        if last {
            self.complete(context);
        }
    }

    fn give_up_after(&self, result: &Result<(), IngestError>) {
        if result.is_err() {
            self.given_up.store(true, Ordering::Relaxed);
        }
    }

    fn file<'a>(
        &'a self,
        file: File,
        stretch: &mut Stretch<'a>,
        context: RunContext<'a>,
        progress: &Progress,
    ) -> Result<(), IngestError> {
        let Some(info) = self.period.files.get(file.index) else { return Ok(()) };
        if self.given_up.load(Ordering::Relaxed) {
            return Ok(());
        }
        let bar = progress.file(&info.path, info.size);
        let task = FileTask {
            period: self.period,
            index: file.index,
            tables: &self.tables.declared,
            given_up: &self.given_up,
            options: context.options,
            cancel: context.cancel,
            run: context.run,
        };
        stretch.file(&task, &bar, file.spread)
    }

    fn complete(&self, context: RunContext<'_>) {
        let (mut done, mut summaries, error) = {
            let mut state = self.state();
            (std::mem::take(&mut state.done), std::mem::take(&mut state.summaries), state.error.take())
        };
        done.sort_by_key(|(index, _)| *index);
        summaries.sort_by_key(|(first, _)| *first);
        let summaries = summaries.into_iter().map(|(_, summaries)| summaries).collect();
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
            None => {
                unless_panicking(|| format!("committing {}", self.period.title()), || work.complete(files, summaries))
            }
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
