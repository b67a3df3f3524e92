//! One input through a plugin as a run takes it, in memory and with everything counted: for `run` and `bench`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use arrow::record_batch::RecordBatch;
use tokio::runtime::Handle;

use super::super::UsageError;
use crate::conformance::{Input, Pieces, read_input};
use crate::plugin::manifest::Summary;
use crate::plugin::{
    AccumulatorHandle, CallContext, Cancel, DiscoverRequest, Findings, FoundReport, InputFile, Instance, Limits,
    NormalizeJob, NormalizerHandle, Outcome, Plugin, Reject, SummaryTask, Usage, encode_ipc,
};
use crate::source::bucket::Bucket;
use crate::source::store::{self, Location, StoreOptions};

/// Largest input that is held in memory.
const MOST_BYTES: usize = 1 << 30;
/// Rejects that are kept.
const MOST_REJECTS: usize = 1_000;

/// An input, and what a plugin found in it.
pub(super) struct Found {
    pub(super) location: Location,
    pub(super) findings: Findings,
    settings: String,
    now: i64,
}

/// Finds reports in an input.
pub(super) fn find(plugin: &Plugin, input: &str, settings: &str, handle: &Handle) -> anyhow::Result<Found> {
    serde_json::from_str::<serde_json::Value>(settings)
        .map_err(|error| UsageError(format!("--settings is not JSON: {error}")))?;
    let location = store::open(input, &StoreOptions::default())?;
    let location = handle.block_on(location.resolve())?;
    let bucket = Bucket::new(location.clone(), Limits::default().discovery, handle.clone());
    let now = chrono::Utc::now().timestamp();
    let request = DiscoverRequest { settings: settings.to_owned(), window: None, now };
    let findings = plugin.discover(Arc::new(bucket), request, &Limits::default(), &Cancel::default())?;
    if findings.reports.is_empty() && findings.problems.is_empty() {
        anyhow::bail!("the plugin finds no report in {input}; does its `discover` know files of this name?");
    }
    Ok(Found { location, findings, settings: settings.to_owned(), now })
}

/// What one file came to.
#[derive(Debug, Default)]
pub(super) struct Driven {
    /// First rows by index of their table, as many as asked for.
    pub(super) first_rows: BTreeMap<usize, Vec<RecordBatch>>,
    /// All rows, counted.
    pub(super) table_rows: BTreeMap<usize, u64>,
    pub(super) rows: u64,
    pub(super) rejects: Vec<Reject>,
    pub(super) rejects_counted: u64,
    pub(super) notes: Vec<String>,
    /// Saved states of all summaries.
    pub(super) state_bytes: u64,
    pub(super) normalizing: Duration,
    pub(super) summarizing: Duration,
    pub(super) usage: Usage,
}

/// One file of a report, ready to be pushed as often as one likes.
pub(super) struct Loaded<'a> {
    plugin: &'a Arc<Plugin>,
    found: &'a Found,
    report: &'a FoundReport,
    file: &'a InputFile,
    pushes: Vec<Vec<u8>>,
    /// Bytes pushed in all.
    pub(super) bytes: u64,
}

impl<'a> Loaded<'a> {
    /// Reads the file.
    pub(super) fn read(
        plugin: &'a Arc<Plugin>,
        found: &'a Found,
        report: &'a FoundReport,
        file: &'a InputFile,
        handle: &Handle,
    ) -> anyhow::Result<Self> {
        let input: Input = read_input(&found.location, file, MOST_BYTES, handle)?;
        let pushes = input.cut(Pieces::Chunks)?;
        let bytes = pushes.iter().map(|push| push.len() as u64).sum();
        Ok(Self { plugin, found, report, file, pushes, bytes })
    }

