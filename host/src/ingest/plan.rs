//! What a run would read, and why: discovery, then a comparison of what is delivered with what is loaded.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use uuid::Uuid;

use super::decide::{Loaded, decide};
use super::error::{IngestError, chain};
use super::load_id::{RowsIdentity, load_id, source_uuid};
use super::request::{PluginSettings, RunOptions, SourceRequest};
use super::summaries::SummaryUnit;
use crate::lake::{Lake, LoadRecord, Partition};
use crate::plugin::{Cancel, Compression, DiscoverRequest, Findings, FoundReport, Period, Plugin};
use crate::settings::{Month, SettingsError};
use crate::source;
use crate::source::bucket::Bucket;
use crate::source::error::SourceError;
use crate::source::grant::ObjectInfo;
use crate::source::store::Location;

/// Everything found in the sources of a run.
#[derive(Debug, Default)]
pub struct Plan {
    /// Newest period first, then by source.
    pub periods: Vec<PlannedPeriod>,
    /// Deliveries that cannot be loaded.
    pub problems: Vec<PlanProblem>,
}

/// One billing period of one source.
#[derive(Debug, Clone)]
pub struct PlannedPeriod {
    /// Full name in the lake.
    pub source: String,
    /// What summary rows call it.
    pub source_uuid: Uuid,
    /// The billing month.
    pub month: Month,
    /// The delivery.
    pub report: FoundReport,
    /// Its files as they are now, in the report's order.
    pub files: Vec<ObjectInfo>,
    /// Where they lie.
    pub location: Arc<Location>,
    /// What reads them.
    pub plugin: Arc<Plugin>,
    /// Settings for the plugin.
    pub settings: PluginSettings,
    /// Identity of its rows.
    pub rows_id: String,
    /// Identity of the whole load.
    pub load_id: String,
    /// The load that is in.
    pub loaded: Option<LoadRecord>,
    /// Whether to read it.
    pub decision: Decision,
    /// The decision in words.
    pub why: String,
}

impl PlannedPeriod {
    /// Where its rows lie in every table.
    pub fn partition(&self) -> Partition {
        Partition { source: self.source.clone(), year: self.month.year, month: self.month.month }
    }

    /// For messages: `source 2026-10`.
    pub fn title(&self) -> String {
        format!("{} {}", self.source, self.month)
    }

    /// The period as something to be summarized.
    pub fn summary_unit<'a>(
        &'a self,
        title: &'a str,
        options: &'a RunOptions,
        cancel: &'a Cancel,
        run: Uuid,
    ) -> SummaryUnit<'a> {
        SummaryUnit {
            title,
            source: &self.source,
            source_uuid: self.source_uuid,
            period: self.report.period,
            plugin: &self.plugin,
            settings: &self.settings,
            limits: options.limits_of(&self.plugin),
            now: options.now,
            cancel,
            run,
        }
    }

    /// Bytes as stored.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }
}

/// Whether a period is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Nothing of it is loaded.
    New,
    /// What is loaded came from something else.
    Changed,
    /// The rows are in; only what is made of them is made anew, from the lake.
    Summarize,
    /// This very load is in.
    Unchanged,
    /// A newer delivery is loaded.
    Superseded,
}

impl Decision {
    /// Whether the report's files are read.
    pub fn reads(self) -> bool {
        matches!(self, Self::New | Self::Changed)
    }
}

/// A delivery that was found but cannot be loaded.
#[derive(Debug, Clone)]
pub struct PlanProblem {
    /// Full name in the lake.
    pub source: String,
    /// Where it is known.
    pub month: Option<Month>,
    /// What, where, and what to do.
    pub message: String,
}

