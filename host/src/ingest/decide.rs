//! What is delivered, compared with what is loaded.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::error::IngestError;
use super::load_id::sha256_hex;
use super::plan::{Decision, PlannedPeriod};
use super::request::{PluginSettings, RunOptions, SourceRequest};
use super::tables::PluginTables;
use crate::lake::{Lake, LakeError, LoadRecord, LoadedMark, Partition, latest_loads};
use crate::plugin::Plugin;

/// What the lake holds of the planned periods, read once a plan.
#[derive(Default)]
pub(super) struct Loaded {
    /// Newest load records, by provider.
    records: BTreeMap<String, Vec<LoadRecord>>,
    /// What the tables of a plugin hold, by plugin digest and partition.
    marks: BTreeMap<(String, Partition), Marks>,
}

/// What the tables of a plugin hold of one partition.
#[derive(Default)]
struct Marks {
    /// Those with rows, and that with what was set aside.
    rows: Vec<Option<LoadedMark>>,
    /// Those that were made of the rows.
    made: Vec<Option<LoadedMark>>,
}

impl Loaded {
    pub(super) async fn read(
        lake: &Lake,
        periods: &[PlannedPeriod],
        options: &RunOptions,
    ) -> Result<Self, IngestError> {
        let mut loaded = Self::default();
        let mut plugins: BTreeMap<&str, (&Arc<Plugin>, Vec<Partition>)> = BTreeMap::new();
        for period in periods {
            let entry = plugins.entry(period.plugin.digest()).or_insert((&period.plugin, Vec::new()));
            entry.1.push(period.partition());
        }
        for (digest, (plugin, partitions)) in plugins {
            let manifest = plugin.manifest();
            let tables = PluginTables::open(lake, &options.tenant, manifest)?;
            let reading = Reading::begin(&tables, &partitions);
            if !loaded.records.contains_key(&manifest.provider) {
                let records = latest_loads(lake, &options.tenant, &manifest.provider).await?;
                loaded.records.insert(manifest.provider.clone(), records);
            }
            let normalized = manifest.tables.iter().map(|table| table.role.is_normalized()).chain([true]);
            for (normalized, marks) in normalized.zip(reading.end().await?) {
                for (partition, mark) in partitions.iter().zip(marks) {
                    let known = loaded.marks.entry((digest.to_owned(), partition.clone())).or_default();
                    if normalized { known.rows.push(mark) } else { known.made.push(mark) }
                }
            }
        }
        Ok(loaded)
    }

    fn records(&self, period: &PlannedPeriod) -> &[LoadRecord] {
        self.records.get(&period.plugin.manifest().provider).map(Vec::as_slice).unwrap_or_default()
    }

    fn state(&self, period: &PlannedPeriod) -> TableState {
        let key = (period.plugin.digest().to_owned(), period.partition());
        let Some(Marks { rows, made }) = self.marks.get(&key) else { return TableState::Nothing };
        let newest = rows.iter().chain(made).flatten().filter_map(|mark| mark.delivered).max();
        if let Some(newest) = newest.filter(|newest| *newest > period.report.delivered) {
            return TableState::Newer(newest);
        }
        let holds = |marks: &[Option<LoadedMark>], id: &str| {
            marks.iter().all(|mark| mark.as_ref().is_some_and(|mark| mark.is(id).unwrap_or(false)))
        };
        match (holds(rows, &period.rows_id), holds(made, &period.load_id)) {
            _ if rows.iter().chain(made).all(Option::is_none) => TableState::Nothing,
            (true, true) => TableState::This,
            (true, false) => TableState::OtherSummaries,
            (false, _) => TableState::Other,
        }
    }
}

/// Marks of partitions, one per partition.
type TableMarks = Vec<Option<LoadedMark>>;

/// The logs of a plugin's tables while they are read: each is one of its own, in a store that may be far away, and takes
/// milliseconds of a core to make sense of. So each is a task of its own, which ends when this is dropped.
struct Reading(JoinSet<(usize, Result<TableMarks, LakeError>)>);

impl Reading {
    /// Of all tables that the plugin declared, and of that with what was set aside.
    fn begin(tables: &PluginTables, partitions: &[Partition]) -> Self {
        let partitions: Arc<[Partition]> = partitions.into();
        let mut tasks = JoinSet::new();
        for (at, table) in tables.declared.iter().chain([&tables.rejects]).cloned().enumerate() {
            let partitions = Arc::clone(&partitions);
            tasks.spawn(async move { (at, table.loaded_all(&partitions).await) });
        }
        Self(tasks)
    }

