//! Summaries of one period: partial states are merged by the plugin, rolled up by the host, and staged.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int64Array, RecordBatch, StringArray, UInt8Array};
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;

use super::error::IngestError;
use super::folding::Summarized;
use super::identity::{self, IdentityResult};
use super::load_id::bill_id;
use super::parallel::in_parallel;
use super::request::PluginSettings;
use super::sharing;
use super::tables::with_host_columns;
use crate::lake::{LakeTable, Partition, StagedFile, WriterOptions};
use crate::plugin::manifest::{Rollup, Summary, TableRole};
use crate::plugin::{CallContext, Cancel, Limits, Period, Plugin, SummaryTask, TableRows};
use crate::summary;

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

/// A table to be written.
enum Job<'a> {
    /// One that a summary filled, with its rows.
    Table(usize, &'a [RecordBatch]),
    /// A rollup, with the rows it is made of.
    Rollup(&'a Rollup, &'a [RecordBatch]),
}

impl Job<'_> {
    fn table(&self) -> usize {
        match self {
            Self::Table(table, _) => *table,
            Self::Rollup(rollup, _) => rollup.output,
        }
    }

    fn rows(&self) -> usize {
        let (Self::Table(_, rows) | Self::Rollup(_, rows)) = self;
        rows.iter().map(RecordBatch::num_rows).sum()
    }
}

/// Rows of each table that was made, by the table's index.
pub type Made = BTreeMap<usize, Vec<RecordBatch>>;

fn add(made: &mut Made, rows: impl IntoIterator<Item = TableRows>) {
    for rows in rows {
        made.entry(rows.table).or_default().extend(rows.batches);
    }
}

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

    /// Makes the rows of every table that the plugin's summaries fill, of what all rows of the unit were folded into, on some
    /// threads, and checks identities.
    ///
    /// # Errors
    /// When the plugin fails, or makes more or fewer bills than one.
    pub fn make(&self, summaries: Vec<Summarized>, threads: usize) -> Result<(Made, Vec<IdentityResult>), IngestError> {
        let manifest = self.plugin.manifest();
        let mut made = Made::new();
        let outputs = manifest.summaries.iter().flat_map(|summary| &summary.outputs);
        outputs.for_each(|output| _ = made.entry(*output).or_default());
        let mut saved: Vec<Vec<Vec<u8>>> = vec![Vec::new(); manifest.summaries.len()];
        let (mut alone, mut in_pieces, mut held) = (false, false, Vec::new());
        for part in summaries {
            match part {
                Summarized::InParts(part) => {
                    in_pieces = true;
                    saved.iter_mut().zip(part).for_each(|(all, own)| all.extend(own));
                }
                Summarized::Alone(rows) => {
                    alone = true;
                    add(&mut made, rows.into_iter().flatten());
                }
                Summarized::Held(part) => held.push(*part),
            }
        }
        if in_pieces {
            // A plugin need not say the same of every state; one that does not fall into shares can only be merged whole.
            for mut part in held.drain(..) {
                saved.iter_mut().zip(part.save()?).for_each(|(all, own)| all.extend(own));
            }
        }
        if !held.is_empty() {
            add(&mut made, sharing::complete(held, threads)?);
        } else if !alone {
            for (summary, pieces) in manifest.summaries.iter().zip(saved) {
                self.merge(summary, pieces, &mut made)?;
            }
        }
        let mut identities = Vec::new();
        for summary in &manifest.summaries {
            let main = summary.outputs.first().and_then(|output| made.get(output));
            identities.extend(identity::check(&summary.identities, main.map(Vec::as_slice).unwrap_or_default()));
        }
        self.check_bills(&made)?;
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

    /// Writes what was made and the rollups of it, on some threads, without committing it. `staged` has a place for each
    /// table of the plugin.
    ///
    /// # Errors
    /// When a rollup cannot be made or a file cannot be written; what was staged before stays in `staged`.
    pub fn stage(
        &self,
        made: Made,
        tables: &[LakeTable],
        partition: &Partition,
        threads: usize,
        staged: &mut [Vec<StagedFile>],
    ) -> Result<(), IngestError> {
        let manifest = self.plugin.manifest();
        let mut jobs: Vec<Job<'_>> = made.iter().map(|(table, rows)| Job::Table(*table, rows)).collect();
        jobs.extend(
            manifest
                .rollups
                .iter()
                .map(|rollup| Job::Rollup(rollup, made.get(&rollup.input).map(Vec::as_slice).unwrap_or_default())),
        );
        // The longest first, so that none of them is left alone at the end.
        jobs.sort_by_key(|job| std::cmp::Reverse(job.rows()));
        let results = in_parallel(threads, &jobs, |job| self.stage_one(job, tables, partition));
        let mut failure = None;
        for (job, result) in jobs.iter().zip(results) {
            match (result, staged.get_mut(job.table())) {
                (Ok(file), Some(files)) => files.extend(file),
                (Ok(_), None) => {}
                (Err(error), _) => _ = failure.get_or_insert(error),
            }
        }
        failure.map_or(Ok(()), Err)
    }

    fn stage_one(
        &self,
        job: &Job<'_>,
        tables: &[LakeTable],
        partition: &Partition,
    ) -> Result<Option<StagedFile>, IngestError> {
        let manifest = self.plugin.manifest();
        let (Some(table), Some(declared)) = (tables.get(job.table()), manifest.tables.get(job.table())) else {
            return Ok(None);
        };
        let rolled;
        let batches = match job {
            Job::Table(_, rows) => *rows,
            Job::Rollup(rollup, input) => {
                rolled = summary::rollup(manifest, rollup, input)?;
                &rolled
            }
        };
        let mut writer = table.writer(partition, &WriterOptions::default())?;
        for batch in batches {
            writer.write(&self.with_host_columns(declared.role, batch)?)?;
        }
        Ok(Some(writer.finish()?))
    }

    fn with_host_columns(&self, role: TableRole, batch: &RecordBatch) -> Result<RecordBatch, IngestError> {
        let schema = with_host_columns(role, &batch.schema());
        if schema.fields().len() == batch.num_columns() {
            return Ok(batch.clone());
        }
        let rows = batch.num_rows();
        let failed = |error: ArrowError| IngestError::Internal(format!("adding the bill to summary rows ({error})"));
        // The same in every row, so that it is written once.
        let uuid = StringArray::from_iter_values([self.source_uuid.to_string()]);
        let uuids = DictionaryArray::try_new(UInt8Array::from_value(0, rows), Arc::new(uuid)).map_err(failed)?;
        let uuids: ArrayRef = Arc::new(uuids);
        let bill = bill_id(self.source_uuid, self.period.start);
        let bills: ArrayRef = Arc::new(Int64Array::from_value(bill, rows));
        let columns: Vec<ArrayRef> = batch.columns().iter().cloned().chain([uuids, bills]).collect();
        let as_sent = |(field, column): (&Arc<Field>, &ArrayRef)| {
            let field = field.as_ref().clone();
            Arc::new(field.with_data_type(column.data_type().clone()))
        };
        let fields: Vec<Arc<Field>> = schema.fields().iter().zip(&columns).map(as_sent).collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(failed)
    }
}
