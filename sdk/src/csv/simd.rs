//! Which of 64 bytes are quotes, commas, line feeds or outside ASCII, as bit masks.
//!
//! The only unsafe code of the SDK. Contract: every load reads 16 bytes at offset 0, 16, 32 or 48 of a `&[u8; 64]`, so it
//! stays inside a live, initialized array; the loads have no alignment demand.
#![cfg_attr(
    any(target_arch = "x86_64", all(target_arch = "wasm32", target_feature = "simd128")),
    expect(unsafe_code, reason = "vector loads from an array whose length the type proves")
)]

/// Where the commas of 64 bytes are, and whether that is all there is to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Commas {
    /// Bit i is about byte i.
    pub(super) comma: u64,
    /// No quote, no line feed, nothing beyond ASCII.
    pub(super) plain: bool,
}

/// What most blocks have none of. Bit i of each mask is about byte i.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Masks {
    pub(super) quote: u64,
    pub(super) newline: u64,
    pub(super) beyond_ascii: u64,
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod vector {
    use super::{Commas, Masks};
    use core::arch::wasm32::{i8x16_bitmask, i8x16_eq, i8x16_splat, v128, v128_load, v128_or};

    fn lanes(block: &[u8; 64]) -> [v128; 4] {
        // SAFETY: 16 bytes from 16 * lane <= 48 lie inside the 64 of `block`.
        [0, 1, 2, 3].map(|lane| unsafe { v128_load(block.as_ptr().add(16 * lane).cast::<v128>()) })
    }

    fn equal(bytes: v128, wanted: u8) -> v128 {
        i8x16_eq(bytes, i8x16_splat(wanted as i8))
    }

    fn bits(lanes: [v128; 4]) -> u64 {
        let [a, b, c, d] = lanes.map(|lane| u64::from(i8x16_bitmask(lane)));
        a | b << 16 | c << 32 | d << 48
    }

    #[inline]
    pub(in super::super) fn commas(block: &[u8; 64]) -> Commas {
        let lanes = lanes(block);
        let others = lanes.map(|lane| v128_or(v128_or(equal(lane, b'"'), equal(lane, b'\n')), lane));
        let [a, b, c, d] = others;
        let any = v128_or(v128_or(a, b), v128_or(c, d));
        Commas { comma: bits(lanes.map(|lane| equal(lane, b','))), plain: i8x16_bitmask(any) == 0 }
    }

    #[inline]
    pub(in super::super) fn masks(block: &[u8; 64]) -> Masks {
        let lanes = lanes(block);
        let bits_of = |wanted: u8| bits(lanes.map(|lane| equal(lane, wanted)));
        Masks { quote: bits_of(b'"'), newline: bits_of(b'\n'), beyond_ascii: bits(lanes) }
    }
}

#[cfg(target_arch = "x86_64")]
mod vector {
    use super::{Commas, Masks};
    use core::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8,
    };

    fn lanes(block: &[u8; 64]) -> [__m128i; 4] {
        // SAFETY: 16 bytes from 16 * lane <= 48 lie inside the 64 of `block`; SSE2 is part of x86_64.
        [0, 1, 2, 3].map(|lane| unsafe { _mm_loadu_si128(block.as_ptr().add(16 * lane).cast::<__m128i>()) })
    }

    fn equal(bytes: __m128i, wanted: u8) -> __m128i {
        // SAFETY: SSE2 is part of x86_64.
        unsafe { _mm_cmpeq_epi8(bytes, _mm_set1_epi8(wanted as i8)) }
    }

    fn or(a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: SSE2 is part of x86_64.
        unsafe { _mm_or_si128(a, b) }
    }

    fn bits(lanes: [__m128i; 4]) -> u64 {
        // SAFETY: SSE2 is part of x86_64.
        let [a, b, c, d] = lanes.map(|lane| u64::from(unsafe { _mm_movemask_epi8(lane) } as u32));
        a | b << 16 | c << 32 | d << 48
    }

    #[inline]
    pub(in super::super) fn commas(block: &[u8; 64]) -> Commas {
        let lanes = lanes(block);
        let [a, b, c, d] = lanes.map(|lane| or(or(equal(lane, b'"'), equal(lane, b'\n')), lane));
        let any = or(or(a, b), or(c, d));
        // SAFETY: SSE2 is part of x86_64.
        let plain = unsafe { _mm_movemask_epi8(any) } == 0;
        Commas { comma: bits(lanes.map(|lane| equal(lane, b','))), plain }
    }

    #[inline]
    pub(in super::super) fn masks(block: &[u8; 64]) -> Masks {
        let lanes = lanes(block);
        let bits_of = |wanted: u8| bits(lanes.map(|lane| equal(lane, wanted)));
        Masks { quote: bits_of(b'"'), newline: bits_of(b'\n'), beyond_ascii: bits(lanes) }
    }
}

