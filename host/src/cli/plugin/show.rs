//! `costhost plugin show`: what a plugin is.

use clap::Args;

use super::ConfigArgs;
use crate::cli::Exit;
use crate::cli::output::say;
use crate::cli::plugin_files::LookupArgs;
use crate::plugin::{Engine, EngineOptions, Plugin};
use crate::registry::{Digest, Resolver};

/// Flags of `costhost plugin show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// NAME, NAME@VERSION or NAME@sha256:DIGEST of an installed plugin, or a .wasm file
    pub plugin: String,
    /// Where names of plugins are looked up.
    #[command(flatten)]
    pub lookup: LookupArgs,
    /// Where the store lies, and whose signatures are asked for.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// Loads a plugin and prints what it says of itself.
///
/// # Errors
/// When it is not found or cannot be loaded.
pub fn execute(args: &ShowArgs) -> anyhow::Result<Exit> {
    let resolver = args.lookup.resolver(&args.config.read()?)?;
    let engine = Engine::new(EngineOptions::default())?;
    let plugin = resolver.load(&engine, &args.plugin)?;
    print(&plugin)?;
    print_installation(&resolver, &plugin)?;
    Ok(Exit::Done)
}

fn print(plugin: &Plugin) -> std::io::Result<()> {
    let manifest = plugin.manifest();
    say!("{} {}: {}", manifest.id, manifest.version, manifest.title)?;
    say!("sha256   {}", plugin.digest())?;
    say!("imports  {}", plugin.imports().join(", "))?;
    for table in &manifest.tables {
        say!("table    {}.{}: {} columns", manifest.provider, table.name, table.schema.fields().len())?;
    }
    for report in &manifest.reports {
        let dimensions: Vec<&str> = report.dimensions.iter().map(|dimension| dimension.name.as_str()).collect();
        say!("report   {} {}: by {}", manifest.provider, report.name, dimensions.join(", "))?;
    }
    Ok(())
}

/// What the store and the lock file know of it, if anything.
fn print_installation(resolver: &Resolver, plugin: &Plugin) -> anyhow::Result<()> {
    let digest: Digest = plugin.digest().parse().map_err(anyhow::Error::msg)?;
    let store = resolver.store();
    let name = store.name(&plugin.manifest().id)?;
    let Some(name) = name.filter(|name| name.version_of(&digest).is_some()) else {
        say!("store    not installed")?;
        return Ok(());
    };
    let record = store.record(&digest)?;
    let current = if name.current == digest { ", current" } else { "" };
    say!("store    installed {}{current}", record.installed)?;
    say!("from     {}", record.origin)?;
    match record.signed {
        Some(by) => say!("signed   by {} ({}, {})", by.key, by.format, by.fingerprint)?,
        None => say!("signed   by no key of the configuration it was installed with")?,
    }
    if let Some(pin) = resolver.lock().and_then(|lock| lock.get(&name.name)) {
        say!("lock     {} {}", pin.version, pin.digest)?;
    }
    for change in name.log.iter().rev().take(10) {
        say!("history  {} {} ({})", change.at, change.version, change.what)?;
    }
    Ok(())
}
