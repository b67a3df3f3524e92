//! Flags that several subcommands share, and how they join with `costhost.toml`: flags and environment variables win.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use uuid::Uuid;

use super::UsageError;
use super::plugin_files::{LookupArgs, PluginLoader};
use crate::ingest::error::chain;
use crate::ingest::plan::PlanProblem;
use crate::ingest::request::{PluginSettings, RunOptions, RunRequest, SourceRequest, checked_name, derived_name};
use crate::lake::Lake;
use crate::plugin::{Engine, EngineOptions, Limits, Plugin};
use crate::settings::{self, ByteSize, ConfigFile, LimitsSection, Month, SourceSection};
use crate::source::store::{self, StoreOptions};

/// Which lake, whose data.
#[derive(Debug, Clone, Args)]
pub struct LakeArgs {
    /// Where the lake lies: a folder, s3://bucket/prefix, az://container/prefix or gs://bucket/prefix [default: ./costhost]
    #[arg(long, env = "COSTHOST_LAKE")]
    pub lake: Option<String>,
    /// Organization whose data it is: a folder of the lake [default: default]
    #[arg(long, env = "COSTHOST_TENANT")]
    pub tenant: Option<String>,
    /// Configuration file with lake, tenant, limits and sources
    #[arg(long, env = "COSTHOST_CONFIG")]
    pub config: Option<PathBuf>,
}

impl LakeArgs {
    /// The configuration file, or an empty one.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn config(&self) -> anyhow::Result<ConfigFile> {
        Ok(self.config.as_deref().map(ConfigFile::read).transpose()?.unwrap_or_default())
    }

    /// The lake.
    ///
    /// # Errors
    /// When its location cannot be one.
    pub fn open(&self, config: &ConfigFile) -> anyhow::Result<Lake> {
        let address = self.lake.as_deref().or(config.lake.as_deref()).unwrap_or("./costhost");
        Ok(Lake::open(address, &StoreOptions::default())?)
    }

    /// The tenant, checked.
    ///
    /// # Errors
    /// When it cannot be a tenant's name.
    pub fn tenant(&self, config: &ConfigFile) -> anyhow::Result<String> {
        let name = self.tenant.as_deref().or(config.tenant.as_deref()).unwrap_or("default");
        Ok(settings::tenant(name)?)
    }
}

/// Which sources, read how.
#[derive(Debug, Clone, Args)]
pub struct SourceArgs {
    /// A bucket prefix, folder or file with reports: a path, s3://, az:// or gs://. Without any, those of the configuration
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<String>,
    /// Name of the source in the lake [default: the last part of SOURCE]
    #[arg(long, env = "COSTHOST_SOURCE_NAME")]
    pub source_name: Option<String>,
    /// UUID of the source [default: derived from tenant and name]
    #[arg(long, env = "COSTHOST_SOURCE_UUID")]
    pub source_uuid: Option<Uuid>,
    /// Load again even if nothing has changed
    #[arg(long, env = "COSTHOST_FORCE", value_parser = clap::builder::FalseyValueParser::new())]
    pub force: bool,
    /// Let a report without rows replace what is loaded
    #[arg(long, env = "COSTHOST_ALLOW_EMPTY", value_parser = clap::builder::FalseyValueParser::new())]
    pub allow_empty: bool,
    /// With what, and how.
    #[command(flatten)]
    pub work: WorkArgs,
}

