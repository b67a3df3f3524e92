//! The second stage of a file: the guest, which makes rows of pieces and folds them into its summaries.
//!
//! One instance may take several files of a period, one after another: then there is one state of each summary to save and
//! to merge for all of them, and none at all where it took every file.

use std::time::{Duration, Instant};

use super::error::IngestError;
use super::file::{FileTask, ipc_of, project};
use super::folding::{Accumulators, Held, Summarized};
use super::plan::PlannedPeriod;
use crate::plugin::{CallContext, Instance, NormalizeJob, NormalizerHandle, Outcome, RowReader, Unchecked};

/// The instance that works on some files of a period.
pub(super) struct Normalizing<'a> {
    period: &'a PlannedPeriod,
    instance: Instance,
    normalizer: NormalizerHandle,
    accumulators: Accumulators,
    /// Files it was given.
    files: usize,
    /// Time spent in the guest and on what it needs of the host.
    pub(super) spent: Duration,
}

/// What one piece gave.
pub(super) enum Given {
    /// Rows that nobody has looked at yet: the guest has folded them by itself.
    Unchecked(Unchecked),
    /// Rows that were checked, because the host had to hand them to the guest's summaries.
    Checked(Outcome),
}

impl Given {
    /// The outcome, with every row checked.
    pub(super) fn read(self, reader: &mut RowReader) -> Result<Outcome, IngestError> {
        match self {
            Self::Unchecked(unchecked) => Ok(reader.read(unchecked)?),
            Self::Checked(outcome) => Ok(outcome),
        }
    }
}

impl<'a> Normalizing<'a> {
    /// An instance for a first file.
    pub(super) fn open(task: &FileTask<'a>) -> Result<Self, IngestError> {
        let period = task.period;
        let context = context(task)?;
        let mut instance = period.plugin.instance(context, task.options.limits_of(&period.plugin), task.cancel)?;
        let normalizer = instance.open_normalizer(&job(task)?)?;
        let title = period.title();
        let unit = period.summary_unit(&title, task.options, task.cancel, task.run);
        let accumulators = Accumulators::open(&mut instance, &unit)?;
        Ok(Self { period, instance, normalizer, accumulators, files: 1, spent: Duration::ZERO })
    }

    /// Goes on with another file of the period.
    pub(super) fn next(mut self, task: &FileTask<'a>) -> Result<Self, IngestError> {
        self.instance.turn_to(&context(task)?);
        self.instance.drop_normalizer(self.normalizer)?;
        self.normalizer = self.instance.open_normalizer(&job(task)?)?;
        self.files += 1;
        Ok(self)
    }

    /// What checks the rows this gives.
    pub(super) fn row_reader(&self) -> RowReader {
        self.instance.row_reader()
    }

    /// Normalizes and folds one piece.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<Given, IngestError> {
        self.timed(|own| {
            let unchecked = own.instance.push_unchecked(&mut own.normalizer, piece)?;
            own.fold(unchecked)
        })
    }

    /// Ends the file.
    pub(super) fn finish(&mut self) -> Result<Given, IngestError> {
        self.timed(|own| {
            let unchecked = own.instance.finish_unchecked(&mut own.normalizer)?;
            own.fold(unchecked)
        })
    }

    /// Folds what the last call put out into every summary that reads those tables.
    fn fold(&mut self, unchecked: Unchecked) -> Result<Given, IngestError> {
        let plugin = &self.period.plugin;
        let summaries = &plugin.manifest().summaries;
        if !unchecked.has_rows() || summaries.is_empty() {
            return Ok(Given::Unchecked(unchecked));
        }
        if plugin.folds() {
            for accumulator in self.accumulators.iter() {
                self.instance.fold(&self.normalizer, accumulator)?;
            }
            return Ok(Given::Unchecked(unchecked));
        }
        let outcome = self.instance.read(unchecked)?;
        for (summary, accumulator) in summaries.iter().zip(self.accumulators.iter()) {
            let input = outcome.outputs.iter().filter(|rows| rows.table == summary.input);
            for batch in input.flat_map(|rows| &rows.batches) {
                self.instance.update(accumulator, ipc_of(&project(batch, &summary.columns)?)?)?;
            }
        }
        Ok(Given::Checked(outcome))
    }

    /// The end of its last file: what its rows were folded into, or nothing where they are to be [`Normalizing::held`].
    pub(super) fn conclude(&mut self) -> Result<Option<Summarized>, IngestError> {
        let all = self.files == self.period.files.len();
        self.timed(|own| own.accumulators.conclude(&mut own.instance, all))
    }

    /// The instance with its states, and without what its last file took.
    pub(super) fn held(mut self) -> Result<Summarized, IngestError> {
        self.instance.drop_normalizer(self.normalizer)?;
        Ok(Summarized::Held(Box::new(Held { instance: self.instance, accumulators: self.accumulators })))
    }

    /// Remarks of the plugin.
    pub(super) fn take_notes(&mut self) -> Vec<String> {
        self.instance.take_notes()
    }

    fn timed<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, IngestError>) -> Result<T, IngestError> {
        let started = Instant::now();
        let done = work(self);
        self.spent += started.elapsed();
        done
    }
}

fn context(task: &FileTask<'_>) -> Result<CallContext, IngestError> {
    let unit = format!("{} {}", task.period.title(), task.input()?.path);
    Ok(CallContext { run: task.run.to_string(), unit })
}

fn job(task: &FileTask<'_>) -> Result<NormalizeJob, IngestError> {
    let period = task.period;
    Ok(NormalizeJob {
        settings: period.settings.for_rows(),
        now: task.options.now,
        source: period.source.clone(),
        revision: period.report.revision.clone(),
        period: period.report.period,
        labels: period.report.labels.clone(),
        file: task.input()?.clone(),
    })
}
