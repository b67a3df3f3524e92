//! Placeholder until the line items' own definition is merged.
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use std::sync::Arc;

/// The columns the summary reads.
#[must_use]
pub fn line_items_schema() -> SchemaRef {
    use crate::summary::columns::{AMOUNT, INPUTS, NET_INPUTS};
    let entries = DataType::Struct(
        vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Utf8, true)].into(),
    );
    let map = DataType::Map(Arc::new(Field::new("entries", entries, false)), false);
    let kind = |name: &str| match name {
        "resource_tags" | "cost_category" | "product" => map.clone(),
        name if name.ends_with("_date") || name.ends_with("_time") => {
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
        }
        name if ["amount", "factor", "_rate", "cost", "fee", "period", "date", "commitment"]
            .iter()
            .any(|end| name.ends_with(end)) =>
        {
            AMOUNT
        }
        _ => DataType::Utf8,
    };
    Arc::new(Schema::new(
        INPUTS.iter().chain(&NET_INPUTS).map(|name| Field::new(*name, kind(name), true)).collect::<Vec<_>>(),
    ))
}