/// With which plugin and settings, on which months, and how.
#[derive(Debug, Clone, Args)]
pub struct WorkArgs {
    /// Provider plugin: NAME, NAME@VERSION or NAME@sha256:DIGEST of an installed one, or a .wasm file
    #[arg(long, env = "COSTHOST_PLUGIN")]
    pub plugin: Option<String>,
    /// Where names of plugins are looked up.
    #[command(flatten)]
    pub lookup: LookupArgs,
    /// First billing month
    #[arg(long, env = "COSTHOST_FROM", value_name = "YYYY-MM")]
    pub from: Option<Month>,
    /// Last billing month
    #[arg(long, env = "COSTHOST_TO", value_name = "YYYY-MM")]
    pub to: Option<Month>,
    /// Tag keys that summaries keep [default: all]
    #[arg(long, env = "COSTHOST_TAGS", value_delimiter = ',', value_name = "K1,K2")]
    pub tags: Option<Vec<String>>,
    /// File with one such key a line; wins over --tags
    #[arg(long, env = "COSTHOST_TAGS_FILE", value_name = "FILE")]
    pub tags_file: Option<PathBuf>,
    /// Percent added to costs in the markup columns
    #[arg(long, env = "COSTHOST_MARKUP", value_name = "PERCENT", allow_negative_numbers = true)]
    pub markup: Option<String>,
    /// Files worked on at once [default: one a core]
    #[arg(long, env = "COSTHOST_WORKERS")]
    pub workers: Option<usize>,
    /// What plugins may use.
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// What one plugin instance may use.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Plugin limits")]
pub struct LimitArgs {
    /// Memory of an instance, all its memories together [default: 512MiB]
    #[arg(long, env = "COSTHOST_MAX_MEMORY", value_name = "SIZE")]
    pub max_memory: Option<ByteSize>,
    /// Seconds an instance may compute, before an allowance per MiB of input [default: 60]
    #[arg(long, env = "COSTHOST_MAX_TIME", value_name = "SECONDS")]
    pub max_time: Option<u64>,
    /// Bytes one call may return; all calls together twice that, and 8 times their input [default: 32MiB]
    #[arg(long, env = "COSTHOST_MAX_OUTPUT", value_name = "SIZE")]
    pub max_output: Option<ByteSize>,
    /// Resource handles of an instance [default: 256]
    #[arg(long, env = "COSTHOST_MAX_HANDLES", value_name = "N")]
    pub max_handles: Option<usize>,
    /// Log records a second; more are dropped and counted [default: 100]
    #[arg(long, env = "COSTHOST_MAX_LOG_RATE", value_name = "N")]
    pub max_log_rate: Option<u32>,
    /// Calls to storage that finding the reports of a source may make [default: 100000]
    #[arg(long, env = "COSTHOST_MAX_DISCOVERY_CALLS", value_name = "N")]
    pub max_discovery_calls: Option<u64>,
    /// Bytes it may read, after decompression [default: 256MiB]
    #[arg(long, env = "COSTHOST_MAX_DISCOVERY_BYTES", value_name = "SIZE")]
    pub max_discovery_bytes: Option<ByteSize>,
    /// Objects and folders it may list [default: 1000000]
    #[arg(long, env = "COSTHOST_MAX_DISCOVERY_ENTRIES", value_name = "N")]
    pub max_discovery_entries: Option<u64>,
}

impl LimitArgs {
    /// Limits of plugins without their own: by flag, else by the configuration.
    fn limits(&self, config: &ConfigFile) -> Limits {
        self.over(&[&config.limits])
    }

    /// Limits of plugins that the configuration has a section for, by id.
    fn plugin_limits(&self, config: &ConfigFile) -> BTreeMap<String, Limits> {
        let own = config.plugin_limits.iter();
        own.map(|(id, section)| (id.clone(), self.over(&[section, &config.limits]))).collect()
    }

