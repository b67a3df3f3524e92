//! Why reports could not be made.

use std::io;
use std::path::PathBuf;

/// Why reports could not be made.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// Settings that cannot be met.
    #[error("{0}")]
    Settings(String),
    /// A file could not be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}
