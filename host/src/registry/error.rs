//! Why a plugin could not be installed, found or changed, in messages an operator can act on.

use std::path::{Path, PathBuf};

use super::digest::Digest;
use super::signature::SignatureError;
use crate::plugin::PluginError;

/// A failed work on the plugin store, or on the way to a plugin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// A name, reference or address that cannot be one.
    #[error("{0}")]
    Usage(String),
    /// Nothing of that name, or not that version of it.
    #[error("{wanted} is not installed in {store}; {advice}", store = store.display())]
    NotInstalled {
        /// What was asked for.
        wanted: String,
        /// The store's folder.
        store: PathBuf,
        /// What there is instead, and what to do.
        advice: String,
    },
    /// Neither the lock file nor the store nor a folder has it.
    #[error(
        "no plugin called `{name}` in {places}; install it with `costhost plugin install`, or give the path of its .wasm file"
    )]
    NotFound {
        /// The name.
        name: String,
        /// Where it was looked for.
        places: String,
    },
    /// The same version is there with other bytes.
    #[error(
        "{name} {version} is installed already as {known}, and this is {offered}: a version should never change. Ask \
         its author for a new version, or give --replace"
    )]
    VersionTaken {
        /// The plugin.
        name: String,
        /// Its version.
        version: String,
        /// The digest in the store.
        known: Digest,
        /// The digest of what was to be installed.
        offered: Digest,
    },
    /// The bytes are not those that were asked for.
    #[error("{place} is not what it should be: its SHA-256 is {found}, expected {expected}. {advice}")]
    WrongDigest {
        /// A file, URL or repository.
        place: String,
        /// What its digest should be.
        expected: Digest,
        /// What it is.
        found: Digest,
        /// What to do.
        advice: String,
    },
    /// The lock file says something else than what was asked for or found.
    #[error("{lock} pins {name} to {version} ({digest}), and {problem}", lock = lock.display())]
    Locked {
        /// The lock file.
        lock: PathBuf,
        /// The plugin.
        name: String,
        /// The version it pins.
        version: String,
        /// The digest it pins.
        digest: Digest,
        /// What differs, and what to do.
        problem: String,
    },
    /// Something would be removed that is in use.
    #[error("{wanted} is {why}; --force removes it all the same")]
    InUse {
        /// What was to be removed.
        wanted: String,
        /// Why it is kept.
        why: String,
    },
    /// There is nothing to go back to.
    #[error(
        "{name} has no earlier version to go back to; `costhost plugin use {name}@VERSION` switches to any that is installed"
    )]
    NothingEarlier {
        /// The plugin.
        name: String,
    },
    /// The signature policy refuses it.
    #[error("{place}: {source}")]
    Signature {
        /// A file, URL or repository.
        place: String,
        /// Why.
        source: SignatureError,
    },
    /// The plugin itself cannot be used.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// A file of the store, the lock file or an archive holds what it should not.
    #[error("{path} cannot be used: {problem}", path = path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The store's folder could be changed by others.
    #[error("the plugin store {path} is not used: {problem}", path = path.display())]
    Untrusted {
        /// The folder.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// A file cannot be read or written.
    #[error("cannot {doing} {path}", path = path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A server did not give what it was asked for.
    #[error("{place}: {problem}")]
    Remote {
        /// URL or repository, without credentials.
        place: String,
        /// What happened and what to check.
        problem: String,
    },
}

impl RegistryError {
    /// For `map_err` of file operations.
    pub(super) fn file(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { doing, path, source }
    }

    /// Whether the fault is in how the command was called.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Usage(_) | Self::NotInstalled { .. } | Self::NotFound { .. } => true,
            Self::Plugin(error) => error.class() == crate::plugin::ErrorClass::Operator,
            _ => false,
        }
    }
}
