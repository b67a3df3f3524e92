//! `costhost summarize`: summaries made anew of what the lake holds, without reading reports.

use clap::Args;

use super::args::{LakeArgs, WorkArgs, checked};
use super::{Exit, UsageError, run};
use crate::ingest::loaded::{Again, Selection, selected};
use crate::ingest::request::PluginSettings;
use crate::lake::LoadRecord;
use crate::plugin::{Cancel, Engine, EngineOptions};
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
    let name = args.work.plugin.as_ref().or(config.defaults.plugin.as_ref());
    let name = name.ok_or_else(|| UsageError("no plugin; name one with --plugin, for example aws-cur".to_owned()))?;
    let engine = Engine::new(EngineOptions::default())?;
    let plugin = engine.load(&super::plugin_files::find_plugin(name)?)?;
    let months = checked((args.work.from, args.work.to))?;
    let selection = Selection { sources: args.sources.clone(), months };
    let records = selected(&lake, &tenant, &plugin.manifest().provider, &selection).await?;
    if records.is_empty() {
        return Err(UsageError("nothing of that is loaded in this lake; see `costhost sources`".to_owned()).into());
    }
    let settings = SettingsBySource::new(&args.work, &config)?;
    let options = args.work.options(&config, tenant, args.force);
    let cancel = Cancel::default();
    run::stop_on_signal(cancel.clone());
    let with_settings = |record: LoadRecord| {
        let settings = settings.of(&record.source);
        (record, settings)
    };
    let loads: Vec<_> = records.into_iter().map(with_settings).collect();
    let receipt = tokio::task::spawn_blocking(move || {
        let _keeps_guests_interruptible = engine;
        let again = Again { lake: &lake, plugin: &plugin, options: &options, cancel: &cancel };
        again.execute(&loads)
    })
    .await??;
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
    fn new(work: &WorkArgs, config: &ConfigFile) -> anyhow::Result<Self> {
        let named = |section: &SourceSection| {
            let name = match &section.name {
                Some(name) => name.clone(),
                None => crate::ingest::request::derived_name(&section.location)?,
            };
            Ok((name, work.settings(config, Some(section))?))
        };
        Ok(Self {
            named: config.sources.iter().map(named).collect::<anyhow::Result<_>>()?,
            others: work.settings(config, None)?,
        })
    }

    fn of(&self, source: &str) -> PluginSettings {
        let head = source.split('/').next().unwrap_or(source);
        self.named.iter().find(|(name, _)| name == head).map_or(&self.others, |(_, settings)| settings).clone()
    }
}
