//! A reader that may be read only so far.
//!
//! Libraries that look for something in a file believe the lengths it states. What they read is bounded here, and with it
//! the time and memory they can take.

use std::io::{Read, Seek, SeekFrom};

use super::error::SourceError;

/// Reads at most a number of bytes, counted over all places that are read.
#[derive(Debug)]
pub(super) struct Metered<R> {
    inner: R,
    left: u64,
    /// What is said when there is no more left.
    too_much: Option<SourceError>,
}

impl<R> Metered<R> {
    /// After `limit` bytes reading fails with this error.
    pub(super) fn new(inner: R, limit: u64, too_much: SourceError) -> Self {
        Self { inner, left: limit, too_much: Some(too_much) }
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 && !into.is_empty() {
            return Err(match self.too_much.take() {
                Some(error) => std::io::Error::other(error),
                None => std::io::ErrorKind::FileTooLarge.into(),
            });
        }
        let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        let read = self.inner.read(into.get_mut(..length).unwrap_or_default())?;
        self.left -= read as u64;
        Ok(read)
    }
}

impl<R: Seek> Seek for Metered<R> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.inner.seek(to)
    }
}