    /// Flags win over sections, and a section over those after it.
    fn over(&self, sections: &[&LimitsSection]) -> Limits {
        let flags = LimitsSection {
            max_memory: self.max_memory,
            max_time: self.max_time,
            max_output: self.max_output,
            max_handles: self.max_handles,
            max_log_rate: self.max_log_rate,
            max_discovery_calls: self.max_discovery_calls,
            max_discovery_bytes: self.max_discovery_bytes,
            max_discovery_entries: self.max_discovery_entries,
            log: None,
        };
        let mut limits = Limits::default();
        sections.iter().rev().copied().chain([&flags]).for_each(|section| section.apply(&mut limits));
        limits
    }
}

impl WorkArgs {
    /// How to go about the work.
    pub fn options(&self, config: &ConfigFile, tenant: String, force: bool) -> RunOptions {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        RunOptions {
            tenant,
            workers: self.workers.or(config.workers).unwrap_or(cores).clamp(1, 256),
            force,
            allow_empty: false,
            limits: self.limits.limits(config),
            plugin_limits: self.limits.plugin_limits(config),
            now: chrono::Utc::now().timestamp(),
        }
    }

    /// What the plugin is told: by flag, by the source's own section, or by the defaults of the configuration.
    ///
    /// # Errors
    /// When a value is off or the file of tag keys cannot be read.
    pub fn settings(&self, config: &ConfigFile, section: Option<&SourceSection>) -> anyhow::Result<PluginSettings> {
        let defaults = &config.defaults;
        let tags = self.tags()?.or_else(|| section?.tags.clone()).or_else(|| defaults.tags.clone());
        let own = section.and_then(|section| section.markup.as_ref());
        let markup = self.markup.as_ref().or(own).or(defaults.markup.as_ref());
        let markup = markup.map(|text| settings::markup(text)).transpose()?;
        let settings = PluginSettings::new(tags.as_deref(), markup.as_deref());
        Ok(match section {
            Some(section) => settings.with_own(&section.settings)?,
            None => settings,
        })
    }

    fn tags(&self) -> anyhow::Result<Option<Vec<String>>> {
        let Some(path) = &self.tags_file else { return Ok(self.tags.clone()) };
        let text = std::fs::read_to_string(path)
            .map_err(|error| UsageError(format!("cannot read --tags-file {}: {error}", path.display())))?;
        let keys = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Ok(Some(keys.map(str::to_owned).collect()))
    }
}

/// A first and last month in this order.
///
/// # Errors
/// When they are the wrong way round.
pub fn checked(months: (Option<Month>, Option<Month>)) -> Result<(Option<Month>, Option<Month>), UsageError> {
    match months {
        (Some(from), Some(to)) if from > to => Err(UsageError(format!("--from {from} is after --to {to}"))),
        _ => Ok(months),
    }
}

impl SourceArgs {
    /// Settles names and settings, and loads plugins. A source whose plugin cannot be loaded is left to be told, and the
    /// others are read.
    ///
    /// # Errors
    /// When a value is off, names collide, or no plugin can be loaded.
    pub fn request(&self, config: &ConfigFile, tenant: String) -> anyhow::Result<RunRequest> {
        let started = Instant::now();
        let engine = Engine::new(EngineOptions::default())?;
        tracing::debug!(milliseconds = started.elapsed().as_millis(), "plugin engine started");
        let sections = self.sections(config)?;
        let resolver = self.work.lookup.resolver(config)?;
        let settled =
            sections.iter().map(|section| self.settle(config, section)).collect::<anyhow::Result<Vec<_>>>()?;
        refuse_collisions(&settled)?;
        let mut plugins = PluginLoader { engine: &engine, resolver, loaded: Vec::new() };
        let (mut sources, mut unreadable) = (Vec::with_capacity(settled.len()), Vec::new());
        // Tried once: a plugin that cannot be compiled may have taken long to say so.
        let mut failed: BTreeMap<String, anyhow::Error> = BTreeMap::new();
        for settled in settled {
            if !failed.contains_key(&settled.plugin) {
                match plugins.load(&settled.plugin) {
                    Ok(plugin) => {
                        sources.push(settled.source(plugin));
                        continue;
                    }
                    Err(error) => _ = failed.insert(settled.plugin.clone(), error),
                }
            }
            let message = failed.get(&settled.plugin).map(|error| chain(error.as_ref())).unwrap_or_default();
            unreadable.push(PlanProblem { source: settled.name, month: None, message });
        }
        // With nothing to do, what is wrong is the command itself.
        if sources.is_empty()
            && let Some((_, error)) = failed.pop_first()
        {
            return Err(error);
        }
        let options = self.work.options(config, tenant, self.force);
        let options = RunOptions { allow_empty: self.allow_empty, ..options };
        Ok(RunRequest { engine, sources, unreadable, options })
    }

