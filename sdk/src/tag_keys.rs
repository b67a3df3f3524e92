//! The keys of tags found in reports: one table that the plugins of all providers fill.

use crate::contract::{Failure, Table, TableRole};
use crate::declare::{self, owned};
use crate::summary::arrays::unbuildable;
use arrow_array::{RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use std::sync::{Arc, LazyLock};

/// Name of the table; readers of Koku's database know it.
pub const TABLE: &str = "reporting_enabledtagkeys";

/// What tells tag keys apart.
pub const KEY: [&str; 2] = ["key", "provider_type"];

static SCHEMA: LazyLock<SchemaRef> =
    LazyLock::new(|| Arc::new(Schema::new(KEY.map(|name| Field::new(name, DataType::Utf8, false)).to_vec())));

/// The logical schema, without the columns that the host adds.
#[must_use]
pub fn schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

/// The table as a manifest declares it.
///
/// # Errors
/// When Arrow cannot encode the schema; a bug.
pub fn table() -> Result<Table, ArrowError> {
    Ok(Table { key: owned(&KEY), ..declare::table(TABLE, TableRole::TagKeys, &SCHEMA)? })
}

/// Its rows: keys of this provider's tags.
///
/// # Errors
/// When Arrow refuses them; a bug.
pub fn rows<'a>(keys: impl Iterator<Item = &'a str>, provider_type: &str) -> Result<RecordBatch, Failure> {
    let keys = StringArray::from_iter_values(keys);
    let provider = StringArray::from_iter_values(keys.iter().map(|_| provider_type));
    RecordBatch::try_new(schema(), vec![Arc::new(keys), Arc::new(provider)]).map_err(|error| unbuildable(&error))
}
