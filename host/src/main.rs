//! The `costhost` program: parses, starts the runtime, maps errors to exit codes.

use std::process::ExitCode;

use clap::Parser;
use costhost::cli::{self, Cli, UsageError};
use costhost::ingest::error::IngestError;
use costhost::settings::SettingsError;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) => {
            eprintln!("costhost: {error:#}");
            ExitCode::from(if is_usage(&error) { 2 } else { 1 })
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<cli::Exit> {
    cli::logging::start(cli.log_format, &cli.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(cli::execute(cli))
}

fn is_usage(error: &anyhow::Error) -> bool {
    error.is::<UsageError>()
        || error.is::<SettingsError>()
        || error.downcast_ref::<IngestError>().is_some_and(IngestError::is_usage)
}
