//! `costhost config`: is a configuration what it should be?

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::plugin_files::{LookupArgs, PluginLoader};
use super::{Exit, UsageError};
use crate::cli::output::say;
use crate::ingest::error::chain;
use crate::plugin::{Engine, EngineOptions};
use crate::serve::{Overrides, Setup, misfits};
use crate::settings::ConfigFile;

/// Flags of `costhost config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// The subcommands of `costhost config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check a configuration in full: keys, values, schedules, places, names, plugins and their settings. Reads no report and
    /// reaches for no server
    Check {
        /// The file
        #[arg(env = "COSTHOST_CONFIG", default_value = "costhost.toml")]
        file: PathBuf,
        /// Where names of plugins are looked up.
        #[command(flatten)]
        lookup: LookupArgs,
    },
}

/// Checks.
///
/// # Errors
/// When the file cannot be used: everything that is wrong with it.
pub fn execute(args: &ConfigArgs) -> anyhow::Result<Exit> {
    let ConfigCommand::Check { file, lookup } = &args.command;
    let config = ConfigFile::read(file)?;
    let (sources, problems) = match Setup::of(&config, &Overrides::default()) {
        Ok(setup) => (setup.sources.len(), plugin_problems(&config, &setup, lookup)?),
        Err(problems) => (0, problems),
    };
    if !problems.is_empty() {
        let count = problems.len();
        let told = problems.join("\n  ");
        return Err(UsageError(format!("{} has {count} problems:\n  {told}", file.display())).into());
    }
    say!("{}: {sources} sources, nothing wrong", file.display())?;
    Ok(Exit::Done)
}

/// What is wrong with plugins: not to be found or loaded, settings that do not fit, sections of none.
fn plugin_problems(config: &ConfigFile, setup: &Setup, lookup: &LookupArgs) -> anyhow::Result<Vec<String>> {
    let engine = Engine::new(EngineOptions::default())?;
    let mut loader = PluginLoader { engine: &engine, resolver: lookup.resolver(config)?, loaded: Vec::new() };
    let mut problems = Vec::new();
    let mut ids = Vec::new();
    for name in setup.plugins() {
        let plugin = match loader.load(name) {
            Ok(plugin) => plugin,
            Err(error) => {
                problems.push(format!("plugin {name}: {}", chain(error.as_ref())));
                continue;
            }
        };
        ids.push(plugin.manifest().id.clone());
        for source in setup.sources.iter().filter(|source| source.plugin == name) {
            let misfits = misfits(&plugin, &source.settings.for_summaries());
            problems.extend(misfits.into_iter().map(|misfit| format!("source {}: {misfit}", source.name)));
        }
    }
    // A section that is misspelt would leave its plugin without the limits that it was meant for.
    if problems.is_empty() {
        let unknown = config.plugin_limits.keys().filter(|id| !ids.contains(*id));
        problems.extend(unknown.map(|id| {
            format!("[plugin.{id}] is about a plugin that no source uses; those in use are {}", ids.join(", "))
        }));
    }
    Ok(problems)
}
