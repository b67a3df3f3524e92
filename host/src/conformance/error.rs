//! Why the suite itself could not be run. What is wrong with a plugin is a failed check instead.

use std::path::PathBuf;

use crate::plugin::PluginError;
use crate::source::error::SourceError;

/// The suite could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConformanceError {
    /// The fixture folder has no case.
    #[error(
        "{path} holds no fixtures: make a folder {path}/<case>/input with files as the vendor delivers them",
        path = .0.display()
    )]
    NoCases(PathBuf),
    /// A case's settings cannot be read.
    #[error("{path} is not a case.json: {reason}", path = path.display())]
    BadCase {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A fixture cannot be read or golden output cannot be written.
    #[error("{path}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A fixture cannot be opened.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A file is too large to be held in memory and run many times.
    #[error("{path} is larger than {limit} bytes once decompressed: take a smaller one")]
    TooLarge {
        /// The file, below the case's input.
        path: String,
        /// The most that is taken.
        limit: usize,
    },
    /// The engine could not be started.
    #[error(transparent)]
    Engine(PluginError),
}
