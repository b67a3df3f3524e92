//! One input file through all stages on one thread: read, normalize, fold, write.
//!
//! Memory holds one chunk, one batch and the open row group, however long the file is. Nothing a file leaves behind
//! is visible to readers: its Parquet files are staged, its summary is a partial state, both are used only when every
//! file of the period has come through.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::error::ArrowError;

use super::commit::discard;
use super::error::IngestError;
use super::plan::PlannedPeriod;
use super::progress::FileProgress;
use super::request::RunOptions;
use super::totals::Totals;
use crate::lake::{DataFileWriter, LakeTable, RejectRow, StagedFile, WriterOptions};
use crate::plugin::{
    AccumulatorHandle, CallContext, Cancel, Compression, Form, InputFile, Instance, NormalizeJob, NormalizerHandle,
    Outcome, Reject, encode_ipc,
};
use crate::source::compact::compact;
use crate::source::fetch::{self, InputSpec};
use crate::source::parquet;

/// Rejects of one file that are kept with their places; more are only counted.
const REJECTS_KEPT: usize = 20_000;

/// What one file came to.
#[derive(Debug, Default)]
pub struct FileResult {
    /// Parquet files, by index of the plugin's table.
    pub staged: BTreeMap<usize, Vec<StagedFile>>,
    /// Saved pieces of each summary's state, by index of the summary.
    pub partials: BTreeMap<usize, Vec<Vec<u8>>>,
    /// Data rows, rejects among them.
    pub rows: u64,
    /// Rejects with their places.
    pub rejects: Vec<RejectRow>,
    /// All rejects, counted.
    pub rejects_counted: u64,
    /// Exact money totals.
    pub totals: Totals,
    /// Remarks of the plugin.
    pub notes: Vec<String>,
    /// Time per stage.
    pub read: Duration,
    /// In the guest and in checking its output.
    pub plugin: Duration,
    /// Writing Parquet.
    pub write: Duration,
}

/// What a file is worked on with.
#[derive(Debug, Clone, Copy)]
pub struct FileTask<'a> {
    /// The period it belongs to.
    pub period: &'a PlannedPeriod,
    /// Index into the report's files.
    pub index: usize,
    /// One lake table per table of the plugin.
    pub tables: &'a [LakeTable],
    /// Set when another file of the period has failed.
    pub given_up: &'a AtomicBool,
    /// How the run goes about its work.
    pub options: &'a RunOptions,
    /// Set when the run must stop.
    pub cancel: &'a Cancel,
    /// Random id of the run.
    pub run: uuid::Uuid,
}

/// Works through one file.
///
/// # Errors
/// When it cannot be read, the plugin fails or is stopped by a limit, or its Parquet cannot be written. Nothing of the
/// file is staged then.
pub fn process(task: &FileTask<'_>, progress: &FileProgress) -> Result<FileResult, IngestError> {
    let mut work = FileWork::open(task)?;
    let input = work.input()?;
    tracing::debug!(file = input.path, "reading");
    let result = match &input.form {
        Form::Bytes => work.push_bytes(progress),
        Form::Parquet(columns) => work.push_parquet(columns, progress),
    };
    match result.and_then(|()| work.finish()) {
        Ok(result) => Ok(result),
        Err(error) => {
            work.abort();
            Err(error)
        }
    }
}

struct FileWork<'a> {
    task: FileTask<'a>,
    instance: Instance,
    normalizer: NormalizerHandle,
    /// One accumulator per summary of the plugin, in its order.
    accumulators: Vec<AccumulatorHandle>,
    writers: BTreeMap<usize, DataFileWriter>,
    result: FileResult,
}

impl<'a> FileWork<'a> {
    fn open(task: &FileTask<'a>) -> Result<Self, IngestError> {
        let period = task.period;
        let input = input_of(task)?;
        let context = CallContext { run: task.run.to_string(), unit: format!("{} {}", period.title(), input.path) };
        let mut instance = period.plugin.instance(context, task.options.limits_of(&period.plugin), task.cancel)?;
        let normalizer = instance.open_normalizer(&NormalizeJob {
            settings: period.settings.for_rows(),
            now: task.options.now,
            source: period.source.clone(),
            revision: period.report.revision.clone(),
            period: period.report.period,
            labels: period.report.labels.clone(),
            file: input.clone(),
        })?;
        let title = period.title();
        let unit = period.summary_unit(&title, task.options, task.cancel, task.run);
        let summaries = period.plugin.manifest().summaries.iter();
        let accumulators =
            summaries.map(|summary| instance.open_accumulator(&unit.task(summary))).collect::<Result<_, _>>()?;
        let (writers, result) = (BTreeMap::new(), FileResult::default());
        Ok(Self { task: *task, instance, normalizer, accumulators, writers, result })
    }

