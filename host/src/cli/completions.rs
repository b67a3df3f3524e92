//! `costhost completions SHELL`.

use clap::{Args, CommandFactory};

use super::{Cli, Exit};

/// Which shell.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell to complete for
    pub shell: clap_complete::Shell,
}

/// Prints the script.
///
/// # Errors
/// Never; the signature is that of every subcommand.
pub fn execute(args: &CompletionsArgs) -> anyhow::Result<Exit> {
    clap_complete::generate(args.shell, &mut Cli::command(), "costhost", &mut std::io::stdout());
    Ok(Exit::Done)
}
