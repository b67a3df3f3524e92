//! What is loaded, as work: summaries of some sources and months made anew of the lake's rows.

use std::sync::Arc;
use std::time::Instant;

use super::decide::reason_to_summarize;
use super::error::{IngestError, chain};
use super::load_id::load_id;
use super::receipt::{PeriodReceipt, PeriodStatus, Receipt};
use super::request::{PluginSettings, RunOptions};
use super::resummarize::Resummarize;
use super::tables::PluginTables;
use crate::lake::{Lake, LoadRecord, Partition, latest_loads};
use crate::plugin::{Cancel, Plugin};
use crate::settings::Month;

/// Which loads.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Names of sources; a name also stands for all reports below it. Empty means all.
    pub sources: Vec<String>,
    /// First and last billing month.
    pub months: (Option<Month>, Option<Month>),
}

impl Selection {
    /// Whether a load is meant.
    pub fn takes(&self, record: &LoadRecord) -> bool {
        let named = |name: &String| {
            record.source == *name
                || record.source.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        let Some(month) = month_of(record) else { return false };
        (self.sources.is_empty() || self.sources.iter().any(named))
            && self.months.0.is_none_or(|from| from <= month)
            && self.months.1.is_none_or(|to| month <= to)
    }
}

/// The billing month of a load.
pub fn month_of(record: &LoadRecord) -> Option<Month> {
    Month::of(record.period_start.div_euclid(1_000_000))
}

/// Where a load's rows lie in every table.
pub fn partition_of(record: &LoadRecord) -> Option<Partition> {
    let month = month_of(record)?;
    Some(Partition { source: record.source.clone(), year: month.year, month: month.month })
}

/// The newest loads of a provider that are meant, newest month first.
///
/// # Errors
/// When the lake cannot be read.
pub async fn selected(
    lake: &Lake,
    tenant: &str,
    provider: &str,
    selection: &Selection,
) -> Result<Vec<LoadRecord>, IngestError> {
    let mut records = latest_loads(lake, tenant, provider).await?;
    records.retain(|record| selection.takes(record));
    records.sort_by(|a, b| b.period_start.cmp(&a.period_start).then_with(|| a.source.cmp(&b.source)));
    Ok(records)
}

/// Summaries to be made anew.
#[derive(Debug)]
pub struct Again<'a> {
    /// The lake.
    pub lake: &'a Lake,
    /// What summarizes.
    pub plugin: &'a Arc<Plugin>,
    /// How.
    pub options: &'a RunOptions,
    /// Set when the run must stop.
    pub cancel: &'a Cancel,
}

impl Again<'_> {
    /// Makes the summaries of these loads anew, each with its settings, where settings or plugin are others than they were made with. Blocking;
    /// inside a tokio runtime's context.
    ///
    /// # Errors
    /// When the lake cannot hold the plugin's tables. What fails for single periods is told by the receipt.
    pub fn execute(&self, loads: &[(LoadRecord, PluginSettings)]) -> Result<Receipt, IngestError> {
        let started = Instant::now();
        let run = uuid::Uuid::new_v4();
        let tables = PluginTables::open(self.lake, &self.options.tenant, self.plugin.manifest())?;
        let started_text = super::time_text(chrono::Utc::now().timestamp());
        let periods = loads.iter().map(|(record, settings)| self.one(record, settings, &tables, run));
        let periods = periods.collect::<Result<Vec<_>, _>>()?;
        Ok(Receipt {
            run,
            costhost: env!("CARGO_PKG_VERSION"),
            started: started_text,
            wall_ms: started.elapsed().as_millis() as u64,
            tenant: self.options.tenant.clone(),
            lake: self.lake.url().to_string(),
            rows: 0,
            rejects: 0,
            totals: serde_json::json!({}),
            totals_by_source: serde_json::json!({}),
            periods,
            problems: Vec::new(),
            publications: Vec::new(),
        })
    }

    fn one(
        &self,
        record: &LoadRecord,
        settings: &PluginSettings,
        tables: &PluginTables,
        run: uuid::Uuid,
    ) -> Result<PeriodReceipt, IngestError> {
        let uuid = uuid::Uuid::parse_str(&record.source_uuid).unwrap_or_default();
        let load_id = load_id(&record.rows_id, uuid, self.plugin.digest(), &settings.for_summaries());
        let why = reason_to_summarize(record, self.plugin, settings);
        let work = Resummarize {
            record,
            source_uuid: uuid,
            plugin: self.plugin,
            settings,
            load_id: &load_id,
            why: &why,
            lake: self.lake,
            tables,
            options: self.options,
            cancel: self.cancel,
            run,
        };
        let same = record.load_id == load_id && work.is_in()?;
        if same && !self.options.force {
            let why = "made with these settings and this plugin already".to_owned();
            return Ok(PeriodReceipt { why, ..work.receipt(PeriodStatus::Unchanged) });
        }
        Ok(work.execute().unwrap_or_else(|error| {
            let why = chain(&error);
            tracing::error!(source = record.source, "{why}");
            PeriodReceipt { why, ..work.receipt(PeriodStatus::Failed) }
        }))
    }
}
