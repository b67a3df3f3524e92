//! What the log says about a file, so that readers can skip it: row count, and the range of its time columns.
//!
//! Ranges may be wider than the truth, never narrower: times are kept to the millisecond, rounded outwards.

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::compute::{max, min};
use arrow::datatypes::{DataType, Date32Type, SchemaRef, TimestampMicrosecondType};
use chrono::{DateTime, NaiveDate};
use serde_json::{Map, Value};

/// Smallest and largest value and nulls of one time column.
#[derive(Debug, Clone)]
struct Range {
    column: usize,
    bounds: Option<(i64, i64)>,
    nulls: u64,
}

/// Gathers statistics batch by batch.
#[derive(Debug)]
pub(crate) struct FileStats {
    schema: SchemaRef,
    rows: u64,
    ranges: Vec<Range>,
}

/// Whether the log holds ranges of columns of this type.
pub(crate) fn is_indexed(held: &DataType) -> bool {
    matches!(held, DataType::Timestamp(..) | DataType::Date32)
}

impl FileStats {
    pub(crate) fn new(schema: SchemaRef) -> Self {
        let indexed = schema.fields().iter().enumerate().filter(|(_, field)| is_indexed(field.data_type()));
        let ranges = indexed.map(|(column, _)| Range { column, bounds: None, nulls: 0 }).collect();
        Self { schema, rows: 0, ranges }
    }

    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Takes in the columns of one batch, in the order of the schema.
    pub(crate) fn update(&mut self, rows: usize, columns: &[ArrayRef]) {
        self.rows += rows as u64;
        for range in &mut self.ranges {
            let Some(array) = columns.get(range.column) else { continue };
            range.nulls += array.logical_null_count() as u64;
            let bounds = match array.data_type() {
                DataType::Date32 => {
                    let dates = array.as_primitive::<Date32Type>();
                    min(dates).zip(max(dates)).map(|(low, high)| (i64::from(low), i64::from(high)))
                }
                DataType::Timestamp(..) => {
                    let times = array.as_primitive::<TimestampMicrosecondType>();
                    min(times).zip(max(times))
                }
                _ => None,
            };
            range.bounds = match (range.bounds, bounds) {
                (Some((a, b)), Some((low, high))) => Some((a.min(low), b.max(high))),
                (known, new) => known.or(new),
            };
        }
    }

    /// The text of the log's `stats` field.
    pub(crate) fn to_json(&self) -> String {
        let (mut low, mut high, mut nulls) = (Map::new(), Map::new(), Map::new());
        for range in &self.ranges {
            let Some(field) = self.schema.fields().get(range.column) else { continue };
            nulls.insert(field.name().clone(), Value::from(range.nulls));
            let Some((min, max)) = range.bounds else { continue };
            let texts = match field.data_type() {
                DataType::Date32 => date(min).zip(date(max)),
                _ => millis(min.div_euclid(1000)).zip(millis(ceil_millis(max))),
            };
            if let Some((min, max)) = texts {
                low.insert(field.name().clone(), Value::from(min));
                high.insert(field.name().clone(), Value::from(max));
            }
        }
        serde_json::json!({ "numRecords": self.rows, "minValues": low, "maxValues": high, "nullCount": nulls })
            .to_string()
    }
}

fn ceil_millis(micros: i64) -> i64 {
    micros.div_euclid(1000) + i64::from(micros.rem_euclid(1000) != 0)
}

fn millis(millis: i64) -> Option<String> {
    DateTime::from_timestamp_millis(millis).map(|time| time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

fn date(days: i64) -> Option<String> {
    let days = i32::try_from(days).ok()?.checked_add(719_163)?;
    NaiveDate::from_num_days_from_ce_opt(days).map(|date| date.format("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Date32Array, StringArray, TimestampMicrosecondArray};
    use arrow::datatypes::{Field, Schema, TimeUnit};

    use super::*;

    #[test]
    fn times_are_rounded_outwards() {
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let schema = Arc::new(Schema::new(vec![
            Field::new("text", DataType::Utf8, true),
            Field::new("at", time, true),
            Field::new("day", DataType::Date32, true),
        ]));
        let mut stats = FileStats::new(schema);
        for (at, day) in [(Some(1_500), Some(19_000)), (None, None), (Some(-1), Some(0))] {
            stats.update(
                1,
                &[
                    Arc::new(StringArray::from(vec!["x"])) as ArrayRef,
                    Arc::new(TimestampMicrosecondArray::from(vec![at]).with_timezone("UTC")),
                    Arc::new(Date32Array::from(vec![day])),
                ],
            );
        }
        let json: Value = serde_json::from_str(&stats.to_json()).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "numRecords": 3,
                "minValues": { "at": "1969-12-31T23:59:59.999Z", "day": "1970-01-01" },
                "maxValues": { "at": "1970-01-01T00:00:00.002Z", "day": "2022-01-08" },
                "nullCount": { "at": 1, "day": 1 },
            })
        );
    }
}
