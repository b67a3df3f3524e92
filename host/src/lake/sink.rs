//! Where the bytes of one data file go: a local file, or parts of an upload.
//!
//! Nothing has its final name before [`Sink::complete`]: a file that was not completed is swept later, an upload that
//! was not completed is aborted.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, WriteMultipart};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::durable;

/// Size of a part. S3 allows 10,000 of them, so a file may reach 80 GB.
const PART_BYTES: usize = 8 * 1024 * 1024;
/// Parts in flight; together with the one being filled this bounds what one file holds in memory.
const PARTS_IN_FLIGHT: usize = 2;
/// Pieces that may wait for the uploading task.
const QUEUED_PIECES: usize = 4;
/// Bytes gathered before they are passed on.
const PIECE_BYTES: usize = 512 * 1024;

/// A file that is being written.
#[derive(Debug)]
pub(crate) enum Sink {
    /// On local disk, under a staging name.
    File { out: BufWriter<File>, staging: Staging, target: PathBuf, bytes: u64 },
    /// In an object store.
    Upload(Upload),
}

/// A file under a name of its own, removed when dropped. After it was renamed there is nothing to remove.
#[derive(Debug)]
pub(crate) struct Staging(PathBuf);

impl Drop for Staging {
    fn drop(&mut self) {
        let _usually_renamed = std::fs::remove_file(&self.0);
    }
}

/// The writing end of an upload that runs as a task. Dropping it aborts the upload.
#[derive(Debug)]
pub(crate) struct Upload {
    bytes: u64,
    pieces: mpsc::Sender<Piece>,
    done: Option<oneshot::Receiver<object_store::Result<()>>>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
enum Piece {
    Bytes(Bytes),
    /// The file is whole. Without it the upload is aborted.
    End,
}

impl Sink {
    /// Begins a local file.
    pub(crate) fn file(target: &FilePath) -> std::io::Result<Self> {
        if let Some(parent) = target.parent() {
            durable::create_directories(parent)?;
        }
        let staging = durable::staging_name(target);
        let file = File::options().write(true).create_new(true).open(&staging)?;
        let out = BufWriter::with_capacity(PIECE_BYTES, file);
        Ok(Self::File { out, staging: Staging(staging), target: target.to_path_buf(), bytes: 0 })
    }

    /// Begins an upload on `runtime`. The sink itself belongs on another thread: it blocks when the store is slow.
    pub(crate) fn upload(store: Arc<dyn ObjectStore>, key: Path, runtime: &Handle) -> Self {
        let (pieces, queue) = mpsc::channel(QUEUED_PIECES);
        let (report, done) = oneshot::channel();
        runtime.spawn(async move {
            // Nobody listens any more when the writer was dropped.
            let _unheard = report.send(upload(store, key, queue).await);
        });
        Self::Upload(Upload { bytes: 0, pieces, done: Some(done), buffer: Vec::with_capacity(PIECE_BYTES) })
    }

    /// Makes the file permanent under its name. Returns its size in bytes.
    pub(crate) fn complete(self) -> std::io::Result<u64> {
        match self {
            Self::File { out, staging, target, bytes } => {
                let file = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
                file.sync_all()?;
                drop(file);
                durable::rename_synced(&staging.0, &target)?;
                Ok(bytes)
            }
            Self::Upload(mut upload) => {
                upload.pass_on()?;
                upload.send(Piece::End)?;
                upload.outcome()
            }
        }
    }
}

impl Upload {
    fn pass_on(&mut self) -> std::io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE_BYTES));
        self.send(Piece::Bytes(Bytes::from(piece)))
    }

    fn send(&mut self, piece: Piece) -> std::io::Result<()> {
        if self.pieces.blocking_send(piece).is_ok() {
            return Ok(());
        }
        // The task ended early: it says why.
        self.outcome().and(Err(std::io::Error::other("the upload ended before the file did")))
    }

    /// Waits for the end of the task.
    fn outcome(&mut self) -> std::io::Result<u64> {
        match self.done.take().map(oneshot::Receiver::blocking_recv) {
            Some(Ok(result)) => result.map(|()| self.bytes).map_err(std::io::Error::other),
            _ => Err(std::io::Error::other("the upload was dropped with its runtime")),
        }
    }
}

async fn upload(store: Arc<dyn ObjectStore>, key: Path, mut queue: mpsc::Receiver<Piece>) -> object_store::Result<()> {
    // Most files of a summary fit one part: one request instead of three, and nothing to abort.
    let mut first = Vec::new();
    loop {
        match queue.recv().await {
            Some(Piece::Bytes(bytes)) => first.extend_from_slice(&bytes),
            Some(Piece::End) => return store.put(&key, Bytes::from(first).into()).await.map(|_| ()),
            None => return Ok(()),
        }
        if first.len() > PART_BYTES {
            return upload_parts(store, key, first, queue).await;
        }
    }
}

async fn upload_parts(
    store: Arc<dyn ObjectStore>,
    key: Path,
    first: Vec<u8>,
    mut queue: mpsc::Receiver<Piece>,
) -> object_store::Result<()> {
    let mut upload = WriteMultipart::new_with_chunk_size(store.put_multipart(&key).await?, PART_BYTES);
    upload.put(Bytes::from(first));
    while let Some(piece) = queue.recv().await {
        match piece {
            Piece::Bytes(bytes) => {
                if let Err(error) = upload.wait_for_capacity(PARTS_IN_FLIGHT).await {
                    let _second_error = upload.abort().await;
                    return Err(error);
                }
                upload.put(bytes);
            }
            Piece::End => return upload.finish().await.map(|_| ()),
        }
    }
    upload.abort().await
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::File { out, bytes: written, .. } => {
                let accepted = out.write(bytes)?;
                *written += accepted as u64;
                Ok(accepted)
            }
            Self::Upload(upload) => {
                upload.bytes += bytes.len() as u64;
                upload.buffer.extend_from_slice(bytes);
                if upload.buffer.len() >= PIECE_BYTES {
                    upload.pass_on()?;
                }
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::File { out, .. } => out.flush(),
            Self::Upload(_) => Ok(()),
        }
    }
}
