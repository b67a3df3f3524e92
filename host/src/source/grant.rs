//! What a plugin may read during discovery: the seam between the storage import and the object stores.

use bytes::Bytes;

/// An object below the granted prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Path below the granted prefix.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Seconds since the epoch.
    pub modified: i64,
    /// Changes whenever the content does, where the store has one.
    pub etag: Option<String>,
}

/// One page of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListPage {
    /// In byte order of the path.
    pub objects: Vec<ObjectInfo>,
    /// Paths ending in `/`.
    pub folders: Vec<String>,
    /// Continue here.
    pub next: Option<String>,
}

/// Why a read of the grant failed. The texts say what and where, never a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// No such object.
    #[error("{0} does not exist")]
    NotFound(String),
    /// Outside the prefix, or refused by the store.
    #[error("access denied: {0}")]
    Denied(String),
    /// Over a limit on calls, bytes or entries.
    #[error("over the limit: {0}")]
    OverLimit(String),
    /// May work another time.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// Not what it was asked to be read as.
    #[error("cannot be read: {0}")]
    Corrupt(String),
}

/// A prefix lent to a plugin for one call. Blocking: it is called from a guest's thread, never from an async task.
pub trait Grant: Send + Sync {
    /// What lies below `prefix` (empty, or ending in `/`): one level, or every level when `deep`.
    fn list(&self, prefix: &str, deep: bool, next: Option<&str>) -> Result<ListPage, GrantError>;
    /// One object.
    fn stat(&self, path: &str) -> Result<ObjectInfo, GrantError>;
    /// A whole small object, or a span of any object.
    fn read(&self, path: &str, span: Option<std::ops::Range<u64>>) -> Result<Bytes, GrantError>;
    /// A whole small object as text; `.gz` decompressed, byte order mark removed.
    fn read_text(&self, path: &str) -> Result<String, GrantError>;
    /// The object's path, when the grant names one object instead of a prefix.
    fn single(&self) -> Option<String>;
}