    fn input(&self) -> Result<InputFile, IngestError> {
        input_of(&self.task).cloned()
    }

    fn push_bytes(&mut self, progress: &FileProgress) -> Result<(), IngestError> {
        let period = self.task.period;
        let input = self.input()?;
        let spec = self.spec(&input);
        let handle = tokio::runtime::Handle::current();
        let mut reader = fetch::open_file(&period.location, &spec, handle)?;
        loop {
            self.check_cancel()?;
            let started = Instant::now();
            let chunk = reader.next_chunk()?;
            self.result.read += started.elapsed();
            let Some(chunk) = chunk else { break };
            self.push(chunk)?;
            progress.set(reader.bytes_in());
        }
        Ok(())
    }

    fn push_parquet(&mut self, columns: &[String], progress: &FileProgress) -> Result<(), IngestError> {
        let period = self.task.period;
        let input = self.input()?;
        let handle = tokio::runtime::Handle::current();
        let mut file = parquet::open_parquet(&period.location, &self.spec(&input), columns, handle)?;
        loop {
            self.check_cancel()?;
            let started = Instant::now();
            // Of the batch only its encoding is kept while the plugin works on it.
            let ipc = file.next_batch()?.map(|batch| small_ipc_of(&batch)).transpose()?;
            self.result.read += started.elapsed();
            let Some(ipc) = ipc else { break };
            progress.set(file.rows_given() * file.size() / file.rows().max(1));
            self.push(&ipc)?;
        }
        Ok(())
    }

    /// The file as it was planned: another etag or size by now is an error.
    fn spec(&self, input: &InputFile) -> InputSpec {
        let spec = InputSpec::new(&input.path, decoder_of(input.compression));
        match self.task.period.files.get(self.task.index) {
            Some(info) => spec.expecting(info),
            None => spec,
        }
    }

    fn push(&mut self, data: &[u8]) -> Result<(), IngestError> {
        let started = Instant::now();
        let outcome = self.instance.push(&mut self.normalizer, data)?;
        self.fold(&outcome)?;
        self.result.plugin += started.elapsed();
        self.take(outcome)
    }

    fn finish(&mut self) -> Result<FileResult, IngestError> {
        let started = Instant::now();
        let outcome = self.instance.finish(&mut self.normalizer)?;
        self.fold(&outcome)?;
        self.result.plugin += started.elapsed();
        self.take(outcome)?;
        self.check_row_count()?;
        // Files first: the saved state takes the memory that their encoders give back.
        let started = Instant::now();
        for (table, writer) in std::mem::take(&mut self.writers) {
            self.result.staged.entry(table).or_default().push(writer.finish()?);
        }
        self.result.write += started.elapsed();
        let started = Instant::now();
        for (summary, accumulator) in self.accumulators.iter().enumerate() {
            let pieces = self.result.partials.entry(summary).or_default();
            while let Some(piece) = self.instance.save(accumulator)? {
                pieces.push(piece);
            }
        }
        self.result.plugin += started.elapsed();
        self.result.notes = self.instance.take_notes();
        Ok(std::mem::take(&mut self.result))
    }

    /// Folds what the last call put out into every summary that reads those tables.
    fn fold(&mut self, outcome: &Outcome) -> Result<(), IngestError> {
        if outcome.outputs.is_empty() {
            return Ok(());
        }
        let plugin = Arc::clone(&self.task.period.plugin);
        for (summary, accumulator) in plugin.manifest().summaries.iter().zip(&self.accumulators) {
            if plugin.folds() {
                self.instance.fold(&self.normalizer, accumulator)?;
                continue;
            }
            let input = outcome.outputs.iter().filter(|rows| rows.table == summary.input);
            for batch in input.flat_map(|rows| &rows.batches) {
                self.instance.update(accumulator, ipc_of(&project(batch, &summary.columns)?)?)?;
            }
        }
        Ok(())
    }

