//! Opening a place by its text: a folder, a file, or a prefix of a bucket.
//!
//! Invariant: a [`Location`] never leads out of what its text names, and its `url` never holds a credential.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::list::PaginatedListStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};

use super::address::{self, Address, Scheme};
use super::error::{self, SourceError};
use super::settings;

/// How stores are reached.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Settings by the names of their environment variables in any case, such as `aws_endpoint_url`. They win over
    /// the environment.
    pub settings: Vec<(String, String)>,
    /// Whether the process's environment is read for credentials and endpoints.
    pub environment: bool,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long one request may take, its body included. Files are read in requests of a few MiB.
    pub request_timeout: Duration,
    /// For how long a failing request is tried again.
    pub retry_timeout: Duration,
    /// How often a failing request is tried again.
    pub retries: usize,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            settings: Vec::new(),
            environment: true,
            connect_timeout: Duration::from_secs(4),
            request_timeout: Duration::from_secs(60),
            retry_timeout: Duration::from_secs(12),
            retries: 5,
        }
    }
}

impl StoreOptions {
    pub(super) fn retry(&self) -> RetryConfig {
        let backoff =
            BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(3), base: 2.0 };
        RetryConfig { backoff, max_retries: self.retries, retry_timeout: self.retry_timeout }
    }
}

/// A place in a store. Paths of objects are relative to it.
#[derive(Clone)]
pub struct Location {
    /// The whole store: the file system's root, or the bucket.
    pub store: Arc<dyn ObjectStore>,
    /// Where in the store the place lies.
    pub prefix: Path,
    /// For messages: without credentials and without a trailing `/`.
    pub url: String,
    pub(super) kind: Kind,
    /// Set by [`Location::resolve`] when the text named one object: its name below `prefix`.
    pub(super) single: Option<String>,
}

/// What a location is made of.
#[derive(Clone)]
pub(super) enum Kind {
    /// A folder (or, before it is resolved, a file) of the local file system, links resolved as far as it exists.
    Local(PathBuf),
    /// A prefix of a bucket.
    Remote {
        /// Which kind of store.
        scheme: Scheme,
        /// The same store, where it lists by pages.
        lister: Arc<dyn PaginatedListStore>,
        /// Whether the text ended in `/`, and so cannot name an object.
        folder: bool,
    },
}

impl std::fmt::Debug for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Location").field("url", &self.url).field("single", &self.single).finish_non_exhaustive()
    }
}

/// Opens a place by its text, without looking whether anything is there.
///
/// # Errors
/// The text is not understood, or the store's settings are incomplete or contradict each other.
pub fn open(text: &str, options: &StoreOptions) -> Result<Location, SourceError> {
    let base = std::env::current_dir().map_err(|e| SourceError::from_io(".", "finding the current folder", &e))?;
    match address::parse(text, &base)? {
        Address::Local(path) => open_local(&path),
        Address::Bucket { scheme, bucket, account, key } => {
            let url = format!("{}://{bucket}/{key}", scheme.prefix());
            let url = url.trim_end_matches('/').to_owned();
            let prefix = parse_key(&url, &key)?;
            let (store, lister) = match scheme {
                Scheme::S3 => open_s3(&bucket, options),
                Scheme::Azure => open_azure(&bucket, account.as_deref(), options),
                Scheme::Gcs => open_gcs(&bucket, options),
            }
            .map_err(|e| SourceError::Address {
                text: url.clone(),
                problem: format!("{}; set {}", error::said_of_settings(&e), scheme.variables()),
            })?;
            let folder = key.is_empty() || key.ends_with('/');
            Ok(Location { store, prefix, url, kind: Kind::Remote { scheme, lister, folder }, single: None })
        }
    }
}

/// A key with an empty part cannot be named by the store library, which would read another object instead.
fn parse_key(url: &str, key: &str) -> Result<Path, SourceError> {
    let refuse = |problem: String| SourceError::Address { text: url.to_owned(), problem };
    if key.starts_with('/') || key.contains("//") {
        return Err(refuse("keys with an empty part (`//`) cannot be read; name a prefix without one".to_owned()));
    }
    Path::parse(key).map_err(|e| refuse(e.to_string()))
}

