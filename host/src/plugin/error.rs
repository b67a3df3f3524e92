//! Everything that can go wrong with a plugin, in messages an operator can act on.
//!
//! Every error names the plugin, and where there is one the file or unit it was working on. [`PluginError::class`]
//! says whose turn it is: the operator's, the input's, or the plugin author's.

use std::path::PathBuf;

use super::limits::LimitKind;
use super::types::{Failure, Remedy};

/// Who has to act on an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// The operator: a path, a setting, a cancelled run.
    Operator,
    /// Whoever delivers the input.
    Input,
    /// The plugin's author.
    Plugin,
}

/// Which plugin, and what it was working on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The plugin's id, or its file name until the id is known.
    pub plugin: String,
    /// SHA-256 of the component, in hex.
    pub digest: String,
    /// What the plugin was doing, such as the name of a file.
    pub context: String,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "plugin {} ({})", self.plugin, self.digest.get(..12).unwrap_or(&self.digest))?;
        if self.context.is_empty() { Ok(()) } else { write!(f, ", {}", self.context) }
    }
}

/// A plugin could not be loaded, or a call into it did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    /// The engine itself could not be made.
    #[error("the WebAssembly engine cannot be started on this machine: {reason}")]
    Engine {
        /// Why.
        reason: String,
    },
    /// The file cannot be read.
    #[error("cannot read the plugin {path}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is something else than a component.
    #[error("{path} is not a plugin: it is {what}", path = path.display())]
    NotAComponent {
        /// The file.
        path: PathBuf,
        /// What it is and what to do.
        what: String,
    },
    /// The file looks like a component and is not a valid one, or needs a feature that is switched off.
    #[error("{path} is not a component this host can run: {reason}", path = path.display())]
    InvalidComponent {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The component asks for something plugins do not get.
    #[error("plugin {path} imports `{import}`, which plugins are not given{advice}", path = path.display())]
    ForbiddenImport {
        /// The file.
        path: PathBuf,
        /// The first import that is not on the list.
        import: String,
        /// What to do.
        advice: String,
    },
    /// The component does not export what it must, or with other types.
    #[error("plugin {path} does not fit the contract costhost:provider@0.1: {reason}", path = path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What is missing or different.
        reason: String,
    },
    /// What the plugin declares of itself is not acceptable.
    #[error("{place}: its declarations are not valid: {problem}")]
    Manifest {
        /// Which plugin.
        place: Box<Place>,
        /// What is wrong and where.
        problem: String,
    },
    /// A limit was reached.
    #[error("{place}: over the {limit} limit: {detail}. Raise it with {flag} if this is expected", flag = limit.flag())]
    OverLimit {
        /// Which plugin, and which file.
        place: Box<Place>,
        /// Which limit.
        limit: LimitKind,
        /// The limit's value and what was asked for.
        detail: String,
    },
    /// The plugin may use more memory than this machine has left.
    #[error(
        "{place}: this machine has not the {asked} of memory that the plugin may use. Lower --max-memory or --workers, \
             or run it where there is more"
    )]
    NoMemory {
        /// Which plugin, and which file.
        place: Box<Place>,
        /// What it had and asked for, together.
        asked: String,
    },
    /// The plugin trapped: a bug in the plugin.
    #[error("{place}: the plugin crashed: {trap}{backtrace}")]
    Trap {
        /// Which plugin, and which file.
        place: Box<Place>,
        /// What kind of trap.
        trap: String,
        /// Innermost functions, where known.
        backtrace: String,
    },
    /// The plugin broke a rule of the contract.
    #[error("{place}: the plugin broke the contract: {problem}")]
    Contract {
        /// Which plugin, and which file.
        place: Box<Place>,
        /// Which rule.
        problem: String,
    },
    /// The plugin returned rows that do not hold to its own declarations.
    #[error("{place}: rows for table {table} were refused: {problem}")]
    BadRows {
        /// Which plugin, and which file.
        place: Box<Place>,
        /// Name of the table.
        table: String,
        /// What is wrong with them.
        problem: String,
    },
    /// The plugin found a problem itself.
    #[error("{place}: {message} [{code}]{whereabouts}", message = failure.message, code = failure.code,
        whereabouts = whereabouts(failure))]
    Failure {
        /// Which plugin, and which file.
        place: Box<Place>,
        /// What it says.
        failure: Box<Failure>,
    },
    /// The run was cancelled while the plugin was working.
    #[error("{place}: stopped because the run was cancelled")]
    Cancelled {
        /// Which plugin, and which file.
        place: Box<Place>,
    },
    /// An instance was used again after an error.
    #[error("{place}: this instance failed before and cannot be used again")]
    Poisoned {
        /// Which plugin, and which file.
        place: Box<Place>,
    },
    /// The plugin does not have this duty.
    #[error("{place}: the plugin does not offer `{role}`")]
    NoRole {
        /// Which plugin.
        place: Box<Place>,
        /// The interface it does not export.
        role: &'static str,
    },
}

fn whereabouts(failure: &Failure) -> String {
    match (&failure.path, &failure.at) {
        (Some(path), Some(at)) => format!(" at {path}, {at}"),
        (Some(path), None) => format!(" at {path}"),
        (None, Some(at)) => format!(" at {at}"),
        (None, None) => String::new(),
    }
}

impl PluginError {
    /// Who has to act.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Engine { .. }
            | Self::Unreadable { .. }
            | Self::NotAComponent { .. }
            | Self::NoMemory { .. }
            | Self::Cancelled { .. } => ErrorClass::Operator,
            Self::Failure { failure, .. } => match failure.remedy {
                Remedy::FixSettings => ErrorClass::Operator,
                Remedy::SkipReport | Remedy::Retry | Remedy::Abort => ErrorClass::Input,
            },
            _ => ErrorClass::Plugin,
        }
    }

    /// What the plugin asks the host to do, when the plugin found the problem itself.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failure { failure, .. } => Some(failure),
            _ => None,
        }
    }
}
