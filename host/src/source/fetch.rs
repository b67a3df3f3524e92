//! One input file as a pull of decompressed chunks.
//!
//! Invariant: memory does not depend on the file's size, neither as stored nor decompressed.

use std::fs::File;
use std::io::Read;
use std::ops::Range;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use tokio::runtime::Handle;

use super::archive::{self, Member};
use super::error::SourceError;
use super::grant::ObjectInfo;
use super::local;
use super::raw::Raw;
use super::remote::Pinned;
use super::store::Location;

/// Bytes of a chunk; the last one of a file may be shorter.
pub const CHUNK: usize = 1 << 20;

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// One or more gzip members, one after another.
    Gzip,
    /// One or more zstd frames, one after another.
    Zstd,
    /// The only file in a zip archive.
    Zip,
}

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputSpec {
    /// Path below the location.
    pub path: String,
    /// How it is compressed.
    pub compression: Compression,
    /// The tag it had when it was found; another one is an error.
    pub etag: Option<String>,
    /// The size it had when it was found, in bytes; another one is an error.
    pub size: Option<u64>,
    /// The most it may decompress to, in bytes.
    pub output_limit: u64,
}

impl InputSpec {
    /// The file as it is now, with the default limit of 1 TiB.
    pub fn new(path: impl Into<String>, compression: Compression) -> Self {
        Self { path: path.into(), compression, etag: None, size: None, output_limit: 1 << 40 }
    }

    /// Only if it still is the object that was found.
    #[must_use]
    pub fn expecting(mut self, found: &ObjectInfo) -> Self {
        self.etag.clone_from(&found.etag);
        self.size = Some(found.size);
        self
    }
}

/// A pull of decompressed chunks of one file.
pub struct FileReader {
    decoder: Decoder,
    chunk: Vec<u8>,
    out: u64,
    limit: u64,
    place: String,
    size: u64,
    ended: bool,
}

enum Decoder {
    Plain(Raw),
    Gzip(Box<MultiGzDecoder<Raw>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, Raw>>),
    Zip(Box<Member>),
}

impl std::fmt::Debug for FileReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileReader").field("place", &self.place).field("out", &self.out).finish_non_exhaustive()
    }
}

/// Opens a file. Blocking: call it, and the reader's methods, outside async tasks.
///
/// # Errors
/// The file is not there, is not the one that was found, cannot be read, or is not a readable zip archive.
pub fn open_file(location: &Location, file: &InputSpec, handle: Handle) -> Result<FileReader, SourceError> {
    let place = location.place(&file.path);
    let object = Object::open(location, file, &handle)?;
    let size = object.size();
    let decoder = match file.compression {
        _ if size == 0 && file.compression != Compression::Zip => Decoder::Plain(object.raw(0..0, &handle)?),
        Compression::None => Decoder::Plain(object.raw(0..size, &handle)?),
        Compression::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(object.raw(0..size, &handle)?))),
        Compression::Zstd => {
            let raw = object.raw(0..size, &handle)?;
            let decoder = zstd::stream::read::Decoder::with_buffer(raw).map_err(|e| SourceError::Unavailable {
                place: place.clone(),
                operation: "starting zstd",
                detail: e.to_string(),
            })?;
            Decoder::Zstd(Box::new(decoder))
        }
        Compression::Zip => Decoder::Zip(Box::new(archive::open_only_member(&object, &place, &handle)?)),
    };
    Ok(FileReader { decoder, chunk: Vec::new(), out: 0, limit: file.output_limit, place, size, ended: false })
}

impl FileReader {
    /// The next decompressed bytes: [`CHUNK`] of them, or fewer at the end; `None` after the end. After an error
    /// the reader is at its end.
    ///
    /// # Errors
    /// The file changed, cannot be read, is cut off or broken, or is larger than its limit.
    pub fn next_chunk(&mut self) -> Result<Option<&[u8]>, SourceError> {
        let mut chunk = std::mem::take(&mut self.chunk);
        let more = self.read_chunk(&mut chunk);
        self.chunk = chunk;
        Ok(more?.then_some(&self.chunk))
    }

    /// The next decompressed bytes, in place of what was in `chunk`, which may come from an earlier call and go round;
    /// `false` after the end.
    ///
    /// # Errors
    /// As [`FileReader::next_chunk`].
    pub fn read_chunk(&mut self, chunk: &mut Vec<u8>) -> Result<bool, SourceError> {
        if self.ended {
            return Ok(false);
        }
        chunk.resize(CHUNK, 0);
        let filled = self.fill(chunk).inspect_err(|_| self.ended = true)?;
        chunk.truncate(filled);
        self.ended = filled < CHUNK;
        self.out += filled as u64;
        if self.out > self.limit {
            self.ended = true;
            let limit = format!("it decompresses to more than {} bytes", self.limit);
            return Err(SourceError::OverLimit { place: self.place.clone(), limit });
        }
        Ok(filled > 0)
    }

    fn fill(&mut self, chunk: &mut [u8]) -> Result<usize, SourceError> {
        let mut filled = 0;
        while let Some(rest) = chunk.get_mut(filled..).filter(|r| !r.is_empty()) {
            match self.decoder.read(rest) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.decoder.explain(&self.place, error)),
            }
        }
        Ok(filled)
    }

    /// Bytes of the stored file taken in so far.
    pub fn bytes_in(&self) -> u64 {
        self.decoder.raw().taken()
    }

    /// Bytes handed out so far.
    pub fn bytes_out(&self) -> u64 {
        self.out
    }

    /// Size of the stored file in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Decoder {
    fn raw(&self) -> &Raw {
        match self {
            Self::Plain(raw) => raw,
            Self::Gzip(decoder) => decoder.get_ref(),
            Self::Zstd(decoder) => decoder.get_ref(),
            Self::Zip(member) => member.raw(),
        }
    }

    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(raw) => raw.read(into),
            Self::Gzip(decoder) => decoder.read(into),
            Self::Zstd(decoder) => decoder.read(into),
            Self::Zip(member) => member.read(into),
        }
    }

    fn explain(&self, place: &str, error: std::io::Error) -> SourceError {
        let name = match self {
            Self::Plain(_) => "file",
            Self::Gzip(_) => "gzip stream",
            Self::Zstd(_) => "zstd stream",
            Self::Zip(_) => "zip archive",
        };
        explain(place, name, self.raw().position(), error)
    }
}

