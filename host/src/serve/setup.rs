//! What a configuration says, checked in full and with every default filled in, before anything works by it.
//!
//! Every problem is found, not only the first: a configuration is written by people, and read by `config check`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::i256;

use super::jobs::Jobs;
use super::schedule::Schedule;
use super::timetable::Backoff;
use crate::ingest::request::{PluginSettings, RunOptions, checked_name, derived_name};
use crate::plugin::Limits;
use crate::registry::{RegistryError, Resolver};
use crate::settings::{self, ConfigFile, LimitsSection, Month, ServeSection, SourceSection, Span};
use crate::source::store::{self, StoreOptions};

/// Where the endpoints are unless the configuration says otherwise.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);

/// What flags and environment variables say instead of the configuration.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Where the lake lies.
    pub lake: Option<String>,
    /// Whose data.
    pub tenant: Option<String>,
    /// The database.
    pub postgres: Option<String>,
    /// Address of the endpoints.
    pub listen: Option<SocketAddr>,
    /// File that pins plugins.
    pub lock: Option<PathBuf>,
}

/// A checked configuration.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Where the lake lies.
    pub lake: String,
    /// Address of the database, if there is one. Never shown: it may hold a password.
    pub postgres: Option<String>,
    /// How runs go about their work; `now` is set by each.
    pub options: RunOptions,
    /// What is run when.
    pub sources: Vec<PlannedSource>,
    /// How the service goes about its work.
    pub service: ServiceOptions,
    /// The file as it stands, for where plugins come from.
    pub config: Arc<ConfigFile>,
}

/// A source of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedSource {
    /// Its name in the lake.
    pub name: String,
    /// Whether the name was made from the location.
    pub name_is_derived: bool,
    /// Its UUID, where it is given.
    pub uuid: Option<uuid::Uuid>,
    /// Where its reports are delivered to.
    pub location: String,
    /// What reads it: the name of a plugin, or a path.
    pub plugin: String,
    /// Settings for the plugin.
    pub settings: PluginSettings,
    /// First and last billing month of interest.
    pub months: (Option<Month>, Option<Month>),
    /// When it is run; only when asked for without one.
    pub schedule: Option<Schedule>,
}

/// The section `[serve]` with its defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceOptions {
    /// Address of the endpoints.
    pub listen: SocketAddr,
    /// Whether other machines may ask for runs.
    pub remote_trigger: bool,
    /// How long a stop waits for runs.
    pub shutdown_grace: Duration,
    /// How often configuration and plugins are looked at.
    pub watch: Duration,
    /// Runs at once.
    pub jobs: usize,
    /// Whether sources with a schedule run at the start.
    pub run_at_start: bool,
    /// How failed runs are tried again.
    pub backoff: Backoff,
    /// How new versions of plugins are tried, if at all.
    pub shadow: Option<ShadowOptions>,
}

/// How a new version of a plugin is tried on delivered reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowOptions {
    /// Months of each source, newest first.
    pub months: usize,
    /// Largest difference that passes, in units of 10^-18. Without it every difference does.
    pub tolerance: Option<i256>,
}

impl Setup {
    /// Checks a configuration.
    ///
    /// # Errors
    /// Everything that is wrong with it, in its order.
    pub fn of(config: &ConfigFile, overrides: &Overrides) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let lake = overrides.lake.as_ref().or(config.lake.as_ref()).map_or("./costhost", String::as_str).to_owned();
        if let Err(error) = store::open(&lake, &StoreOptions::default()) {
            problems.push(format!("lake: {}", crate::ingest::error::chain(&error)));
        }
        let tenant = overrides.tenant.as_ref().or(config.tenant.as_ref()).map_or("default", String::as_str);
        let tenant = kept(settings::tenant(tenant), &mut problems).unwrap_or_default();
        let postgres = overrides.postgres.as_ref().or(config.postgres.as_ref()).cloned();
        if postgres.as_ref().is_some_and(|url| !url.starts_with("postgres://") && !url.starts_with("postgresql://")) {
            problems.push("postgres: it does not start with postgres://".to_owned());
        }
        let sources = config.sources.iter().enumerate();
        let sources =
            sources.filter_map(|(at, section)| source(config, section, at, &mut problems)).collect::<Vec<_>>();
        if config.sources.is_empty() {
            problems.push("there is no [[source]], so there is nothing to run".to_owned());
        }
        duplicates(&sources, &mut problems);
        let service = service(&config.serve, overrides, &mut problems);
        let options = options(config, tenant);
        if problems.is_empty() {
            Ok(Self { lake, postgres, options, sources, service, config: Arc::new(config.clone()) })
        } else {
            Err(problems)
        }
    }

    /// What settles names of plugins, with the store, keys and lock file as they are now.
    ///
    /// # Errors
    /// When one of them cannot be used.
    pub fn resolver(&self, overrides: &Overrides) -> Result<Resolver, RegistryError> {
        Resolver::from_config(&self.config, overrides.lock.as_deref())
    }

    /// Names of the plugins that sources are read with, each once.
    pub fn plugins(&self) -> BTreeSet<&str> {
        self.sources.iter().map(|source| source.plugin.as_str()).collect()
    }
}