/// Finds the reports of all sources and decides what to do about each.
///
/// A source that cannot be read becomes a problem and the others are still planned.
///
/// # Errors
/// When the lake cannot be read, or two sources would fill the same name.
pub async fn plan(
    lake: &Lake,
    sources: &[SourceRequest],
    options: &RunOptions,
    cancel: &Cancel,
) -> Result<Plan, IngestError> {
    let mut plan = Plan::default();
    for source in sources {
        match find(source, options, cancel).await {
            Ok((location, findings)) => {
                note_problems(&mut plan, source, &findings);
                for report in findings.reports {
                    add_period(&mut plan, source, &location, report, options).await;
                }
            }
            Err(error) if error.is_usage() => return Err(error),
            Err(error) => {
                let problem = PlanProblem { source: source.name.clone(), month: None, message: chain(&error) };
                plan.problems.push(problem);
            }
        }
    }
    drop_collisions(&mut plan);
    let loaded = Loaded::read(lake, &plan.periods, options).await?;
    for mut period in std::mem::take(&mut plan.periods) {
        match decide(&loaded, &mut period, sources, options) {
            None => plan.periods.push(period),
            Some(message) => {
                plan.problems.push(PlanProblem { source: period.source, month: Some(period.month), message });
            }
        }
    }
    plan.periods.sort_by(|a, b| b.month.cmp(&a.month).then_with(|| a.source.cmp(&b.source)));
    Ok(plan)
}

async fn find(
    source: &SourceRequest,
    options: &RunOptions,
    cancel: &Cancel,
) -> Result<(Arc<Location>, Findings), IngestError> {
    let location = source::store::open(&source.location, &source::store::StoreOptions::default())?.resolve().await?;
    let location = Arc::new(location);
    let handle = tokio::runtime::Handle::current();
    let discovery = options.limits_of(&source.plugin).discovery;
    let bucket = Arc::new(Bucket::new(Location::clone(&location), discovery, handle));
    let lent = Arc::clone(&bucket);
    let window = source.window().map(|(start, end)| Period { start, end });
    let request = DiscoverRequest { settings: source.settings.for_rows(), window, now: options.now };
    let (plugin, limits, cancel) =
        (Arc::clone(&source.plugin), options.limits_of(&source.plugin).clone(), cancel.clone());
    // The guest's storage calls block, so discovery gets a thread that may.
    let found = tokio::task::spawn_blocking(move || plugin.discover(lent, request, &limits, &cancel)).await;
    let findings = found.map_err(|_| IngestError::Internal("discovering reports".to_owned()))?;
    // Before what the plugin says: it may have taken a listing that was cut off for all there is.
    bucket.within_limits()?;
    let findings = findings?;
    if findings.reports.is_empty() && findings.problems.is_empty() {
        return Err(IngestError::Refused(nothing_found(source)));
    }
    let names: std::collections::BTreeSet<&str> = findings.reports.iter().map(|r| r.source.as_str()).collect();
    if source.uuid.is_some() && names.len() > 1 {
        let list = names.into_iter().collect::<Vec<_>>().join(", ");
        return Err(SettingsError::Value(format!(
            "--source-uuid was given, but {} holds several reports ({list}); name one of them in SOURCE, or leave the UUID out",
            location.url
        ))
        .into());
    }
    Ok((location, findings))
}

fn nothing_found(source: &SourceRequest) -> String {
    let window = match source.months {
        (None, None) => String::new(),
        (from, to) => {
            let text = |month: Option<Month>| month.map_or_else(|| "..".to_owned(), |month| month.to_string());
            format!(" between {} and {}", text(from), text(to))
        }
    };
    format!(
        "plugin {} found no report below {}{window}; check the path, and that the provider has delivered there",
        source.plugin.manifest().id,
        source.location
    )
}

fn note_problems(plan: &mut Plan, source: &SourceRequest, findings: &Findings) {
    plan.problems.extend(findings.problems.iter().map(|problem| PlanProblem {
        source: full_name(&source.name, &problem.source),
        month: problem.period.and_then(|period| Month::of(period.start)),
        message: problem.failure.to_string(),
    }));
}

fn full_name(source: &str, report: &str) -> String {
    if report.is_empty() { source.to_owned() } else { format!("{source}/{report}") }
}

