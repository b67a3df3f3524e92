//! `costhost plugin`: write, build, install, choose and look at provider plugins. One file per subcommand.

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
use crate::cli::output::say;
use crate::plugin::build_plugin;

pub mod archive;
pub mod install;
pub mod list;
pub mod lock;
pub mod push;
pub mod remove;
pub mod show;
pub mod switch;
pub mod trial;

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
    /// Check a plugin and put it into the store
    Install(install::InstallArgs),
    /// List installed plugins
    Ls(list::ListArgs),
    /// Say what a plugin is: its digest, imports, tables, reports, where it came from and who signed it
    Show(show::ShowArgs),
    /// Make an installed version the one that a plain name means
    Use(switch::UseArgs),
    /// Go back to the version that was current before
    Rollback(switch::RollbackArgs),
    /// Pin plugins to digests in costhost.lock
    Lock(lock::LockArgs),
    /// Take a version, or a whole plugin, out of the store
    Rm(remove::RemoveArgs),
    /// Write an installed plugin to an archive, for places that no network reaches
    Export(archive::ExportArgs),
    /// Check a plugin out of such an archive and put it into the store
    Import(archive::ImportArgs),
    /// Publish a plugin to an OCI registry
    Push(push::PushArgs),
    /// Show which numbers a new version would change: both versions read the same reports
    Try(Box<trial::TryArgs>),
}

/// Runs the chosen subcommand.
///
/// # Errors
/// When the plugin cannot be built or loaded.
pub async fn execute(args: PluginArgs) -> anyhow::Result<Exit> {
    match args.command {
        PluginCommand::Build { dir, output } => {
            let built = build_plugin(&dir, &output)?;
            say!("{}: {} bytes", built.path.display(), built.bytes)?;
            Ok(Exit::Done)
        }
        PluginCommand::New(args) => new::execute(&args),
        PluginCommand::Check(args) => check::execute(&args),
        PluginCommand::Test(args) => blocking(move |handle| test::execute(&args, &handle)).await,
        PluginCommand::Run(args) => blocking(move |handle| run::execute(&args, &handle)).await,
        PluginCommand::Bench(args) => blocking(move |handle| bench::execute(&args, &handle)).await,
        PluginCommand::Install(args) => install::execute(args).await,
        PluginCommand::Ls(args) => list::execute(&args),
        PluginCommand::Show(args) => show::execute(&args),
        PluginCommand::Use(args) => switch::execute(&args),
        PluginCommand::Rollback(args) => switch::roll_back(&args),
        PluginCommand::Lock(args) => lock::execute(&args),
        PluginCommand::Rm(args) => remove::execute(&args),
        PluginCommand::Export(args) => archive::export(&args),
        PluginCommand::Import(args) => archive::import(args).await,
        PluginCommand::Push(args) => push::execute(args).await,
        PluginCommand::Try(args) => trial::execute(*args).await,
    }
}

/// Guests and what they read through block their thread.
async fn blocking(work: impl FnOnce(Handle) -> anyhow::Result<Exit> + Send + 'static) -> anyhow::Result<Exit> {
    let handle = Handle::current();
    tokio::task::spawn_blocking(move || work(handle)).await?
}

/// The configuration, for the store's place and the keys whose signatures are asked for.
#[derive(Debug, Clone, Default, Args)]
pub struct ConfigArgs {
    /// Configuration file, for what its section "plugins" says
    #[arg(long, env = "COSTHOST_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl ConfigArgs {
    fn read(&self) -> anyhow::Result<crate::settings::ConfigFile> {
        Ok(self.config.as_deref().map(crate::settings::ConfigFile::read).transpose()?.unwrap_or_default())
    }
}
