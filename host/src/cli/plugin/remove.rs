//! `costhost plugin rm`: take a version, or a whole plugin, out of the store.

use clap::Args;

use super::ConfigArgs;
use crate::cli::Exit;
use crate::cli::output::say;
use crate::cli::plugin_files::LookupArgs;
use crate::registry::PluginRef;

/// Flags of `costhost plugin rm`.
#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// NAME@VERSION or NAME@sha256:DIGEST; NAME alone means all of its versions
    #[arg(value_name = "NAME[@VERSION]")]
    pub plugin: PluginRef,
    /// Also what is current or pinned
    #[arg(long)]
    pub force: bool,
    /// What is pinned.
    #[command(flatten)]
    pub lookup: LookupArgs,
    /// Where the store lies.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// Removes.
///
/// # Errors
/// When it is not installed, or current or pinned.
pub fn execute(args: &RemoveArgs) -> anyhow::Result<Exit> {
    let resolver = args.lookup.resolver(&args.config.read()?)?;
    let pinned: Vec<_> =
        resolver.lock().into_iter().flat_map(|lock| lock.plugins()).map(|pin| pin.digest.clone()).collect();
    for version in resolver.store().remove(&args.plugin, &pinned, args.force)? {
        say!("removed {} {}  {}", args.plugin.name, version.version, version.digest)?;
    }
    if let Some(name) = resolver.store().name(&args.plugin.name)?.as_ref().and_then(|name| name.find(None)) {
        say!("{} is current", name.version)?;
    }
    Ok(Exit::Done)
}
