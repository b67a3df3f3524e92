//! One flat JSON object, as billing files put maps into a cell.
//!
//! Numbers keep the digits they were written with; nested values keep their JSON text; null members are left out.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Why a cell is not a JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnObject;

impl std::fmt::Display for NotAnObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("is not a JSON object")
    }
}

impl std::error::Error for NotAnObject {}

/// The members of an object, in its order. A key that comes twice comes twice.
///
/// # Errors
/// When the text is anything but one JSON object.
pub fn object(text: &str) -> Result<Vec<(String, String)>, NotAnObject> {
    let members: Members = serde_json::from_str(text).map_err(|_| NotAnObject)?;
    Ok(members.0)
}

/// The members of an object whose outer braces may be missing. An empty text and `null`, as JSON, have none.
///
/// # Errors
/// When the text is neither one JSON object nor the inside of one.
pub fn members(text: &str) -> Result<Vec<(String, String)>, NotAnObject> {
    let text = text.trim();
    match text {
        "\"\"" | "null" => Ok(Vec::new()),
        _ if text.starts_with('{') => object(text),
        _ => object(&format!("{{{text}}}")),
    }
}

/// Collects members without a map, so that order and digits stay.
struct Members(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
            let raw = value.get();
            if raw == "null" {
                continue;
            }
            let text = if raw.starts_with('"') {
                serde_json::from_str(raw).map_err(serde::de::Error::custom)?
            } else {
                raw.to_owned()
            };
            members.push((key, text));
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_may_be_missing() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let bare = r#" "a": "x\": \"y","b": "1\",\"2","c":""  "#;
        let want = vec![pair("a", "x\": \"y"), pair("b", "1\",\"2"), pair("c", "")];
        assert_eq!(members(bare).unwrap(), want);
        assert_eq!(members(&format!("{{{bare}}}")).unwrap(), want);
        for nothing in ["", " ", "\"\"", "null", "{}"] {
            assert_eq!(members(nothing).unwrap(), [], "{nothing}");
        }
        for text in ["a", "\"a\"", "\"a\": \"b\"}", "{\"a\": \"b\"", "[]"] {
            assert_eq!(members(text), Err(NotAnObject), "{text}");
        }
    }

    #[test]
    fn objects() {
        let members =
            object(r#" {"b": "x\"\u00e9", "a": 0.10, "n": null, "t": true, "o": {"k": [1]}, "": ""} "#).unwrap();
        let want = [("b", "x\"é"), ("a", "0.10"), ("t", "true"), ("o", "{\"k\": [1]}"), ("", "")];
        assert_eq!(members, want.map(|(k, v)| (k.to_owned(), v.to_owned())));
        assert_eq!(object("{}").unwrap(), []);
        for text in ["", "[]", "{", "{\"a\"}", "{} {}", "null", "{a=b}", "\"x\""] {
            assert_eq!(object(text), Err(NotAnObject), "{text}");
        }
    }
}