/// The value, or a problem more.
fn kept<T>(result: Result<T, impl std::fmt::Display>, problems: &mut Vec<String>) -> Option<T> {
    result.map_err(|error| problems.push(error.to_string())).ok()
}

fn options(config: &ConfigFile, tenant: String) -> RunOptions {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let limits = |sections: &[&LimitsSection]| {
        let mut limits = Limits::default();
        sections.iter().for_each(|section| section.apply(&mut limits));
        limits
    };
    let own = config.plugin_limits.iter().map(|(id, section)| (id.clone(), limits(&[&config.limits, section])));
    RunOptions {
        tenant,
        workers: config.workers.unwrap_or(cores).clamp(1, 256),
        force: false,
        allow_empty: false,
        limits: limits(&[&config.limits]),
        plugin_limits: own.collect::<BTreeMap<_, _>>(),
        now: 0,
    }
}

fn source(
    config: &ConfigFile,
    section: &SourceSection,
    at: usize,
    problems: &mut Vec<String>,
) -> Option<PlannedSource> {
    let defaults = &config.defaults;
    let title = section.name.clone().unwrap_or_else(|| format!("number {}", at + 1));
    let known = problems.len();
    let mut wrong = Vec::new();
    let name = match &section.name {
        Some(name) => kept(checked_name(name), &mut wrong),
        None => kept(derived_name(&section.location), &mut wrong),
    };
    if let Err(error) = store::open(&section.location, &StoreOptions::default()) {
        wrong.push(crate::ingest::error::chain(&error));
    }
    let plugin = section.plugin.as_ref().or(defaults.plugin.as_ref()).cloned();
    if plugin.is_none() {
        wrong.push("it names no plugin, and neither does [defaults]".to_owned());
    }
    let markup = section.markup.as_ref().or(defaults.markup.as_ref()).map(|text| settings::markup(text)).transpose();
    let markup = kept(markup, &mut wrong).flatten();
    let tags = section.tags.as_ref().or(defaults.tags.as_ref());
    let mut month = |text: &Option<String>| {
        let parsed = text.as_ref().map(|text| text.parse::<Month>()).transpose();
        kept(parsed, &mut wrong).flatten()
    };
    let months = (month(&section.from), month(&section.to));
    if let (Some(from), Some(to)) = months
        && from > to
    {
        wrong.push(format!("its first month {from} is after its last, {to}"));
    }
    let jitter = section.jitter.or(defaults.jitter).map_or(Duration::ZERO, |Span(jitter)| jitter);
    let schedule = section.schedule.as_ref().or(defaults.schedule.as_ref());
    let schedule = schedule.map(|text| Schedule::parse(text, &title, jitter)).transpose();
    let schedule = kept(schedule, &mut wrong).flatten();
    let settings = PluginSettings::new(tags.map(Vec::as_slice), markup.as_deref()).with_own(&section.settings);
    let settings = kept(settings, &mut wrong);
    problems.extend(wrong.into_iter().map(|problem| format!("source {title}: {problem}")));
    if problems.len() > known {
        return None;
    }
    Some(PlannedSource {
        name: name?,
        name_is_derived: section.name.is_none(),
        uuid: section.uuid,
        location: section.location.clone(),
        plugin: plugin?,
        settings: settings?,
        months,
        schedule,
    })
}

/// Two sources of one name would replace each other in the lake, two of one UUID in the database.
fn duplicates(sources: &[PlannedSource], problems: &mut Vec<String>) {
    for (at, source) in sources.iter().enumerate() {
        let Some(before) = sources.get(..at) else { continue };
        if before.iter().any(|other| other.name == source.name) {
            problems.push(format!("two sources are called `{}`; give each a name of its own", source.name));
        }
        if let Some(uuid) = source.uuid
            && let Some(other) = before.iter().find(|other| other.uuid == Some(uuid))
        {
            problems.push(format!("sources `{}` and `{}` have the same UUID {uuid}", other.name, source.name));
        }
    }
}