    /// Writes an outcome's rows and keeps count.
    fn take(&mut self, outcome: Outcome) -> Result<(), IngestError> {
        let period = self.task.period;
        let path = &input_of(&self.task)?.path;
        self.result.rows += outcome.rows;
        self.result.rejects_counted += outcome.rejects.len() as u64 + outcome.rejects_uncounted;
        let room = REJECTS_KEPT.saturating_sub(self.result.rejects.len());
        self.result.rejects.extend(outcome.rejects.into_iter().take(room).map(|reject| reject_row(path, reject)));
        let started = Instant::now();
        for rows in outcome.outputs {
            let (Some(table), Some(declared)) =
                (self.task.tables.get(rows.table), period.plugin.manifest().tables.get(rows.table))
            else {
                continue;
            };
            let writer = match self.writers.entry(rows.table) {
                std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::btree_map::Entry::Vacant(entry) => {
                    entry.insert(table.writer(&period.partition(), &WriterOptions::default())?)
                }
            };
            for batch in &rows.batches {
                self.result.totals.add(&declared.money, batch);
                writer.write(batch)?;
            }
        }
        self.result.write += started.elapsed();
        Ok(())
    }

    fn check_row_count(&self) -> Result<(), IngestError> {
        let input = input_of(&self.task)?;
        match input.rows {
            Some(promised) if promised != self.result.rows => Err(IngestError::Refused(format!(
                "{} of {} holds {} rows, but its manifest promises {promised}; the delivery is not complete, run again \
                 when it is",
                input.path,
                self.task.period.title(),
                self.result.rows
            ))),
            _ => Ok(()),
        }
    }

    fn check_cancel(&self) -> Result<(), IngestError> {
        let stop = self.task.cancel.is_cancelled() || self.task.given_up.load(Ordering::Relaxed);
        if stop { Err(IngestError::Cancelled(self.task.period.title())) } else { Ok(()) }
    }

    /// Leaves nothing behind.
    fn abort(mut self) {
        for writer in std::mem::take(&mut self.writers).into_values() {
            writer.abort();
        }
        for (index, files) in std::mem::take(&mut self.result.staged) {
            if let Some(table) = self.task.tables.get(index) {
                discard(table, files);
            }
        }
    }
}

/// Rows as a plugin is given them.
pub(super) fn ipc_of(batch: &RecordBatch) -> Result<Vec<u8>, IngestError> {
    encode_ipc(&batch.schema(), std::slice::from_ref(batch)).map_err(|error| encoding(&error))
}

/// Rows of a Parquet file, whose readers hand out more than the rows need.
fn small_ipc_of(batch: &RecordBatch) -> Result<Vec<u8>, IngestError> {
    ipc_of(&compact(batch).map_err(|error| encoding(&error))?)
}

/// A failure to encode rows for a plugin.
pub(super) fn encoding(error: &ArrowError) -> IngestError {
    IngestError::Internal(format!("encoding rows for the plugin ({error})"))
}

/// The columns a summary asked for. The manifest was checked: they are there.
pub(super) fn project(batch: &RecordBatch, columns: &[String]) -> Result<RecordBatch, IngestError> {
    let schema = batch.schema();
    let indices = columns.iter().map(|column| schema.index_of(column)).collect::<Result<Vec<_>, _>>();
    let projected = indices.and_then(|indices| batch.project(&indices));
    projected.map_err(|error| IngestError::Internal(format!("choosing a summary's columns ({error})")))
}

/// The same compression in the words of the source module, which knows no plugin.
fn decoder_of(compression: Compression) -> fetch::Compression {
    match compression {
        Compression::None => fetch::Compression::None,
        Compression::Gzip => fetch::Compression::Gzip,
        Compression::Zstd => fetch::Compression::Zstd,
        Compression::Zip => fetch::Compression::Zip,
    }
}

fn reject_row(file: &str, reject: Reject) -> RejectRow {
    let position = |number: Option<u64>| number.and_then(|number| i64::try_from(number).ok());
    RejectRow {
        file: file.to_owned(),
        row: position(reject.at.row),
        byte: position(reject.at.byte),
        column_name: reject.at.column,
        code: reject.code,
        message: reject.message,
        whole_row: reject.whole_row,
        amount: reject.amount.as_deref().and_then(super::totals::parse_decimal),
        currency: reject.currency,
    }
}

fn input_of<'a>(task: &FileTask<'a>) -> Result<&'a InputFile, IngestError> {
    let missing = || IngestError::Internal("choosing the next file".to_owned());
    task.period.report.files.get(task.index).ok_or_else(missing)
}