async fn add_period(
    plan: &mut Plan,
    source: &SourceRequest,
    location: &Arc<Location>,
    report: FoundReport,
    options: &RunOptions,
) {
    let name = full_name(&source.name, &report.source);
    let Some(month) = Month::of(report.period.start) else {
        let message = format!("its billing period begins at {}, which is no date", report.period.start);
        plan.problems.push(PlanProblem { source: name, month: None, message });
        return;
    };
    // A plugin was told the window, and is not relied upon.
    if source.months.0.is_some_and(|from| month < from) || source.months.1.is_some_and(|to| month > to) {
        return;
    }
    let files = match stat_files(location, &report).await {
        Ok(files) => files,
        Err(error) => {
            plan.problems.push(PlanProblem { source: name, month: Some(month), message: chain(&error) });
            return;
        }
    };
    if let Some(message) = broken_promise(&report, &files) {
        plan.problems.push(PlanProblem { source: name, month: Some(month), message });
        return;
    }
    let uuid = source.uuid.unwrap_or_else(|| source_uuid(&options.tenant, &name));
    let rows_id = RowsIdentity {
        tenant: &options.tenant,
        source: &name,
        report: &report,
        files: &files,
        plugin_digest: source.plugin.digest(),
        settings: &source.settings.for_rows(),
    }
    .digest();
    plan.periods.push(PlannedPeriod {
        source: name,
        source_uuid: uuid,
        month,
        report,
        files,
        location: Arc::clone(location),
        plugin: Arc::clone(&source.plugin),
        settings: source.settings.clone(),
        load_id: load_id(&rows_id, uuid, source.plugin.digest(), &source.settings.for_summaries()),
        rows_id,
        loaded: None,
        decision: Decision::New,
        why: String::new(),
    });
}

/// A file whose size is not what the manifest of its delivery says is not complete yet, or damaged. Of a compressed file
/// that may be the size of what is in it, which is known when it has been read.
fn broken_promise(report: &FoundReport, files: &[ObjectInfo]) -> Option<String> {
    let pairs = report.files.iter().zip(files).filter(|(input, _)| input.compression == Compression::None);
    pairs.filter_map(|(input, file)| Some((input.bytes?, file))).find(|(promised, file)| *promised != file.size).map(
        |(promised, file)| {
            format!(
                "{} has {} bytes, but the manifest promises {promised}; the delivery is not complete, run again when it is",
                file.path, file.size
            )
        },
    )
}

/// Stats are independent requests to a store that may be far away.
const STATS_AT_ONCE: usize = 16;

async fn stat_files(location: &Arc<Location>, report: &FoundReport) -> Result<Vec<ObjectInfo>, SourceError> {
    let paths: Vec<String> = report.files.iter().map(|file| file.path.clone()).collect();
    futures::stream::iter(paths)
        .map(|path| {
            let location = Arc::clone(location);
            async move { location.stat(&path).await }
        })
        .buffered(STATS_AT_ONCE)
        .try_collect()
        .await
}

/// Two deliveries for one (source, period) would replace each other, as would two sources with one UUID in a database:
/// neither is read.
fn drop_collisions(plan: &mut Plan) {
    let mut counts: BTreeMap<(String, Month), usize> = BTreeMap::new();
    for period in &plan.periods {
        *counts.entry((period.source.clone(), period.month)).or_default() += 1;
    }
    counts.retain(|_, count| *count > 1);
    let mut names: BTreeMap<(Uuid, Month), Vec<String>> = BTreeMap::new();
    for period in &plan.periods {
        let names = names.entry((period.source_uuid, period.month)).or_default();
        if !names.contains(&period.source) {
            names.push(period.source.clone());
        }
    }
    names.retain(|_, names| names.len() > 1);
    plan.periods.retain(|period| !names.contains_key(&(period.source_uuid, period.month)));
    plan.problems.extend(names.into_iter().map(|((uuid, month), names)| PlanProblem {
        message: format!("{} have the same UUID {uuid}, so none was read; give each its own", names.join(" and ")),
        source: names.into_iter().next().unwrap_or_default(),
        month: Some(month),
    }));
    plan.periods.retain(|period| !counts.contains_key(&(period.source.clone(), period.month)));
    plan.problems.extend(counts.into_iter().map(|((source, month), count)| PlanProblem {
        message: format!(
            "{count} deliveries for {source} {month} would replace each other, so none was read; give the places names \
             of their own with --source-name"
        ),
        source,
        month: Some(month),
    }));
}
