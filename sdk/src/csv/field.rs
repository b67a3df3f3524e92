//! From the bytes of a field as they stand in the file to its value, and back.

/// The value of a field: without its quotes, doubled quotes single. `scratch` holds it when it had to be changed.
#[must_use]
pub fn unquote<'a>(raw: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
    let [b'"', inner @ ..] = raw else { return raw };
    if let Some((b'"', plain)) = inner.split_last()
        && !plain.contains(&b'"')
    {
        return plain;
    }
    scratch.clear();
    let mut bytes = inner.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'"' {
            scratch.push(byte);
        } else if bytes.as_slice().first() == Some(&b'"') {
            scratch.push(b'"');
            bytes.next();
        } else {
            // The quote closed the field: what follows it is taken as it stands.
            scratch.extend_from_slice(bytes.as_slice());
            break;
        }
    }
    scratch
}

/// Appends a value as a field that reads back as it.
pub fn quote(value: &[u8], out: &mut Vec<u8>) {
    if !value.iter().any(|b| matches!(b, b'"' | b',' | b'\n' | b'\r')) {
        out.extend_from_slice(value);
        return;
    }
    out.push(b'"');
    for &byte in value {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quotes() {
        let mut scratch = Vec::new();
        for (raw, want) in [
            ("", ""),
            ("a", "a"),
            ("\"\"", ""),
            ("\"a,b\"", "a,b"),
            ("\"a\"\"b\"", "a\"b"),
            ("\"a\"b\"", "ab\""),
            ("a\"b", "a\"b"),
            ("\"", ""),
            ("\"\"\"\"", "\""),
        ] {
            assert_eq!(unquote(raw.as_bytes(), &mut scratch), want.as_bytes(), "{raw}");
        }
    }

    proptest! {
        #[test]
        fn quoted_reads_back(value in "[a\",\n\r]{0,12}") {
            let (mut raw, mut scratch) = (Vec::new(), Vec::new());
            quote(value.as_bytes(), &mut raw);
            prop_assert_eq!(unquote(&raw, &mut scratch), value.as_bytes());
        }
    }
}
