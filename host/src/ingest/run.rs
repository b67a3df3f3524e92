//! The run: files of all planned periods through a few worker threads, each period committed as its last file is done.
//!
//! A worker takes one file through all its stages; that is simpler than a pipeline and as fast while there are files
//! for every core. A period that fails is left as it was, and the others go on.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::error::IngestError;
use super::file::{self, FileResult, FileTask};
use super::period::{PeriodWork, lake_tables, period_receipt};
use super::plan::{Decision, Plan, PlannedPeriod};
use super::progress::Progress;
use super::receipt::{PeriodReceipt, PeriodStatus, ProblemReceipt, Receipt};
use super::request::RunOptions;
use super::totals::Totals;
use crate::lake::{Lake, LakeTable};
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
    let slots: Vec<PeriodSlot<'_>> =
        plan.periods.iter().map(|period| PeriodSlot::new(period, context)).collect::<Result<_, _>>()?;
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

fn files_to_do(slots: &[PeriodSlot<'_>]) -> VecDeque<(usize, usize)> {
    let reading = slots.iter().enumerate().filter(|(_, slot)| slot.period.decision.reads());
    reading.flat_map(|(at, slot)| (0..slot.period.files.len().max(1)).map(move |index| (at, index))).collect()
}

fn next(queue: &Mutex<VecDeque<(usize, usize)>>) -> Option<(usize, usize)> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

/// A planned period while its files are worked on.
struct PeriodSlot<'a> {
    period: &'a PlannedPeriod,
    tables: Vec<LakeTable>,
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

impl<'a> PeriodSlot<'a> {
    fn new(period: &'a PlannedPeriod, context: RunContext<'a>) -> Result<Self, IngestError> {
        let tables = lake_tables(context.lake, &context.options.tenant, period.plugin.manifest())?;
        Ok(Self { period, tables, state: Mutex::default() })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, SlotState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One file, and the whole period when it was the last.
    fn work(&self, index: usize, context: RunContext<'_>, progress: &Progress) {
        let result = self.file(index, context, progress);
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
        if self.state().error.is_some() {
            return Ok(None);
        }
        let bar = progress.file(&info.path, info.size);
        let task = FileTask {
            period: self.period,
            index,
            tables: &self.tables,
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
            lake: context.lake,
            tables: &self.tables,
            options: context.options,
            cancel: context.cancel,
            run: context.run,
        };
        let result = match error {
            None => work.complete(files),
            Some(error) => {
                discard(&work, files);
                Err(error)
            }
        };
        let mut state = self.state();
        match result {
            Ok(receipt) => {
                tracing::info!(source = receipt.source, period = receipt.period, status = ?receipt.status, "period done");
                if receipt.status == PeriodStatus::Loaded {
                    state.totals = totals;
                }
                state.receipt = Some(receipt);
            }
            Err(error) => {
                tracing::error!(source = self.period.source, period = %self.period.month, "{error}");
                state.receipt = Some(period_receipt(self.period, PeriodStatus::Failed, error.to_string()));
            }
        }
    }

    fn into_receipt(self) -> (PeriodReceipt, Totals) {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let receipt = state.receipt.unwrap_or_else(|| match self.period.decision {
            Decision::Unchanged => period_receipt(self.period, PeriodStatus::Unchanged, self.period.why.clone()),
            Decision::Superseded => period_receipt(self.period, PeriodStatus::Superseded, self.period.why.clone()),
            Decision::New | Decision::Changed => {
                let error = IngestError::Internal(format!("loading {}", self.period.title()));
                period_receipt(self.period, PeriodStatus::Failed, error.to_string())
            }
        });
        (receipt, state.totals)
    }
}

fn discard(work: &PeriodWork<'_>, files: Vec<FileResult>) {
    let mut staged: Vec<Vec<_>> = (0..work.tables.len()).map(|_| Vec::new()).collect();
    for (table, files) in files.into_iter().flat_map(|file| file.staged) {
        if let Some(all) = staged.get_mut(table) {
            all.extend(files);
        }
    }
    work.discard(staged);
}

fn receipt(
    periods: Vec<(PeriodReceipt, Totals)>,
    plan: Plan,
    context: RunContext<'_>,
    started: Instant,
    started_text: String,
) -> Receipt {
    let mut totals = Totals::default();
    periods.iter().for_each(|(_, period)| totals.merge(period));
    let periods: Vec<PeriodReceipt> = periods.into_iter().map(|(receipt, _)| receipt).collect();
    let outcomes = || periods.iter().filter_map(|period| period.outcome.as_ref());
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
    }
}
