//! Both versions work through the same delivered reports, and what they made is compared.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{Schema, i256};
use datafusion::common::TableReference;
use datafusion::prelude::SessionContext;
use futures::TryStreamExt as _;
use tempfile::TempDir;

use super::difference::{Difference, ReadChange, TableChange, Unit, Values, Version};
use super::rows::{Columns, ComparedRows, Side};
use super::{groups, manifests};
use crate::ingest::error::{IngestError, chain};
use crate::ingest::plan::{self, Plan, PlannedPeriod};
use crate::ingest::receipt::{PeriodReceipt, Receipt};
use crate::ingest::request::{RunOptions, SourceRequest};
use crate::ingest::run::{self, RunContext};
use crate::ingest::totals::{decimal_text, parse_decimal_exact};
use crate::lake::{Lake, LakeError, LakeLocation};
use crate::plugin::manifest::{Manifest, Table};
use crate::plugin::{Cancel, Plugin};
use crate::report::{self, ReportError};
use crate::settings::Month;

/// Two versions, and what they are tried on.
#[derive(Debug)]
pub struct Trial {
    /// Where the reports are and how they are read; its plugin is the older version.
    pub source: SourceRequest,
    /// The version to be tried.
    pub new: Arc<Plugin>,
    /// Which months.
    pub months: Months,
    /// Dimensions that reports are compared by; without any, the usual ones.
    pub by: Vec<String>,
    /// The largest difference that counts as none, in units of 10^-18.
    pub tolerance: i256,
    /// How.
    pub options: RunOptions,
    /// Stops it.
    pub cancel: Cancel,
}

/// Which of the months that the source asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Months {
    /// All of them.
    All,
    /// So many, newest first.
    Newest(usize),
}

/// Why two versions cannot be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// Reports cannot be found or read by either.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// A lake of a version cannot be read.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// Nor a report's numbers.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A version fails where it should have worked.
    #[error("the {side} version, {version}, fails: {problems}")]
    Fails {
        /// Which one.
        side: Side,
        /// Its version.
        version: String,
        /// What it fails at.
        problems: String,
    },
    /// A file was delivered anew in between.
    #[error("{path} of {unit} has changed since the other version found it; compare again")]
    Moved {
        /// The file.
        path: String,
        /// Source and month.
        unit: String,
    },
    /// There is nothing to compare by.
    #[error("there is no report to try the versions on")]
    Nothing,
    /// No room for what the versions make.
    #[error("no scratch folder for what the versions make")]
    Scratch(#[source] std::io::Error),
    /// A table cannot be compared: a defect of costhost.
    #[error("internal error while comparing {0}; please report it")]
    Internal(String),
}

/// A version with what it planned, in a lake of its own.
struct Half {
    side: Side,
    plugin: Arc<Plugin>,
    lake: Lake,
    plan: Plan,
    /// Gone with the comparison.
    _folder: TempDir,
}

/// A version with what it did.
struct Made {
    plugin: Arc<Plugin>,
    lake: Lake,
    receipt: Receipt,
    _folder: TempDir,
}

impl Trial {
    /// Runs both versions and compares. Nothing of it is left anywhere. Futures of it stay on one thread.
    ///
    /// # Errors
    /// When either version cannot do its work, or the reports change meanwhile.
    pub async fn compare(&self) -> Result<Difference, CompareError> {
        let old = self.half(Side::Old, &self.source.plugin).await?;
        let mut new = self.half(Side::New, &self.new).await?;
        if old.plan.periods.is_empty() {
            return Err(CompareError::Nothing);
        }
        // The same bytes for both, or none.
        same_files(&old.plan, &mut new.plan)?;
        let units = old.plan.periods.iter().map(unit).collect();
        let mut read = periods_differ(&old.plan, &new.plan);
        let (old, new) = (self.make(old).await?, self.make(new).await?);
        read.extend(read_changes(&old.receipt, &new.receipt, self.tolerance));
        let tables = self.tables(&old, &new).await?;
        let groups = self.groups(&old, &new).await?;
        let declared = manifests::compare(old.plugin.manifest(), new.plugin.manifest());
        let breaks: Vec<String> = declared.breaks.iter().map(ToString::to_string).collect();
        let numbers = !read.is_empty() || !tables.is_empty() || !groups.is_empty();
        Ok(Difference {
            old: version(&old.plugin),
            new: version(&new.plugin),
            units,
            changed: numbers || !breaks.is_empty() || !declared.unanswered.is_empty(),
            tolerance: decimal_text(self.tolerance),
            breaks,
            added: declared.added,
            unanswered: declared.unanswered,
            read,
            tables,
            groups,
        })
    }