    /// Each table's marks, in the tables' order.
    async fn end(mut self) -> Result<Vec<TableMarks>, IngestError> {
        let mut marks = Vec::with_capacity(self.0.len());
        while let Some(read) = self.0.join_next().await {
            let (at, read) = read.map_err(|_| IngestError::Internal("reading what is loaded".to_owned()))?;
            marks.push((at, read?));
        }
        marks.sort_by_key(|(at, _)| *at);
        Ok(marks.into_iter().map(|(_, marks)| marks).collect())
    }
}

/// What the tables of a plugin hold of a period.
enum TableState {
    /// Nothing at all.
    Nothing,
    /// This very load, in every table.
    This,
    /// The rows of this load, and something else that is made of rows.
    OtherSummaries,
    /// A delivery that is newer than the planned one, with its time.
    Newer(i64),
    /// Something else.
    Other,
}

/// Sets the period's decision, or says why it must not be loaded.
pub(super) fn decide(
    loaded: &Loaded,
    period: &mut PlannedPeriod,
    sources: &[SourceRequest],
    options: &RunOptions,
) -> Option<String> {
    let records = loaded.records(period);
    if let Some(other) = moved_place(records, period, sources) {
        return Some(format!(
            "the lake already holds a source `{}`, read from {other}; this one lies at {}. Give it a name with \
             --source-name (the same name says that it is the same source)",
            period.source, period.location.url
        ));
    }
    let known = records.iter().find(|record| {
        record.source == period.source && record.period_start == period.report.period.start.saturating_mul(1_000_000)
    });
    let recorded = known.is_some_and(|record| record.load_id == period.load_id);
    let same_rows = known.is_some_and(|record| record.rows_id == period.rows_id);
    (period.decision, period.why) = match (loaded.state(period), known) {
        (TableState::This, _) if recorded && !options.force => {
            (Decision::Unchanged, "nothing new since the last load".into())
        }
        (TableState::Newer(delivered), _) if !options.force => {
            (Decision::Superseded, format!("a newer delivery ({}) is loaded", super::time_text(delivered)))
        }
        // The record tells how many rows were read and set aside, which the lake's rows do not.
        (TableState::This | TableState::OtherSummaries, Some(record)) if same_rows && !options.force => {
            (Decision::Summarize, difference(record, period))
        }
        (TableState::This, _) if recorded => (Decision::Changed, "loaded again because of --force".into()),
        (TableState::Nothing, None) => (Decision::New, "not loaded yet".into()),
        (_, Some(record)) => (Decision::Changed, difference(record, period)),
        (_, None) => (Decision::Changed, "an earlier load was not finished".into()),
    };
    period.loaded = known.cloned();
    None
}

/// A name made from a location must not silently join two places into one source.
fn moved_place<'a>(history: &'a [LoadRecord], period: &PlannedPeriod, sources: &[SourceRequest]) -> Option<&'a str> {
    let derived = sources.iter().any(|source| {
        source.name_is_derived
            && (period.source == source.name || period.source.starts_with(&format!("{}/", source.name)))
    });
    let record = history.iter().find(|record| record.source == period.source)?;
    (derived && record.location != period.location.url).then_some(record.location.as_str())
}

fn difference(record: &LoadRecord, period: &PlannedPeriod) -> String {
    let mut reasons = Vec::new();
    if record.revision != period.report.revision {
        reasons.push(format!("revision {} replaces {}", short(&period.report.revision), short(&record.revision)));
    }
    if record.source_uuid != period.source_uuid.to_string() {
        reasons.push("another UUID of the source".to_owned());
    }
    reasons.extend(made_with(record, &period.plugin, &period.settings));
    if reasons.is_empty() {
        reasons.push("its files have changed, or an earlier load was not finished".to_owned());
    }
    reasons.join(", ")
}

/// Why summaries of a load are made anew.
pub(super) fn reason_to_summarize(record: &LoadRecord, plugin: &Plugin, settings: &PluginSettings) -> String {
    let reasons = made_with(record, plugin, settings);
    if reasons.is_empty() { "made anew".to_owned() } else { reasons.join(", ") }
}

fn made_with(record: &LoadRecord, plugin: &Plugin, settings: &PluginSettings) -> Vec<String> {
    let mut reasons = Vec::new();
    if record.plugin_digest != plugin.digest() {
        let (id, version) = (&plugin.manifest().id, &plugin.manifest().version);
        reasons.push(format!("plugin {id} {version} instead of {}", record.plugin_version));
    }
    if record.settings_digest != sha256_hex(&settings.for_summaries()) {
        reasons.push("other settings".to_owned());
    }
    reasons
}

fn short(revision: &str) -> &str {
    revision.char_indices().nth(13).map_or(revision, |(end, _)| revision.get(..end).unwrap_or(revision))
}
