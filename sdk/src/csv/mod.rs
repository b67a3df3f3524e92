//! CSV that is pushed: bytes in, cut anywhere; rows of field positions out.
//!
//! Invariant: the rows do not depend on where the bytes were cut.

pub mod field;
mod positions;
mod scan;
mod simd;

use scan::{Marks, State};

/// The longest row that is read.
pub const MAX_ROW: usize = 16 << 20;
/// Longer pushes are looked at in pieces of this size: a piece, its positions and the dictionaries that its fields are
/// looked up in then stay in a core's own cache.
const PIECE: usize = 256 << 10;
/// Bytes that are copied at once to look for the end of a row that was cut.
const STEP: usize = 4 << 10;
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A row is longer than [`MAX_ROW`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowTooLong {
    /// Rows before it, the header among them.
    pub row: u64,
    /// Where it begins in the file.
    pub byte: u64,
}

impl std::fmt::Display for RowTooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the row that begins at byte {} is longer than {} MiB", self.byte, MAX_ROW >> 20)
    }
}

impl std::error::Error for RowTooLong {}

/// Takes the bytes of a file and gives its rows.
#[derive(Debug)]
pub struct Reader {
    buffer: Vec<u8>,
    marks: Marks,
    /// Where the buffer begins in the file.
    offset: u64,
    /// Rows given out.
    rows: u64,
    started: bool,
}

/// Some whole rows.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    /// The bytes that positions point into.
    pub(crate) data: &'a [u8],
    pub(crate) positions: &'a [u32],
    rows: &'a [scan::RowMarks],
    /// Where `data` begins in the file; none for rows that never were text.
    offset: Option<u64>,
    /// Whether every byte is below 128.
    pub(crate) ascii: bool,
    /// Whether the file ended between the quotes of the last row.
    open_quote: bool,
}

/// One row of a block.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    data: &'a [u8],
    /// One more than there are fields.
    positions: &'a [u32],
    base: u32,
    offset: Option<u64>,
}

impl Default for Reader {
    fn default() -> Self {
        Reader::new()
    }
}

impl Reader {
    /// A reader at the start of a file.
    #[must_use]
    pub fn new() -> Reader {
        Reader { buffer: Vec::new(), marks: Marks::new(), offset: 0, rows: 0, started: false }
    }

