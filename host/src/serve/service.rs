//! The service: starts what is due, and ends in order.
//!
//! A run takes the configuration and the plugin as they are when it begins and keeps both to its end. Nothing that a
//! run, a plugin or a configuration does ends the service.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::board::{self, Activity, Board, Status, run_status};
use super::endpoints::Endpoints;
use super::jobs::Jobs;
use super::metrics::{Metrics, Outcome, SourceLabels};
use super::rack::Rack;
use super::setup::{Overrides, PlannedSource, Setup};
use super::timetable::{Timetable, Triggered};
use crate::ingest::error::chain;
use crate::ingest::receipt::{PeriodStatus, Receipt};
use crate::ingest::request::{RunOptions, SourceRequest};
use crate::job::Job;
use crate::lake::Lake;
use crate::plugin::{Cancel, Plugin};
use crate::postgres::Database;
use crate::source::store::StoreOptions;

/// Longest time between two looks at the clock: it may be set while the service waits.
const LOOK: Duration = Duration::from_secs(30);
/// How long runs that were cancelled have to leave nothing behind.
const CLEAN_UP: Duration = Duration::from_secs(10);
const DEFECT: &str = "internal error in this run; please report it";

/// A running service. Shared by all its tasks.
#[derive(Debug)]
pub struct Service {
    /// The configuration's file.
    pub(super) path: PathBuf,
    /// What wins over it.
    pub(super) overrides: Overrides,
    /// Plugins.
    pub(super) rack: Rack,
    /// What it tells of itself.
    pub(super) board: Board,
    /// What it counts.
    pub(super) metrics: Metrics,
    setup: RwLock<Arc<Setup>>,
    timetable: Mutex<Timetable>,
    /// The timetable has changed.
    changed: Notify,
    /// Where it answers.
    pub(super) endpoints: Endpoints,
    /// Runs at once.
    jobs: Jobs,
    /// Stops runs.
    pub(super) cancel: Cancel,
    /// Set when nothing new is to begin.
    stopping: watch::Sender<bool>,
    started: DateTime<Utc>,
}

impl Service {
    /// A service that has not begun.
    pub fn new(path: PathBuf, overrides: Overrides, setup: Setup, digest: String, rack: Rack) -> Arc<Self> {
        let board = Board::default();
        board.adopted(digest);
        let jobs = Jobs::new(setup.service.jobs);
        let service = Arc::new(Self {
            path,
            overrides,
            rack,
            board,
            metrics: Metrics::default(),
            setup: RwLock::new(Arc::new(setup)),
            timetable: Mutex::default(),
            changed: Notify::new(),
            endpoints: Endpoints::default(),
            jobs,
            cancel: Cancel::default(),
            stopping: watch::channel(false).0,
            started: Utc::now(),
        });
        // Runs can be asked for from here on; they begin once the plugins are loaded.
        service.fill_timetable();
        service
    }

