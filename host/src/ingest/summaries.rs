//! Summaries of one period: partial states are merged by the plugin, rolled up by the host, and staged.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};

use super::error::IngestError;
use super::identity::{self, IdentityResult};
use super::load_id::bill_id;
use super::request::PluginSettings;
use super::tables::with_host_columns;
use crate::lake::{LakeTable, Partition, StagedFile, WriterOptions};
use crate::plugin::manifest::{Summary, TableRole};
use crate::plugin::{CallContext, Cancel, Limits, Period, Plugin, SummaryTask};
use crate::summary;

/// Saved pieces of the state of each summary of a plugin, in the plugin's order.
pub type Partials = Vec<Vec<Vec<u8>>>;

/// The unit that is summarized: one source and billing period.
#[derive(Debug, Clone, Copy)]
pub struct SummaryUnit<'a> {
    /// For messages: `source 2026-10`.
    pub title: &'a str,
    /// Full name in the lake.
    pub source: &'a str,
    /// What its rows call it.
    pub source_uuid: uuid::Uuid,
    /// The billing period.
    pub period: Period,
    /// What makes its summaries.
    pub plugin: &'a Arc<Plugin>,
    /// Settings for the plugin.
    pub settings: &'a PluginSettings,
    /// What a plugin instance may use.
    pub limits: &'a Limits,
    /// The time this run is said to have.
    pub now: i64,
    /// Set when the run must stop.
    pub cancel: &'a Cancel,
    /// Random id of the run.
    pub run: uuid::Uuid,
}

/// Rows of each table that was made, by the table's index.
pub type Made = BTreeMap<usize, Vec<RecordBatch>>;

impl SummaryUnit<'_> {
    /// What an accumulator of one summary is told.
    pub fn task(&self, summary: &Summary) -> SummaryTask {
        SummaryTask {
            summary: summary.name.clone(),
            settings: self.settings.for_summaries(),
            now: self.now,
            source: self.source.to_owned(),
            period: self.period,
        }
    }

    /// Merges partial states into the rows of every table that is not filled by `normalize`, and checks identities.
    ///
    /// # Errors
    /// When the plugin fails, or a rollup cannot be made.
    pub fn make(&self, partials: Partials) -> Result<(Made, Vec<IdentityResult>), IngestError> {
        let manifest = self.plugin.manifest();
        let mut made = Made::new();
        let mut identities = Vec::new();
        for (summary, pieces) in manifest.summaries.iter().zip(partials) {
            summary.outputs.iter().for_each(|output| _ = made.entry(*output).or_default());
            self.merge(summary, pieces, &mut made)?;
            let main = summary.outputs.first().and_then(|output| made.get(output));
            identities.extend(identity::check(&summary.identities, main.map(Vec::as_slice).unwrap_or_default()));
        }
        self.check_bills(&made)?;
        for rollup in &manifest.rollups {
            let input = made.get(&rollup.input).map(Vec::as_slice).unwrap_or_default();
            let rows = summary::rollup(manifest, rollup, input)?;
            made.insert(rollup.output, rows);
        }
        for broken in identities.iter().filter(|identity| !identity.holds) {
            tracing::warn!(
                unit = self.title,
                identity = broken.name,
                currency = broken.currency,
                total = broken.total,
                parts = broken.parts,
                residual = broken.residual,
                "sums that should agree do not"
            );
        }
        Ok((made, identities))
    }

    fn check_bills(&self, made: &Made) -> Result<(), IngestError> {
        let manifest = self.plugin.manifest();
        let bills = manifest.tables.iter().enumerate().filter(|(_, table)| table.role == TableRole::Bill);
        for (index, table) in bills {
            let rows: usize = made.get(&index).into_iter().flatten().map(RecordBatch::num_rows).sum();
            if rows != 1 {
                return Err(IngestError::Refused(format!(
                    "plugin {} made {rows} rows for table {}, and the bill of {} is one row; this is a defect of the plugin",
                    manifest.id, table.name, self.title
                )));
            }
        }
        Ok(())
    }

    fn merge(&self, summary: &Summary, pieces: Vec<Vec<u8>>, made: &mut Made) -> Result<(), IngestError> {
        let unit = format!("{} summary {}", self.title, summary.name);
        let context = CallContext { run: self.run.to_string(), unit };
        let mut instance = self.plugin.instance(context, self.limits, self.cancel)?;
        let accumulator = instance.open_accumulator(&self.task(summary))?;
        for piece in pieces {
            instance.merge(&accumulator, &piece)?;
        }
        instance.complete(&accumulator)?;
        while let Some(rows) = instance.pull(&accumulator)? {
            made.entry(rows.table).or_default().extend(rows.batches);
        }
        Ok(())
    }

    /// Writes what was made, without committing it. `staged` has a place for each table of the plugin.
    ///
    /// # Errors
    /// When a file cannot be written; what was staged before stays in `staged`.
    pub fn stage(
        &self,
        made: Made,
        tables: &[LakeTable],
        partition: &Partition,
        staged: &mut [Vec<StagedFile>],
    ) -> Result<(), IngestError> {
        for (index, batches) in made {
            let (Some(table), Some(declared)) = (tables.get(index), self.plugin.manifest().tables.get(index)) else {
                continue;
            };
            let mut writer = table.writer(partition, &WriterOptions::default())?;
            for batch in &batches {
                let written = self.with_host_columns(declared.role, batch).and_then(|batch| Ok(writer.write(&batch)?));
                if let Err(error) = written {
                    writer.abort();
                    return Err(error);
                }
            }
            let file = writer.finish()?;
            if let Some(files) = staged.get_mut(index) {
                files.push(file);
            }
        }
        Ok(())
    }

    fn with_host_columns(&self, role: TableRole, batch: &RecordBatch) -> Result<RecordBatch, IngestError> {
        let schema = with_host_columns(role, &batch.schema());
        if schema.fields().len() == batch.num_columns() {
            return Ok(batch.clone());
        }
        let rows = batch.num_rows();
        let uuid = self.source_uuid.to_string();
        let uuids: ArrayRef = Arc::new(StringArray::from_iter_values(std::iter::repeat_n(uuid, rows)));
        let bill = bill_id(self.source_uuid, self.period.start);
        let bills: ArrayRef = Arc::new(Int64Array::from_value(bill, rows));
        let columns = batch.columns().iter().cloned().chain([uuids, bills]).collect();
        RecordBatch::try_new(schema, columns)
            .map_err(|error| IngestError::Internal(format!("adding the bill to summary rows ({error})")))
    }
}
