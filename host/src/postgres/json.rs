//! JSON text between the lake and `jsonb`.
//!
//! `jsonb` holds no NUL and no half of a surrogate pair, orders members by length, and writes spaces; the lake's text has
//! sorted members and no spaces. Numbers keep their digits both ways: nothing here goes through a float.

use std::borrow::Cow;

/// The text with what `jsonb` refuses in texts replaced by U+FFFD; absent when nothing had to be.
pub(super) fn storable(text: &str) -> Option<String> {
    let has_nul = text.as_bytes().contains(&0);
    if !has_nul && !text.contains("\\u") {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '\0']) {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        let taken = match escape(found) {
            Escape::Refused(length) => {
                // A raw NUL stands outside of escapes; both are one text character.
                out.push_str(if found.starts_with('\0') { "\u{fffd}" } else { "\\ufffd" });
                length
            }
            Escape::Kept(length) => {
                out.push_str(found.get(..length).unwrap_or(found));
                length
            }
        };
        rest = found.get(taken..).unwrap_or_default();
    }
    out.push_str(rest);
    (out != text).then_some(out)
}

/// What a text begins with, and how many bytes of it.
enum Escape {
    Kept(usize),
    Refused(usize),
}

fn escape(text: &str) -> Escape {
    if text.starts_with('\0') {
        return Escape::Refused(1);
    }
    let unit = |at: usize| {
        let digits = text.get(at..).and_then(|rest| rest.strip_prefix("\\u")).and_then(|rest| rest.get(..4));
        digits.and_then(|digits| u16::from_str_radix(digits, 16).ok())
    };
    match unit(0) {
        Some(0) => Escape::Refused(6),
        Some(0xd800..=0xdbff) => match unit(6) {
            Some(0xdc00..=0xdfff) => Escape::Kept(12),
            _ => Escape::Refused(6),
        },
        Some(0xdc00..=0xdfff) => Escape::Refused(6),
        Some(_) => Escape::Kept(6),
        // The escape of one character, or whatever follows a backslash: the server judges.
        None => Escape::Kept(1 + text.chars().nth(1).map_or(0, char::len_utf8)),
    }
}

/// What `jsonb` writes, as the lake writes it: members sorted, no spaces. Text that is not what `jsonb` writes comes back
/// as it is.
pub(super) fn compact(text: &str) -> Cow<'_, str> {
    let mut out = String::with_capacity(text.len());
    match value(text, &mut out) {
        Some("") => Cow::Owned(out),
        _ => Cow::Borrowed(text),
    }
}

/// Writes the value that the text begins with, and returns what follows it.
fn value<'a>(text: &'a str, out: &mut String) -> Option<&'a str> {
    match text.as_bytes().first()? {
        b'{' => object(text, out),
        b'[' => array(text, out),
        b'"' => {
            let (string, rest) = string(text)?;
            out.push_str(string);
            Some(rest)
        }
        _ => {
            let end = text.find([',', ']', '}']).unwrap_or(text.len());
            let (scalar, rest) = text.split_at(end);
            out.push_str(scalar);
            Some(rest)
        }
    }
}

fn object<'a>(text: &'a str, out: &mut String) -> Option<&'a str> {
    let mut rest = text.strip_prefix('{')?;
    let mut members: Vec<(String, String)> = Vec::new();
    while !rest.starts_with('}') {
        let (key, after) = string(rest)?;
        let mut member = format!("{key}:");
        rest = value(after.strip_prefix(": ")?, &mut member)?;
        rest = rest.strip_prefix(", ").unwrap_or(rest);
        members.push((serde_json::from_str(key).ok()?, member));
    }
    members.sort_by(|one, other| one.0.cmp(&other.0));
    out.push('{');
    for (place, (_, member)) in members.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        out.push_str(member);
    }
    out.push('}');
    rest.strip_prefix('}')
}

fn array<'a>(text: &'a str, out: &mut String) -> Option<&'a str> {
    let mut rest = text.strip_prefix('[')?;
    out.push('[');
    let mut first = true;
    while !rest.starts_with(']') {
        if !first {
            out.push(',');
        }
        first = false;
        rest = value(rest, out)?;
        rest = rest.strip_prefix(", ").unwrap_or(rest);
    }
    out.push(']');
    rest.strip_prefix(']')
}

/// The string that the text begins with, in its quotes, and what follows it.
fn string(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return text.starts_with('"').then(|| text.split_at(at + 1)),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_jsonb_refuses_is_replaced() {
        let cases = [
            (r#"{"a":"b"}"#, None),
            (r#"{"a":"é"}"#, None),
            (r#"{"a":"\u0000x"}"#, Some(r#"{"a":"\ufffdx"}"#)),
            (r#"{"a":"\\u0000"}"#, None),
            (r#"{"a":"\\\u0000"}"#, Some(r#"{"a":"\\\ufffd"}"#)),
            (r#"["\ud83d\ude00"]"#, None),
            (r#"["\ud83dx\ude00"]"#, Some(r#"["\ufffdx\ufffd"]"#)),
            ("\"\0\"", Some("\"\u{fffd}\"")),
            ("\"\\u00e", None),
            ("\\", None),
        ];
        for (text, want) in cases {
            assert_eq!(storable(text).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn jsonb_comes_back_as_the_lake_has_it() {
        let cases = [
            (r#"{"b": "x, y: z", "aa": "1"}"#, r#"{"aa":"1","b":"x, y: z"}"#),
            (
                r#"{"a": {"z": 1, "bb": [1.10, null, true, {}]}, "b": []}"#,
                r#"{"a":{"bb":[1.10,null,true,{}],"z":1},"b":[]}"#,
            ),
            (r#"{"q\"": "\\", "é": "\n"}"#, r#"{"q\"":"\\","é":"\n"}"#),
            ("{}", "{}"),
            ("12345678901234567890.10", "12345678901234567890.10"),
            ("\"text\"", "\"text\""),
            ("{broken", "{broken"),
            ("[1", "[1"),
        ];
        for (text, want) in cases {
            assert_eq!(compact(text), want, "{text}");
        }
    }
}
