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

    /// The members that no field is mapped to, by their names with points between them; of an object that is mapped in
    /// part, the others of its members.
    pub(crate) fn unmapped(&self, mapped: &dyn Fn(&str) -> Mapped) -> Vec<(String, &'a RawValue)> {
        let mut found = Vec::new();
        self.add_unmapped("", mapped, &mut found);
        found
    }

    fn add_unmapped(&self, above: &str, mapped: &dyn Fn(&str) -> Mapped, found: &mut Vec<(String, &'a RawValue)>) {
        for (name, value) in &self.0 {
            let path = format!("{above}{name}");
            match mapped(&path) {
                Mapped::Whole => {}
                Mapped::InPart => match Members::of(value.get().as_bytes()) {
                    Ok(members) => members.add_unmapped(&format!("{path}."), mapped, found),
                    Err(_) => found.push((path, value)),
                },
                Mapped::Not => found.push((path, value)),
            }
        }
    }
}

/// Whether a member is mapped to a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mapped {
    /// It is.
    Whole,
    /// Members of it are.
    InPart,
    /// Nothing of it is.
    Not,
}

/// Members as a JSON object; no text when there are none. Those without a value are left out.
pub(crate) fn object_of(members: &[(String, &RawValue)]) -> String {
    let mut object = String::new();
    for (name, value) in members.iter().filter(|(_, value)| value.get() != "null") {
        object.push(if object.is_empty() { '{' } else { ',' });
        object.push_str(&serde_json::Value::from(name.as_str()).to_string());
        object.push(':');
        object.push_str(value.get());
    }
    if !object.is_empty() {
        object.push('}');
    }
    object
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
    }

    #[test]
    fn what_is_mapped_in_part_keeps_its_other_members() {
        let line = br#"{"a":{"b":1,"c":{"d":2,"e":null}},"f":{"g":3},"h":4,"i":"x"}"#;
        let members = Members::of(line).unwrap();
        let fields = ["a.b", "h", "i.j"];
        let mapped = |path: &str| {
            let below = |field: &&str| field.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
            match () {
                () if fields.contains(&path) => Mapped::Whole,
                () if fields.iter().any(below) => Mapped::InPart,
                () => Mapped::Not,
            }
        };
        let unmapped = members.unmapped(&mapped);
        let names: Vec<&str> = unmapped.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a.c", "f", "i"]);
        assert_eq!(object_of(&unmapped), r#"{"a.c":{"d":2,"e":null},"f":{"g":3},"i":"x"}"#);
        assert_eq!(object_of(&[]), "");
    }

    #[test]
    fn what_is_no_object_is_an_error() {
        for text in ["", "[]", "3", "\"a\"", "{\"a\":1", "{\"a\":1} x", "{a:1}"] {
            assert!(Members::of(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Members::of(b"{\"a\":\"\xff\"}").is_err());
    }
}
