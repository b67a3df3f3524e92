//! `json_get_text(text, key)`: one member of a JSON object as text, for tag columns.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, MapArray, StringArray, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

/// The function: text or map, key -> text. Null when the object has no such member, the member is null, or the text is
/// not a JSON object. Members that are not text come as JSON.
#[must_use]
pub fn json_get_text() -> ScalarUDF {
    ScalarUDF::new_from_impl(JsonGetText { signature: Signature::any(2, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct JsonGetText {
    signature: Signature,
}

impl ScalarUDFImpl for JsonGetText {
    fn name(&self) -> &'static str {
        "json_get_text"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [objects, keys] = arrays.as_slice() else {
            return datafusion::common::exec_err!("json_get_text takes a text and a key");
        };
        let keys = cast(keys, &DataType::Utf8)?;
        let found = match objects.data_type() {
            DataType::Map(_, _) => from_maps(objects.as_map(), keys.as_string())?,
            _ => from_text(cast(objects, &DataType::Utf8)?.as_string(), keys.as_string()),
        };
        Ok(ColumnarValue::Array(found))
    }
}

fn from_text(objects: &StringArray, keys: &StringArray) -> ArrayRef {
    let mut found = StringBuilder::new();
    // Rows of a table repeat their neighbours' tags: read each run of equal texts once.
    let mut last: Option<(&str, &str, Option<String>)> = None;
    for (object, key) in objects.iter().zip(keys.iter()) {
        let (Some(object), Some(key)) = (object, key) else {
            found.append_null();
            continue;
        };
        let value = match last.take() {
            Some((text, name, value)) if text == object && name == key => value,
            _ => member(object, key),
        };
        found.append_option(value.as_deref());
        last = Some((object, key, value));
    }
    Arc::new(found.finish())
}

fn from_maps(maps: &MapArray, keys: &StringArray) -> Result<ArrayRef> {
    let mut found = StringBuilder::new();
    for (row, key) in keys.iter().enumerate() {
        let mut value = None;
        if let (true, Some(key)) = (maps.is_valid(row), key) {
            let entries = maps.value(row);
            let names = cast(entries.column(0), &DataType::Utf8)?;
            let values = cast(entries.column(1), &DataType::Utf8)?;
            let (names, values) = (names.as_string::<i32>(), values.as_string::<i32>());
            let member = names.iter().zip(values.iter()).find(|(name, _)| *name == Some(key));
            value = member.and_then(|(_, value)| value).map(str::to_owned);
        }
        found.append_option(value);
    }
    Ok(Arc::new(found.finish()))
}

/// The member of a JSON object, the last one when its name comes twice.
fn member(object: &str, key: &str) -> Option<String> {
    let mut reader = serde_json::Deserializer::from_str(object);
    let value = Member(key).deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    match value {
        None | Some(serde_json::Value::Null) => None,
        Some(serde_json::Value::String(text)) => Some(text),
        Some(other) => Some(other.to_string()),
    }
}

/// Looks for one member and skips the others without building them.
struct Member<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = Option<serde_json::Value>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<serde_json::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<String>()? {
            if name == self.0 {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::member;

    #[test]
    fn reads_one_member() {
        let object = r#"{"app":"web","a":{"app":1},"n":1.50,"z":null,"é\n":"x","t":true}"#;
        for (key, value) in [
            ("app", Some("web")),
            ("n", Some("1.5")),
            ("z", None),
            ("é\n", Some("x")),
            ("t", Some("true")),
            ("a", Some(r#"{"app":1}"#)),
            ("missing", None),
            ("", None),
        ] {
            assert_eq!(member(object, key).as_deref(), value, "{key}");
        }
        for bad in ["", "[]", "\"app\"", "{\"app\":\"web\"", "{\"app\":\"web\"} x", "null"] {
            assert_eq!(member(bad, "app"), None, "{bad}");
        }
    }
}