    async fn half(&self, side: Side, plugin: &Arc<Plugin>) -> Result<Half, CompareError> {
        let folder = tempfile::Builder::new().prefix("costhost-try-").tempdir().map_err(CompareError::Scratch)?;
        let lake = scratch_lake(folder.path())?;
        let source = SourceRequest { plugin: Arc::clone(plugin), ..self.source.clone() };
        let mut plan = plan::plan(&lake, &[source], &self.options, &self.cancel).await?;
        if let Months::Newest(count) = self.months {
            keep_newest(&mut plan, count);
        }
        let problems: Vec<String> = plan.problems.iter().map(|problem| problem.message.clone()).collect();
        let half = Half { side, plugin: Arc::clone(plugin), lake, plan, _folder: folder };
        if problems.is_empty() { Ok(half) } else { Err(fails(side, plugin, &problems)) }
    }

    async fn make(&self, half: Half) -> Result<Made, CompareError> {
        let Half { side, plugin, lake, plan, _folder } = half;
        let (written, options, cancel) = (lake.clone(), self.options.clone(), self.cancel.clone());
        let receipt = tokio::task::spawn_blocking(move || {
            let run = uuid::Uuid::new_v4();
            run::execute(plan, RunContext { lake: &written, options: &options, cancel: &cancel, run, bars: false })
        });
        let receipt = receipt.await.map_err(|_| CompareError::Internal("the versions".to_owned()))??;
        let problems = receipt.failures();
        if problems.is_empty() {
            Ok(Made { plugin, lake, receipt, _folder })
        } else {
            Err(fails(side, &plugin, &problems))
        }
    }

    /// Tables that are made of rows, as far as both versions declare them.
    async fn tables(&self, old: &Made, new: &Made) -> Result<Vec<TableChange>, CompareError> {
        let tenant = &self.options.tenant;
        let sessions = [report::lake_session(&old.lake, tenant).await?, report::lake_session(&new.lake, tenant).await?];
        let mut changes = Vec::new();
        for table in old.plugin.manifest().tables.iter().filter(|table| !table.role.is_normalized()) {
            let both = new.plugin.manifest().tables.iter().any(|other| other.name == table.name);
            if both {
                let compared = compared(&sessions, old.plugin.manifest(), table).await?;
                changes.extend(compared.change(&table.name, self.tolerance));
            }
        }
        Ok(changes)
    }

    /// Reports, as far as both versions answer them.
    async fn groups(&self, old: &Made, new: &Made) -> Result<Vec<super::difference::GroupChange>, CompareError> {
        let mut changes = Vec::new();
        for report in &old.plugin.manifest().reports {
            let Some(other) = new.plugin.manifest().reports.iter().find(|other| other.name == report.name) else {
                continue;
            };
            let has = |name: &str| other.measures.iter().any(|measure| measure.name == name);
            let measures: Vec<String> =
                report.measures.iter().map(|measure| measure.name.clone()).filter(|name| has(name)).collect();
            let mut by = groups::dimensions(report, &self.by);
            by.retain(|name| other.dimensions.iter().any(|dimension| dimension.name == *name));
            if measures.is_empty() {
                continue;
            }
            let query = groups::query(&by, &measures);
            let tenant = &self.options.tenant;
            let ask = async |made: &Made, definition| {
                report::answer(&made.lake, tenant, &made.plugin.manifest().provider, definition, &query).await
            };
            let (old, new) = (ask(old, report).await?, ask(new, other).await?);
            changes.extend(groups::changes(&report.name, &measures, &old, &new, self.tolerance)?);
        }
        Ok(changes)
    }
}

fn scratch_lake(folder: &Path) -> Result<Lake, LakeError> {
    Ok(Lake::at(LakeLocation::local(folder)?))
}

fn version(plugin: &Plugin) -> Version {
    let Manifest { id, version, .. } = plugin.manifest();
    Version { id: id.clone(), version: version.clone(), digest: plugin.digest().to_owned() }
}

fn fails(side: Side, plugin: &Plugin, problems: &[String]) -> CompareError {
    CompareError::Fails { side, version: plugin.manifest().version.clone(), problems: problems.join("; ") }
}

fn keep_newest(plan: &mut Plan, count: usize) {
    let mut months: Vec<Month> = plan.periods.iter().map(|period| period.month).collect();
    months.sort_unstable_by(|a, b| b.cmp(a));
    months.dedup();
    months.truncate(count);
    plan.periods.retain(|period| months.contains(&period.month));
    plan.problems.retain(|problem| problem.month.is_none_or(|month| months.contains(&month)));
}

fn unit(period: &PlannedPeriod) -> Unit {
    Unit {
        source: period.source.clone(),
        period: period.month.to_string(),
        revision: period.report.revision.clone(),
        files: period.files.len() as u64,
    }
}

fn matching<'a>(plan: &'a Plan, period: &PlannedPeriod) -> Option<&'a PlannedPeriod> {
    plan.periods.iter().find(|other| other.source == period.source && other.month == period.month)
}

/// A file that both versions found is read by both as it was found first.
fn same_files(old: &Plan, new: &mut Plan) -> Result<(), CompareError> {
    for period in &mut new.periods {
        let Some(other) = matching(old, period) else { continue };
        for file in &period.files {
            let before = other.files.iter().find(|known| known.path == file.path);
            if let Some(before) = before.filter(|before| before.etag != file.etag || before.size != file.size) {
                return Err(CompareError::Moved { path: before.path.clone(), unit: period.title() });
            }
        }
    }
    Ok(())
}

