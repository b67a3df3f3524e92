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
/// When the scheme is unknown or the path unusable.
pub(crate) fn store_for(address: &str) -> Result<LakeLocation, LakeError> {
    match address.split_once("://") {
        None => LakeLocation::local(FilePath::new(address)),
        Some(("file", _)) => {
            let path = Url::parse(address).ok().and_then(|url| url.to_file_path().ok());
            let path = path.ok_or_else(|| LakeError::Location {
                location: address.to_owned(),
                reason: "expected file:///absolute/path".to_owned(),
            })?;
            LakeLocation::local(&path)
        }
        Some((scheme, _)) => Err(LakeError::Location {
            location: address.to_owned(),
            reason: format!("no store is known for {scheme}://"),
        }),
    }
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
        let error = store_for("ftp://x/y").unwrap_err().to_string();
        assert!(error.contains("ftp://"), "{error}");
    }
}
