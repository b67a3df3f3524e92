//! Lengths as DELTA_BINARY_PACKED: differences in blocks, each with the smallest taken off and packed at its own width.

use super::bits::{pack, put_varint, put_zigzag, width_for};

/// Differences of a block, ..
const BLOCK: usize = 128;
/// .. and of each of its parts, which have widths of their own.
const PART: usize = 32;
const PARTS: usize = BLOCK / PART;

/// Appends lengths, which are below 2^31.
pub(super) fn put_deltas(lengths: &[u32], out: &mut Vec<u8>) {
    put_varint(BLOCK as u64, out);
    put_varint(PARTS as u64, out);
    put_varint(lengths.len() as u64, out);
    put_zigzag(lengths.first().map_or(0, |first| i64::from(*first)), out);
    let mut last = lengths.first().copied().unwrap_or(0);
    for block in lengths.get(1..).unwrap_or_default().chunks(BLOCK) {
        let mut deltas = [0_i64; BLOCK];
        for (delta, length) in deltas.iter_mut().zip(block) {
            *delta = i64::from(*length) - i64::from(last);
            last = *length;
        }
        let used = deltas.get(..block.len()).unwrap_or_default();
        put_block(used, out);
    }
}

fn put_block(deltas: &[i64], out: &mut Vec<u8>) {
    let least = deltas.iter().copied().min().unwrap_or(0);
    put_zigzag(least, out);
    let mut above = [0_u32; BLOCK];
    for (above, delta) in above.iter_mut().zip(deltas) {
        // Two lengths below 2^31 differ by less than 2^31, two differences by less than 2^32.
        *above = u32::try_from(delta - least).unwrap_or(u32::MAX);
    }
    let (parts, _) = above.as_chunks::<PART>();
    let width = |part: &[u32; PART]| width_for(part.iter().max().map_or(0, |most| *most as usize + 1));
    out.extend(parts.iter().map(width));
    // Parts that begin behind the last value are not written.
    for part in parts.iter().take(deltas.len().div_ceil(PART)) {
        pack(part, width(part), out);
    }
}

#[cfg(test)]
mod tests {
    use super::super::bits::tests::{unpacked, varint};
    use super::*;

    fn zigzag(bytes: &mut &[u8]) -> i64 {
        let read = varint(bytes);
        (read >> 1).cast_signed() ^ -((read & 1).cast_signed())
    }

    /// As the format describes it. What follows the lengths must be left.
    fn read(lengths: &[u32]) -> Vec<u32> {
        let mut out = Vec::new();
        put_deltas(lengths, &mut out);
        out.extend_from_slice(b"letters");
        let mut bytes = out.as_slice();
        assert_eq!((varint(&mut bytes), varint(&mut bytes)), (128, 4));
        let count = usize::try_from(varint(&mut bytes)).unwrap();
        let mut read = vec![zigzag(&mut bytes)];
        while read.len() < count {
            let least = zigzag(&mut bytes);
            let (widths, rest) = bytes.split_at(4);
            bytes = rest;
            for width in widths {
                if read.len() >= count {
                    break;
                }
                let (part, rest) = bytes.split_at(usize::from(*width) * 4);
                bytes = rest;
                for above in unpacked(part, *width, 32) {
                    read.push(read.last().unwrap() + least + i64::from(above));
                }
            }
        }
        assert_eq!(bytes, b"letters");
        read.truncate(count);
        read.into_iter().map(|length| u32::try_from(length).unwrap()).collect()
    }

    #[test]
    fn lengths_read_back() {
        let steps = [0, 1, 52, u32::from(u16::MAX), u32::MAX >> 1];
        for count in [0, 1, 2, 31, 32, 33, 128, 129, 130, 161, 1000] {
            let same = vec![52; count];
            assert_eq!(read(&same), same, "{count} equal lengths");
            let mixed: Vec<u32> = (0..count).map(|n| steps[n * n % steps.len()]).collect();
            assert_eq!(read(&mixed), mixed, "{count} lengths");
        }
    }
}
