//! Rows of JSON objects as one row a member.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, StringBuilder, UInt32Array};
use arrow::error::ArrowError;

use super::rollup::plain;

/// Members of the objects in a column.
pub(super) struct Exploded {
    /// The row each member came from.
    pub(super) from: UInt32Array,
    pub(super) keys: ArrayRef,
    pub(super) values: ArrayRef,
}

/// Takes a text column of JSON objects apart. Members that are null are left out; those that are not text are kept as
/// the JSON they are.
pub(super) fn explode(column: &ArrayRef) -> Result<Exploded, ArrowError> {
    let column = plain(column)?;
    let texts = column
        .as_string_opt::<i32>()
        .ok_or_else(|| ArrowError::SchemaError(format!("JSON objects cannot be {}", column.data_type())))?;
    // Many rows share few objects.
    let mut known: HashMap<&str, Vec<(String, String)>> = HashMap::new();
    let (mut from, mut keys, mut values) = (Vec::new(), StringBuilder::new(), StringBuilder::new());
    for (row, text) in (0_u32..).zip(texts) {
        let Some(text) = text.filter(|text| !text.is_empty()) else { continue };
        let members = match known.get(text) {
            Some(members) => members,
            None => known.entry(text).or_insert(members(text)?),
        };
        for (key, value) in members {
            from.push(row);
            keys.append_value(key);
            values.append_value(value);
        }
    }
    Ok(Exploded { from: UInt32Array::from(from), keys: Arc::new(keys.finish()), values: Arc::new(values.finish()) })
}

fn members(text: &str) -> Result<Vec<(String, String)>, ArrowError> {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text)
        .map_err(|error| ArrowError::JsonError(format!("a text that should be a JSON object is none: {error}")))?;
    let text = |value: serde_json::Value| match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text),
        other => Some(other.to_string()),
    };
    Ok(object.into_iter().filter_map(|(key, value)| Some((key, text(value)?))).collect())
}
