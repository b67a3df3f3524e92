//! The only file in a zip archive, streamed.
//!
//! The directory at the archive's end is read through a small window; the member's bytes are then read in order like
//! any other file's, so an archive of any size takes the same memory.

use std::io::{Read, Seek, SeekFrom};

use bytes::Bytes;
use flate2::bufread::DeflateDecoder;
use tokio::runtime::Handle;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::error::SourceError;
use super::fetch::Object;
use super::metered::Metered;
use super::raw::Raw;
use super::remote::Pinned;

/// What is fetched at once around the directory.
const WINDOW: u64 = 256 << 10;
/// Most bytes that are read to find the file in an archive. What is kept of an entry is several times as large.
const MAX_DIRECTORY: u64 = 4 << 20;

/// A member's content, checked against its length and checksum at the end.
pub(super) struct Member {
    content: Content,
    crc: flate2::Crc,
    expected: Facts,
    given: u64,
}

enum Content {
    Stored(Raw),
    Deflated(DeflateDecoder<Raw>),
}

#[derive(Debug, Clone, Copy)]
struct Facts {
    start: u64,
    stored: u64,
    size: u64,
    crc: u32,
    deflated: bool,
}

impl Member {
    /// The stored bytes behind it.
    pub(super) fn raw(&self) -> &Raw {
        match &self.content {
            Content::Stored(raw) => raw,
            Content::Deflated(decoder) => decoder.get_ref(),
        }
    }

    fn check_end(&self) -> std::io::Result<()> {
        let broken = |what: &str| Err(std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned()));
        if self.given != self.expected.size {
            return broken("its file has another length than the directory says");
        }
        if self.crc.sum() != self.expected.crc {
            return broken("the checksum of its file does not match");
        }
        Ok(())
    }
}

impl Read for Member {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        let read = match &mut self.content {
            Content::Stored(raw) => raw.read(into)?,
            Content::Deflated(decoder) => decoder.read(into)?,
        };
        if read == 0 {
            self.check_end()?;
        }
        self.crc.update(into.get(..read).unwrap_or_default());
        self.given += read as u64;
        Ok(read)
    }
}

/// Opens the only file in an archive; folders and the notes macOS adds do not count.
pub(super) fn open_only_member(object: &Object, place: &str, handle: &Handle) -> Result<Member, SourceError> {
    // Without this, an archive's directory would be searched for through the whole of any other file.
    let size = object.size();
    let mut head = Vec::new();
    let read = object.raw(0..size.min(4), handle)?.read_to_end(&mut head);
    read.map_err(|e| failed(place, 0, e.into()))?;
    if head != *b"PK\x03\x04" && head != *b"PK\x05\x06" {
        let problem = "it is not a zip archive; check the delivery's compression, or export the file again".to_owned();
        return Err(SourceError::Corrupt { place: place.to_owned(), offset: 0, problem });
    }
    let facts = match object {
        Object::Local { file, .. } => {
            let file = file.try_clone().map_err(|e| SourceError::from_io(place, "opening the file", &e))?;
            find_only_member(std::io::BufReader::new(file), place, size)?
        }
        Object::Remote(pinned) => find_only_member(Window::new(pinned, handle), place, size)?,
    };
    let raw = object.raw(facts.start..facts.start + facts.stored, handle)?;
    let content = if facts.deflated { Content::Deflated(DeflateDecoder::new(raw)) } else { Content::Stored(raw) };
    Ok(Member { content, crc: flate2::Crc::new(), expected: facts, given: 0 })
}

fn find_only_member(reader: impl Read + Seek, place: &str, size: u64) -> Result<Facts, SourceError> {
    let unsupported = |problem: String| SourceError::Unsupported { place: place.to_owned(), problem };
    let too_much = unsupported(format!(
        "the zip archive has a directory of more than {MAX_DIRECTORY} bytes where exactly one file is expected"
    ));
    let reader = Metered::new(reader, MAX_DIRECTORY, too_much);
    let mut archive = ZipArchive::new(reader).map_err(|e| failed(place, size, e))?;
    let mut found = Vec::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_data(index).map_err(|e| failed(place, size, e))?;
        if entry.is_file() && !entry.name_raw().starts_with(b"__MACOSX/") {
            found.push(index);
        }
    }
    let [index] = found.as_slice() else {
        let problem = format!("the zip archive holds {} files where exactly one is expected", found.len());
        return Err(unsupported(problem));
    };
    let entry = archive.by_index_raw(*index).map_err(|e| failed(place, size, e))?;
    if entry.encrypted() {
        return Err(unsupported("the zip archive is encrypted; export it without a password".to_owned()));
    }
    let deflated = match entry.compression() {
        CompressionMethod::Stored => false,
        CompressionMethod::Deflated => true,
        other => {
            return Err(unsupported(format!("the zip archive is compressed with {other}; only deflate can be read")));
        }
    };
    let start = entry.data_start().unwrap_or(size);
    let facts = Facts { start, stored: entry.compressed_size(), size: entry.size(), crc: entry.crc32(), deflated };
    if start.checked_add(facts.stored).is_none_or(|end| end > size) {
        let problem = "the zip archive ends in the middle of its file; fetch or export it again".to_owned();
        return Err(SourceError::Corrupt { place: place.to_owned(), offset: size, problem });
    }
    Ok(facts)
}

fn failed(place: &str, offset: u64, error: ZipError) -> SourceError {
    match error {
        ZipError::Io(error) if error.get_ref().is_some_and(|e| e.is::<SourceError>()) => {
            match error.downcast::<SourceError>() {
                Ok(own) => own,
                Err(error) => SourceError::from_io(place, "reading the zip directory", &error),
            }
        }
        ZipError::UnsupportedArchive(what) => SourceError::Unsupported {
            place: place.to_owned(),
            problem: format!("a zip archive that cannot be read: {what}"),
        },
        other => SourceError::Corrupt {
            place: place.to_owned(),
            offset,
            problem: format!("the zip archive is cut off or broken ({other}); fetch or export it again"),
        },
    }
}

/// Random access to an object through one window.
struct Window<'a> {
    object: &'a Pinned,
    handle: &'a Handle,
    position: u64,
    start: u64,
    bytes: Bytes,
}

impl<'a> Window<'a> {
    fn new(object: &'a Pinned, handle: &'a Handle) -> Self {
        Self { object, handle, position: 0, start: 0, bytes: Bytes::new() }
    }

    fn available(&self) -> &[u8] {
        let offset = self.position.checked_sub(self.start).and_then(|o| usize::try_from(o).ok());
        offset.and_then(|o| self.bytes.get(o..)).unwrap_or_default()
    }
}

impl Read for Window<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.position >= self.object.size {
            return Ok(0);
        }
        if self.available().is_empty() {
            // Near the end the whole end is taken: the directory is searched for backwards.
            self.start = self.position.min(self.object.size.saturating_sub(WINDOW));
            self.start = if self.object.size - self.position <= WINDOW { self.start } else { self.position };
            let end = (self.start + WINDOW).min(self.object.size);
            self.bytes = self.handle.block_on(self.object.fetch(self.start..end)).map_err(std::io::Error::other)?;
        }
        let available = self.available();
        let amount = available.len().min(into.len());
        if let (Some(to), Some(from)) = (into.get_mut(..amount), available.get(..amount)) {
            to.copy_from_slice(from);
        }
        self.position += amount as u64;
        Ok(amount)
    }
}

impl Seek for Window<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.object.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = target.ok_or(std::io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
