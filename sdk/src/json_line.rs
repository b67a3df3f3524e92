//! One line of JSON: its members as they are written, and values as the text of a cell.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Members of an object in its order, values as written.
#[derive(Debug)]
pub(crate) struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// The members of one JSON object.
    pub(crate) fn of(text: &'a [u8]) -> Result<Members<'a>, serde_json::Error> {
        serde_json::from_slice(text)
    }

    /// The value of a member by its name, or by names with points between them for a member of a member. When a key
    /// comes twice, the first stands.
    pub(crate) fn find(&self, path: &str) -> Option<&'a RawValue> {
        if let Some(value) = self.member(path) {
            return Some(value);
        }
        let (first, rest) = path.split_once('.')?;
        Members::of(self.member(first)?.get().as_bytes()).ok()?.find(rest)
    }

    fn member(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| *value)
    }

    /// The names of all members.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_ref())
    }

    /// The members whose names are not known, as a JSON object; no text when there are none.
    pub(crate) fn object_without(&self, known: impl Fn(&str) -> bool) -> String {
        let mut object = String::new();
        for (name, value) in self.0.iter().filter(|(name, _)| !known(name)) {
            object.push(if object.is_empty() { '{' } else { ',' });
            object.push_str(&serde_json::Value::from(name.as_ref()).to_string());
            object.push(':');
            object.push_str(value.get());
        }
        if !object.is_empty() {
            object.push('}');
        }
        object
    }
}

/// The text of a cell: strings without quotes, numbers with the digits they were written with, objects and lists as JSON,
/// nothing for null.
pub(crate) fn text_of(value: &RawValue) -> Cow<'_, str> {
    let raw = value.get();
    match raw.as_bytes() {
        b"null" => Cow::Borrowed(""),
        [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') => {
            Cow::Borrowed(raw.get(1..raw.len() - 1).unwrap_or_default())
        }
        // It was parsed before, so it is a string.
        [b'"', ..] => Cow::Owned(serde_json::from_str(raw).unwrap_or_default()),
        _ => Cow::Borrowed(raw),
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    members.push((name, value));
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(MembersVisitor).map(Members)
    }
}

/// A key that is not copied unless it is escaped.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }
        deserializer.deserialize_str(NameVisitor).map(Name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_members_are_found_and_digits_stay() {
        let line = br#"{"a":{"b":{"c":0.10}},"a.d":"x\"y","n":null,"l":[1, 2]}"#;
        let members = Members::of(line).unwrap();
        let text = |path: &str| members.find(path).map(text_of).map(Cow::into_owned);
        assert_eq!(text("a.b.c").as_deref(), Some("0.10"));
        assert_eq!(text("a.d").as_deref(), Some("x\"y"));
        assert_eq!((text("n").as_deref(), text("l").as_deref()), (Some(""), Some("[1, 2]")));
        assert_eq!((text("a.b.x"), text("l.x"), text("z")), (None, None, None));
        assert_eq!(members.object_without(|name| name != "l"), r#"{"l":[1, 2]}"#);
        assert_eq!(members.object_without(|_| true), "");
    }

    #[test]
    fn what_is_no_object_is_an_error() {
        for text in ["", "[]", "3", "\"a\"", "{\"a\":1", "{\"a\":1} x", "{a:1}"] {
            assert!(Members::of(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Members::of(b"{\"a\":\"\xff\"}").is_err());
    }
}
