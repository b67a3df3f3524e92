//! Definition and repetition levels: which values of a column are there, and where lists begin.

use arrow::array::BooleanBufferBuilder;
use arrow::buffer::NullBuffer;

use super::bits::{put_run, put_varint};

/// Levels of the page that is being filled.
#[derive(Debug)]
pub(super) enum Levels {
    /// A column that is not part of a list or map.
    Flat(Validity),
    /// A column inside of lists or maps.
    Nested { repetition: LevelRuns, definition: LevelRuns },
}

impl Levels {
    /// For a column whose levels reach up to these.
    pub(super) fn new(max_repetition: i16, max_definition: i16) -> Self {
        if max_repetition == 0 && max_definition <= 1 {
            return Self::Flat(Validity { optional: max_definition == 1, ..Validity::default() });
        }
        Self::Nested { repetition: LevelRuns::new(max_repetition), definition: LevelRuns::new(max_definition) }
    }

    /// Appends the page's levels as its header announces them, and empties them.
    pub(super) fn put(&mut self, out: &mut Vec<u8>) {
        match self {
            Self::Flat(validity) => validity.put(out),
            Self::Nested { repetition, definition } => {
                repetition.put(out);
                definition.put(out);
            }
        }
    }

    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Flat(validity) => validity.bits.as_ref().map_or(0, |bits| bits.capacity() / 8),
            Self::Nested { repetition, definition } => repetition.out.capacity() + definition.out.capacity(),
        }
    }
}

/// Which rows of a flat column have a value. Arrow's validity bitmap is laid out as bit-packed levels of width one
/// are, so it goes to the page as it is; where all rows have a value, or none, no bitmap is made.
#[derive(Debug, Default)]
pub(super) struct Validity {
    optional: bool,
    rows: usize,
    nulls: usize,
    bits: Option<BooleanBufferBuilder>,
}

impl Validity {
    /// Takes in `rows` rows.
    pub(super) fn append(&mut self, rows: usize, nulls: Option<&NullBuffer>) {
        match nulls {
            Some(nulls) if nulls.null_count() == rows => self.append_same(rows, false),
            Some(nulls) if nulls.null_count() > 0 => {
                let buffer = nulls.inner();
                let from = buffer.offset();
                self.bits().append_packed_range(from..from + rows, buffer.values());
                self.nulls += nulls.null_count();
                self.rows += rows;
            }
            _ => self.append_same(rows, true),
        }
    }

    /// Takes in rows of which none has a value.
    pub(super) fn append_nulls(&mut self, rows: usize) {
        self.append_same(rows, false);
    }

    fn append_same(&mut self, rows: usize, valid: bool) {
        let uniform = self.bits.is_none() && (if valid { self.nulls == 0 } else { self.nulls == self.rows });
        if !uniform {
            self.bits().append_n(rows, valid);
        }
        self.rows += rows;
        self.nulls += if valid { 0 } else { rows };
    }

    /// The bitmap, made of what is known if there was none.
    fn bits(&mut self) -> &mut BooleanBufferBuilder {
        let (rows, valid) = (self.rows, self.nulls == 0);
        self.bits.get_or_insert_with(|| {
            let mut bits = BooleanBufferBuilder::new(rows.max(1024));
            bits.append_n(rows, valid);
            bits
        })
    }

    fn put(&mut self, out: &mut Vec<u8>) {
        if self.optional {
            let start = begin_sized(out);
            match &mut self.bits {
                Some(bits) if self.nulls > 0 && self.nulls < self.rows => {
                    put_varint((self.rows.div_ceil(8) as u64) << 1 | 1, out);
                    out.extend_from_slice(bits.as_slice().split_at(self.rows.div_ceil(8)).0);
                }
                _ => put_run(u32::from(self.nulls == 0), self.rows, 1, out),
            }
            end_sized(start, out);
        }
        (self.rows, self.nulls, self.bits) = (0, 0, None);
    }
}

/// Levels as runs, of which those that are too short to pay are packed in groups of eight.
#[derive(Debug)]
pub(super) struct LevelRuns {
    width: u8,
    /// A one at the place of each level of a group: times a level, it is a group of that level.
    places: u64,
    out: Vec<u8>,
    /// The run that is not finished.
    level: u8,
    count: usize,
    /// Levels that do not fill a group yet, lowest bits first, and how many.
    group: u64,
    grouped: usize,
    /// Where the header of the packed groups stands that end `out`, and how many they are.
    packed: Option<(usize, u8)>,
}

/// As many groups of eight as a header of one byte can announce.
const MAX_GROUPS: u8 = 63;

impl LevelRuns {
    fn new(max: i16) -> Self {
        let width = (i16::BITS - max.leading_zeros()) as u8;
        let places = (0..8).fold(0, |places, at| places | 1 << (at * u32::from(width)));
        Self { width, places, out: Vec::new(), level: 0, count: 0, group: 0, grouped: 0, packed: None }
    }

    /// Appends `count` times `level`.
    #[inline]
    pub(super) fn push(&mut self, level: u8, count: usize) {
        if level != self.level {
            self.end_run();
            self.level = level;
        }
        self.count += count;
    }

    fn end_run(&mut self) {
        let mut left = std::mem::take(&mut self.count);
        if self.grouped > 0 {
            let filling = left.min(8 - self.grouped);
            self.fill(filling);
            left -= filling;
        }
        match left {
            0 => {}
            1..8 => self.fill(left),
            // The header of a short run is one byte, a level is never more.
            8..64 => {
                self.packed = None;
                self.out.extend_from_slice(&[(left as u8) << 1, self.level]);
            }
            _ => {
                self.packed = None;
                put_run(u32::from(self.level), left, self.width, &mut self.out);
            }
        }
    }

