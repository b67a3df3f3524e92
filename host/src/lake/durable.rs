//! The local file system as a store whose writes survive a power loss.
//!
//! `object_store` writes to `name#N` and links or renames it into place, but never syncs: after a power loss a commit
//! may be an empty file. Here the bytes are on disk before the name appears, and the name before the call returns.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path as FilePath, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};

/// Local files from `/` down, synced.
#[derive(Debug, Default)]
pub struct DurableFiles {
    inner: LocalFileSystem,
}

impl std::fmt::Display for DurableFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DurableFiles")
    }
}

/// A name beside `target` that listings skip (`#` and digits) and [`super::LakeTable::maintain`] sweeps.
pub(crate) fn staging_name(target: &FilePath) -> PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let unique = (u64::from(std::process::id()) << 32) ^ COUNTER.fetch_add(1, Ordering::Relaxed);
    let mut name = target.as_os_str().to_owned();
    name.push(format!("#{unique}{:09}", rand::random_range(0..1_000_000_000_u32)));
    PathBuf::from(name)
}

/// Creates missing directories and syncs the ones that got a new entry.
pub(crate) fn create_directories(path: &FilePath) -> std::io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        create_directories(parent)?;
        match std::fs::create_dir(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            other => other?,
        }
        sync_directory(parent)?;
    }
    Ok(())
}

/// Makes names in a directory permanent.
pub(crate) fn sync_directory(path: &FilePath) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}

/// Moves a complete, synced file to its name.
pub(crate) fn rename_synced(from: &FilePath, to: &FilePath) -> std::io::Result<()> {
    std::fs::rename(from, to)?;
    to.parent().map_or(Ok(()), sync_directory)
}

fn put_synced(target: &FilePath, payload: &PutPayload, create: bool) -> std::io::Result<()> {
    if let Some(parent) = target.parent() {
        create_directories(parent)?;
    }
    let staging = staging_name(target);
    let written = (|| {
        let mut file = File::options().write(true).create_new(true).open(&staging)?;
        payload.iter().try_for_each(|chunk| file.write_all(chunk))?;
        file.sync_all()?;
        if create { std::fs::hard_link(&staging, target) } else { std::fs::rename(&staging, target) }
    })();
    if create || written.is_err() {
        // Left over it is only clutter.
        let _cleanup = std::fs::remove_file(&staging);
    }
    written?;
    target.parent().map_or(Ok(()), sync_directory)
}

fn to_store_error(error: std::io::Error, location: &Path) -> object_store::Error {
    let path = location.to_string();
    match error.kind() {
        ErrorKind::AlreadyExists => object_store::Error::AlreadyExists { path, source: Box::new(error) },
        ErrorKind::NotFound => object_store::Error::NotFound { path, source: Box::new(error) },
        ErrorKind::PermissionDenied => object_store::Error::PermissionDenied { path, source: Box::new(error) },
        _ => object_store::Error::Generic { store: "DurableFiles", source: Box::new(error) },
    }
}

async fn blocking<T: Send + 'static>(
    location: &Path,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| to_store_error(error, location)),
        Err(source) => Err(object_store::Error::JoinError { source }),
    }
}

#[async_trait]
impl ObjectStore for DurableFiles {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let create = match opts.mode {
            PutMode::Create => true,
            PutMode::Overwrite => false,
            PutMode::Update(_) => {
                return Err(object_store::Error::NotImplemented {
                    operation: "conditional update".to_owned(),
                    implementer: self.to_string(),
                });
            }
        };
        let target = self.inner.path_to_filesystem(location)?;
        blocking(location, move || put_synced(&target, &payload, create)).await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let target = self.inner.path_to_filesystem(location)?;
        if let Some(parent) = target.parent().map(FilePath::to_path_buf) {
            blocking(location, move || create_directories(&parent)).await?;
        }
        let upload = self.inner.put_multipart_opts(location, opts).await?;
        Ok(Box::new(SyncedUpload { upload, target, location: location.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.inner.rename_opts(from, to, options).await
    }
}

/// Checkpoints may come in parts. The file is synced right after it gets its name; until then nothing points to it.
#[derive(Debug)]
struct SyncedUpload {
    upload: Box<dyn MultipartUpload>,
    target: PathBuf,
    location: Path,
}

#[async_trait]
impl MultipartUpload for SyncedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.upload.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let result = self.upload.complete().await?;
        let target = self.target.clone();
        blocking(&self.location, move || {
            File::open(&target)?.sync_all()?;
            target.parent().map_or(Ok(()), sync_directory)
        })
        .await?;
        Ok(result)
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt as _;

    use super::*;

    #[tokio::test]
    async fn creating_twice_fails_and_leaves_no_clutter() {
        let dir = tempfile::tempdir().unwrap();
        let store = DurableFiles::default();
        let place = Path::from_absolute_path(dir.path()).unwrap().join("a").join("b.json");
        let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        store.put_opts(&place, "one".into(), create.clone()).await.unwrap();
        let again = store.put_opts(&place, "two".into(), create).await;
        assert!(matches!(again, Err(object_store::Error::AlreadyExists { .. })), "{again:?}");
        assert_eq!(store.get(&place).await.unwrap().bytes().await.unwrap(), "one");
        store.put(&place, "three".into()).await.unwrap();
        assert_eq!(store.get(&place).await.unwrap().bytes().await.unwrap(), "three");
        assert_eq!(std::fs::read_dir(dir.path().join("a")).unwrap().count(), 1);
    }
}
