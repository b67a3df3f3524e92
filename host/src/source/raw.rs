//! The stored bytes of one file in order, from a local file or prefetched from an object store.
//!
//! Invariant: at most a few MiB are held whatever the file's size, and bytes of two revisions are never mixed.

use std::fs::File;
use std::io::{BufRead, Read, Seek, SeekFrom};
use std::ops::Range;

use bytes::Bytes;
use futures::StreamExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::error::SourceError;
use super::local;
use super::remote::Pinned;

/// One request to an object store; four are under way at a time, one waits, one is being read: 12 MiB per file.
const PART: u64 = 2 << 20;
const IN_FLIGHT: usize = 4;
/// One read of a local file.
const BLOCK: usize = 256 << 10;

/// The stored bytes of one file, or of a span of it, in order. Its errors carry a [`SourceError`].
#[derive(Debug)]
pub(super) struct Raw {
    feed: Feed,
    span: Range<u64>,
    /// Bytes of the span that were handed on.
    taken: u64,
}

#[derive(Debug)]
enum Feed {
    Local { file: File, place: String, tag: String, block: Vec<u8>, at: usize },
    Remote { parts: mpsc::Receiver<Result<Bytes, SourceError>>, current: Bytes, place: String },
}

impl Raw {
    /// A span of an open local file, whose tag was taken when it was opened.
    pub(super) fn local(mut file: File, place: String, tag: String, span: Range<u64>) -> Result<Self, SourceError> {
        file.seek(SeekFrom::Start(span.start)).map_err(|e| SourceError::from_io(&*place, "reading", &e))?;
        let feed = Feed::Local { file, place, tag, block: Vec::new(), at: 0 };
        Ok(Self { feed, span, taken: 0 })
    }

    /// A span of an object, fetched ahead by a task that ends when this is dropped.
    pub(super) fn remote(object: Pinned, span: Range<u64>, handle: &Handle) -> Self {
        let (sender, parts) = mpsc::channel(1);
        let place = object.place.clone();
        let whole = span.clone();
        handle.spawn(async move {
            let starts = (whole.start..whole.end).step_by(usize::try_from(PART).unwrap_or(usize::MAX));
            let mut fetched = futures::stream::iter(starts)
                .map(|start| object.fetch(start..(start + PART).min(whole.end)))
                .buffered(IN_FLIGHT);
            while let Some(part) = fetched.next().await {
                let failed = part.is_err();
                if sender.send(part).await.is_err() || failed {
                    break;
                }
            }
        });
        Self { feed: Feed::Remote { parts, current: Bytes::new(), place }, span, taken: 0 }
    }

    /// Offset in the file of the next byte.
    pub(super) fn position(&self) -> u64 {
        self.span.start + self.taken
    }

    /// Bytes handed on so far.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    fn left(&self) -> u64 {
        self.span.end - self.position()
    }
}

impl Feed {
    fn buffer(&self) -> &[u8] {
        match self {
            Self::Local { block, at, .. } => block.get(*at..).unwrap_or_default(),
            Self::Remote { current, .. } => current,
        }
    }

    /// The next bytes, of which `left` are expected.
    fn refill(&mut self, left: u64) -> Result<(), SourceError> {
        match self {
            Self::Local { file, place, tag, block, at } => {
                block.resize(usize::try_from(left).unwrap_or(BLOCK).min(BLOCK), 0);
                let read = read_some(file, block).map_err(|e| SourceError::from_io(&**place, "reading", &e))?;
                block.truncate(read);
                *at = 0;
                // A file that grows or is replaced in place would give a mixture.
                if read == 0 || read as u64 == left {
                    check_unchanged(file, place, tag)?;
                }
                if read == 0 { Err(SourceError::Changed { place: place.clone() }) } else { Ok(()) }
            }
            Self::Remote { parts, current, place } => {
                let part = parts.blocking_recv().unwrap_or_else(|| {
                    Err(SourceError::Unavailable {
                        place: place.clone(),
                        operation: "reading",
                        detail: "the program is shutting down".to_owned(),
                    })
                })?;
                *current = part;
                Ok(())
            }
        }
    }

    fn consume(&mut self, amount: usize) {
        match self {
            Self::Local { at, .. } => *at += amount,
            Self::Remote { current, .. } => drop(current.split_to(amount.min(current.len()))),
        }
    }
}

fn read_some(file: &mut File, into: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match file.read(into) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// An error if a local file is no longer what it was when its tag was taken.
pub(super) fn check_unchanged(file: &File, place: &str, tag: &str) -> Result<(), SourceError> {
    let metadata = file.metadata().map_err(|e| SourceError::from_io(place, "reading", &e))?;
    if local::tag(&metadata) == tag { Ok(()) } else { Err(SourceError::Changed { place: place.to_owned() }) }
}

impl BufRead for Raw {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        let left = self.left();
        if left > 0 && self.feed.buffer().is_empty() {
            self.feed.refill(left).map_err(std::io::Error::other)?;
        }
        Ok(self.feed.buffer())
    }

    fn consume(&mut self, amount: usize) {
        self.feed.consume(amount);
        self.taken += amount as u64;
    }
}

impl Read for Raw {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let available = self.fill_buf()?;
        let amount = available.len().min(into.len());
        if let (Some(to), Some(from)) = (into.get_mut(..amount), available.get(..amount)) {
            to.copy_from_slice(from);
        }
        self.consume(amount);
        Ok(amount)
    }
}
