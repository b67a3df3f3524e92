//! Which of 64 bytes are quotes, commas, line feeds or outside ASCII, as bit masks.
//!
//! The only unsafe code of the SDK. Contract: every load reads 16 bytes at offset 0, 16, 32 or 48 of a `&[u8; 64]`, so it
//! stays inside a live, initialized array; the loads have no alignment demand.
#![cfg_attr(
    any(target_arch = "x86_64", all(target_arch = "wasm32", target_feature = "simd128")),
    expect(unsafe_code, reason = "vector loads from an array whose length the type proves")
)]

/// Bit i of each mask is about byte i.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Masks {
    pub(super) quote: u64,
    pub(super) comma: u64,
    pub(super) newline: u64,
    pub(super) beyond_ascii: u64,
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(super) fn masks(block: &[u8; 64]) -> Masks {
    use core::arch::wasm32::{i8x16_bitmask, i8x16_eq, i8x16_splat, v128, v128_load};
    let mut masks = Masks { quote: 0, comma: 0, newline: 0, beyond_ascii: 0 };
    for lane in 0..4 {
        // SAFETY: 16 bytes from 16 * lane <= 48 lie inside the 64 of `block`.
        let bytes = unsafe { v128_load(block.as_ptr().add(16 * lane).cast::<v128>()) };
        let bits = |wanted: u8| u64::from(i8x16_bitmask(i8x16_eq(bytes, i8x16_splat(wanted as i8)))) << (16 * lane);
        masks.quote |= bits(b'"');
        masks.comma |= bits(b',');
        masks.newline |= bits(b'\n');
        masks.beyond_ascii |= u64::from(i8x16_bitmask(bytes)) << (16 * lane);
    }
    masks
}

#[cfg(target_arch = "x86_64")]
pub(super) fn masks(block: &[u8; 64]) -> Masks {
    use core::arch::x86_64::{__m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_set1_epi8};
    let mut masks = Masks { quote: 0, comma: 0, newline: 0, beyond_ascii: 0 };
    for lane in 0..4 {
        // SAFETY: 16 bytes from 16 * lane <= 48 lie inside the 64 of `block`; SSE2 is part of x86_64.
        let (bytes, bits) = unsafe {
            let bytes = _mm_loadu_si128(block.as_ptr().add(16 * lane).cast::<__m128i>());
            let bits = move |wanted: u8| {
                u64::from(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(wanted as i8))) as u32) << (16 * lane)
            };
            (bytes, bits)
        };
        masks.quote |= bits(b'"');
        masks.comma |= bits(b',');
        masks.newline |= bits(b'\n');
        // SAFETY: SSE2 is part of x86_64.
        masks.beyond_ascii |= u64::from(unsafe { _mm_movemask_epi8(bytes) } as u32) << (16 * lane);
    }
    masks
}

#[cfg(not(any(target_arch = "x86_64", all(target_arch = "wasm32", target_feature = "simd128"))))]
pub(super) fn masks(block: &[u8; 64]) -> Masks {
    portable(block)
}

/// The same, eight bytes at a time.
#[cfg(any(test, not(any(target_arch = "x86_64", all(target_arch = "wasm32", target_feature = "simd128")))))]
fn portable(block: &[u8; 64]) -> Masks {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    const ONES: u64 = 0x0101_0101_0101_0101;
    // The eight top bits, side by side.
    let gather = |word: u64| (word >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    let mut masks = Masks { quote: 0, comma: 0, newline: 0, beyond_ascii: 0 };
    for (lane, bytes) in block.as_chunks::<8>().0.iter().enumerate() {
        let word = u64::from_le_bytes(*bytes);
        let bits = |wanted: u8| {
            let zero_where_same = word ^ (ONES * u64::from(wanted));
            // Exact, without a carry from byte to byte.
            let same = !(((zero_where_same & !HIGH) + !HIGH) | zero_where_same) & HIGH;
            gather(same) << (8 * lane)
        };
        masks.quote |= bits(b'"');
        masks.comma |= bits(b',');
        masks.newline |= bits(b'\n');
        masks.beyond_ascii |= gather(word & HIGH) << (8 * lane);
    }
    masks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_ways_agree_with_looking(bytes in proptest::collection::vec(prop_oneof![
            Just(b'"'), Just(b','), Just(b'\n'), Just(b'-'), Just(b'#'), any::<u8>()], 64)) {
            let block: [u8; 64] = bytes.try_into().unwrap();
            let looked = |wanted: fn(u8) -> bool| (0..64).filter(|i| wanted(block[*i])).fold(0u64, |m, i| m | 1 << i);
            let want = Masks {
                quote: looked(|b| b == b'"'), comma: looked(|b| b == b','), newline: looked(|b| b == b'\n'),
                beyond_ascii: looked(|b| b >= 0x80),
            };
            prop_assert_eq!(masks(&block), want);
            prop_assert_eq!(portable(&block), want);
        }
    }
}
