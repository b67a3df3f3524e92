//! The command line: one file per subcommand. Nothing here decides anything about data.

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::ingest::error::{IngestError, chain};
use crate::lake::LakeError;
use crate::plugin::{ErrorClass, PluginError, compiler_process};
use crate::postgres::DatabaseError;
use crate::registry::RegistryError;
use crate::report::ReportError;
use crate::settings::SettingsError;
use crate::source::error::SourceError;

pub mod args;
pub mod completions;
pub mod config;
pub mod database;
pub mod db;
pub mod logging;
pub mod maintain;
mod output;
pub mod plan;
pub mod plugin;
pub mod plugin_files;
pub mod publish;
pub mod reconcile;
pub mod report;
pub mod run;
mod selection;
pub mod serve;
pub mod sources;
pub mod sql;
pub mod summarize;
pub mod table;
pub mod verify;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// Something failed; what it was has been said.
    Failed,
    /// Done, but rows or cells were set aside and `--strict` was given.
    Rejects,
    /// Done: two versions were compared, and numbers differ.
    Changed,
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Rejects => 3,
            Self::Changed => 4,
        }
    }
}

/// An error of usage: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// Cloud bills in, a typed Parquet lake and daily cost summaries out.
#[derive(Debug, Parser)]
#[command(name = "costhost", version, propagate_version = true, max_term_width = 110)]
pub struct Cli {
    /// Log records on standard error as text or JSON lines.
    #[arg(long, global = true, env = "COSTHOST_LOG_FORMAT", value_enum, default_value = "text")]
    pub log_format: LogFormat,
    /// Which log records: error, warn, info, debug, or a filter such as costhost=debug.
    #[arg(long, global = true, env = "COSTHOST_LOG", default_value = "warn")]
    pub log: String,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Form of log records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read reports into the lake and summarize them.
    Run(run::RunArgs),
    /// Run sources on a schedule, swap plugins under load, and tell of it over HTTP.
    Serve(serve::ServeArgs),
    /// Show what a run would read, and why.
    Plan(plan::PlanArgs),
    /// Make summaries anew of what the lake holds, without reading reports.
    Summarize(summarize::SummarizeArgs),
    /// List what is loaded.
    Sources(sources::SourcesArgs),
    /// Bring a PostgreSQL database to what the lake holds, without reading reports.
    Publish(publish::PublishArgs),
    /// Look after a database's tables and reference rows.
    Db(db::DbArgs),
    /// Compare what was read, the lake and the database to the last digit.
    Reconcile(reconcile::ReconcileArgs),
    /// Check the receipts of runs against the lake, to the last digit.
    Verify(verify::VerifyArgs),
    /// Ask a report of a provider, such as `costhost report aws costs --group-by service`.
    Report(report::ReportArgs),
    /// Query the lake with SQL.
    Sql(sql::SqlArgs),
    /// Remove files that were replaced or never finished, and tidy the tables' logs.
    Maintain(maintain::MaintainArgs),
    /// Check a configuration.
    Config(config::ConfigArgs),
    /// Build, install, choose and look at provider plugins.
    Plugin(plugin::PluginArgs),
    /// Print a completion script for a shell.
    Completions(completions::CompletionsArgs),
}

/// The whole program: parses the process's arguments, starts logging and the runtime, maps errors to exit codes.
pub fn main() -> ExitCode {
    if let Some(code) = compiler_process() {
        return code;
    }
    let cli = Cli::parse();
    match run_to_end(cli) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) => {
            eprintln!("costhost: {}", shown(&chain(error.as_ref())));
            ExitCode::from(if is_usage(&error) { 2 } else { 1 })
        }
    }
}

/// A message as a terminal may see it: parts of it may come from files and servers, and control characters do things.
fn shown(message: &str) -> String {
    message.chars().map(|c| if c.is_control() && c != '\n' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn run_to_end(cli: Cli) -> anyhow::Result<Exit> {
    logging::start(cli.log_format, &cli.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(execute(cli));
    // What is cancelled ends within moments; a plugin that is being compiled is not waited for.
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    done
}

fn is_usage(error: &anyhow::Error) -> bool {
    error.is::<UsageError>()
        || error.is::<SettingsError>()
        || error.downcast_ref::<IngestError>().is_some_and(IngestError::is_usage)
        || error.downcast_ref::<ReportError>().is_some_and(ReportError::is_usage)
        || error.downcast_ref::<RegistryError>().is_some_and(RegistryError::is_usage)
        || error.downcast_ref::<PluginError>().is_some_and(|error| error.class() == ErrorClass::Operator)
        || matches!(error.downcast_ref::<SourceError>(), Some(SourceError::Address { .. }))
        || matches!(
            error.downcast_ref::<DatabaseError>(),
            Some(DatabaseError::Address { .. } | DatabaseError::Tenant { .. })
        )
        || matches!(error.downcast_ref::<LakeError>(), Some(LakeError::Location { .. }))
}

/// Runs the chosen subcommand.
///
/// # Errors
/// When it could not be done; a [`UsageError`] inside when the fault is in how it was called.
pub async fn execute(cli: Cli) -> anyhow::Result<Exit> {
    match cli.command {
        Command::Run(args) => run::execute(args).await,
        Command::Serve(args) => serve::execute(args).await,
        Command::Plan(args) => plan::execute(args).await,
        Command::Summarize(args) => summarize::execute(args).await,
        Command::Sources(args) => sources::execute(args).await,
        Command::Publish(args) => publish::execute(args).await,
        Command::Db(args) => db::execute(args).await,
        Command::Reconcile(args) => reconcile::execute(args).await,
        Command::Verify(args) => verify::execute(args).await,
        Command::Report(args) => report::execute(args).await,
        Command::Sql(args) => sql::execute(args).await,
        Command::Maintain(args) => maintain::execute(args).await,
        Command::Config(args) => config::execute(&args),
        Command::Plugin(args) => plugin::execute(args).await,
        Command::Completions(args) => completions::execute(&args),
    }
}
