//! The run receipt: what was done, in numbers that can be checked.

use serde::{Deserialize, Serialize};

use super::identity::IdentityResult;
use super::loaded::month_of;
use crate::lake::LoadRecord;
use crate::settings::Month;

/// Everything one `costhost run` did. Printed as JSON by `--json`.
#[derive(Debug, Clone, Serialize)]
pub struct Receipt {
    /// Random id of this run, in every log record of it.
    pub run: uuid::Uuid,
    /// Version of costhost.
    pub costhost: &'static str,
    /// When it began, RFC 3339 UTC.
    pub started: String,
    /// Wall time, milliseconds.
    pub wall_ms: u64,
    /// Organization.
    pub tenant: String,
    /// Where the lake lies.
    pub lake: String,
    /// Data rows read by this run, rejects among them.
    pub rows: u64,
    /// Rows and cells set aside by this run.
    pub rejects: u64,
    /// Exact totals of the rows loaded by this run, per money column and currency. Where several sources tell of the same
    /// charges, as actual and amortized costs do, they are in it more than once: see `totals_by_source`.
    pub totals: serde_json::Value,
    /// The same for each source that was loaded.
    pub totals_by_source: serde_json::Value,
    /// Every source and period looked at, in the order of the plan.
    pub periods: Vec<PeriodReceipt>,
    /// What could not be planned.
    pub problems: Vec<ProblemReceipt>,
    /// What was published to the database.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub publications: Vec<PublicationReceipt>,
}

/// What became of one source and period.
#[derive(Debug, Clone, Serialize)]
pub struct PeriodReceipt {
    /// Name in the lake.
    pub source: String,
    /// Its UUID.
    pub source_uuid: uuid::Uuid,
    /// `YYYY-MM`.
    pub period: String,
    /// What happened.
    pub status: PeriodStatus,
    /// Why it was read, or left, or what went wrong.
    pub why: String,
    /// The delivery's revision.
    pub revision: String,
    /// Identity of the load.
    pub load_id: String,
    /// Identity of its rows alone.
    pub rows_id: String,
    /// `id version`.
    pub plugin: String,
    /// SHA-256 of the component.
    pub plugin_digest: String,
    /// SHA-256 of the settings.
    pub settings_digest: String,
    /// Input files with the etags they were read under.
    pub files: Vec<FileReceipt>,
    /// What was read and made; absent for periods that were left as they are.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<LoadOutcome>,
}

/// What became of a source and period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeriodStatus {
    /// Read and committed by this run.
    Loaded,
    /// Its rows were in already; what is made of them was made anew, from the lake.
    Summarized,
    /// This very load was in already.
    Unchanged,
    /// A newer delivery is loaded.
    Superseded,
    /// It was not loaded; what was loaded before is still there. Where only a commit failed, `why` names the table, and
    /// tables before it hold the new delivery already, whole; the next run does the rest.
    Failed,
}

/// One input file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FileReceipt {
    /// Path below the granted prefix.
    pub path: String,
    /// Bytes as stored.
    pub bytes: u64,
    /// Rows that the delivery's manifest promises, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promised_rows: Option<u64>,
    /// Bytes as stored that it promises.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promised_bytes: Option<u64>,
    /// Where the store has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
}

/// Numbers of a finished load.
#[derive(Debug, Clone, Serialize)]
pub struct LoadOutcome {
    /// Data rows read, rejects among them.
    pub rows: u64,
    /// Rows and cells set aside.
    pub rejects: u64,
    /// How many of them are only counted, not listed in the table `rejects`, because there were too many.
    pub rejects_unlisted: u64,
    /// Exact totals per money column and currency.
    pub totals: serde_json::Value,
    /// Rows of each table as committed.
    pub tables: Vec<TableReceipt>,
    /// Checks of sums that must agree.
    pub identities: Vec<IdentityResult>,
    /// Things the plugin or the host noted, such as columns that the manifest does not list.
    pub notes: Vec<String>,
    /// Time spent.
    pub timings: Timings,
}

/// One table of a finished load.
#[derive(Debug, Clone, Serialize)]
pub struct TableReceipt {
    /// Its name.
    pub table: String,
    /// Rows written.
    pub rows: u64,
    /// Parquet bytes written.
    pub bytes: u64,
    /// Version of the Delta table that holds them.
    pub version: Option<u64>,
}

/// Thread time of each stage over all files of a period, and wall time of the commits. Milliseconds.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Timings {
    /// Fetching and decompressing.
    pub read_ms: u64,
    /// In the plugin, checking its output included.
    pub plugin_ms: u64,
    /// Writing Parquet.
    pub write_ms: u64,
    /// Merging summaries.
    pub summarize_ms: u64,
    /// Commits.
    pub commit_ms: u64,
}

/// Something that was found but could not be planned.
#[derive(Debug, Clone, Serialize)]
pub struct ProblemReceipt {
    /// Name in the lake, or of the location.
    pub source: String,
    /// `YYYY-MM`, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
    /// What, where, and what to do.
    pub message: String,
}

/// What became of one source and period in the database.
#[derive(Debug, Clone, Serialize)]
pub struct PublicationReceipt {
    /// Name in the lake.
    pub source: String,
    /// `YYYY-MM`.
    pub period: String,
    /// Rows that stand in the database now, over all tables.
    pub rows: u64,
    /// How long it took.
    pub wall_ms: u64,
    /// What the user should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Why it was not published; the lake has it, and publishing again catches up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl PublicationReceipt {
    /// Of a unit, before anything was done.
    pub fn new(source: &str, month: Option<Month>) -> Self {
        let period = month.map(|month| month.to_string()).unwrap_or_default();
        Self { source: source.to_owned(), period, rows: 0, wall_ms: 0, notes: Vec::new(), error: None }
    }

    /// Of a load, before anything was done.
    pub fn of(record: &LoadRecord) -> Self {
        Self::new(&record.source, month_of(record))
    }

    /// It could not be published.
    #[must_use]
    pub fn because(mut self, why: &str) -> Self {
        self.error = Some(why.to_owned());
        self
    }
}

impl Receipt {
    /// Whether any period or report failed.
    pub fn failed(&self) -> bool {
        !self.problems.is_empty()
            || self.periods.iter().any(|period| period.status == PeriodStatus::Failed)
            || self.publications.iter().any(|publication| publication.error.is_some())
    }

    /// What failed, one text each.
    pub fn failures(&self) -> Vec<String> {
        let told = |source: &str, period: &str, why: &str| format!("{source} {period}: {why}");
        let problems = self.problems.iter().map(|problem| {
            let period = problem.period.as_deref().map(|period| format!(" {period}")).unwrap_or_default();
            format!("{}{period}: {}", problem.source, problem.message)
        });
        let failed = self.periods.iter().filter(|period| period.status == PeriodStatus::Failed);
        let failed = failed.map(|period| told(&period.source, &period.period, &period.why));
        let unpublished = self.publications.iter().filter_map(|publication| {
            let why = publication.error.as_ref()?;
            Some(told(&publication.source, &publication.period, &format!("not published: {why}")))
        });
        problems.chain(failed).chain(unpublished).collect()
    }

    /// Whether an identity check failed in any period.
    pub fn identity_broken(&self) -> bool {
        self.periods.iter().filter_map(|period| period.outcome.as_ref()).flat_map(|o| &o.identities).any(|i| !i.holds)
    }
}