    /// Takes the next bytes and hands the rows that end in them to `take`, in blocks. Rows are read where they lie; only one
    /// that is cut is put together in a buffer.
    ///
    /// # Errors
    /// When a row is too long, or when `take` fails.
    pub fn push<E: From<RowTooLong>>(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(Block<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = bytes;
        while !rest.is_empty() {
            self.forget();
            let used = if self.started && self.buffer.is_empty() { self.read_in_place(rest, &mut take)? } else { 0 };
            let used = if used == 0 { self.read_cut_row(rest, &mut take)? } else { used };
            rest = rest.get(used..).unwrap_or_default();
        }
        Ok(())
    }

    /// Takes whole rows from the start of `bytes`, which is the start of a row: how many bytes they are. When these are the
    /// last bytes, what is left of them is kept.
    fn read_in_place<E>(
        &mut self,
        bytes: &[u8],
        take: &mut impl FnMut(Block<'_>) -> Result<(), E>,
    ) -> Result<usize, E> {
        let piece = bytes.get(..PIECE).unwrap_or(bytes);
        self.marks.restart();
        self.marks.scan(piece);
        self.rows += self.marks.rows.len() as u64;
        if !self.marks.rows.is_empty() {
            take(self.block(piece, false))?;
        }
        let gone = self.marks.open_row();
        self.offset += gone as u64;
        self.marks.forget(gone);
        if piece.len() < bytes.len() {
            self.marks.restart();
            return Ok(gone);
        }
        self.keep(piece.get(gone..).unwrap_or_default());
        Ok(piece.len())
    }

    fn keep(&mut self, cut: &[u8]) {
        self.buffer.extend_from_slice(cut);
        self.marks.ascii = cut.is_ascii();
    }

    /// Adds a few bytes to the row in progress, in the buffer. When it ends in them: as many bytes as belong to it, and to
    /// whole rows after it.
    fn read_cut_row<E: From<RowTooLong>>(
        &mut self,
        bytes: &[u8],
        take: &mut impl FnMut(Block<'_>) -> Result<(), E>,
    ) -> Result<usize, E> {
        let piece = bytes.get(..STEP).unwrap_or(bytes);
        let before = self.buffer.len();
        self.buffer.extend_from_slice(piece);
        if !self.start(false) {
            return Ok(piece.len());
        }
        self.marks.scan(&self.buffer);
        self.check_lengths()?;
        if !self.marks.rows.is_empty() {
            self.rows += self.marks.rows.len() as u64;
            take(self.block(&self.buffer, false))?;
        }
        let gone = self.marks.open_row();
        if gone <= before {
            return Ok(piece.len());
        }
        // The next row begins within the piece: it is read where it lies.
        let left = self.buffer.len() - gone;
        self.offset += gone as u64;
        self.buffer.clear();
        self.marks.restart();
        Ok(piece.len() - left)
    }

    /// The file has ended: a last row without a line feed goes to `take`.
    ///
    /// # Errors
    /// When `take` fails.
    pub fn finish<E>(&mut self, mut take: impl FnMut(Block<'_>) -> Result<(), E>) -> Result<(), E> {
        self.forget();
        self.start(true);
        self.marks.scan(&self.buffer);
        let open_quote = self.marks.state == State::Quoted;
        if self.buffer.len() > self.marks.open_row() {
            self.marks.end_row(&self.buffer, self.buffer.len());
        }
        if self.marks.rows.is_empty() {
            return Ok(());
        }
        self.rows += self.marks.rows.len() as u64;
        take(self.block(&self.buffer, open_quote))
    }

    /// The rows that were found in `data`.
    fn block<'a>(&'a self, data: &'a [u8], open_quote: bool) -> Block<'a> {
        Block {
            data,
            positions: self.marks.positions.as_slice(),
            rows: &self.marks.rows,
            offset: Some(self.offset),
            ascii: self.marks.ascii,
            open_quote,
        }
    }

    /// Drops the rows that were given out.
    fn forget(&mut self) {
        let gone = self.marks.open_row();
        if gone == 0 {
            return;
        }
        self.buffer.drain(..gone);
        self.marks.forget(gone);
        self.marks.ascii = self.buffer.is_ascii();
        self.offset += gone as u64;
    }

    /// Steps over a byte order mark. False while it cannot be known whether there is one.
    fn start(&mut self, last: bool) -> bool {
        if !self.started && (last || self.buffer.len() >= BYTE_ORDER_MARK.len()) {
            self.started = true;
            if self.buffer.starts_with(BYTE_ORDER_MARK) {
                self.buffer.drain(..BYTE_ORDER_MARK.len());
                self.offset += BYTE_ORDER_MARK.len() as u64;
            }
        }
        self.started
    }

    fn check_lengths(&self) -> Result<(), RowTooLong> {
        if self.buffer.len() <= MAX_ROW {
            return Ok(());
        }
        let block = self.block(&self.buffer, false);
        let whole = block.rows().position(|row| row.raw().len() > MAX_ROW);
        let begin = self.marks.open_row();
        let (row, begin) = match whole {
            Some(at) => (at, block.row(at).map_or(0, |row| row.begin())),
            None if self.buffer.len() - begin > MAX_ROW => (self.marks.rows.len(), begin),
            None => return Ok(()),
        };
        Err(RowTooLong { row: self.rows + row as u64, byte: self.offset + begin as u64 })
    }
}

impl<'a> Block<'a> {
    /// How many rows it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it holds no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// One row.
    #[must_use]
    pub fn row(&self, at: usize) -> Option<Row<'a>> {
        let marks = self.rows.get(at)?;
        let from = marks.base as usize;
        let positions = self.positions.get(from..=from + marks.fields as usize)?;
        Some(Row { data: self.data, positions, base: marks.base, offset: self.offset })
    }

    /// All rows.
    pub fn rows(&self) -> impl Iterator<Item = Row<'a>> + use<'a> {
        let block = *self;
        (0..block.len()).filter_map(move |at| block.row(at))
    }

    /// The same without its first rows.
    #[must_use]
    pub fn skip(mut self, rows: usize) -> Block<'a> {
        self.rows = self.rows.get(rows..).unwrap_or_default();
        self
    }

    /// Its first rows only.
    #[must_use]
    pub fn first(mut self, rows: usize) -> Block<'a> {
        if rows < self.rows.len() {
            self.rows = self.rows.get(..rows).unwrap_or_default();
            self.open_quote = false;
        }
        self
    }

    /// The bytes of its rows; what follows may be cut anywhere.
    pub(crate) fn used(&self) -> &'a [u8] {
        let Some(last) = self.rows.last() else { return &[] };
        let end = self.positions.get(last.base as usize + last.fields as usize).copied().unwrap_or(0);
        self.data.get(..end as usize).unwrap_or_default()
    }