fn open_local(path: &FilePath) -> Result<Location, SourceError> {
    // A file keeps the name it was called by: a link's target may be named anything.
    let root = match (path.is_file(), path.parent(), path.file_name()) {
        (true, Some(folder), Some(name)) => resolve_existing(folder)?.join(name),
        _ => resolve_existing(path)?,
    };
    let url = root.display().to_string();
    let prefix = Path::from_absolute_path(&root)
        .map_err(|e| SourceError::Address { text: url.clone(), problem: e.to_string() })?;
    Ok(Location { store: Arc::new(LocalFileSystem::new()), prefix, url, kind: Kind::Local(root), single: None })
}

/// Resolves links and `..` as far as the path exists; the rest (a lake yet to be made) is appended as it is.
fn resolve_existing(path: &FilePath) -> Result<PathBuf, SourceError> {
    let mut missing: Vec<&std::ffi::OsStr> = Vec::new();
    let mut existing = path;
    loop {
        match existing.canonicalize() {
            Ok(found) => {
                return Ok(missing.iter().rev().fold(found, |path, part| path.join(part)));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let (Some(parent), Some(name)) = (existing.parent(), existing.file_name()) else {
                    return Err(SourceError::from_io(path.display().to_string(), "resolving the path", &error));
                };
                missing.push(name);
                existing = parent;
            }
            Err(error) => return Err(SourceError::from_io(path.display().to_string(), "resolving the path", &error)),
        }
    }
}

type Opened = (Arc<dyn ObjectStore>, Arc<dyn PaginatedListStore>);

fn open_s3(bucket: &str, options: &StoreOptions) -> object_store::Result<Opened> {
    let mut builder = AmazonS3Builder::new().with_retry(options.retry());
    for (key, value) in settings::collect("aws", options) {
        if let Ok(key) = key.parse::<AmazonS3ConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    let store = Arc::new(builder.with_bucket_name(bucket).build()?);
    Ok((Arc::<object_store::aws::AmazonS3>::clone(&store), store))
}

fn open_azure(container: &str, account: Option<&str>, options: &StoreOptions) -> object_store::Result<Opened> {
    let mut builder = MicrosoftAzureBuilder::new().with_retry(options.retry());
    for (key, value) in settings::collect("azure", options) {
        if let Ok(key) = key.parse::<AzureConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    if let Some(account) = account {
        builder = builder.with_account(account);
    }
    let store = Arc::new(builder.with_container_name(container).build()?);
    Ok((Arc::<object_store::azure::MicrosoftAzure>::clone(&store), store))
}

fn open_gcs(bucket: &str, options: &StoreOptions) -> object_store::Result<Opened> {
    let mut builder = GoogleCloudStorageBuilder::new().with_retry(options.retry());
    for (key, value) in settings::collect("google", options) {
        if let Ok(key) = key.parse::<GoogleConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    let store = Arc::new(builder.with_bucket_name(bucket).build()?);
    Ok((Arc::<object_store::gcp::GoogleCloudStorage>::clone(&store), store))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_without_its_account_says_what_to_set() {
        let options = StoreOptions { environment: false, ..StoreOptions::default() };
        let error = open("az://container/x", &options).unwrap_err().to_string();
        assert!(error.contains("az://container/x") && error.contains("AZURE_STORAGE_ACCOUNT_NAME"), "{error}");
    }

    #[test]
    fn keys_that_cannot_be_named_are_refused() {
        let options = StoreOptions { environment: false, ..StoreOptions::default() };
        for text in ["s3://bucket//x", "s3://bucket/a//b", "s3://bucket/a/../b"] {
            assert!(matches!(open(text, &options), Err(SourceError::Address { .. })), "{text}");
        }
        let open = |text| super::open(text, &options).unwrap();
        assert_eq!((open("s3://bucket/a/").url, open("s3://bucket").prefix), ("s3://bucket/a".into(), Path::default()));
    }

    #[test]
    fn a_folder_yet_to_be_made_has_a_place() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::os::unix::fs::symlink(&root, root.join("link")).unwrap();
        let location = open(root.join("link/new/lake").to_str().unwrap(), &StoreOptions::default()).unwrap();
        assert_eq!(location.url, root.join("new/lake").to_str().unwrap());
        assert_eq!(format!("/{}", location.prefix), location.url);
    }
}
