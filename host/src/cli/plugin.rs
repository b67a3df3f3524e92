//! `costhost plugin`: look at and build provider plugins.

mod trial;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Exit;
use super::plugin_files::find_plugin;
use crate::plugin::{Engine, EngineOptions, build_plugin};

/// Flags of `costhost plugin`.
#[derive(Debug, Args)]
pub struct PluginArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: PluginCommand,
}

/// The subcommands of `costhost plugin`.
#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// Build a plugin crate into a component that imports nothing but the contract
    Build {
        /// Folder of the crate
        #[arg(value_name = "DIR")]
        dir: PathBuf,
        /// Where the component goes
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Say what a plugin is: its digest, imports, tables and reports
    Show {
        /// A .wasm file or a plugin's name
        plugin: String,
    },
    /// Show which numbers a new version would change: both versions read the same reports
    Try(trial::TryArgs),
}

/// Runs the chosen subcommand.
///
/// # Errors
/// When the plugin cannot be built or loaded.
pub async fn execute(args: PluginArgs) -> anyhow::Result<Exit> {
    match args.command {
        PluginCommand::Build { dir, output } => {
            let built = build_plugin(&dir, &output)?;
            println!("{}: {} bytes", built.path.display(), built.bytes);
        }
        PluginCommand::Show { plugin } => show(&plugin)?,
        PluginCommand::Try(args) => return trial::execute(args).await,
    }
    Ok(Exit::Done)
}

fn show(plugin: &str) -> anyhow::Result<()> {
    let engine = Engine::new(EngineOptions::default())?;
    let plugin = engine.load(&find_plugin(plugin)?)?;
    let manifest = plugin.manifest();
    println!("{} {}: {}", manifest.id, manifest.version, manifest.title);
    println!("sha256   {}", plugin.digest());
    println!("imports  {}", plugin.imports().join(", "));
    for table in &manifest.tables {
        println!("table    {}.{}: {} columns", manifest.provider, table.name, table.schema.fields().len());
    }
    for report in &manifest.reports {
        let dimensions: Vec<&str> = report.dimensions.iter().map(|dimension| dimension.name.as_str()).collect();
        println!("report   {} {}: by {}", manifest.provider, report.name, dimensions.join(", "));
    }
    Ok(())
}
