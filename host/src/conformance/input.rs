//! One input file in memory, and the ways in which it is cut.

use arrow::array::RecordBatch;
use tokio::runtime::Handle;

use super::error::ConformanceError;
use crate::plugin::{self, Form, InputFile, encode_ipc};
use crate::source::compact::compact;
use crate::source::fetch::{self, InputSpec};
use crate::source::parquet;
use crate::source::store::Location;

/// A file as a plugin is pushed it.
#[derive(Debug, Clone)]
pub enum Input {
    /// Decompressed bytes.
    Bytes(Vec<u8>),
    /// Rows of a Parquet file.
    Rows(Vec<RecordBatch>),
}

/// How a file is cut into pushes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pieces {
    /// In one push.
    Whole,
    /// Byte by byte, or row by row.
    Ones,
    /// Sizes that share no factor with anything.
    Primes,
    /// 64 KiB, or 1,000 rows.
    Blocks,
    /// 1 MiB, or whole batches, as a run does it.
    Chunks,
}

impl Pieces {
    /// Those that must give the same rows.
    pub(super) const ALL: [Self; 4] = [Self::Whole, Self::Ones, Self::Primes, Self::Blocks];

    /// For messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Ones => "one by one",
            Self::Primes => "in pieces of prime sizes",
            Self::Blocks => "in pieces of 64 KiB",
            Self::Chunks => "in chunks of 1 MiB",
        }
    }

    fn sizes(self, block: usize) -> Box<dyn Iterator<Item = usize>> {
        const PRIMES: [usize; 12] = [2, 3, 5, 7, 11, 13, 31, 101, 499, 997, 4_999, 9_973];
        match self {
            Self::Whole => Box::new(std::iter::repeat(usize::MAX)),
            // A large file would take minutes byte by byte; what goes wrong goes wrong early.
            Self::Ones => Box::new(std::iter::repeat_n(1, 256 << 10).chain(std::iter::repeat(block))),
            Self::Primes => Box::new(PRIMES.into_iter().cycle()),
            Self::Blocks => Box::new(std::iter::repeat(block)),
            Self::Chunks => Box::new(std::iter::repeat(fetch::CHUNK)),
        }
    }
}

impl Input {
    /// Its size: bytes, or rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Rows(batches) => batches.iter().map(RecordBatch::num_rows).sum(),
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pushes of a file cut in this way.
    ///
    /// # Errors
    /// When rows cannot be encoded.
    pub fn cut(&self, pieces: Pieces) -> Result<Vec<Vec<u8>>, arrow::error::ArrowError> {
        match self {
            Self::Bytes(bytes) => {
                let (mut rest, mut pushes) = (bytes.as_slice(), Vec::new());
                for size in pieces.sizes(64 << 10) {
                    if rest.is_empty() {
                        break;
                    }
                    let (head, tail) = rest.split_at(size.min(rest.len()));
                    pushes.push(head.to_vec());
                    rest = tail;
                }
                Ok(pushes)
            }
            Self::Rows(batches) => {
                let mut pushes = Vec::new();
                let mut sizes = pieces.sizes(1_000);
                for batch in batches {
                    let mut at = 0;
                    while at < batch.num_rows() {
                        let size = sizes.next().unwrap_or(usize::MAX).min(batch.num_rows() - at);
                        let slice = compact(&batch.slice(at, size))?;
                        pushes.push(encode_ipc(&slice.schema(), std::slice::from_ref(&slice))?);
                        at += size;
                    }
                }
                Ok(pushes)
            }
        }
    }
}

/// Reads a file below a location, as the plugin asked for it, of at most `limit` bytes once decompressed. Blocks.
///
/// # Errors
/// When it cannot be read, or is larger.
pub fn read_input(
    location: &Location,
    file: &InputFile,
    limit: usize,
    handle: &Handle,
) -> Result<Input, ConformanceError> {
    let spec = InputSpec::new(&file.path, decoder_of(file.compression));
    let too_large = || ConformanceError::TooLarge { path: file.path.clone(), limit };
    match &file.form {
        Form::Bytes => {
            let mut reader = fetch::open_file(location, &spec, handle.clone())?;
            let mut bytes = Vec::new();
            while let Some(chunk) = reader.next_chunk()? {
                if bytes.len() + chunk.len() > limit {
                    return Err(too_large());
                }
                bytes.extend_from_slice(chunk);
            }
            Ok(Input::Bytes(bytes))
        }
        Form::Parquet(columns) => {
            let mut reader = parquet::open_parquet(location, &spec, columns, handle.clone())?;
            let (mut batches, mut held) = (Vec::new(), 0);
            while let Some(batch) = reader.next_batch()? {
                held += batch.get_array_memory_size();
                if held > limit {
                    return Err(too_large());
                }
                batches.push(batch);
            }
            Ok(Input::Rows(batches))
        }
    }
}

fn decoder_of(compression: plugin::Compression) -> fetch::Compression {
    match compression {
        plugin::Compression::None => fetch::Compression::None,
        plugin::Compression::Gzip => fetch::Compression::Gzip,
        plugin::Compression::Zstd => fetch::Compression::Zstd,
        plugin::Compression::Zip => fetch::Compression::Zip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_hold_every_byte_once_and_in_order() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
        let input = Input::Bytes(bytes.clone());
        for pieces in Pieces::ALL {
            let pushes = input.cut(pieces).unwrap();
            assert_eq!(pushes.concat(), bytes, "{pieces:?}");
        }
        assert_eq!(input.cut(Pieces::Whole).unwrap().len(), 1);
        assert_eq!(input.cut(Pieces::Blocks).unwrap().len(), 4);
        assert!(Input::Bytes(Vec::new()).cut(Pieces::Primes).unwrap().is_empty());
    }
}
