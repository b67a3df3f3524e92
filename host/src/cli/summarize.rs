//! `costhost summarize`: summaries made anew of what the lake holds, without reading reports.

use std::sync::Arc;

use clap::Args;

use super::args::{LakeArgs, WorkArgs, checked};
use super::database::{self, DatabaseArgs, Units};
use super::{Exit, UsageError, run, selection};
use crate::ingest::loaded::{Again, Selection, month_of, selected};
use crate::ingest::request::PluginSettings;
use crate::lake::LoadRecord;
use crate::plugin::{Cancel, Engine, EngineOptions};
use crate::report::definitions;
use crate::settings::{ConfigFile, SourceSection};

/// Flags of `costhost summarize`.
#[derive(Debug, Args)]
pub struct SummarizeArgs {
    /// Sources as `costhost sources` names them; a name also stands for the reports below it [default: all of the plugin]
    #[arg(value_name = "NAME")]
    pub sources: Vec<String>,
    /// Make summaries anew even if settings and plugin are what they were
    #[arg(long, env = "COSTHOST_FORCE", value_parser = clap::builder::FalseyValueParser::new())]
    pub force: bool,
    /// With what, and how. Settings are those to be in force now: give the flags that `run` is given.
    #[command(flatten)]
    pub work: WorkArgs,
    /// The database to publish to, if any.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// The lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Print the receipt as JSON
    #[arg(long, env = "COSTHOST_JSON", value_parser = clap::builder::FalseyValueParser::new())]
    pub json: bool,
}

/// Summarizes what is asked for.
///
/// # Errors
/// When it could not start; what fails for single periods is in the receipt and the exit code.
pub async fn execute(args: SummarizeArgs) -> anyhow::Result<Exit> {
    let config = args.lake.config()?;
    let tenant = args.lake.tenant(&config)?;
    let lake = args.lake.open(&config)?;
    let database = args.database.connect(&config, &tenant).await?;
    let name = args.work.plugin.as_ref().or(config.defaults.plugin.as_ref());
    let name = name.ok_or_else(|| UsageError("no plugin; name one with --plugin, for example aws-cur".to_owned()))?;
    let engine = Engine::new(EngineOptions::default())?;
    let plugin = args.work.lookup.resolver(&config)?.load(&engine, name)?;
    let months = checked((args.work.from, args.work.to))?;
    let selection = Selection { sources: args.sources.clone(), months };
    let mut records = selected(&lake, &tenant, &plugin.manifest().provider, &selection).await?;
    records.retain(|record| record.plugin == plugin.manifest().id);
    if records.is_empty() {
        return Err(selection::nothing_loaded().into());
    }
    let disabled = match &database {
        Some(database) => database::prepare(database, &plugin).await?,
        None => Vec::new(),
    };
    let settings = SettingsBySource::new(&args.work, &config, &disabled)?;
    let provider = plugin.manifest().provider.clone();
    let units = records.iter().filter_map(|record| Some((record.source.clone(), month_of(record)?))).collect();
    let units = Units::from([(provider, units)]);
    let options = args.work.options(&config, tenant.clone(), args.force);
    let cancel = Cancel::default();
    run::stop_on_signal(cancel.clone());
    let with_settings = |record: LoadRecord| {
        let settings = settings.of(&record.source);
        (record, settings)
    };
    let loads: Vec<_> = records.into_iter().map(with_settings).collect();
    let (stop, written) = (cancel.clone(), lake.clone());
    let declared = Arc::clone(&plugin);
    let mut receipt = tokio::task::spawn_blocking(move || {
        let _keeps_guests_interruptible = engine;
        let again = Again { lake: &written, plugin: &plugin, options: &options, cancel: &cancel };
        again.execute(&loads)
    })
    .await??;
    definitions::publish(&lake, &tenant, declared.manifest()).await?;
    if let Some(database) = &database {
        receipt.publications = database::publish_units(&lake, &tenant, database, &units, &stop).await;
    }
    run::show(&receipt, args.json)?;
    Ok(run::exit(&receipt, false))
}

/// Settings as the configuration gives them to its sources.
struct SettingsBySource {
    /// Names in the configuration, with what their sections say.
    named: Vec<(String, PluginSettings)>,
    others: PluginSettings,
}

impl SettingsBySource {
    /// `disabled` are tag keys that the database says are not to be used.
    fn new(work: &WorkArgs, config: &ConfigFile, disabled: &[String]) -> anyhow::Result<Self> {
        let settings = |section: Option<&SourceSection>| {
            let mut settings = work.settings(config, section)?;
            settings.disable_tag_keys(disabled);
            Ok::<_, anyhow::Error>(settings)
        };
        let named = |section: &SourceSection| {
            let name = match &section.name {
                Some(name) => name.clone(),
                None => crate::ingest::request::derived_name(&section.location)?,
            };
            Ok((name, settings(Some(section))?))
        };
        Ok(Self { named: config.sources.iter().map(named).collect::<anyhow::Result<_>>()?, others: settings(None)? })
    }

    fn of(&self, source: &str) -> PluginSettings {
        let head = source.split('/').next().unwrap_or(source);
        self.named.iter().find(|(name, _)| name == head).map_or(&self.others, |(_, settings)| settings).clone()
    }
}
