//! `costhost completions SHELL`.

use std::io::Write as _;

use clap::{Args, CommandFactory};

use super::{Cli, Exit};
use crate::cli::output::Output;

/// Which shell.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell to complete for
    pub shell: clap_complete::Shell,
}

/// Prints the script.
///
/// # Errors
/// When it cannot be written.
pub fn execute(args: &CompletionsArgs) -> anyhow::Result<Exit> {
    // Into memory first: the generator has no errors, only panics.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "costhost", &mut script);
    Output::default().write_all(&script)?;
    Ok(Exit::Done)
}