    /// The configuration in force.
    pub fn setup(&self) -> Arc<Setup> {
        Arc::clone(&self.setup.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a configuration in force. Runs that are on finish with the one they began with.
    pub(super) fn adopt(&self, setup: Setup, digest: String) {
        let before = self.setup();
        let known: BTreeSet<&str> = setup.sources.iter().map(|source| source.name.as_str()).collect();
        let stays = |old: &PlannedSource| {
            setup.sources.iter().any(|source| (&source.name, &source.plugin) == (&old.name, &old.plugin))
        };
        for gone in before.sources.iter().filter(|source| !stays(source)) {
            self.metrics.forget(&self.labels(gone, self.rack.current(&gone.plugin).as_deref()));
        }
        self.board.keep(|name| known.contains(name));
        self.board.adopted(digest);
        self.jobs.resize(setup.service.jobs);
        *self.setup.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(setup);
        self.fill_timetable();
    }

    fn fill_timetable(&self) {
        let setup = self.setup();
        let sources = setup.sources.iter().map(|source| (source.name.clone(), source.schedule.clone()));
        self.timetable().adopt(&sources.collect::<Vec<_>>(), Utc::now(), setup.service.run_at_start);
        self.changed.notify_one();
    }

    fn timetable(&self) -> MutexGuard<'_, Timetable> {
        self.timetable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a run of a source; none if there is no such source.
    pub fn trigger(&self, source: &str) -> Option<Triggered> {
        let triggered = self.timetable().trigger(source, Utc::now());
        self.changed.notify_one();
        triggered
    }

    /// Answers no further request.
    pub fn close(&self) {
        self.endpoints.close();
    }

    /// Whether the service is on its way down.
    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Ends with the service's last run.
    pub(super) fn stopped(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// Starts runs as they become due until `stop` is done, then waits for those that are on: for the grace that the
    /// configuration gives, and then, cancelled, until they have left nothing behind. Tells whether all have ended.
    pub async fn run(self: &Arc<Self>, stop: impl Future<Output = ()> + Send) -> bool {
        let mut runs = JoinSet::new();
        tokio::pin!(stop);
        loop {
            let due = self.timetable().due(Utc::now());
            for source in due {
                let service = Arc::clone(self);
                runs.spawn(async move { service.run_source(source).await });
            }
            let next = self.timetable().next_wake();
            let wait = next.map_or(LOOK, |next| (next - Utc::now()).to_std().unwrap_or_default().min(LOOK));
            tokio::select! {
                () = &mut stop => break,
                () = tokio::time::sleep(wait) => {}
                () = self.changed.notified() => {}
                Some(_) = runs.join_next(), if !runs.is_empty() => {}
            }
        }
        self.stopping.send_replace(true);
        let ended = self.drain(runs).await;
        // Shadow runs, too.
        self.cancel.cancel();
        ended
    }

    async fn drain(&self, mut runs: JoinSet<()>) -> bool {
        let grace = self.setup().service.shutdown_grace;
        tracing::info!(runs = runs.len(), grace = ?grace, "stopping; no further run begins");
        let all = async |runs: &mut JoinSet<()>| while runs.join_next().await.is_some() {};
        if tokio::time::timeout(grace, all(&mut runs)).await.is_ok() {
            return true;
        }
        tracing::warn!(runs = runs.len(), "the grace is over; what is not committed is left for the next start");
        self.cancel.cancel();
        let ended = tokio::time::timeout(CLEAN_UP, all(&mut runs)).await.is_ok();
        if !ended {
            tracing::error!(runs = runs.len(), "runs did not stop; the lake survives this as it survives a crash");
        }
        ended
    }

    /// One run of a source, from the queue to its place in the status.
    async fn run_source(self: Arc<Self>, name: String) {
        self.board.activity(&name, Activity::Queued, None);
        let mut stopped = self.stopped();
        let place = tokio::select! {
            biased;
            _ = stopped.wait_for(|stopping| *stopping) => None,
            place = self.jobs.place() => place,
        };
        let setup = self.setup();
        let source = setup.sources.iter().find(|source| source.name == name);
        if let (Some(_place), Some(source)) = (place, source) {
            let failed = self.run_now(&setup, source).await;
            self.timetable().ended(&name, failed, Utc::now(), setup.service.backoff);
        } else {
            self.board.activity(&name, Activity::Idle, None);
            self.timetable().ended(&name, false, Utc::now(), setup.service.backoff);
        }
        self.changed.notify_one();
    }

    /// Tells whether it failed.
    async fn run_now(&self, setup: &Arc<Setup>, source: &PlannedSource) -> bool {
        let plugin = self.rack.current(&source.plugin);
        let labels = self.labels(source, plugin.as_deref());
        let started = Utc::now();
        self.metrics.began(&labels);
        self.board.activity(&source.name, Activity::Running, plugin.as_deref());
        let digest = plugin.as_ref().map(|plugin| plugin.digest().to_owned());
        tracing::info!(source = source.name, plugin = source.plugin, digest, "run begins");
        let result = match &plugin {
            None => Err(format!("plugin {} is not loaded; the status says why", source.plugin)),
            Some(plugin) => {
                let (setup, source, plugin) = (Arc::clone(setup), source.clone(), Arc::clone(plugin));
                let (cancel, runtime) = (self.cancel.clone(), tokio::runtime::Handle::current());
                // Planning is not something to be moved between threads, so the run has one of its own. A panic in it is a
                // defect of ours; it is told and the service goes on.
                let work = move || runtime.block_on(try_load(setup, source, plugin, cancel));
                let done = tokio::task::spawn_blocking(work).await;
                let told = |error: anyhow::Error| chain(&*error);
                done.map_or_else(|_| Err(DEFECT.to_owned()), |result| result.map_err(told))
            }
        };
        let outcome = outcome(&result, &self.cancel);
        let status = run_status(started, outcome, plugin.as_deref(), &result);
        for problem in &status.problems {
            tracing::error!(source = source.name, "{problem}");
        }
        let (rows, rejects, seconds) = (status.rows, status.rejects, status.seconds);
        tracing::info!(source = source.name, outcome = outcome.name(), rows, rejects, seconds, "run ended");
        self.metrics.ended(&labels, outcome, seconds, result.as_ref().ok());
        self.board.ended(&source.name, status, outcome);
        outcome == Outcome::Failed
    }

    fn labels(&self, source: &PlannedSource, plugin: Option<&Plugin>) -> SourceLabels {
        let plugin = plugin.map(|plugin| plugin.manifest().id.clone()).unwrap_or_default();
        SourceLabels { source: source.name.clone(), plugin }
    }

    /// What the service tells of itself.
    pub fn status(&self) -> Status {
        let setup = self.setup();
        let timetable = self.timetable();
        let source = |source: &PlannedSource| {
            let (next, failures) = timetable.outlook(&source.name);
            board::SourceStatus {
                name: source.name.clone(),
                location: source.location.clone(),
                plugin: source.plugin.clone(),
                schedule: source.schedule.as_ref().map(|schedule| schedule.text().to_owned()),
                next_run: next.map(board::time_text),
                consecutive_failures: failures,
                seen: self.board.seen(&source.name),
            }
        };
        Status {
            costhost: env!("CARGO_PKG_VERSION"),
            started: board::time_text(self.started),
            listening: self.endpoints.address().map(|address| address.to_string()),
            stopping: self.is_stopping(),
            config: self.board.config(),
            sources: setup.sources.iter().map(source).collect(),
            plugins: self.rack.view().into_iter().map(|(name, slot)| board::plugin_status(name, slot)).collect(),
        }
    }

    /// What keeps the service from doing its work; nothing if it is ready.
    pub async fn not_ready(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.is_stopping() {
            problems.push("it is stopping".to_owned());
        }
        let setup = self.setup();
        let missing = setup.plugins().into_iter().filter(|name| self.rack.current(name).is_none());
        problems.extend(missing.map(|name| format!("plugin {name} is not loaded")));
        match Lake::open(&setup.lake, &StoreOptions::default()) {
            Err(error) => problems.push(chain(&error)),
            Ok(lake) => match tokio::time::timeout(Duration::from_secs(5), lake.reachable()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => problems.push(chain(&error)),
                Err(_) => problems.push("the lake does not answer".to_owned()),
            },
        }
        problems
    }
}

fn outcome(result: &Result<Receipt, String>, cancel: &Cancel) -> Outcome {
    match result {
        Ok(receipt) if !receipt.failed() => {
            let done = |status| matches!(status, PeriodStatus::Loaded | PeriodStatus::Summarized);
            let news = receipt.periods.iter().any(|period| done(period.status)) || !receipt.publications.is_empty();
            if news { Outcome::Loaded } else { Outcome::Unchanged }
        }
        _ if cancel.is_cancelled() => Outcome::Cancelled,
        _ => Outcome::Failed,
    }
}

async fn try_load(
    setup: Arc<Setup>,
    source: PlannedSource,
    plugin: Arc<Plugin>,
    cancel: Cancel,
) -> anyhow::Result<Receipt> {
    let lake = Lake::open(&setup.lake, &StoreOptions::default())?;
    let options = RunOptions { now: Utc::now().timestamp(), ..setup.options.clone() };
    let database = match &setup.postgres {
        Some(url) => Some(Database::connect(url, &options.tenant).await?),
        None => None,
    };
    let sources = vec![source.request(plugin)];
    let unreadable = Vec::new();
    Job { lake: &lake, database: database.as_ref(), sources, unreadable, options, cancel, bars: false }.execute().await
}

impl PlannedSource {
    /// The source as a run is asked for it, read by this version and no other.
    pub fn request(self, plugin: Arc<Plugin>) -> SourceRequest {
        SourceRequest {
            name: self.name,
            name_is_derived: self.name_is_derived,
            uuid: self.uuid,
            location: self.location,
            plugin,
            settings: self.settings,
            months: self.months,
        }
    }
}
