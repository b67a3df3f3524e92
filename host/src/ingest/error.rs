//! Why a run, or one billing period of it, failed.

use crate::lake::LakeError;
use crate::plugin::PluginError;
use crate::settings::SettingsError;
use crate::source::error::SourceError;
use crate::summary::RollupError;

/// Any failure of a run. Each variant's text says what happened, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// Something the operator asked for cannot be done.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The plugin failed, was stopped, or broke the contract.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// Objects cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The lake cannot be read or written.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// A summary's rows cannot be rolled up.
    #[error(transparent)]
    Rollup(#[from] RollupError),
    /// A report is there but must not replace what is loaded.
    #[error("{0}")]
    Refused(String),
    /// The operator stopped the run.
    #[error("stopped before {0} was finished; nothing of it was loaded, the next run does it again")]
    Cancelled(String),
    /// A worker thread ended without a result: a defect of costhost.
    #[error("internal error while {0}; please report it")]
    Internal(String),
}

impl IngestError {
    /// Whether the fault is in how costhost was called: exit code 2 instead of 1.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Settings(_))
    }
}

/// An error with its causes, outermost first. A cause that the text before it already tells is not said again.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot write {0}")]
    struct Outer(&'static str, #[source] std::io::Error);

    #[test]
    fn a_chain_tells_every_cause_once() {
        let full = || std::io::Error::other("no space left");
        assert_eq!(chain(&Outer("the file", full())), "cannot write the file: no space left");
        assert_eq!(chain(&Outer("x, because no space left", full())), "cannot write x, because no space left");
    }
}
