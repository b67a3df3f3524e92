//! The prefix lent to a plugin during discovery: every path checked, every call, byte and entry counted.

use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::runtime::Handle;

use super::error::SourceError;
use super::fetch;
use super::grant::{Grant, GrantError, ListPage, ObjectInfo};
use super::store::Location;

/// Names in one page of a listing.
const PAGE: usize = 1_000;

/// What one lent prefix may be used for, over all calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrantLimits {
    /// Calls of any kind.
    pub calls: u64,
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// Objects and folders listed.
    pub entries: u64,
}

impl Default for GrantLimits {
    fn default() -> Self {
        Self { calls: 100_000, bytes: 256 << 20, entries: 1_000_000 }
    }
}

/// A location lent for one call.
#[derive(Debug)]
pub struct Bucket {
    location: Location,
    limits: GrantLimits,
    handle: Handle,
    calls: AtomicU64,
    bytes: AtomicU64,
    entries: AtomicU64,
    /// The first limit that was exceeded: where, and which, in words.
    exceeded: OnceLock<(String, String)>,
}

impl Bucket {
    /// Lends a location. It should be resolved ([`Location::resolve`]), or one that names an object looks empty.
    pub fn new(location: Location, limits: GrantLimits, handle: Handle) -> Self {
        let zero = || AtomicU64::new(0);
        let exceeded = OnceLock::new();
        Self { location, limits, handle, calls: zero(), bytes: zero(), entries: zero(), exceeded }
    }

    /// Calls, bytes and entries used so far.
    pub fn used(&self) -> GrantLimits {
        GrantLimits {
            calls: self.calls.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            entries: self.entries.load(Ordering::Relaxed),
        }
    }

    /// Which limit was exceeded, if one was. A plugin is told, too, but may go on with what it has seen until then: what it
    /// finds that way is not all there is.
    ///
    /// # Errors
    /// [`SourceError::OverLimit`].
    pub fn within_limits(&self) -> Result<(), SourceError> {
        let Some((place, limit)) = self.exceeded.get().cloned() else { return Ok(()) };
        Err(SourceError::OverLimit { place, limit })
    }

    /// Keeps the first limit that was exceeded.
    fn noted(&self, error: SourceError) -> SourceError {
        if let SourceError::OverLimit { place, limit } = &error {
            self.exceeded.get_or_init(|| (place.clone(), limit.clone()));
        }
        error
    }

    fn call(&self) -> Result<(), SourceError> {
        self.charge(&self.calls, 1, self.limits.calls, "calls")
    }

    fn charge(&self, counter: &AtomicU64, amount: u64, limit: u64, what: &str) -> Result<(), SourceError> {
        let before = counter.fetch_add(amount, Ordering::Relaxed);
        if before.saturating_add(amount) <= limit {
            return Ok(());
        }
        let limit = format!("{limit} {what} in one discovery. Name a longer prefix, or raise `max_discovery_{what}`");
        Err(self.noted(SourceError::OverLimit { place: self.location.url.clone(), limit }))
    }

    fn read_span(&self, path: &str, span: Option<Range<u64>>) -> Result<Bytes, SourceError> {
        self.call()?;
        let object = self.handle.block_on(self.location.stat(path))?;
        let whole = 0..object.size;
        let span = span.unwrap_or(whole);
        let span = span.start.min(object.size)..span.end.min(object.size).max(span.start.min(object.size));
        // Charged before it is read: a span over the limit costs no memory.
        self.charge(&self.bytes, span.end - span.start, self.limits.bytes, "bytes")?;
        fetch::read_span(&self.location, &object, span, &self.handle)
    }
}

impl Grant for Bucket {
    fn list(&self, prefix: &str, deep: bool, next: Option<&str>) -> Result<ListPage, GrantError> {
        self.call()?;
        let page = self.handle.block_on(self.location.list(prefix, deep, next, PAGE))?;
        let entries = page.objects.len() + page.folders.len();
        self.charge(&self.entries, entries as u64, self.limits.entries, "entries")?;
        Ok(page)
    }

    fn stat(&self, path: &str) -> Result<ObjectInfo, GrantError> {
        self.call()?;
        Ok(self.handle.block_on(self.location.stat(path))?)
    }

    fn read(&self, path: &str, span: Option<Range<u64>>) -> Result<Bytes, GrantError> {
        Ok(self.read_span(path, span)?)
    }

    fn read_text(&self, path: &str) -> Result<String, GrantError> {
        let raw = self.read_span(path, None)?;
        let place = self.location.place(path);
        let plain = if path.ends_with(".gz") && !raw.is_empty() {
            let left = self.limits.bytes.saturating_sub(self.bytes.load(Ordering::Relaxed));
            let plain = fetch::gunzip_small(&raw, &place, left).map_err(|error| self.noted(error))?;
            self.charge(&self.bytes, plain.len() as u64, self.limits.bytes, "bytes")?;
            plain
        } else {
            raw.into()
        };
        let mut text = String::from_utf8(plain).map_err(|error| SourceError::Corrupt {
            place,
            offset: error.utf8_error().valid_up_to() as u64,
            problem: "it is not UTF-8 text".to_owned(),
        })?;
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        Ok(text)
    }

    fn single(&self) -> Option<String> {
        self.location.single().map(str::to_owned)
    }
}
