//! The lake tables that a plugin's loads go into.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::lake::{LOADS_TABLE, Lake, LakeError, LakeTable, REJECTS_TABLE, loads_schema, rejects_schema};
use crate::plugin::manifest::{Manifest, TableRole};
use crate::postgres::definition::{BILL_ID, SOURCE_UUID};

/// Handles on every table of one plugin. Clones share what they know of the logs, so that periods that are committed
/// at the same time take turns instead of running into each other.
#[derive(Debug, Clone)]
pub struct PluginTables {
    /// One per table of the manifest, in its order.
    pub declared: Vec<LakeTable>,
    /// What was set aside.
    pub rejects: LakeTable,
    /// The record of what was loaded.
    pub loads: LakeTable,
}

impl PluginTables {
    /// The tables of a plugin, which need not exist yet.
    ///
    /// # Errors
    /// When the lake cannot hold a table of that name or schema.
    pub fn open(lake: &Lake, tenant: &str, manifest: &Manifest) -> Result<Self, LakeError> {
        let table = |name: &str, schema: SchemaRef| lake.table(tenant, &manifest.provider, name, schema);
        let declared = manifest
            .tables
            .iter()
            .map(|declared| table(&declared.name, with_host_columns(declared.role, &declared.schema)));
        Ok(Self {
            declared: declared.collect::<Result<_, _>>()?,
            rejects: table(REJECTS_TABLE, rejects_schema())?,
            loads: table(LOADS_TABLE, loads_schema())?,
        })
    }
}

/// What is made of normalized rows also says which source and which bill it belongs to; a bill's row, which bill it is.
pub fn with_host_columns(role: TableRole, schema: &SchemaRef) -> SchemaRef {
    let bill = match role {
        TableRole::Summary | TableRole::Rollup => BILL_ID,
        TableRole::Bill => "id",
        _ => return Arc::clone(schema),
    };
    let mut fields = schema.fields().to_vec();
    fields.push(Arc::new(Field::new(SOURCE_UUID, DataType::Utf8, false)));
    fields.push(Arc::new(Field::new(bill, DataType::Int64, false)));
    Arc::new(Schema::new(fields))
}
