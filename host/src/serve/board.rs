//! What a service tells of itself: `GET /status`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::gate::Stage;
use super::metrics::Outcome;
use super::rack::SlotView;
use crate::ingest::receipt::Receipt;
use crate::plugin::Plugin;

/// The whole status.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Version of costhost.
    pub costhost: &'static str,
    /// When the service started.
    pub started: String,
    /// Address of the endpoints.
    pub listening: Option<String>,
    /// Whether it is on its way down.
    pub stopping: bool,
    /// The configuration.
    pub config: ConfigStatus,
    /// By name.
    pub sources: Vec<SourceStatus>,
    /// By the name that the configuration uses.
    pub plugins: Vec<PluginStatus>,
}

/// The configuration in force.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ConfigStatus {
    /// SHA-256 of the file.
    pub digest: String,
    /// Since when it is in force.
    pub adopted: String,
    /// Why a newer one is not, where there is one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
}

/// What a source is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activity {
    /// Nothing.
    #[default]
    Idle,
    /// It waits for others to finish.
    Queued,
    /// It is being run.
    Running,
}

/// One source.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SourceStatus {
    /// Its name.
    pub name: String,
    /// Where its reports are delivered to.
    pub location: String,
    /// What the configuration says reads it.
    pub plugin: String,
    /// Its cron expression.
    pub schedule: Option<String>,
    /// When it runs next.
    pub next_run: Option<String>,
    /// Failed runs since the last success.
    pub consecutive_failures: u32,
    /// What was seen of it.
    #[serde(flatten)]
    pub seen: Seen,
}

/// What was seen of a source since the service started.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Seen {
    /// What it is doing.
    pub activity: Activity,
    /// The version that the run which is on works with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running_with: Option<VersionStatus>,
    /// When a run last succeeded.
    pub last_success: Option<String>,
    /// Its last run.
    pub last_run: Option<RunStatus>,
}

/// A version of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VersionStatus {
    /// The plugin's id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the component.
    pub digest: String,
}

/// A run that has ended.
#[derive(Debug, Clone, Serialize)]
pub struct RunStatus {
    /// When it began.
    pub started: String,
    /// How long it took.
    pub seconds: f64,
    /// `loaded`, `unchanged`, `failed` or `cancelled`.
    pub outcome: &'static str,
    /// What it worked with.
    pub with: Option<VersionStatus>,
    /// Its id in log records.
    pub run: Option<uuid::Uuid>,
    /// Rows read.
    pub rows: u64,
    /// Rows and cells set aside.
    pub rejects: u64,
    /// Billing periods by what became of them.
    pub periods: BTreeMap<String, u64>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// One plugin.
#[derive(Debug, Clone, Serialize)]
pub struct PluginStatus {
    /// The name or path that the configuration uses.
    pub name: String,
    /// What new runs work with.
    pub current: Option<VersionStatus>,
    /// Since when.
    pub since: Option<String>,
    /// Whether a new version is being tried at this moment.
    pub trying: bool,
    /// The newer version that is not used.
    pub refused: Option<RefusedStatus>,
}

/// A version that is not used.
#[derive(Debug, Clone, Serialize)]
pub struct RefusedStatus {
    /// When it was refused.
    pub at: String,
    /// Where it did not get on.
    pub stage: Stage,
    /// Its version, where it got so far.
    pub version: Option<String>,
    /// SHA-256 of it.
    pub digest: Option<String>,
    /// Why.
    pub why: String,
}

/// Problems of one run that the status tells; logs have all of them.
const PROBLEMS_TOLD: usize = 20;

/// What was seen of the sources.
#[derive(Debug, Default)]
pub struct Board {
    seen: Mutex<BTreeMap<String, Seen>>,
    config: Mutex<ConfigStatus>,
}

impl Board {
    fn sources(&self) -> MutexGuard<'_, BTreeMap<String, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was seen of a source.
    pub fn seen(&self, source: &str) -> Seen {
        self.sources().get(source).cloned().unwrap_or_default()
    }

    /// A source is doing something else.
    pub fn activity(&self, source: &str, activity: Activity, with: Option<&Plugin>) {
        let mut sources = self.sources();
        let seen = sources.entry(source.to_owned()).or_default();
        seen.activity = activity;
        seen.running_with = with.map(version_status);
    }

    /// A run has ended.
    pub fn ended(&self, source: &str, run: RunStatus, outcome: Outcome) {
        let mut sources = self.sources();
        let seen = sources.entry(source.to_owned()).or_default();
        (seen.activity, seen.running_with) = (Activity::Idle, None);
        if matches!(outcome, Outcome::Loaded | Outcome::Unchanged) {
            seen.last_success = Some(time_text(Utc::now()));
        }
        seen.last_run = Some(run);
    }

    /// Forgets sources that are not configured any more, but for those whose run is still on.
    pub fn keep(&self, known: impl Fn(&str) -> bool) {
        self.sources().retain(|name, seen| known(name) || seen.activity != Activity::Idle);
    }

    /// The configuration's part of the status.
    pub fn config(&self) -> ConfigStatus {
        self.config.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A configuration is in force.
    pub fn adopted(&self, digest: String) {
        let status = ConfigStatus { digest, adopted: time_text(Utc::now()), refused: Vec::new() };
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }

    /// A newer configuration is not used, or, with no reasons, is none any more.
    pub fn refused(&self, why: Vec<String>) {
        self.config.lock().unwrap_or_else(PoisonError::into_inner).refused = why;
    }
}

/// What the status tells of a receipt.
pub fn run_status(
    started: DateTime<Utc>,
    outcome: Outcome,
    with: Option<&Plugin>,
    result: &Result<Receipt, String>,
) -> RunStatus {
    let seconds = (Utc::now() - started).num_milliseconds() as f64 / 1000.0;
    let mut status = RunStatus {
        started: time_text(started),
        seconds,
        outcome: outcome.name(),
        with: with.map(version_status),
        run: None,
        rows: 0,
        rejects: 0,
        periods: BTreeMap::new(),
        problems: Vec::new(),
    };
    match result {
        Err(why) => status.problems.push(why.clone()),
        Ok(receipt) => {
            (status.run, status.rows, status.rejects) = (Some(receipt.run), receipt.rows, receipt.rejects);
            for period in &receipt.periods {
                let name = serde_json::to_value(period.status).unwrap_or_default();
                *status.periods.entry(name.as_str().unwrap_or_default().to_owned()).or_default() += 1;
            }
            status.problems = receipt.failures();
            status.problems.truncate(PROBLEMS_TOLD);
        }
    }
    status
}

/// What the status tells of a version.
pub fn version_status(plugin: &Plugin) -> VersionStatus {
    let manifest = plugin.manifest();
    VersionStatus { id: manifest.id.clone(), version: manifest.version.clone(), digest: plugin.digest().to_owned() }
}

/// What the status tells of a slot.
pub fn plugin_status(name: String, slot: SlotView) -> PluginStatus {
    let refused = slot.refused.map(|(refusal, at)| RefusedStatus {
        at: time_text(at),
        stage: refusal.stage,
        version: refusal.version,
        digest: refusal.digest,
        why: refusal.why,
    });
    let current = slot.current.as_deref().map(version_status);
    PluginStatus { name, current, since: slot.since.map(time_text), trying: slot.trying, refused }
}

/// A time as the status writes it.
pub fn time_text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
