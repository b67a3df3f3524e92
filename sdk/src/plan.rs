//! What the columns of an input become.

use crate::decimal::{PRECISION, SCALE};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use std::sync::Arc;

pub use crate::map::map_type;

/// The logical type of an amount.
#[must_use]
pub fn amount_type() -> DataType {
    DataType::Decimal128(PRECISION as u8, SCALE as i8)
}

/// The logical type of an instant.
#[must_use]
pub fn instant_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// A table's schema of columns by type: in the order of their names, each of which may be null.
#[must_use]
pub fn schema(columns: &[(&[&str], DataType)]) -> SchemaRef {
    let of_type = |(names, held): &(&[&str], DataType)| -> Vec<Field> {
        names.iter().map(|name| Field::new(*name, held.clone(), true)).collect()
    };
    let mut fields: Vec<Field> = columns.iter().flat_map(of_type).collect();
    fields.sort_by(|a, b| a.name().cmp(b.name()));
    Arc::new(Schema::new(fields))
}

/// Where the values of one input column go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To this column of the table: text, an amount or an instant, by the column's type.
    Column(usize),
    /// To the map in this column, under a key.
    Entry {
        /// A map column of the table.
        column: usize,
        /// The key.
        key: String,
    },
    /// Cells are whole JSON objects: the map in this column.
    Object(usize),
    /// Cells are JSON objects whose outer braces may be missing: the map in this column.
    Members(usize),
    /// Nowhere.
    Skip,
}

/// One column of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// As the input spells it.
    pub name: String,
    /// Where its values go.
    pub target: Target,
    /// Neighbours with the same number hold values that repeat together, such as the attributes of a product, and are
    /// looked up together. Only for text and map entries.
    pub run: Option<u32>,
}

/// How an input becomes rows of a table.
///
/// When several inputs have the same target (or the same key of a map), the first that is not empty stands.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The table's logical schema: text, amounts, instants and maps as this module types them.
    pub schema: SchemaRef,
    /// In the input's order.
    pub inputs: Vec<Input>,
    /// Index of the input with the time of a row: a row without it is left out.
    pub time: usize,
    /// Index of the input with the money of a row: a row in which it cannot be read is left out.
    pub amount: usize,
    /// Index of the input with the currency of a row.
    pub currency: Option<usize>,
    /// Inputs whose bytes have to be text, or the row is left out.
    pub keys: Vec<usize>,
    /// Whether dates may be written with slashes, month first. What they say of that is in
    /// [`crate::table::TableBuilder::date_order`].
    pub slashed_dates: bool,
}

impl Plan {
    /// Whether the input before or after this one is of the same run.
    pub(crate) fn has_neighbour_of_run(&self, at: usize) -> bool {
        let run = |at: usize| self.inputs.get(at).and_then(|input| input.run);
        let own = run(at);
        own.is_some() && (own == run(at + 1) || at.checked_sub(1).is_some_and(|before| own == run(before)))
    }
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Amount,
    Instant,
    Map,
}

pub(crate) fn kind(schema: &Schema, column: usize) -> Kind {
    match schema.fields().get(column).map(|field| field.data_type()) {
        Some(DataType::Decimal128(..)) => Kind::Amount,
        Some(DataType::Timestamp(..)) => Kind::Instant,
        Some(DataType::Map(..)) => Kind::Map,
        _ => Kind::Text,
    }
}