#[cfg(any(target_arch = "x86_64", all(target_arch = "wasm32", target_feature = "simd128")))]
pub(super) use vector::{commas, masks};

#[cfg(not(any(target_arch = "x86_64", all(target_arch = "wasm32", target_feature = "simd128"))))]
pub(super) use portable::{commas, masks};

/// The same, eight bytes at a time.
#[cfg(any(test, not(any(target_arch = "x86_64", all(target_arch = "wasm32", target_feature = "simd128")))))]
mod portable {
    use super::{Commas, Masks};

    const HIGH: u64 = 0x8080_8080_8080_8080;
    const ONES: u64 = 0x0101_0101_0101_0101;

    /// A bit a byte, of what `find` tells of each word in the top bits of its bytes.
    fn bits(block: &[u8; 64], find: impl Fn(u64) -> u64) -> u64 {
        let gather = |word: u64| (word >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        let words = block.as_chunks::<8>().0.iter().enumerate();
        words.fold(0, |all, (lane, bytes)| all | gather(find(u64::from_le_bytes(*bytes))) << (8 * lane))
    }

    fn equal(block: &[u8; 64], wanted: u8) -> u64 {
        bits(block, |word| {
            let zero_where_same = word ^ (ONES * u64::from(wanted));
            // Exact, without a carry from byte to byte.
            !(((zero_where_same & !HIGH) + !HIGH) | zero_where_same) & HIGH
        })
    }

    pub(in super::super) fn commas(block: &[u8; 64]) -> Commas {
        let masks = masks(block);
        Commas { comma: equal(block, b','), plain: masks.quote | masks.newline | masks.beyond_ascii == 0 }
    }

    pub(in super::super) fn masks(block: &[u8; 64]) -> Masks {
        let beyond_ascii = bits(block, |word| word & HIGH);
        Masks { quote: equal(block, b'"'), newline: equal(block, b'\n'), beyond_ascii }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_ways_agree_with_looking(bytes in prop_oneof![
            proptest::collection::vec(prop_oneof![
                Just(b'"'), Just(b','), Just(b'\n'), Just(b'-'), Just(b'#'), any::<u8>()], 64),
            (proptest::collection::vec(prop_oneof![Just(b','), 0x0bu8..0x22, 0x23u8..0x80], 64), 0usize..64, any::<u8>())
                .prop_map(|(mut bytes, at, byte)| { bytes[at] = byte; bytes }),
        ]) {
            let block: [u8; 64] = bytes.try_into().unwrap();
            let looked = |wanted: fn(u8) -> bool| (0..64).filter(|i| wanted(block[*i])).fold(0u64, |m, i| m | 1 << i);
            let want = Masks {
                quote: looked(|b| b == b'"'), newline: looked(|b| b == b'\n'), beyond_ascii: looked(|b| b >= 0x80),
            };
            prop_assert_eq!(masks(&block), want);
            prop_assert_eq!(portable::masks(&block), want);
            let plain = want == Masks { quote: 0, newline: 0, beyond_ascii: 0 };
            let want = Commas { comma: looked(|b| b == b','), plain };
            prop_assert_eq!(commas(&block), want);
            prop_assert_eq!(portable::commas(&block), want);
        }
    }
}
