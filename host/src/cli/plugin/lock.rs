//! `costhost plugin lock`: pin what runs to digests.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;

use super::ConfigArgs;
use crate::cli::output::say;
use crate::cli::plugin_files::LookupArgs;
use crate::cli::{Exit, UsageError};
use crate::registry::{LOCK_FILE, LockFile, PluginRef, Resolver};
use crate::settings::ConfigFile;

/// Flags of `costhost plugin lock`.
#[derive(Debug, Args)]
pub struct LockArgs {
    /// NAME for what is current, or NAME@VERSION [default: every name in the configuration]
    #[arg(value_name = "NAME[@VERSION]")]
    pub plugins: Vec<PluginRef>,
    /// The lock file.
    #[command(flatten)]
    pub lookup: LookupArgs,
    /// Names, and where the store lies.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// Writes the lock file. Pins of other names stay.
///
/// # Errors
/// When a plugin is not installed or the file cannot be written.
pub fn execute(args: &LockArgs) -> anyhow::Result<Exit> {
    let config = args.config.read()?;
    let path = path(args, &config)?;
    let mut lock = LockFile::read(&path)?.unwrap_or_else(|| LockFile::empty(&path));
    // Not with the lock file: it is about to say something else.
    let store = Resolver::from_config(&ConfigFile { path: None, ..config.clone() }, None)?.store().clone();
    let wanted = if args.plugins.is_empty() { named(&config)? } else { args.plugins.clone() };
    for reference in wanted {
        let record = store.record(&store.resolve(&reference)?.digest)?;
        let before = lock.get(&record.name).map(|pin| pin.version.clone());
        lock.pin(&record);
        let was = before
            .filter(|before| *before != record.version)
            .map(|before| format!(" (was {before})"))
            .unwrap_or_default();
        say!("{} {}  {}{was}", record.name, record.version, record.digest)?;
    }
    lock.write()?;
    say!("written to {}", path.display())?;
    Ok(Exit::Done)
}

fn path(args: &LockArgs, config: &ConfigFile) -> Result<PathBuf, UsageError> {
    let beside = || Some(config.folder()?.join(LOCK_FILE));
    args.lookup.lock.clone().or_else(beside).ok_or_else(|| {
        UsageError(
            "where should the lock file lie? Give --config, beside whose file it goes, or --lock FILE".to_owned(),
        )
    })
}

/// The installed plugins that a configuration names; those by path need no lock.
fn named(config: &ConfigFile) -> Result<Vec<PluginRef>, UsageError> {
    let sources = config.sources.iter().filter_map(|source| source.plugin.as_ref());
    let names: BTreeSet<&String> = sources.chain(&config.defaults.plugin).collect();
    let references: Vec<PluginRef> = names.into_iter().filter_map(|name| name.parse().ok()).collect();
    if references.is_empty() {
        return Err(UsageError("the configuration names no installed plugin; name those to be pinned".to_owned()));
    }
    Ok(references)
}