    /// Adds to the group, which has room for `count`.
    #[inline]
    fn fill(&mut self, count: usize) {
        let width = u32::from(self.width);
        // A group takes at most 64 bits, so counts and shifts are small.
        let used = u64::MAX.checked_shr(64 - width * count as u32).unwrap_or(0);
        self.group |= ((self.places * u64::from(self.level)) & used) << (self.grouped as u32 * width);
        self.grouped += count;
        if self.grouped == 8 {
            self.end_group();
        }
    }

    fn end_group(&mut self) {
        match &mut self.packed {
            Some((header, groups)) if *groups < MAX_GROUPS => {
                *groups += 1;
                if let Some(byte) = self.out.get_mut(*header) {
                    *byte = *groups << 1 | 1;
                }
            }
            packed => {
                *packed = Some((self.out.len(), 1));
                self.out.push(1 << 1 | 1);
            }
        }
        if self.width == 1 {
            self.out.push(self.group as u8);
        } else {
            self.out.extend_from_slice(self.group.to_le_bytes().split_at(usize::from(self.width)).0);
        }
        (self.group, self.grouped) = (0, 0);
    }

    fn put(&mut self, out: &mut Vec<u8>) {
        if self.width > 0 {
            self.end_run();
            if self.grouped > 0 {
                self.end_group();
            }
            let start = begin_sized(out);
            out.extend_from_slice(&self.out);
            end_sized(start, out);
        }
        self.out.clear();
        (self.level, self.count, self.packed) = (0, 0, None);
    }
}

/// Leaves room for the length of what follows.
fn begin_sized(out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(&[0; 4]);
    out.len()
}

/// Writes the length of what was appended since [`begin_sized`].
fn end_sized(start: usize, out: &mut [u8]) {
    let length = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
    if let Some(place) = out.get_mut(start - 4..start) {
        place.copy_from_slice(&length.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::super::bits::tests::read_hybrid;
    use super::*;

    fn runs(max: i16, runs: &[(u8, usize)]) -> (Vec<u32>, Vec<u32>) {
        let mut levels = LevelRuns::new(max);
        runs.iter().for_each(|(level, count)| levels.push(*level, *count));
        let mut out = Vec::new();
        levels.put(&mut out);
        assert_eq!(u32::from_le_bytes(*out.first_chunk().unwrap()) as usize, out.len() - 4);
        let wanted: Vec<u32> =
            runs.iter().flat_map(|(level, count)| std::iter::repeat_n(u32::from(*level), *count)).collect();
        let mut read = read_hybrid(&out[4..], levels.width);
        assert!(read.len() < wanted.len() + 8);
        read.truncate(wanted.len());
        (wanted, read)
    }

    #[test]
    fn short_and_long_runs_read_back() {
        let mut state = 7_u64;
        for max in [1, 2, 3, 7, 9] {
            for longest in [1, 3, 9, 40, 5000] {
                let all: Vec<(u8, usize)> = (0..700)
                    .map(|_| {
                        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                        ((state >> 33) as u8 % (max as u8 + 1), (state >> 40) as usize % (longest + 1))
                    })
                    .collect();
                let (wanted, read) = runs(max, &all);
                assert_eq!(wanted, read, "levels up to {max}, runs up to {longest}");
            }
        }
    }

    #[test]
    fn a_run_takes_a_few_bytes_and_begins_anywhere() {
        let mut levels = LevelRuns::new(1);
        levels.push(0, 1);
        levels.push(1, 1 << 20);
        let mut out = Vec::new();
        levels.put(&mut out);
        assert!(out.len() <= 4 + 2 + 4, "{out:?}");
        assert!(levels.out.is_empty() && levels.grouped == 0);
    }

    fn validity(parts: &[&[bool]]) -> Vec<u8> {
        let mut levels = Levels::new(0, 1);
        let Levels::Flat(validity) = &mut levels else { unreachable!() };
        for part in parts {
            // Not at the beginning of its buffer.
            let nulls = NullBuffer::from([&[true, false, true], *part].concat()).slice(3, part.len());
            validity.append(part.len(), Some(&nulls));
        }
        let mut out = Vec::new();
        levels.put(&mut out);
        let mut again = Vec::new();
        levels.put(&mut again);
        assert!(read_hybrid(&again[4..], 1).is_empty(), "nothing is left of the page");
        out.split_off(4)
    }

    #[test]
    fn bitmaps_of_several_batches_are_joined() {
        let (all, none, some) = ([true; 5], [false; 9], [true, false, false, true, true]);
        let parts: [&[&[bool]]; 7] = [
            &[&all, &none],
            &[&none, &all],
            &[&some, &some, &none],
            &[&none, &some],
            &[&all, &some],
            &[&some],
            &[&all, &all, &none, &none, &all],
        ];
        for parts in parts {
            let wanted: Vec<u32> = parts.concat().iter().map(|valid| u32::from(*valid)).collect();
            let mut read = read_hybrid(&validity(parts), 1);
            read.truncate(wanted.len());
            assert_eq!(read, wanted);
        }
    }

    #[test]
    fn columns_without_nulls_or_without_values_are_one_run() {
        assert_eq!(validity(&[&[true; 300], &[true; 300]]), [0xb0, 0x09, 1]);
        assert_eq!(validity(&[&[false; 300], &[false; 300]]), [0xb0, 0x09, 0]);
    }
}
