//! Rows as JSON, and where two sets of them differ.

use arrow::array::RecordBatch;
use serde_json::{Map, Value};

use crate::report::json_of;

/// Most characters of a value that are shown.
const SHOWN: usize = 120;

/// Rows as JSON objects: columns in their order, those without a value left out, decimals and times as exact text. The
/// encoding of a column does not show.
pub fn json_rows(batches: &[RecordBatch]) -> Vec<Value> {
    let row = |batch: &RecordBatch, row: usize| {
        let schema = batch.schema();
        let cells = schema.fields().iter().zip(batch.columns());
        let cells = cells.map(|(field, column)| (field.name().clone(), json_of(column.as_ref(), row)));
        Value::Object(cells.filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>())
    };
    batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |at| row(batch, at))).collect()
}

/// Where rows first differ from those that are expected, in a sentence; nothing when they are the same.
pub(super) fn difference(what: &str, expected: &[Value], found: &[Value]) -> Option<String> {
    let at = expected.iter().zip(found).position(|(expected, found)| expected != found);
    if let Some(at) = at {
        let (expected, found) = (expected.get(at)?, found.get(at)?);
        return Some(format!("{what}, row {at}: {}", cell_difference(expected, found)));
    }
    match expected.len().cmp(&found.len()) {
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Less => Some(format!(
            "{what}: {} rows and {} are expected; the first too many is {}",
            found.len(),
            expected.len(),
            shown(found.get(expected.len())?)
        )),
        std::cmp::Ordering::Greater => Some(format!(
            "{what}: {} rows and {} are expected; the first missing one is {}",
            found.len(),
            expected.len(),
            shown(expected.get(found.len())?)
        )),
    }
}

/// The same, whatever the order of rows.
pub(super) fn difference_in_any_order(what: &str, expected: &[Value], found: &[Value]) -> Option<String> {
    if expected == found {
        return None;
    }
    let sorted = |rows: &[Value]| {
        let mut rows: Vec<(String, &Value)> = rows.iter().map(|row| (row.to_string(), row)).collect();
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        rows.into_iter().map(|(_, row)| row.clone()).collect::<Vec<_>>()
    };
    difference(&format!("{what} (rows sorted)"), &sorted(expected), &sorted(found))
}

fn cell_difference(expected: &Value, found: &Value) -> String {
    let (Value::Object(expected), Value::Object(found)) = (expected, found) else {
        return format!("{} and {} is expected", shown(found), shown(expected));
    };
    let names = expected.keys().chain(found.keys());
    let differs = |name: &&String| expected.get(*name) != found.get(*name);
    let Some(name) = names.into_iter().find(differs) else {
        return "columns come in another order".to_owned();
    };
    let value = |row: &Map<String, Value>| row.get(name).map_or_else(|| "nothing".to_owned(), shown);
    format!("column {name} is {} and {} is expected", value(found), value(expected))
}

/// A value, cut where it is long.
pub(super) fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= SHOWN { text } else { format!("{}…", text.chars().take(SHOWN).collect::<String>()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_difference_is_told_with_row_and_column() {
        let rows = [json!({"a": 1, "b": "x"}), json!({"a": 2})];
        assert_eq!(difference("t", &rows, &rows), None);
        let other = [json!({"a": 1, "b": "y"}), json!({"a": 2})];
        assert_eq!(difference("t", &rows, &other).unwrap(), r#"t, row 0: column b is "y" and "x" is expected"#);
        let missing = [json!({"a": 1}), json!({"a": 2})];
        assert!(difference("t", &rows, &missing).unwrap().contains("column b is nothing"));
        assert!(difference("t", &rows, &rows[..1]).unwrap().contains(r#"missing one is {"a":2}"#));
        assert!(difference("t", &rows[..1], &rows).unwrap().contains("first too many"));
        let turned = [rows[1].clone(), rows[0].clone()];
        assert_eq!(difference_in_any_order("t", &rows, &turned), None);
        assert!(difference_in_any_order("t", &rows, &other).is_some());
    }
}
