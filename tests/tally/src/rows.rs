//! Between Arrow's arrays and plain values.
//!
//! The host and the normalizer may send text as dictionaries and columns without a value as nulls: everything is brought
//! to its declared type first.

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type, TimestampMicrosecondType};
use arrow_array::{
    Array, ArrayRef, Decimal128Array, ListArray, MapArray, PrimitiveArray, RecordBatch, StringArray, new_null_array,
};
use arrow_cast::cast;
use arrow_schema::{ArrowError, Schema};
use costhost_sdk::contract::Failure;
use costhost_sdk::decimal::{PRECISION, SCALE};
use costhost_sdk::failure::abort;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The columns of a batch, in the types that a schema declares.
#[derive(Debug)]
pub struct Columns(RecordBatch);

impl Columns {
    /// The batch's columns of these names.
    ///
    /// # Errors
    /// When one is absent, or of a type that cannot become the declared one.
    pub fn new(batch: &RecordBatch, schema: &Schema) -> Result<Columns, Failure> {
        let columns = schema.fields().iter().map(|field| match batch.column_by_name(field.name()) {
            Some(column) => cast(column, field.data_type()).map_err(|error| foreign(field.name(), &error.to_string())),
            None => Err(foreign(field.name(), "it is absent")),
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let typed = RecordBatch::try_new(Arc::new(schema.clone()), columns);
        typed.map(Columns).map_err(|error| foreign("day", &error.to_string()))
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.0.num_rows()
    }

    fn array<'a, A>(&'a self, name: &str, typed: impl Fn(&'a ArrayRef) -> Option<&'a A>) -> Result<&'a A, Failure> {
        self.0.column_by_name(name).and_then(typed).ok_or_else(|| foreign(name, "it is of another type"))
    }

    /// A text column.
    ///
    /// # Errors
    /// When the schema declares no such column.
    pub fn texts(&self, name: &str) -> Result<&StringArray, Failure> {
        self.array(name, |array| array.as_string_opt())
    }

    /// A column of amounts, in units of 10^-18.
    ///
    /// # Errors
    /// When the schema declares no such column.
    pub fn amounts(&self, name: &str) -> Result<&Decimal128Array, Failure> {
        self.array(name, |array| array.as_primitive_opt::<Decimal128Type>())
    }

    /// A column of times, in microseconds.
    ///
    /// # Errors
    /// When the schema declares no such column.
    pub fn times(&self, name: &str) -> Result<&PrimitiveArray<TimestampMicrosecondType>, Failure> {
        self.array(name, |array| array.as_primitive_opt())
    }

    /// A column of days since 1970-01-01.
    ///
    /// # Errors
    /// When the schema declares no such column.
    pub fn days(&self, name: &str) -> Result<&PrimitiveArray<Date32Type>, Failure> {
        self.array(name, |array| array.as_primitive_opt())
    }

    /// A column of counts.
    ///
    /// # Errors
    /// When the schema declares no such column.
    pub fn counts(&self, name: &str) -> Result<&PrimitiveArray<arrow_array::types::Int64Type>, Failure> {
        self.array(name, |array| array.as_primitive_opt())
    }

    /// A column of lists of texts.
    ///
    /// # Errors
    /// When the schema declares no such column.
    pub fn lists(&self, name: &str) -> Result<&ListArray, Failure> {
        self.array(name, |array| array.as_list_opt())
    }

    /// A column of maps from text to text.
    ///
    /// # Errors
    /// When the schema declares no such column.
    pub fn maps(&self, name: &str) -> Result<&MapArray, Failure> {
        self.array(name, |array| array.as_map_opt())
    }
}

fn foreign(column: &str, why: &str) -> Failure {
    let message =
        format!("the column {column} of rows given to tally cannot be used ({why}): this is a bug of the host");
    abort("summary.foreign-rows", message)
}

/// A value of a text column; none for an empty one.
#[must_use]
pub fn text(texts: &StringArray, row: usize) -> Option<String> {
    (texts.is_valid(row) && !texts.value(row).is_empty()).then(|| texts.value(row).to_owned())
}

/// A value of a column of amounts.
#[must_use]
pub fn amount(amounts: &Decimal128Array, row: usize) -> Option<i128> {
    amounts.is_valid(row).then(|| amounts.value(row))
}

/// The members of a list of texts.
#[must_use]
pub fn members(lists: &ListArray, row: usize) -> Vec<String> {
    if lists.is_null(row) {
        return Vec::new();
    }
    let own = lists.value(row);
    own.as_string_opt::<i32>().into_iter().flatten().flatten().map(str::to_owned).collect()
}

/// The entries of a map that have a value.
#[must_use]
pub fn entries(maps: &MapArray, row: usize) -> BTreeMap<String, String> {
    if maps.is_null(row) {
        return BTreeMap::new();
    }
    let own = maps.value(row);
    let texts = |column: usize| own.column(column).as_string_opt::<i32>();
    let (Some(keys), Some(values)) = (texts(0), texts(1)) else { return BTreeMap::new() };
    let pairs = keys.iter().zip(values).filter_map(|(key, value)| Some((key?.to_owned(), value?.to_owned())));
    pairs.filter(|(_, value)| !value.is_empty()).collect()
}

/// A text column.
pub fn text_array<'a>(texts: impl Iterator<Item = Option<&'a String>>) -> ArrayRef {
    Arc::new(StringArray::from_iter(texts))
}

/// A column of amounts in units of 10^-18.
///
/// # Errors
/// None: the type is a constant.
pub fn amount_array(amounts: impl Iterator<Item = Option<i128>>) -> Result<ArrayRef, ArrowError> {
    let amounts = Decimal128Array::from_iter(amounts).with_precision_and_scale(PRECISION as u8, SCALE as i8)?;
    Ok(Arc::new(amounts))
}

/// A column of lists of texts.
pub fn list_array<'a>(lists: impl Iterator<Item = &'a BTreeSet<String>>) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for list in lists {
        list.iter().for_each(|member| builder.values().append_value(member));
        builder.append(true);
    }
    Arc::new(builder.finish())
}

/// A batch of a table. Columns beyond those that are given are left null, for a database to fill.
///
/// # Errors
/// When the columns are not those of the schema; a bug.
pub fn batch(schema: Schema, mut columns: Vec<ArrayRef>) -> Result<RecordBatch, Failure> {
    let rows = columns.first().map_or(0, |column| column.len());
    let missing = schema.fields().iter().skip(columns.len());
    let missing: Vec<ArrayRef> = missing.map(|field| new_null_array(field.data_type(), rows)).collect();
    columns.extend(missing);
    RecordBatch::try_new(Arc::new(schema), columns).map_err(|error| unbuildable(&error))
}

/// The failure of a batch that cannot be put together.
#[must_use]
pub fn unbuildable(error: &ArrowError) -> Failure {
    abort("plugin.bug", format!("daily costs could not be put together ({error}): this is a bug of the plugin"))
}
