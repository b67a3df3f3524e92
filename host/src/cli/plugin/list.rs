//! `costhost plugin ls`: what is installed.

use std::io::Write;

use clap::Args;

use super::ConfigArgs;
use crate::cli::output::Output;
use crate::cli::{Exit, table};
use crate::registry::{PluginName, PluginStore, RegistryError, Resolver};

/// Flags of `costhost plugin ls`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Print everything the store knows as JSON
    #[arg(long)]
    pub json: bool,
    /// Where the store lies.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// Prints a line for each version.
///
/// # Errors
/// When the store cannot be read.
pub fn execute(args: &ListArgs) -> anyhow::Result<Exit> {
    let resolver = Resolver::from_config(&args.config.read()?, None)?;
    let store = resolver.store();
    let names = store.names()?;
    let mut out = Output::default();
    if args.json {
        writeln!(out, "{:#}", json(store, &names)?)?;
        return Ok(Exit::Done);
    }
    if names.is_empty() {
        writeln!(out, "no plugin is installed in {}", store.folder().display())?;
    }
    let mut rows = table::Table::new(&["name", "version", "", "digest", "signed by", "installed", "from"]);
    for name in &names {
        for version in &name.versions {
            let record = store.record(&version.digest)?;
            let pinned =
                resolver.lock().and_then(|lock| lock.get(&name.name)).is_some_and(|pin| pin.digest == version.digest);
            let mark = match (version.digest == name.current, pinned) {
                (true, true) => "current, locked",
                (true, false) => "current",
                (false, true) => "locked",
                (false, false) => "",
            };
            rows.add([
                name.name.clone(),
                version.version.clone(),
                mark.to_owned(),
                version.digest.short().to_owned(),
                record.signed.map_or_else(|| "-".to_owned(), |by| by.key),
                version.installed.clone(),
                record.origin,
            ]);
        }
    }
    rows.print(&mut out)?;
    Ok(Exit::Done)
}

/// Names with the records of their versions in place of bare digests.
fn json(store: &PluginStore, names: &[PluginName]) -> Result<serde_json::Value, RegistryError> {
    let one = |name: &PluginName| {
        let versions = name.versions.iter().map(|version| store.record(&version.digest));
        let versions = versions.collect::<Result<Vec<_>, _>>()?;
        Ok(serde_json::json!({
            "name": name.name,
            "current": name.current,
            "versions": versions,
            "previous": name.previous,
            "log": name.log,
        }))
    };
    names.iter().map(one).collect()
}