    /// Pushes it through a new instance of `plugin`, which may be the same on another engine, and keeps `keep` rows of
    /// each table.
    pub(super) fn drive(&self, plugin: &Arc<Plugin>, keep: usize) -> anyhow::Result<Driven> {
        let context = CallContext { run: String::new(), unit: self.file.path.clone() };
        let mut instance = plugin.instance(context, &Limits::default(), &Cancel::default())?;
        let mut normalizer = instance.open_normalizer(&self.job())?;
        let summaries = &self.plugin.manifest().summaries;
        let accumulators = summaries.iter().map(|summary| instance.open_accumulator(&self.task(summary)));
        let accumulators = accumulators.collect::<Result<Vec<_>, _>>()?;
        let mut driven = Driven::default();
        for push in self.pushes.iter().map(Some).chain([None]) {
            let before = instance.usage().guest_time;
            let outcome = match push {
                Some(push) => instance.push(&mut normalizer, push)?,
                None => instance.finish(&mut normalizer)?,
            };
            let normalized = instance.usage().guest_time;
            driven.normalizing += normalized.saturating_sub(before);
            self.fold(&mut instance, &normalizer, &accumulators, &outcome)?;
            driven.summarizing += instance.usage().guest_time.saturating_sub(normalized);
            driven.take(outcome, keep);
        }
        let before = instance.usage().guest_time;
        for accumulator in &accumulators {
            while let Some(piece) = instance.save(accumulator)? {
                driven.state_bytes += piece.len() as u64;
            }
        }
        driven.usage = instance.usage();
        driven.summarizing += driven.usage.guest_time.saturating_sub(before);
        driven.notes = instance.take_notes();
        Ok(driven)
    }

    fn fold(
        &self,
        instance: &mut Instance,
        normalizer: &NormalizerHandle,
        accumulators: &[AccumulatorHandle],
        outcome: &Outcome,
    ) -> anyhow::Result<()> {
        if outcome.outputs.is_empty() {
            return Ok(());
        }
        for (summary, accumulator) in self.plugin.manifest().summaries.iter().zip(accumulators) {
            if self.plugin.folds() {
                instance.fold(normalizer, accumulator)?;
                continue;
            }
            let input = outcome.outputs.iter().filter(|rows| rows.table == summary.input);
            for batch in input.flat_map(|rows| &rows.batches) {
                let schema = batch.schema();
                let columns =
                    summary.columns.iter().map(|column| schema.index_of(column)).collect::<Result<Vec<_>, _>>();
                let batch =
                    columns.and_then(|columns| batch.project(&columns)).context("choosing a summary's columns")?;
                instance.update(accumulator, encode_ipc(&batch.schema(), std::slice::from_ref(&batch))?)?;
            }
        }
        Ok(())
    }

    fn job(&self) -> NormalizeJob {
        NormalizeJob {
            settings: self.found.settings.clone(),
            now: self.found.now,
            source: self.report.source.clone(),
            revision: self.report.revision.clone(),
            period: self.report.period,
            labels: self.report.labels.clone(),
            file: self.file.clone(),
        }
    }

    fn task(&self, summary: &Summary) -> SummaryTask {
        SummaryTask {
            summary: summary.name.clone(),
            settings: self.found.settings.clone(),
            now: self.found.now,
            source: self.report.source.clone(),
            period: self.report.period,
        }
    }
}

impl Driven {
    fn take(&mut self, outcome: Outcome, keep: usize) {
        self.rows += outcome.rows;
        self.rejects_counted += outcome.rejects.len() as u64 + outcome.rejects_uncounted;
        let room = MOST_REJECTS.saturating_sub(self.rejects.len());
        self.rejects.extend(outcome.rejects.into_iter().take(room));
        for rows in outcome.outputs {
            let kept = self.first_rows.entry(rows.table).or_default();
            for batch in rows.batches {
                *self.table_rows.entry(rows.table).or_default() += batch.num_rows() as u64;
                let held: usize = kept.iter().map(RecordBatch::num_rows).sum();
                let wanted = keep.saturating_sub(held).min(batch.num_rows());
                if wanted > 0 {
                    kept.push(batch.slice(0, wanted));
                }
            }
        }
    }
}
