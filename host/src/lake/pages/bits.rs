//! Packing of codes into as few bits as they need, and the run-length headers around them.
//!
//! Both are Parquet's "RLE / bit-packing hybrid": runs of one value, and stretches of values at a fixed width, lowest
//! bits first, in groups of eight.

/// Bits that every code below `count` fits.
pub(super) fn width_for(count: usize) -> u8 {
    let highest = u32::try_from(count.saturating_sub(1)).unwrap_or(u32::MAX);
    // At most 32.
    (u32::BITS - highest.leading_zeros()) as u8
}

/// Appends an unsigned number, seven bits a byte.
pub(super) fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed number so that small ones of both signs are short.
pub(super) fn put_zigzag(value: i64, out: &mut Vec<u8>) {
    put_varint(((value << 1) ^ (value >> 63)).cast_unsigned(), out);
}

/// Appends `count` times `value` as one run. `width` is that of all values of the stream.
pub(super) fn put_run(value: u32, count: usize, width: u8, out: &mut Vec<u8>) {
    put_varint((count as u64) << 1, out);
    out.extend(value.to_le_bytes().iter().take(usize::from(width).div_ceil(8)));
}

/// Appends codes as one stretch at `width` bits, its header first.
pub(super) fn put_packed(codes: &[u32], width: u8, out: &mut Vec<u8>) {
    put_varint((codes.len().div_ceil(8) as u64) << 1 | 1, out);
    pack(codes, width, out);
}

/// Appends codes at `width` bits (at most 32), without a header, filled up with zeros to a multiple of eight codes.
pub(super) fn pack(codes: &[u32], width: u8, out: &mut Vec<u8>) {
    // Whole bytes are a plain narrowing copy; the rest is unrolled for each width.
    match width {
        0 => return,
        8 => out.extend(codes.iter().map(|code| *code as u8)),
        16 => out.extend(codes.iter().flat_map(|code| (*code as u16).to_le_bytes())),
        width => return pack_at(codes, width, out),
    }
    let filling = (codes.len().next_multiple_of(8) - codes.len()) * usize::from(width) / 8;
    out.resize(out.len() + filling, 0);
}

macro_rules! for_width {
    ($width:expr, $codes:expr, $out:expr, $($known:literal)*) => {
        match $width {
            $($known => pack_groups::<$known>($codes, $out),)*
            _ => pack_groups::<32>($codes, $out),
        }
    };
}

fn pack_at(codes: &[u32], width: u8, out: &mut Vec<u8>) {
    for_width!(width, codes, out,
        1 2 3 4 5 6 7 9 10 11 12 13 14 15 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31);
}

fn pack_groups<const WIDTH: usize>(codes: &[u32], out: &mut Vec<u8>) {
    let (groups, rest) = codes.as_chunks::<8>();
    out.reserve((groups.len() + 1) * WIDTH);
    for group in groups {
        put_group::<WIDTH>(group, out);
    }
    if !rest.is_empty() {
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        put_group::<WIDTH>(&last, out);
    }
}

/// Eight codes are `WIDTH` bytes. The loop has constant bounds and shifts, so it becomes straight code.
#[inline]
fn put_group<const WIDTH: usize>(group: &[u32; 8], out: &mut Vec<u8>) {
    let mut words = [0_u64; 4];
    for (at, code) in group.iter().enumerate() {
        let (word, shift) = (at * WIDTH / 64, at * WIDTH % 64);
        if let Some(word) = words.get_mut(word) {
            *word |= u64::from(*code) << shift;
        }
        if shift + WIDTH > 64
            && let Some(next) = words.get_mut(word + 1)
        {
            *next |= u64::from(*code) >> (64 - shift);
        }
    }
    let mut bytes = [0; 32];
    for (to, from) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
        *to = from.to_le_bytes();
    }
    out.extend_from_slice(bytes.first_chunk::<32>().map_or(&[], |all| all.split_at(WIDTH).0));
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// One bit after the other, as the format describes it.
    pub(in super::super) fn unpacked(bytes: &[u8], width: u8, count: usize) -> Vec<u32> {
        let bit = |at: usize| u32::from(bytes[at / 8] >> (at % 8) & 1);
        let width = usize::from(width);
        (0..count).map(|n| (0..width).map(|at| bit(n * width + at) << at).sum()).collect()
    }

    pub(in super::super) fn varint(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let (first, rest) = bytes.split_first().unwrap();
            value |= u64::from(first & 0x7f) << shift;
            *bytes = rest;
            if first & 0x80 == 0 {
                break;
            }
        }
        value
    }

    /// All values of a stream of runs and packed stretches, with those that fill up its last group.
    pub(in super::super) fn read_hybrid(mut bytes: &[u8], width: u8) -> Vec<u32> {
        let mut values = Vec::new();
        while !bytes.is_empty() {
            let header = varint(&mut bytes);
            let count = usize::try_from(header >> 1).unwrap();
            let size = if header & 1 == 1 { count * usize::from(width) } else { usize::from(width).div_ceil(8) };
            let (own, rest) = bytes.split_at(size);
            if header & 1 == 1 {
                values.extend(unpacked(own, width, count * 8));
            } else {
                let value = own.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte));
                values.extend(std::iter::repeat_n(value, count));
            }
            bytes = rest;
        }
        values
    }

    #[test]
    fn every_width_packs_every_count() {
        for width in 0..=32_u8 {
            for count in [1, 7, 8, 9, 64, 1000] {
                let mask = u32::try_from((1_u64 << width) - 1).unwrap();
                let codes: Vec<u32> =
                    (0..count).map(|n: u32| n.wrapping_mul(0x9e37_79b9).rotate_left(9) & mask).collect();
                let mut out = vec![0xaa];
                pack(&codes, width, &mut out);
                assert_eq!(out.len(), 1 + codes.len().div_ceil(8) * usize::from(width), "{count} of {width} bits");
                assert_eq!(unpacked(&out[1..], width, codes.len()), codes, "{count} of {width} bits");
            }
        }
    }

    #[test]
    fn widths_are_those_of_the_last_code() {
        let widths = [0, 1, 2, 3, 4, 5, 256, 257, 65_536, 65_537, usize::MAX].map(width_for);
        assert_eq!(widths, [0, 0, 1, 2, 2, 3, 8, 9, 16, 17, 32]);
    }

    #[test]
    fn runs_and_numbers_read_back() {
        for (value, count, width) in [(0, 1, 0), (1, 1, 1), (77_777, 300, 17), (u32::MAX, 1 << 20, 32)] {
            let mut out = Vec::new();
            put_run(value, count, width, &mut out);
            let all = read_hybrid(&out, width);
            assert!(all.len() == count && all.iter().all(|read| *read == value));
        }
        for value in [0, -1, 1, -64, 64, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            put_zigzag(value, &mut out);
            let read = varint(&mut out.as_slice());
            assert_eq!((read >> 1).cast_signed() ^ -((read & 1).cast_signed()), value);
        }
    }
}
