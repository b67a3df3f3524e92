//! Where a lake lies, and the stores Delta needs for one of its tables.
//!
//! `deltalake` has process-wide registries of stores by scheme. They are not used: every table gets a log store built
//! on the lake's own store, so two lakes in one process can have different credentials.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use deltalake::logstore::{LogStoreRef, StorageConfig, default_logstore};
use object_store::ObjectStore;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use url::Url;

use super::durable::DurableFiles;
use super::error::LakeError;
use crate::source::store::{self, StoreOptions};

/// A lake's directory: the store it is in, from that store's root, and its place there.
#[derive(Debug, Clone)]
pub struct LakeLocation {
    /// The store from its root: for `file` from `/`, for `s3` the bucket.
    root: Arc<dyn ObjectStore>,
    /// Ends with `/`.
    url: Url,
    /// The lake below `root`.
    prefix: Path,
    /// The lake's directory, when it is on local disk.
    directory: Option<PathBuf>,
}

impl LakeLocation {
    /// A directory on local disk, made absolute. It need not exist.
    ///
    /// # Errors
    /// When the path cannot be made absolute or cannot be written as a URL.
    pub fn local(directory: &FilePath) -> Result<Self, LakeError> {
        Self::local_with(directory, Arc::new(DurableFiles::default()))
    }

    /// The same, through another store that begins at `/`.
    ///
    /// # Errors
    /// As [`LakeLocation::local`].
    pub fn local_with(directory: &FilePath, root: Arc<dyn ObjectStore>) -> Result<Self, LakeError> {
        let bad = |reason: String| LakeError::Location { location: directory.display().to_string(), reason };
        let directory = std::path::absolute(directory).map_err(|error| bad(error.to_string()))?;
        let url = Url::from_directory_path(&directory).map_err(|()| bad("not an absolute path".to_owned()))?;
        let prefix = Path::from_url_path(url.path()).map_err(|error| bad(error.to_string()))?;
        Ok(Self { root, url, prefix, directory: Some(directory) })
    }

    /// A prefix of an object store. `root` is the store without the prefix; `url` names the prefix.
    ///
    /// # Errors
    /// When the URL cannot be a base.
    pub fn remote(root: Arc<dyn ObjectStore>, url: &Url, prefix: Path) -> Result<Self, LakeError> {
        let mut url = url.clone();
        if url.cannot_be_a_base() {
            return Err(LakeError::Location {
                location: url.to_string(),
                reason: "expected scheme://place/prefix".to_owned(),
            });
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Self { root, url, prefix, directory: None })
    }

    /// The lake's URL, ending with `/`.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.root
    }

    /// An object's key from the store's root, for a path below the lake.
    pub(crate) fn key(&self, below: &str) -> Result<Path, LakeError> {
        let joined =
            if self.prefix.as_ref().is_empty() { below.to_owned() } else { format!("{}/{below}", self.prefix) };
        Path::parse(&joined).map_err(|error| LakeError::Location { location: joined, reason: error.to_string() })
    }

    /// The same place on local disk.
    pub(crate) fn file(&self, below: &str) -> Option<PathBuf> {
        self.directory.as_ref().map(|directory| directory.join(below))
    }

    /// Delta's view of one table: `below` is `<tenant>/<provider>/<table>`.
    pub(crate) fn log_store(&self, below: &str) -> Result<LogStoreRef, LakeError> {
        let url = self.url.join(&format!("{below}/")).map_err(|error| LakeError::Location {
            location: format!("{}{below}", self.url),
            reason: error.to_string(),
        })?;
        let table = Arc::new(PrefixStore::new(Arc::clone(&self.root), self.key(below)?));
        Ok(default_logstore(table, Arc::clone(&self.root), &url, &StorageConfig::default()))
    }
}

/// Finds the store for a lake's address: a path, or a URL.
///
/// # Errors
/// When the address or the store's settings are not understood.
pub(crate) fn store_for(address: &str, options: &StoreOptions) -> Result<LakeLocation, LakeError> {
    let bad = |reason: &str| LakeError::Location { location: address.to_owned(), reason: reason.to_owned() };
    let place = store::open(address, options).map_err(|source| LakeError::Open { source: Box::new(source) })?;
    if place.is_local() {
        return LakeLocation::local(FilePath::new(&place.url));
    }
    // Built from the key, which is not percent-encoded, rather than parsed.
    let (scheme, rest) = place.url.split_once("://").ok_or_else(|| bad("expected scheme://bucket/prefix"))?;
    let bucket = rest.split('/').next().unwrap_or_default();
    let mut url = Url::parse(&format!("{scheme}://{bucket}/")).map_err(|error| bad(&error.to_string()))?;
    let mut path = url.path_segments_mut().map_err(|()| bad("expected scheme://bucket/prefix"))?;
    path.pop_if_empty().extend(place.prefix.parts());
    drop(path);
    LakeLocation::remote(place.store, &url, place.prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_percent_signs_of_directory_names() {
        let lake = LakeLocation::local(FilePath::new("/data/my lake")).unwrap();
        assert_eq!(lake.url().as_str(), "file:///data/my%20lake/");
        assert_eq!(lake.key("t/p/x/source=a%2Fb/f").unwrap().as_ref(), "data/my lake/t/p/x/source=a%2Fb/f");
    }

    #[test]
    fn unknown_schemes_are_named() {
        let error = store_for("ftp://x/y", &StoreOptions::default()).unwrap_err();
        assert!(error.to_string().contains("ftp://"), "{error}");
    }

    #[test]
    fn buckets_are_named_by_url_and_key() {
        let settings = [("aws_region", "us-east-1"), ("aws_access_key_id", "k"), ("aws_secret_access_key", "s")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let options = StoreOptions { settings, environment: false, ..StoreOptions::default() };
        let lake = store_for("s3://bucket/my lake%20/x/", &options).unwrap();
        assert_eq!(lake.url().as_str(), "s3://bucket/my%20lake%2520/x/");
        assert_eq!(lake.key("t").unwrap().as_ref(), "my lake%20/x/t");
        assert_eq!(store_for("s3://bucket", &options).unwrap().url().as_str(), "s3://bucket/");
        assert!(lake.file("t").is_none());
    }
}
