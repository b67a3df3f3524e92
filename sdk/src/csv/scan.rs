//! Where fields and rows end.
//!
//! The grammar is RFC 4180's with what real files need: LF or CRLF, blank lines skipped, a quote that does not open a
//! field taken as it stands, text after a closing quote kept. Well-formed blocks of 64 bytes are decided bit-parallel;
//! blocks in which a quote stands where none should go through the state machine that defines the grammar.

use super::positions::Positions;
use super::simd::{self, Masks};

/// What the byte before means for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// At the start of a field.
    Start,
    /// In a field that has no quotes around it, or after its closing quote.
    Bare,
    /// Between quotes.
    Quoted,
    /// After a quote that closes the field, or is the first of two.
    Quote,
}

impl State {
    fn next(self, byte: u8) -> State {
        match (self, byte) {
            (State::Quoted, b'"') => State::Quote,
            (State::Quoted, _) | (State::Start | State::Quote, b'"') => State::Quoted,
            (_, b',' | b'\n') => State::Start,
            _ => State::Bare,
        }
    }
}

/// A row: `fields + 1` marks from `base`. Field `i` lies after mark `i` and before mark `i + 1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowMarks {
    pub(super) base: u32,
    pub(super) fields: u32,
}

/// Positions found so far, relative to the start of the buffer.
#[derive(Debug)]
pub(super) struct Marks {
    pub(super) state: State,
    /// Everything before it was looked at.
    pub(super) scanned: usize,
    /// For each row: the byte before it (wrapping), then the byte after each of its fields.
    pub(super) positions: Positions,
    pub(super) rows: Vec<RowMarks>,
    /// Where the marks of the row in progress begin.
    pub(super) open: usize,
    pub(super) ascii: bool,
}

impl Marks {
    pub(super) fn new() -> Marks {
        Marks {
            state: State::Start,
            scanned: 0,
            positions: Positions::of(u32::MAX),
            rows: Vec::new(),
            open: 0,
            ascii: true,
        }
    }

    /// Looks at the rest of the buffer, whose end may be anywhere.
    pub(super) fn scan(&mut self, buffer: &[u8]) {
        let rest = buffer.get(self.scanned..).unwrap_or_default();
        let (blocks, tail) = rest.as_chunks::<64>();
        for block in blocks {
            let commas = simd::commas(block);
            if commas.plain && self.state != State::Quoted {
                self.positions.push_bits(self.scanned as u32, commas.comma);
                self.state = if commas.comma >> 63 == 1 { State::Start } else { State::Bare };
            } else {
                self.block(buffer, block, commas.comma);
            }
            self.scanned += 64;
        }
        self.ascii &= tail.is_ascii();
        self.bytes(buffer, tail);
        self.scanned += tail.len();
    }

    /// A block with more than fields and commas in it.
    #[inline(never)]
    fn block(&mut self, buffer: &[u8], block: &[u8; 64], comma: u64) {
        let masks = simd::masks(block);
        self.ascii &= masks.beyond_ascii == 0;
        let mut outside = !0u64;
        if masks.quote != 0 || self.state == State::Quoted {
            let Some(quoted) = self.quoted(masks, comma) else {
                return self.bytes(buffer, block);
            };
            outside = !quoted;
        }
        let mut newline = masks.newline & outside;
        let mut ends = (comma & outside) | newline;
        while newline != 0 {
            let bit = newline.trailing_zeros();
            let before = (1 << bit) - 1;
            self.positions.push_bits(self.scanned as u32, ends & before);
            self.end_row(buffer, self.scanned + bit as usize);
            newline &= newline - 1;
            ends &= !before & !(1 << bit);
        }
        self.positions.push_bits(self.scanned as u32, ends);
        let last = |mask: u64| mask & outside & 1 << 63 != 0;
        self.state = if outside & 1 << 63 == 0 {
            State::Quoted
        } else if last(comma | masks.newline) {
            State::Start
        } else if last(masks.quote) {
            State::Quote
        } else {
            State::Bare
        };
    }

    /// Which bytes lie between quotes (opening quotes among them), if no quote stands where none should.
    #[inline]
    fn quoted(&self, masks: Masks, comma: u64) -> Option<u64> {
        let carry = if self.state == State::Quoted { !0 } else { 0 };
        let mut quoted = masks.quote;
        for shift in [1, 2, 4, 8, 16, 32] {
            quoted ^= quoted << shift;
        }
        let quoted = quoted ^ carry;
        let opening = masks.quote & quoted;
        let may_open = u64::from(matches!(self.state, State::Start | State::Quote));
        let before = (comma | masks.newline | masks.quote) << 1 | may_open;
        if opening & !before == 0 { Some(quoted) } else { None }
    }

    /// The grammar itself, byte by byte.
    fn bytes(&mut self, buffer: &[u8], bytes: &[u8]) {
        for (i, &byte) in bytes.iter().enumerate() {
            if self.state != State::Quoted {
                match byte {
                    b',' => self.positions.push((self.scanned + i) as u32),
                    b'\n' => self.end_row(buffer, self.scanned + i),
                    _ => {}
                }
            }
            self.state = self.state.next(byte);
        }
    }

    /// A row ends before `at`; the next one begins after it.
    pub(super) fn end_row(&mut self, buffer: &[u8], at: usize) {
        let begin = self.positions.get(self.open).unwrap_or(u32::MAX).wrapping_add(1) as usize;
        let carriage_return = at > begin && buffer.get(at - 1) == Some(&b'\r');
        let end = at - usize::from(carriage_return);
        let fields = self.positions.len() - self.open;
        if fields == 1 && end == begin {
            self.positions.truncate(self.open);
        } else {
            self.positions.push(end as u32);
            self.rows.push(RowMarks { base: self.open as u32, fields: fields as u32 });
            self.open = self.positions.len();
        }
        self.positions.push(at as u32);
    }

    /// Forgets finished rows and the first `gone` bytes of the buffer.
    pub(super) fn forget(&mut self, gone: usize) {
        self.positions.forget(self.open, gone as u32);
        self.rows.clear();
        self.open = 0;
        self.scanned -= gone;
        self.ascii = true;
    }

    /// Forgets everything: what comes next is the start of a row, in another buffer.
    pub(super) fn restart(&mut self) {
        self.positions.truncate(0);
        self.positions.push(u32::MAX);
        self.rows.clear();
        (self.state, self.scanned, self.open, self.ascii) = (State::Start, 0, 0, true);
    }

    /// Where the row in progress begins.
    pub(super) fn open_row(&self) -> usize {
        self.positions.get(self.open).unwrap_or(u32::MAX).wrapping_add(1) as usize
    }
}
