//! Paths and files of a source.

use std::path::{Path, PathBuf};

use tokio::runtime::Handle;

#[path = "../../host/src/source/address.rs"]
mod address;
#[path = "../../host/src/source/archive.rs"]
mod archive;
#[path = "../../host/src/source/error.rs"]
pub mod error;
#[path = "../../host/src/source/fetch.rs"]
pub mod fetch;
#[path = "../../host/src/source/grant.rs"]
pub mod grant;
#[path = "../../host/src/source/local.rs"]
mod local;
#[path = "../../host/src/source/location.rs"]
mod location;
#[path = "../../host/src/source/metered.rs"]
mod metered;
#[path = "../../host/src/source/raw.rs"]
mod raw;
#[path = "../../host/src/source/remote.rs"]
mod remote;
#[path = "../../host/src/source/scope.rs"]
mod scope;
#[path = "../../host/src/source/settings.rs"]
mod settings;
#[path = "../../host/src/source/store.rs"]
pub mod store;

use error::SourceError;
use fetch::{Compression, InputSpec};

/// The local file that a path below a folder stands for.
///
/// # Errors
/// The path leads out of the folder, or to nothing.
pub fn local_file(root: &Path, path: &str) -> Result<PathBuf, SourceError> {
    local::find(root, path)
}

/// Whether a prefix may be listed.
///
/// # Errors
/// It leads out.
pub fn check_prefix(prefix: &str) -> Result<&str, SourceError> {
    scope::check_prefix("fuzz", prefix)
}

/// The key of an object below a location.
///
/// # Errors
/// The path leads out of the location's prefix.
pub fn object_key(location: &store::Location, path: &str) -> Result<String, SourceError> {
    location.object_path(path).map(|key| key.to_string())
}

/// Reads a whole file and gives how many bytes it held.
///
/// # Errors
/// It cannot be read, or holds more than `limit` bytes.
pub fn read_file(
    location: &store::Location,
    path: &str,
    compression: Compression,
    limit: u64,
    handle: &Handle,
) -> Result<u64, SourceError> {
    let spec = InputSpec { output_limit: limit, ..InputSpec::new(path, compression) };
    let mut reader = fetch::open_file(location, &spec, handle.clone())?;
    let mut bytes = 0;
    while let Some(chunk) = reader.next_chunk()? {
        bytes += chunk.len() as u64;
    }
    Ok(bytes)
}
