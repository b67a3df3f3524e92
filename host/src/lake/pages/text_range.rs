//! Bounds of texts for statistics, cut to a length that does not make a file's footer large.

/// Bytes of a bound.
const LONGEST: usize = 64;

/// Something not above `text`, and whether it is the text itself.
pub(super) fn lower_bound(text: &[u8]) -> (Vec<u8>, bool) {
    match prefix(text) {
        Some(prefix) => (prefix.as_bytes().to_vec(), false),
        None => (text.to_vec(), true),
    }
}

/// Something not below `text`, and whether it is the text itself.
pub(super) fn upper_bound(text: &[u8]) -> (Vec<u8>, bool) {
    match prefix(text).and_then(above) {
        Some(bound) => (bound, false),
        None => (text.to_vec(), true),
    }
}

/// The longest beginning of a long text that is text itself.
fn prefix(text: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.len() > LONGEST)?;
    let end = (1..=LONGEST).rfind(|end| text.is_char_boundary(*end))?;
    text.get(..end)
}

/// The smallest text above all that begin with `prefix` that is not longer: its last character that has a successor of
/// the same length is replaced by it, what follows is cut off.
fn above(prefix: &str) -> Option<Vec<u8>> {
    prefix.char_indices().rev().find_map(|(at, last)| {
        let next = char::from_u32(u32::from(last) + 1).filter(|next| next.len_utf8() == last.len_utf8())?;
        let mut bound = prefix.get(..at)?.to_owned();
        bound.push(next);
        Some(bound.into_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_bound_themselves() {
        assert_eq!(lower_bound(b"abc"), (b"abc".to_vec(), true));
        assert_eq!(upper_bound(b""), (Vec::new(), true));
        assert_eq!(upper_bound(&[b'a'; LONGEST]), (vec![b'a'; LONGEST], true));
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = "ä".repeat(40) + "z";
        let (low, exact) = lower_bound(long.as_bytes());
        assert_eq!((std::str::from_utf8(&low).unwrap().chars().count(), exact), (32, false));
        let (high, exact) = upper_bound(long.as_bytes());
        assert!(!exact && high.as_slice() > long.as_bytes() && low.as_slice() < long.as_bytes());
        assert_eq!(high, ("ä".repeat(31) + "å").into_bytes());
    }

    #[test]
    fn characters_without_a_successor_are_skipped() {
        // The last one of one byte, and the last of all.
        let long = format!("a{}", "\u{7f}".repeat(80));
        assert_eq!(upper_bound(long.as_bytes()), (b"b".to_vec(), false));
        let long = "\u{10ffff}".repeat(20);
        assert_eq!(upper_bound(long.as_bytes()), (long.clone().into_bytes(), true));
    }
}
