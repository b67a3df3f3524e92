//! `costhost plugin test`: the conformance suite over an author's fixtures.

use std::path::{Path, PathBuf};

use clap::Args;
use tokio::runtime::Handle;

use super::super::{Exit, UsageError};
use crate::cli::output::Output;
use crate::conformance::{self, Options};
use crate::plugin::{Engine, EngineOptions, build_in_target};

/// Flags of `costhost plugin test`.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// The crate's folder, which is built first, or a built .wasm file
    #[arg(value_name = "DIR|FILE", default_value = ".")]
    pub target: PathBuf,
    /// Folder with a folder for each case, in it `input/` [default: `fixtures` in DIR or beside FILE]
    #[arg(long, value_name = "DIR")]
    pub fixtures: Option<PathBuf>,
    /// Only this case
    #[arg(long, value_name = "NAME")]
    pub case: Option<String>,
    /// Keep what comes out as the golden output; look at the difference before you commit it
    #[arg(long)]
    pub bless: bool,
    /// What random splits and damaged files are made of
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Builds, runs, prints.
///
/// # Errors
/// When the plugin cannot be built or fixtures cannot be read. Failed checks are exit code 1.
pub(super) fn execute(args: &TestArgs, handle: &Handle) -> anyhow::Result<Exit> {
    let (wasm, folder) = if args.target.is_dir() {
        (build_in_target(&args.target)?.path, args.target.clone())
    } else if args.target.is_file() {
        (args.target.clone(), args.target.parent().map(Path::to_owned).unwrap_or_default())
    } else {
        let message = format!("{} is neither a folder with a plugin's crate nor a .wasm file", args.target.display());
        return Err(UsageError(message).into());
    };
    let fixtures = args.fixtures.clone().unwrap_or_else(|| folder.join("fixtures"));
    let options = Options { seed: args.seed, bless: args.bless, case: args.case.clone(), ..Options::default() };
    let engine = Engine::new(EngineOptions::default())?;
    let report = conformance::run(&engine, &wasm, &fixtures, &options, handle)?;
    report.write(&mut Output::default())?;
    Ok(if report.failed() == 0 { Exit::Done } else { Exit::Failed })
}
