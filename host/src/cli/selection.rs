//! Which of the lake's loads a command is about.

use clap::Args;

use super::UsageError;
use super::args::checked;
use crate::ingest::loaded::Selection;
use crate::settings::Month;

/// Sources and months of what is loaded.
#[derive(Debug, Clone, Args)]
pub struct SelectionArgs {
    /// Sources as `costhost sources` names them; a name also stands for the reports below it [default: all]
    #[arg(value_name = "NAME")]
    pub sources: Vec<String>,
    /// First billing month
    #[arg(long, env = "COSTHOST_FROM", value_name = "YYYY-MM")]
    pub from: Option<Month>,
    /// Last billing month
    #[arg(long, env = "COSTHOST_TO", value_name = "YYYY-MM")]
    pub to: Option<Month>,
}

impl SelectionArgs {
    /// What they select.
    ///
    /// # Errors
    /// When the months are the wrong way round.
    pub fn selection(&self) -> Result<Selection, UsageError> {
        Ok(Selection { sources: self.sources.clone(), months: checked((self.from, self.to))? })
    }
}

/// The error of a command that was asked for loads of which there are none.
pub(super) fn nothing_loaded() -> UsageError {
    UsageError("nothing of that is loaded in this lake; see `costhost sources`".to_owned())
}