    /// Whether the file ended inside the quotes of this row.
    #[must_use]
    pub fn is_unterminated(&self, row: usize) -> bool {
        self.open_quote && row + 1 == self.rows.len()
    }
}

impl<'a> Row<'a> {
    /// How many fields it has.
    #[must_use]
    pub fn fields(&self) -> usize {
        self.positions.len() - 1
    }

    /// A field as it stands in the file.
    #[must_use]
    pub fn field(&self, at: usize) -> Option<&'a [u8]> {
        let (from, to) = (self.positions.get(at)?, self.positions.get(at + 1)?);
        self.data.get(from.wrapping_add(1) as usize..*to as usize)
    }

    /// All bytes of the row, without its line feed.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        let end = self.positions.last().copied().unwrap_or(0) as usize;
        self.data.get(self.begin()..end).unwrap_or_default()
    }

    /// Where it begins in the file.
    #[must_use]
    pub fn byte(&self) -> Option<u64> {
        self.offset.map(|offset| offset + self.begin() as u64)
    }

    /// Index of its first position in the block.
    pub(crate) fn base(&self) -> u32 {
        self.base
    }

    fn begin(&self) -> usize {
        self.positions.first().copied().unwrap_or(u32::MAX).wrapping_add(1) as usize
    }
}

/// Rows made from values instead of read from a file.
#[derive(Debug)]
pub struct Writer {
    buffer: Vec<u8>,
    marks: Marks,
}

impl Default for Writer {
    fn default() -> Self {
        Writer::new()
    }
}

impl Writer {
    /// With no row.
    #[must_use]
    pub fn new() -> Writer {
        Writer { buffer: Vec::new(), marks: Marks::new() }
    }

    /// Appends a field to the row in progress.
    pub fn field(&mut self, value: &[u8]) {
        field::quote(value, &mut self.buffer);
        self.marks.positions.push(self.buffer.len() as u32);
        self.buffer.push(b',');
    }

    /// Ends the row in progress. Returns the bytes that wait in the writer: take the block before they near 4 GiB.
    pub fn end_row(&mut self) -> usize {
        let marks = &mut self.marks;
        let fields = marks.positions.len() - marks.open - 1;
        marks.rows.push(scan::RowMarks { base: marks.open as u32, fields: fields as u32 });
        marks.open = marks.positions.len();
        marks.positions.push((self.buffer.len() as u32).wrapping_sub(1));
        self.buffer.len()
    }

    /// The rows so far.
    #[must_use]
    pub fn block(&self) -> Block<'_> {
        Block {
            data: &self.buffer,
            positions: self.marks.positions.as_slice(),
            rows: &self.marks.rows,
            offset: None,
            ascii: self.buffer.is_ascii(),
            open_quote: false,
        }
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.marks = Marks::new();
    }
}
