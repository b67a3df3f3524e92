//! What a service counts, as Prometheus reads it (the OpenMetrics text format).

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::rack::Rack;
use crate::ingest::receipt::{PeriodReceipt, PeriodStatus, Receipt};

/// A source and the plugin that reads it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SourceLabels {
    /// Its name in the configuration.
    pub source: String,
    /// The plugin's id; empty while none could be loaded.
    pub plugin: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    source: String,
    plugin: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabels {
    source: String,
    plugin: String,
    stage: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SwapLabels {
    plugin: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PluginLabels {
    plugin: String,
    id: String,
    version: String,
    digest: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NameLabels {
    plugin: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    outcome: &'static str,
}

type Seconds = Counter<f64, AtomicU64>;
type FloatGauge = Gauge<f64, AtomicU64>;

/// The numbers of a service.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    runs: Family<OutcomeLabels, Counter>,
    periods: Family<OutcomeLabels, Counter>,
    publications: Family<OutcomeLabels, Counter>,
    last_success: Family<SourceLabels, FloatGauge>,
    last_duration: Family<SourceLabels, FloatGauge>,
    running: Family<SourceLabels, Gauge>,
    failures: Family<SourceLabels, Gauge>,
    rows: Family<SourceLabels, Counter>,
    rejects: Family<SourceLabels, Counter>,
    bytes: Family<SourceLabels, Counter>,
    stages: Family<StageLabels, Seconds>,
    swaps: Family<SwapLabels, Counter>,
    plugins: Family<PluginLabels, Gauge>,
    memory: Family<NameLabels, Gauge>,
    reloads: Family<ReloadLabels, Counter>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Something was loaded, summarized or published.
    Loaded,
    /// There was nothing new.
    Unchanged,
    /// Something failed.
    Failed,
    /// The service stopped it.
    Cancelled,
}

impl Outcome {
    /// As in metrics and the status.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("costhost");
        macro_rules! family {
            ($name:literal, $help:literal) => {{
                let family = Family::default();
                registry.register($name, $help, family.clone());
                family
            }};
            ($name:literal, $unit:ident, $help:literal) => {{
                let family = Family::default();
                registry.register_with_unit($name, $help, Unit::$unit, family.clone());
                family
            }};
        }
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        let started: FloatGauge = Gauge::default();
        started.set(seconds_now());
        let this = Self {
            runs: family!("runs", "Runs of a source, by outcome"),
            periods: family!("periods", "Billing periods of a source that were looked at, by what became of them"),
            publications: family!("publications", "Billing periods published to the database, by outcome"),
            last_success: family!("last_success_timestamp", Seconds, "When a run of the source last succeeded"),
            last_duration: family!("last_run_duration", Seconds, "How long the last run of the source took"),
            running: family!("running", "Whether the source is being run"),
            failures: family!("consecutive_failures", "Failed runs of the source since its last success"),
            rows: family!("rows", "Rows read, those set aside among them"),
            rejects: family!("rejects", "Rows and cells set aside"),
            bytes: family!("input", Bytes, "Input read, as stored"),
            stages: family!("stage", Seconds, "Thread time of the stages of runs; of commits, wall time"),
            swaps: family!("plugin_swaps", "Versions of plugins offered, by what became of them"),
            plugins: family!("plugin_info", "The version of a plugin in use"),
            memory: family!("plugin_memory_peak", Bytes, "Most memory that one instance of the version in use held"),
            reloads: family!("config_reloads", "Changed configurations, by what became of them"),
            registry: Registry::default(),
        };
        registry.register("build", "This program", build);
        registry.register_with_unit("start_timestamp", "When the service started", Unit::Seconds, started);
        Self { registry, ..this }
    }
}

impl Metrics {
    /// Takes note of a source's run having begun.
    pub fn began(&self, labels: &SourceLabels) {
        self.running.get_or_create(labels).set(1);
        if !labels.plugin.is_empty() {
            // What was told while no plugin could be loaded.
            self.forget(&SourceLabels { source: labels.source.clone(), plugin: String::new() });
        }
    }

    /// Takes note of how a run ended.
    pub fn ended(&self, labels: &SourceLabels, outcome: Outcome, seconds: f64, receipt: Option<&Receipt>) {
        self.running.get_or_create(labels).set(0);
        self.runs.get_or_create(&with_outcome(labels, outcome.name())).inc();
        self.last_duration.get_or_create(labels).set(seconds);
        match outcome {
            Outcome::Loaded | Outcome::Unchanged => {
                self.last_success.get_or_create(labels).set(seconds_now());
                self.failures.get_or_create(labels).set(0);
            }
            Outcome::Failed => _ = self.failures.get_or_create(labels).inc(),
            Outcome::Cancelled => {}
        }
        let Some(receipt) = receipt else { return };
        self.rows.get_or_create(labels).inc_by(receipt.rows);
        self.rejects.get_or_create(labels).inc_by(receipt.rejects);
        receipt.periods.iter().for_each(|period| self.period(labels, period));
        for publication in &receipt.publications {
            let outcome = if publication.error.is_some() { "failed" } else { "published" };
            self.publications.get_or_create(&with_outcome(labels, outcome)).inc();
        }
    }

    fn period(&self, labels: &SourceLabels, period: &PeriodReceipt) {
        let status = match period.status {
            PeriodStatus::Loaded => "loaded",
            PeriodStatus::Summarized => "summarized",
            PeriodStatus::Unchanged => "unchanged",
            PeriodStatus::Superseded => "superseded",
            PeriodStatus::Failed => "failed",
        };
        self.periods.get_or_create(&with_outcome(labels, status)).inc();
        if period.status == PeriodStatus::Loaded {
            self.bytes.get_or_create(labels).inc_by(period.files.iter().map(|file| file.bytes).sum());
        }
        let Some(outcome) = &period.outcome else { return };
        let timings = &outcome.timings;
        for (stage, milliseconds) in [
            ("read", timings.read_ms),
            ("plugin", timings.plugin_ms),
            ("write", timings.write_ms),
            ("summarize", timings.summarize_ms),
            ("commit", timings.commit_ms),
        ] {
            let labels = StageLabels { source: labels.source.clone(), plugin: labels.plugin.clone(), stage };
            self.stages.get_or_create(&labels).inc_by(milliseconds as f64 / 1000.0);
        }
    }

    /// Takes note of a version that was offered: `loaded`, `swapped` or `refused`.
    pub fn offered(&self, plugin: &str, outcome: &'static str) {
        self.swaps.get_or_create(&SwapLabels { plugin: plugin.to_owned(), outcome }).inc();
    }

    /// Takes note of a changed configuration: `adopted` or `refused`.
    pub fn reloaded(&self, outcome: &'static str) {
        self.reloads.get_or_create(&ReloadLabels { outcome }).inc();
    }

    /// Forgets the gauges of a source that is not configured any more; what was counted stays.
    pub fn forget(&self, labels: &SourceLabels) {
        self.last_success.remove(labels);
        self.last_duration.remove(labels);
        self.running.remove(labels);
        self.failures.remove(labels);
    }

    /// Everything as text.
    pub fn text(&self, rack: &Rack) -> String {
        self.plugins.clear();
        self.memory.clear();
        for (name, slot) in rack.view() {
            let Some(plugin) = slot.current else { continue };
            let manifest = plugin.manifest();
            let labels = PluginLabels {
                plugin: name.clone(),
                id: manifest.id.clone(),
                version: manifest.version.clone(),
                digest: plugin.digest().to_owned(),
            };
            self.plugins.get_or_create(&labels).set(1);
            let peak = i64::try_from(plugin.peak_memory_bytes()).unwrap_or(i64::MAX);
            self.memory.get_or_create(&NameLabels { plugin: name }).set(peak);
        }
        let mut text = String::new();
        // Writing to a string does not fail.
        _ = encode(&mut text, &self.registry);
        text
    }
}

fn with_outcome(labels: &SourceLabels, outcome: &'static str) -> OutcomeLabels {
    OutcomeLabels { source: labels.source.clone(), plugin: labels.plugin.clone(), outcome }
}

fn seconds_now() -> f64 {
    chrono::Utc::now().timestamp_millis() as f64 / 1000.0
}