/// What one version reads and the other does not.
fn periods_differ(old: &Plan, new: &Plan) -> Vec<ReadChange> {
    let count = |number: usize| Some(i256::from_i128(number as i128 * ONE));
    let change = |period: &PlannedPeriod, old: usize, new: usize| ReadChange {
        source: period.source.clone(),
        period: period.month.to_string(),
        what: "files".to_owned(),
        currency: None,
        values: Values::of(count(old), count(new)),
    };
    let mut changes = Vec::new();
    for period in &old.periods {
        let paths = |period: &PlannedPeriod| period.files.iter().map(|file| file.path.clone()).collect::<Vec<_>>();
        match matching(new, period) {
            None => changes.push(change(period, period.files.len(), 0)),
            Some(other) if paths(other) != paths(period) => {
                changes.push(change(period, period.files.len(), other.files.len()));
            }
            Some(_) => {}
        }
    }
    let more = new.periods.iter().filter(|period| matching(old, period).is_none());
    changes.extend(more.map(|period| change(period, 0, period.files.len())));
    changes
}

/// One, in units of 10^-18.
const ONE: i128 = 1_000_000_000_000_000_000;

/// Rows, rejects and money of what was read, by source and month.
fn read_changes(old: &Receipt, new: &Receipt, tolerance: i256) -> Vec<ReadChange> {
    let mut changes = Vec::new();
    for period in &old.periods {
        let same = |other: &&PeriodReceipt| other.source == period.source && other.period == period.period;
        let Some(other) = new.periods.iter().find(same) else { continue };
        let (before, after) = (numbers(period), numbers(other));
        let keys = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key)));
        for key in keys {
            let (old, new) = (before.get(key).copied(), after.get(key).copied());
            if super::differs(old, new, tolerance) {
                changes.push(ReadChange {
                    source: period.source.clone(),
                    period: period.period.clone(),
                    what: key.0.clone(),
                    currency: key.1.clone(),
                    values: Values::of(old, new),
                });
            }
        }
    }
    changes
}

/// By what they count and, of money, by currency.
fn numbers(period: &PeriodReceipt) -> BTreeMap<(String, Option<String>), i256> {
    let mut numbers = BTreeMap::new();
    let Some(outcome) = &period.outcome else { return numbers };
    for (what, count) in [("rows", outcome.rows), ("rejects", outcome.rejects)] {
        numbers.insert((what.to_owned(), None), i256::from_i128(i128::from(count) * ONE));
    }
    for (column, by_currency) in outcome.totals.as_object().into_iter().flatten() {
        for (currency, amount) in by_currency.as_object().into_iter().flatten() {
            if let Some(amount) = amount.as_str().and_then(parse_decimal_exact) {
                numbers.insert((column.clone(), Some(currency.clone())), amount);
            }
        }
    }
    numbers
}

/// The rows of one table in both lakes.
async fn compared(
    sessions: &[SessionContext; 2],
    manifest: &Manifest,
    table: &Table,
) -> Result<ComparedRows, CompareError> {
    let name = || TableReference::partial(manifest.provider.as_str(), table.name.as_str());
    let [old, new] = sessions;
    let provider = async |session: &SessionContext| session.table_provider(name()).await.map_err(ReportError::Read);
    let (old_rows, new_rows) = (provider(old).await?, provider(new).await?);
    let (schema, other): (Arc<Schema>, Arc<Schema>) = (old_rows.schema(), new_rows.schema());
    let common = |column: &str| {
        let kind = |schema: &Schema| schema.field_with_name(column).ok().map(|field| field.data_type().clone());
        kind(&schema).is_some_and(|known| kind(&other) == Some(known))
    };
    // Numbers that reports group by tell rows apart, and so do ids that the host adds.
    let reports = || manifest.reports.iter().filter(|report| report.table == table.name);
    let counts = |column: &str| {
        let dimension = reports().flat_map(|report| &report.dimensions).any(|dimension| dimension.column == column);
        !dimension && table.schema.field_with_name(column).is_ok()
    };
    let mut rows = ComparedRows::new(Columns::of(&schema, common, counts, &table.money));
    for (side, session, provider) in [(Side::Old, old, old_rows), (Side::New, new, new_rows)] {
        let read = session.read_table(provider).map_err(ReportError::Read)?;
        let mut stream = read.execute_stream().await.map_err(ReportError::Read)?;
        while let Some(batch) = stream.try_next().await.map_err(ReportError::Read)? {
            let taken = rows.take(side, &batch);
            taken.map_err(|problem| CompareError::Internal(format!("table {}: {problem}", table.name)))?;
        }
    }
    Ok(rows)
}

impl CompareError {
    /// With its causes.
    pub fn told(&self) -> String {
        chain(self)
    }
}
