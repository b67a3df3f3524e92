//! Summaries made anew from the lake's rows, without reading a report: after a tag key was enabled, a markup changed or
//! a plugin learned better.
//!
//! Invariant: what is committed was made of exactly the rows that the record of the load names. They are looked at once
//! more before the commit; a host that loads another delivery meanwhile wins.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arrow::array::{RecordBatch, new_null_array};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use futures::future::try_join_all;
use serde::Deserialize;

use super::commit::{Commits, Staged, Tables};
use super::error::IngestError;
use super::file::{encoding, ipc_of, project};
use super::folding::{Accumulators, Held, Summarized};
use super::load_id::sha256_hex;
use super::loaded::{month_of, partition_of};
use super::parallel::in_parallel;
use super::receipt::{FileReceipt, LoadOutcome, PeriodReceipt, PeriodStatus, Timings};
use super::request::{PluginSettings, RunOptions};
use super::summaries::SummaryUnit;
use super::tables::PluginTables;
use crate::lake::{Force, Lake, LakeTable, Load, LoadRecord, LoadedMark, Partition, load_receipt};
use crate::plugin::{CallContext, Cancel, Instance, Period, Plugin};
use crate::source::compact::compact;
use crate::source::fetch::{Compression, InputSpec};
use crate::source::parquet;
use crate::source::store::Location;

/// One source and period whose rows are in the lake.
#[derive(Debug)]
pub struct Resummarize<'a> {
    /// The load that is in, whose rows are taken.
    pub record: &'a LoadRecord,
    /// What the summary's rows call the source, which may be something else than before.
    pub source_uuid: uuid::Uuid,
    /// What summarizes.
    pub plugin: &'a Arc<Plugin>,
    /// With these settings.
    pub settings: &'a PluginSettings,
    /// Identity of the load that this makes.
    pub load_id: &'a str,
    /// Why.
    pub why: &'a str,
    /// The lake.
    pub lake: &'a Lake,
    /// Tables of the plugin.
    pub tables: &'a PluginTables,
    /// How the run goes about its work.
    pub options: &'a RunOptions,
    /// Set when the run must stop.
    pub cancel: &'a Cancel,
    /// Random id of the run.
    pub run: uuid::Uuid,
}

/// What a receipt says of how rows were read.
#[derive(Debug, Default, Deserialize)]
struct Reading {
    #[serde(default)]
    files: Vec<FileReceipt>,
    #[serde(default)]
    rejects_unlisted: u64,
}

/// Some row groups of one file of a table.
struct Part {
    table: usize,
    location: Arc<Location>,
    /// Path below the table.
    path: String,
    row_groups: parquet::Part,
}

/// Parts for each worker: several, so that none is left with a long one at the end.
const PARTS_PER_WORKER: usize = 4;

