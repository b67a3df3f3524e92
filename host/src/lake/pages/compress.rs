//! Compression of pages, with one context for all columns of a file: a context of zstd takes more memory than a column.

use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use zstd::bulk::Compressor as ZstdCompressor;

use crate::lake::writer::PageCompression;

/// Compresses one page after the other.
pub(super) enum Compressor {
    Zstd(ZstdCompressor<'static>, ZstdLevel),
    Snappy(Box<snap::raw::Encoder>),
    None,
}

impl Compressor {
    pub(super) fn new(compression: PageCompression) -> Result<Self, ParquetError> {
        Ok(match compression {
            PageCompression::Zstd(level) => Self::Zstd(ZstdCompressor::new(level)?, ZstdLevel::try_new(level)?),
            PageCompression::Snappy => Self::Snappy(Box::new(snap::raw::Encoder::new())),
            PageCompression::None => Self::None,
        })
    }

    /// What readers are told.
    pub(super) fn codec(&self) -> Compression {
        match self {
            Self::Zstd(_, level) => Compression::ZSTD(*level),
            Self::Snappy(_) => Compression::SNAPPY,
            Self::None => Compression::UNCOMPRESSED,
        }
    }

    /// Replaces `out` by `raw`, compressed.
    pub(super) fn compress(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<(), ParquetError> {
        out.clear();
        match self {
            Self::Zstd(context, _) => {
                out.reserve(zstd::zstd_safe::compress_bound(raw.len()));
                context.compress_to_buffer(raw, out)?;
            }
            Self::Snappy(encoder) => {
                out.resize(snap::raw::max_compress_len(raw.len()), 0);
                let length = encoder.compress(raw, out).map_err(|error| ParquetError::External(Box::new(error)))?;
                out.truncate(length);
            }
            Self::None => out.extend_from_slice(raw),
        }
        Ok(())
    }
}
