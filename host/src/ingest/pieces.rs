//! The first stage of a file: its bytes or rows as the plugin is given them, piece by piece.

use std::time::{Duration, Instant};

use super::error::IngestError;
use super::file::{FileTask, ipc_of};
use super::progress::FileProgress;
use crate::plugin::{Compression, Form, InputFile};
use crate::source::compact::compact;
use crate::source::fetch::{self, FileReader, InputSpec};
use crate::source::parquet::{ParquetFile, open_parquet};

/// A pull of the pieces of one file, in its order.
pub(super) struct Pieces<'a> {
    form: Open,
    input: InputFile,
    /// Of the period, for messages.
    title: String,
    progress: &'a FileProgress,
    /// Time spent reading, decompressing and decoding.
    pub(super) spent: Duration,
}

enum Open {
    Bytes(FileReader),
    Parquet(ParquetFile),
}

impl<'a> Pieces<'a> {
    /// Opens the file as it was planned: another etag or size by now is an error.
    pub(super) fn open(task: &FileTask<'_>, progress: &'a FileProgress) -> Result<Self, IngestError> {
        let input = task.input()?;
        tracing::debug!(file = input.path, "reading");
        let (location, handle) = (&task.period.location, tokio::runtime::Handle::current());
        let spec = spec(task, input);
        let form = match &input.form {
            Form::Bytes => Open::Bytes(fetch::open_file(location, &spec, handle)?),
            Form::Parquet(columns) => Open::Parquet(open_parquet(location, &spec, columns, handle)?),
        };
        Ok(Self { form, input: input.clone(), title: task.period.title(), progress, spent: Duration::ZERO })
    }

    /// The next piece, in place of what was in `piece`; `false` after the last.
    ///
    /// # Errors
    /// When the file cannot be read, or ends with another number of bytes than was promised.
    pub(super) fn next(&mut self, piece: &mut Vec<u8>) -> Result<bool, IngestError> {
        let started = Instant::now();
        let (more, bytes) = match &mut self.form {
            Open::Bytes(reader) => {
                let more = reader.read_chunk(piece)?;
                if !more {
                    check_byte_count(&self.input, &self.title, reader.size(), reader.bytes_out())?;
                }
                (more, reader.bytes_in())
            }
            Open::Parquet(file) => {
                let batch = file.next_batch()?;
                let more = batch.is_some();
                if let Some(batch) = batch {
                    // Readers of Parquet hand out more than the rows need.
                    let small = compact(&batch).map_err(|error| super::file::encoding(&error))?;
                    *piece = ipc_of(&small)?;
                }
                (more, file.rows_given() * file.size() / file.rows().max(1))
            }
        };
        self.spent += started.elapsed();
        self.progress.set(bytes);
        Ok(more)
    }
}

/// Manifests count the bytes of a compressed file as it is stored, or those in it: providers do not say which.
fn check_byte_count(input: &InputFile, title: &str, stored: u64, inside: u64) -> Result<(), IngestError> {
    match input.bytes {
        Some(promised) if promised != stored && promised != inside => Err(IngestError::Refused(format!(
            "{} of {title} has {stored} bytes and {inside} uncompressed, but its manifest promises {promised}; the delivery \
             is not complete, run again when it is",
            input.path
        ))),
        _ => Ok(()),
    }
}

fn spec(task: &FileTask<'_>, input: &InputFile) -> InputSpec {
    let spec = InputSpec::new(&input.path, decoder_of(input.compression));
    match task.period.files.get(task.index) {
        Some(info) => spec.expecting(info),
        None => spec,
    }
}

/// The same compression in the words of the source module, which knows no plugin.
fn decoder_of(compression: Compression) -> fetch::Compression {
    match compression {
        Compression::None => fetch::Compression::None,
        Compression::Gzip => fetch::Compression::Gzip,
        Compression::Zstd => fetch::Compression::Zstd,
        Compression::Zip => fetch::Compression::Zip,
    }
}