/// What a decoder's error means: the feed's own error, a file that is cut off, or one that is broken.
fn explain(place: &str, name: &str, offset: u64, error: std::io::Error) -> SourceError {
    let cut = error.kind() == std::io::ErrorKind::UnexpectedEof;
    match error.downcast::<SourceError>() {
        Ok(own) => own,
        Err(error) => {
            let problem = if cut {
                format!("the file ends in the middle of its {name}; fetch or export it again")
            } else {
                format!("the {name} is broken ({error}); fetch or export the file again")
            };
            SourceError::Corrupt { place: place.to_owned(), offset, problem }
        }
    }
}

/// An opened file or object, of which spans are read in order.
pub(super) enum Object {
    /// An open local file.
    Local { file: File, place: String, tag: String, size: u64 },
    /// One revision of an object.
    Remote(Pinned),
}

impl Object {
    /// Opens the file as it was found.
    pub(super) fn open(location: &Location, spec: &InputSpec, handle: &Handle) -> Result<Self, SourceError> {
        let place = location.place(&spec.path);
        let object = match location.local_file(&spec.path)? {
            Some(path) => {
                let failed = |e: std::io::Error| SourceError::from_io(&*place, "opening the file", &e);
                let file = File::open(&path).map_err(failed)?;
                let metadata = file.metadata().map_err(failed)?;
                if !metadata.is_file() {
                    return Err(SourceError::NotFound { place, operation: "looking for a file" });
                }
                Self::Local { file, place, tag: local::tag(&metadata), size: metadata.len() }
            }
            None => {
                let key = location.object_path(&spec.path)?;
                let (size, etag) = match (spec.size, &spec.etag) {
                    (Some(size), Some(etag)) => (size, Some(etag.clone())),
                    _ => {
                        let found = handle.block_on(location.stat(&spec.path))?;
                        (found.size, found.etag)
                    }
                };
                Self::Remote(Pinned { location: location.clone(), key, place, size, etag })
            }
        };
        object.check(spec)?;
        Ok(object)
    }

    fn check(&self, spec: &InputSpec) -> Result<(), SourceError> {
        let (place, size, etag) = match self {
            Self::Local { place, tag, size, .. } => (place, *size, Some(tag)),
            Self::Remote(pinned) => (&pinned.place, pinned.size, pinned.etag.as_ref()),
        };
        let same_size = spec.size.is_none_or(|expected| expected == size);
        let same_tag = spec.etag.is_none() || etag.is_none() || spec.etag.as_ref() == etag;
        if same_size && same_tag { Ok(()) } else { Err(SourceError::Changed { place: place.clone() }) }
    }

    /// Bytes as stored.
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Local { size, .. } => *size,
            Self::Remote(pinned) => pinned.size,
        }
    }

    /// The bytes of a span in order.
    pub(super) fn raw(&self, span: Range<u64>, handle: &Handle) -> Result<Raw, SourceError> {
        match self {
            Self::Local { file, place, tag, .. } => {
                let file = file.try_clone().map_err(|e| SourceError::from_io(&**place, "opening the file", &e))?;
                Raw::local(file, place.clone(), tag.clone(), span)
            }
            Self::Remote(pinned) => Ok(Raw::remote(pinned.clone(), span, handle)),
        }
    }
}

/// A span of an object, in memory. The caller has checked its length against a limit.
pub(super) fn read_span(
    location: &Location,
    object: &ObjectInfo,
    span: Range<u64>,
    handle: &Handle,
) -> Result<Bytes, SourceError> {
    if span.is_empty() {
        return Ok(Bytes::new());
    }
    let spec = InputSpec::new(object.path.clone(), Compression::None).expecting(object);
    match Object::open(location, &spec, handle)? {
        Object::Remote(pinned) => handle.block_on(pinned.fetch(span)),
        local @ Object::Local { .. } => {
            let mut out = Vec::with_capacity(usize::try_from(span.end - span.start).unwrap_or_default());
            let mut raw = local.raw(span, handle)?;
            let place = location.place(&object.path);
            raw.read_to_end(&mut out).map_err(|e| explain(&place, "file", raw.position(), e))?;
            Ok(out.into())
        }
    }
}

/// A small gzip file decompressed, of at most `limit` bytes.
pub(super) fn gunzip_small(stored: &[u8], place: &str, limit: u64) -> Result<Vec<u8>, SourceError> {
    let mut out = Vec::new();
    let mut decoder = MultiGzDecoder::new(stored).take(limit.saturating_add(1));
    if let Err(error) = decoder.read_to_end(&mut out) {
        let offset = stored.len() - decoder.get_ref().get_ref().len();
        return Err(explain(place, "gzip stream", offset as u64, error));
    }
    if out.len() as u64 <= limit {
        return Ok(out);
    }
    let limit = format!(
        "it decompresses to more than the {limit} bytes that are left to read in one discovery. Raise `max_discovery_bytes`"
    );
    Err(SourceError::OverLimit { place: place.to_owned(), limit })
}