impl Resummarize<'_> {
    /// Reads the lake's rows, summarizes and commits. Blocking; inside a tokio runtime's context.
    ///
    /// # Errors
    /// When the lake's rows are others than the record says, cannot be read, the plugin fails or a commit does. What was
    /// there stays.
    pub fn execute(&self) -> Result<PeriodReceipt, IngestError> {
        let started = Instant::now();
        let title = self.title();
        let partition = self.partition()?;
        let parts = self.parts(&partition, &title)?;
        let unit = self.unit(&title);
        let folded = self.fold(&unit, parts)?;
        let (made, identities) = unit.make(folded, self.options.workers)?;
        let mut staged: Staged = (0..self.tables.declared.len()).map(|_| Vec::new()).collect();
        let commits = Commits { tables: self.tables, plugin: self.plugin, partition: partition.clone() };
        let ready = unit.stage(made, &self.tables.declared, &partition, self.options.workers, &mut staged);
        if let Err(error) = ready.and_then(|()| self.check_rows(&partition, &title)) {
            commits.discard(staged);
            return Err(error);
        }
        let summarize_ms = started.elapsed().as_millis() as u64;
        let started = Instant::now();
        let before = self.receipt_before()?;
        let mut receipt = self.receipt(PeriodStatus::Summarized);
        // What was read is what it was.
        receipt.files = before.files;
        let mut load = self.load();
        let Some(tables) = commits.replace(Tables::Made, &mut staged, &load)? else {
            let why = "another run loaded a newer delivery meanwhile".to_owned();
            return Ok(PeriodReceipt { status: PeriodStatus::Superseded, why, ..receipt });
        };
        // Rows that another host put in meanwhile have summaries and a record of their own, or will have.
        if self.check_rows(&partition, &title).is_err() {
            let why = "another run loaded other rows meanwhile; the next run sees to their summaries".to_owned();
            return Ok(PeriodReceipt { status: PeriodStatus::Superseded, why, ..receipt });
        }
        let count = |number: i64| u64::try_from(number).unwrap_or_default();
        let mut outcome = LoadOutcome {
            rows: count(self.record.rows),
            rejects: count(self.record.rejects),
            rejects_unlisted: before.rejects_unlisted,
            totals: serde_json::from_str(&self.record.totals).unwrap_or_default(),
            tables,
            identities,
            notes: Vec::new(),
            timings: Timings { summarize_ms, ..Timings::default() },
        };
        receipt.outcome = Some(outcome.clone());
        load.metadata = serde_json::to_value(&receipt).unwrap_or_default();
        commits.record(self.new_record(&receipt), &load)?;
        outcome.timings.commit_ms = started.elapsed().as_millis() as u64;
        receipt.outcome = Some(outcome);
        Ok(receipt)
    }

    /// Whether what this would make is in already.
    ///
    /// # Errors
    /// When the lake cannot be read.
    pub fn is_in(&self) -> Result<bool, IngestError> {
        let partition = self.partition()?;
        let declared = self.tables.declared.iter().zip(&self.plugin.manifest().tables);
        let made = declared.filter(|(_, declared)| !declared.role.is_normalized()).map(|(table, _)| table);
        let marks = try_join_all(made.map(|table| table.loaded(&partition)));
        for mark in tokio::runtime::Handle::current().block_on(marks)? {
            if !mark.map(|mark| mark.is(self.load_id)).transpose()?.unwrap_or(false) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What the receipt of the load whose rows are taken says of their reading.
    fn receipt_before(&self) -> Result<Reading, IngestError> {
        let provider = &self.plugin.manifest().provider;
        let receipt = load_receipt(self.lake, &self.options.tenant, provider, self.record);
        let receipt = tokio::runtime::Handle::current().block_on(receipt)?;
        Ok(receipt.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }

    fn title(&self) -> String {
        let month = month_of(self.record).map(|month| month.to_string());
        format!("{} {}", self.record.source, month.unwrap_or_default())
    }

    fn partition(&self) -> Result<Partition, IngestError> {
        partition_of(self.record)
            .ok_or_else(|| IngestError::Internal(format!("reading the period of {}", self.title())))
    }

    fn unit<'a>(&'a self, title: &'a str) -> SummaryUnit<'a> {
        let seconds = |micros: i64| micros.div_euclid(1_000_000);
        SummaryUnit {
            title,
            source: &self.record.source,
            source_uuid: self.source_uuid,
            period: Period { start: seconds(self.record.period_start), end: seconds(self.record.period_end) },
            plugin: self.plugin,
            settings: self.settings,
            limits: self.options.limits_of(self.plugin),
            now: self.options.now,
            cancel: self.cancel,
            run: self.run,
        }
    }

    /// The lake's rows that some summary needs, in parts.
    fn parts(&self, partition: &Partition, title: &str) -> Result<Vec<Part>, IngestError> {
        let summaries = &self.plugin.manifest().summaries;
        let mut files = Vec::new();
        for (index, table) in self.tables.declared.iter().enumerate() {
            if !summaries.iter().any(|summary| summary.input == index) {
                continue;
            }
            let held = tokio::runtime::Handle::current().block_on(table.files_of(partition))?;
            let Some((mark, paths)) = held else { return Err(self.other_rows(table, title)) };
            if !self.has_rows(&mark)? {
                return Err(self.other_rows(table, title));
            }
            let location = Arc::new(self.lake.source_location(table.table_ref())?);
            files.extend(paths.into_iter().map(|path| (index, Arc::clone(&location), path)));
        }
        let of = (self.options.workers.max(1) * PARTS_PER_WORKER).div_ceil(files.len().max(1));
        let parts = files.into_iter().flat_map(|(table, location, path)| {
            (0..of).map(move |index| {
                let row_groups = parquet::Part { index, of };
                Part { table, location: Arc::clone(&location), path: path.clone(), row_groups }
            })
        });
        Ok(parts.collect())
    }

    fn check_rows(&self, partition: &Partition, title: &str) -> Result<(), IngestError> {
        for (table, declared) in self.tables.declared.iter().zip(&self.plugin.manifest().tables) {
            let mark = tokio::runtime::Handle::current().block_on(table.loaded(partition))?;
            let same = mark.map(|mark| self.has_rows(&mark)).transpose()?.unwrap_or(false);
            if declared.role.is_normalized() && !same {
                return Err(self.other_rows(table, title));
            }
        }
        Ok(())
    }

    /// Whether these are the rows of the record. Records of earlier versions do not say which rows they mean.
    fn has_rows(&self, mark: &LoadedMark) -> Result<bool, IngestError> {
        Ok(!self.record.rows_id.is_empty() && mark.is(&self.record.rows_id)?)
    }

    fn other_rows(&self, table: &LakeTable, title: &str) -> IngestError {
        IngestError::Refused(format!(
            "{} does not hold the rows of the last finished load of {title}; `costhost run` on its source puts that right",
            table.table_ref()
        ))
    }

    /// Parts in parallel, in one instance for each worker.
    fn fold(&self, unit: &SummaryUnit<'_>, parts: Vec<Part>) -> Result<Vec<Summarized>, IngestError> {
        let workers = vec![(); self.options.workers.clamp(1, parts.len().max(1))];
        let queue = Mutex::new(VecDeque::from(parts));
        let folded = in_parallel(workers.len(), &workers, |()| {
            // The first failure tells what is wrong; there is nothing to do for the others.
            self.fold_some(unit, &queue, workers.len() == 1).inspect_err(|_| lock(&queue).clear())
        });
        Ok(folded.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// What the parts that this worker got hold of were folded into; `alone` when there is no other worker.
    fn fold_some(
        &self,
        unit: &SummaryUnit<'_>,
        queue: &Mutex<VecDeque<Part>>,
        alone: bool,
    ) -> Result<Option<Summarized>, IngestError> {
        let mut next = lock(queue).pop_front();
        let Some(first) = &next else { return Ok(None) };
        let mut instance =
            self.plugin.instance(self.context(unit, first), self.options.limits_of(self.plugin), self.cancel)?;
        let accumulators = Accumulators::open(&mut instance, unit)?;
        while let Some(part) = next {
            instance.turn_to(&self.context(unit, &part));
            self.fold_part(unit, &part, &mut instance, &accumulators)?;
            next = lock(queue).pop_front();
        }
        let concluded = accumulators.conclude(&mut instance, alone)?;
        Ok(Some(concluded.unwrap_or_else(|| Summarized::Held(Box::new(Held { instance, accumulators })))))
    }

    fn fold_part(
        &self,
        unit: &SummaryUnit<'_>,
        part: &Part,
        instance: &mut Instance,
        accumulators: &Accumulators,
    ) -> Result<(), IngestError> {
        let summaries = self.plugin.manifest().summaries.iter().zip(accumulators.iter());
        let summaries: Vec<_> = summaries.filter(|(summary, _)| summary.input == part.table).collect();
        let mut columns: Vec<String> = Vec::new();
        for (summary, _) in &summaries {
            columns.extend(summary.columns.iter().filter(|name| !columns.contains(name)).cloned().collect::<Vec<_>>());
        }
        let (spec, handle) = (InputSpec::new(&part.path, Compression::None), tokio::runtime::Handle::current());
        let mut rows = parquet::open_part(&part.location, &spec, &columns, part.row_groups, handle)?;
        while let Some(batch) = rows.next_batch()? {
            if self.cancel.is_cancelled() {
                return Err(IngestError::Cancelled(unit.title.to_owned()));
            }
            let batch = compact(&batch).map_err(|error| encoding(&error))?;
            let batch = with_columns(&batch, &columns).map_err(|error| encoding(&error))?;
            for (summary, accumulator) in &summaries {
                instance.update(accumulator, ipc_of(&project(&batch, &summary.columns)?)?)?;
            }
        }
        Ok(())
    }

    fn context(&self, unit: &SummaryUnit<'_>, part: &Part) -> CallContext {
        CallContext { run: self.run.to_string(), unit: format!("{} {}", unit.title, part.path) }
    }

    fn load(&self) -> Load {
        let manifest = self.plugin.manifest();
        Load {
            id: self.load_id.to_owned(),
            delivered: self.record.delivered.div_euclid(1_000_000),
            revision: self.record.revision.clone(),
            // However much it is wished for, summaries of older rows never replace those of newer ones.
            force: if self.options.force { Force::Same } else { Force::No },
            metadata: serde_json::json!({
                "source": self.record.source,
                "revision": self.record.revision,
                "summarized_from": self.record.rows_id,
                "plugin": manifest.id,
                "plugin_version": manifest.version,
                "plugin_digest": self.plugin.digest(),
                "settings_digest": sha256_hex(&self.settings.for_summaries()),
                "run": self.run,
            }),
        }
    }

    fn new_record(&self, receipt: &PeriodReceipt) -> LoadRecord {
        let manifest = self.plugin.manifest();
        LoadRecord {
            load_id: self.load_id.to_owned(),
            loaded_at: chrono::Utc::now().timestamp_micros(),
            source_uuid: self.source_uuid.to_string(),
            plugin: manifest.id.clone(),
            plugin_version: manifest.version.clone(),
            plugin_digest: self.plugin.digest().to_owned(),
            settings_digest: receipt.settings_digest.clone(),
            receipt: serde_json::to_string(receipt).unwrap_or_default(),
            ..self.record.clone()
        }
    }

    /// A receipt without an outcome.
    pub fn receipt(&self, status: PeriodStatus) -> PeriodReceipt {
        let manifest = self.plugin.manifest();
        PeriodReceipt {
            source: self.record.source.clone(),
            source_uuid: self.source_uuid,
            period: month_of(self.record).map(|month| month.to_string()).unwrap_or_default(),
            status,
            why: self.why.to_owned(),
            revision: self.record.revision.clone(),
            load_id: self.load_id.to_owned(),
            rows_id: self.record.rows_id.clone(),
            plugin: format!("{} {}", manifest.id, manifest.version),
            plugin_digest: self.plugin.digest().to_owned(),
            settings_digest: sha256_hex(&self.settings.for_summaries()),
            files: Vec::<FileReceipt>::new(),
            outcome: None,
        }
    }
}

/// The same rows with these columns too: files that were written before a column was declared have no value in it.
fn with_columns(batch: &RecordBatch, columns: &[String]) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let absent: Vec<&String> = columns.iter().filter(|name| schema.index_of(name).is_err()).collect();
    if absent.is_empty() {
        return Ok(batch.clone());
    }
    let fields = absent.iter().map(|name| Arc::new(Field::new(name.as_str(), DataType::Null, true)));
    let fields: Vec<_> = schema.fields().iter().cloned().chain(fields).collect();
    let nulls = absent.iter().map(|_| new_null_array(&DataType::Null, batch.num_rows()));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), batch.columns().iter().cloned().chain(nulls).collect())
}

fn lock(queue: &Mutex<VecDeque<Part>>) -> std::sync::MutexGuard<'_, VecDeque<Part>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}
