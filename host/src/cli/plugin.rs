//! `costhost plugin`: look at, write and build provider plugins.

mod bench;
mod check;
mod drive;
mod new;
mod run;
mod sample;
mod test;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use tokio::runtime::Handle;

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
    /// Make the folder of a new plugin, with a sample report and its golden output
    New(new::NewArgs),
    /// Say in plain words what is wrong with a component
    Check(check::CheckArgs),
    /// Run the conformance suite over a plugin's fixtures
    Test(test::TestArgs),
    /// Run a plugin on a report: rows, rejects, notes, and what it cost
    Run(run::RunArgs),
    /// Time a plugin on a report, over several runs
    Bench(bench::BenchArgs),
    /// Say what a plugin is: its digest, imports, tables and reports
    Show {
        /// A .wasm file or a plugin's name
        plugin: String,
    },
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
        PluginCommand::New(args) => return new::execute(&args),
        PluginCommand::Check(args) => return check::execute(&args),
        PluginCommand::Test(args) => return blocking(move |handle| test::execute(&args, &handle)).await,
        PluginCommand::Run(args) => return blocking(move |handle| run::execute(&args, &handle)).await,
        PluginCommand::Bench(args) => return blocking(move |handle| bench::execute(&args, &handle)).await,
    }
    Ok(Exit::Done)
}

/// Guests and what they read through block their thread.
async fn blocking(work: impl FnOnce(Handle) -> anyhow::Result<Exit> + Send + 'static) -> anyhow::Result<Exit> {
    let handle = Handle::current();
    tokio::task::spawn_blocking(move || work(handle)).await?
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
