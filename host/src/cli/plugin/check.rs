//! `costhost plugin check`: what is wrong with a component, in plain words.

use clap::Args;

use super::super::Exit;
use super::super::plugin_files::plugin_file;
use crate::cli::output::say;
use crate::plugin::{Cache, Engine, EngineOptions, inspect};

/// Flags of `costhost plugin check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// A .wasm file or a plugin's name
    pub plugin: String,
}

/// Prints every finding.
///
/// # Errors
/// When the file cannot be read. Findings are exit code 1.
pub(super) fn execute(args: &CheckArgs) -> anyhow::Result<Exit> {
    let path = plugin_file(&args.plugin)?;
    // What is checked once need not be kept compiled.
    let engine = Engine::new(EngineOptions { cache: Cache::Off, ..EngineOptions::default() })?;
    let findings = inspect(&engine, &path)?;
    if findings.is_empty() {
        say!("{}: a plugin that this host can run", path.display())?;
        return Ok(Exit::Done);
    }
    say!("{}: not in order", path.display())?;
    for finding in &findings {
        say!("- {finding}")?;
    }
    Ok(Exit::Failed)
}