    /// Sources of the command line, else those of the configuration.
    fn sections(&self, config: &ConfigFile) -> anyhow::Result<Vec<SourceSection>> {
        if self.sources.is_empty() {
            if config.sources.is_empty() {
                let message = "no SOURCE given; name a bucket prefix, folder or file, or a --config with [[source]]";
                return Err(UsageError(message.to_owned()).into());
            }
            if self.source_name.is_some() || self.source_uuid.is_some() {
                let message = "--source-name and --source-uuid go with a SOURCE on the command line";
                return Err(UsageError(message.to_owned()).into());
            }
            return Ok(config.sources.clone());
        }
        if self.sources.len() > 1 && (self.source_name.is_some() || self.source_uuid.is_some()) {
            let message =
                "--source-name and --source-uuid fit one SOURCE only; run the sources one by one or use a --config";
            return Err(UsageError(message.to_owned()).into());
        }
        let section = |location: &String| SourceSection {
            name: self.source_name.clone(),
            uuid: self.source_uuid,
            location: location.clone(),
            ..SourceSection::default()
        };
        Ok(self.sources.iter().map(section).collect())
    }

    fn settle(&self, config: &ConfigFile, section: &SourceSection) -> anyhow::Result<SettledSource> {
        let defaults = &config.defaults;
        // Looks at nothing yet; a text that can be no place is told before any work.
        store::open(&section.location, &StoreOptions::default())?;
        let name = match &section.name {
            Some(name) => checked_name(name)?,
            None => derived_name(&section.location)?,
        };
        let plugin = self.work.plugin.as_ref().or(section.plugin.as_ref()).or(defaults.plugin.as_ref());
        let plugin = plugin.ok_or_else(|| {
            UsageError(format!("no plugin for {}; name one with --plugin, for example aws-cur", section.location))
        })?;
        let month = |flag: Option<Month>, text: &Option<String>| match (flag, text) {
            (Some(month), _) => Ok(Some(month)),
            (None, Some(text)) => text.parse().map(Some).map_err(UsageError),
            (None, None) => Ok(None),
        };
        let months = checked((month(self.work.from, &section.from)?, month(self.work.to, &section.to)?))?;
        Ok(SettledSource {
            name,
            name_is_derived: section.name.is_none(),
            uuid: section.uuid,
            location: section.location.clone(),
            plugin: plugin.clone(),
            settings: self.work.settings(config, Some(section))?,
            months,
        })
    }
}

/// A source whose plugin has not been loaded.
struct SettledSource {
    name: String,
    name_is_derived: bool,
    uuid: Option<Uuid>,
    location: String,
    /// Name or path.
    plugin: String,
    settings: PluginSettings,
    months: (Option<Month>, Option<Month>),
}

impl SettledSource {
    fn source(self, plugin: Arc<Plugin>) -> SourceRequest {
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

/// Two sources of one name would replace each other in the lake, two of one UUID in a database.
fn refuse_collisions(sources: &[SettledSource]) -> Result<(), UsageError> {
    for (at, source) in sources.iter().enumerate() {
        let mut before = sources.iter().take(at);
        if before.clone().any(|known| known.name == source.name) {
            return Err(UsageError(format!("two sources are called `{}`; give each a name of its own", source.name)));
        }
        if let Some(uuid) = source.uuid
            && let Some(other) = before.find(|known| known.uuid == Some(uuid))
        {
            return Err(UsageError(format!(
                "sources `{}` and `{}` have the same UUID {uuid}",
                other.name, source.name
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