fn service(section: &ServeSection, overrides: &Overrides, problems: &mut Vec<String>) -> ServiceOptions {
    let span = |span: Option<Span>, default: u64| span.map_or(Duration::from_secs(default), |Span(span)| span);
    let backoff = Backoff { first: span(section.retry, 60), most: span(section.retry_max, 3600) };
    if backoff.first > backoff.most {
        problems.push("serve: `retry` is longer than `retry_max`".to_owned());
    }
    let watch = span(section.watch, 5);
    if watch < Duration::from_millis(100) {
        problems.push("serve: `watch` is shorter than 100ms".to_owned());
    }
    let tolerance = section.shadow_tolerance.as_ref().map(|text| {
        let amount = crate::compare::tolerance(text);
        amount.map_err(|problem| format!("serve: `shadow_tolerance`: {problem}"))
    });
    let tolerance = kept(tolerance.transpose(), problems).flatten();
    let shadow = section.shadow.unwrap_or(false);
    if !shadow && (section.shadow_months.is_some() || section.shadow_tolerance.is_some()) {
        problems.push("serve: `shadow_months` and `shadow_tolerance` say nothing without `shadow = true`".to_owned());
    }
    if section.jobs == Some(0) || section.shadow_months == Some(0) {
        problems.push("serve: `jobs` and `shadow_months` are at least 1".to_owned());
    }
    if section.jobs.is_some_and(|jobs| jobs > Jobs::MOST) {
        problems.push(format!("serve: `jobs` is at most {}", Jobs::MOST));
    }
    ServiceOptions {
        listen: overrides.listen.or(section.listen).unwrap_or(LISTEN),
        remote_trigger: section.remote_trigger.unwrap_or(false),
        shutdown_grace: span(section.shutdown_grace, 30),
        watch,
        jobs: section.jobs.unwrap_or(2),
        run_at_start: section.run_at_start.unwrap_or(true),
        backoff,
        shadow: shadow.then(|| ShadowOptions { months: section.shadow_months.unwrap_or(1), tolerance }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of a service in the documentation.
    fn documented() -> ConfigFile {
        let text = include_str!("../../../docs/operations.md");
        let example = text.split("```toml").find(|block| block.contains("[serve]")).unwrap();
        toml::from_str(example.split("```").next().unwrap()).unwrap()
    }

    #[test]
    fn the_configuration_in_the_documentation_is_the_default() {
        let mut config = documented();
        let setup = Setup::of(&config, &Overrides::default()).unwrap();
        assert_eq!(
            setup.service.shadow,
            Some(ShadowOptions { months: 1, tolerance: crate::compare::tolerance("0.01").ok() })
        );
        config.serve.shadow_months = None;
        assert_eq!(Setup::of(&config, &Overrides::default()).unwrap().service, setup.service);
        config.serve = ServeSection::default();
        let default = Setup::of(&config, &Overrides::default()).unwrap().service;
        assert_eq!(default, ServiceOptions { shadow: None, ..setup.service });
    }

    #[test]
    fn a_source_wins_over_defaults_and_a_plugin_over_limits() {
        let setup = Setup::of(&documented(), &Overrides::default()).unwrap();
        let schedules: Vec<_> =
            setup.sources.iter().filter_map(|source| Some(source.schedule.as_ref()?.text())).collect();
        assert_eq!(schedules, ["17 */6 * * *", "0 5 * * *"]);
        let plugins: Vec<_> = setup.sources.iter().map(|source| source.plugin.as_str()).collect();
        assert_eq!(plugins, ["aws-cur", "tally"]);
        let (tally, others) = (&setup.options.plugin_limits["tally"], &setup.options.limits);
        assert_eq!((tally.memory_bytes >> 20, others.memory_bytes >> 20), (128, 512));
        assert_eq!((tally.wall_base.as_secs(), others.wall_base.as_secs()), (20, 60));
        assert_eq!(tally.log_level, tracing::level_filters::LevelFilter::WARN);
    }

    #[test]
    fn every_problem_is_told() {
        let text = "tenant = '../up'\n[serve]\njobs = 0\nretry = '2h'\nretry_max = '1h'\nwatch = '1ms'\n\
                    [[source]]\nlocation = 'a/b'\nfrom = '2026-02'\nto = '2026-01'\n\
                    [[source]]\nname = 'x y'\nlocation = 'c'\nplugin = 'p'\n";
        let problems = Setup::of(&toml::from_str(text).unwrap(), &Overrides::default()).unwrap_err();
        for says in ["../up", "`jobs`", "`retry`", "`watch`", "names no plugin", "after its last", "`x y`"] {
            assert!(problems.iter().any(|problem| problem.contains(says)), "{says}: {problems:?}");
        }
    }
}
