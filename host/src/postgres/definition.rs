//! What the database of a provider holds, as its plugin declared it: tables with their columns, and what fills them.
//!
//! Kept as JSON in the lake and in the database, so that publishing again and reading need no plugin. Every name in here
//! has passed the manifest's checks.

use arrow::datatypes::{DataType, Field};
use serde::{Deserialize, Serialize};

use crate::plugin::is_json;
use crate::plugin::manifest::{Index, Manifest, Table, TableRole, Validity};

/// Tables of one plugin in a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseDefinition {
    /// Such as `aws`.
    pub provider: String,
    /// The plugin's id.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// Everything that is published: all tables but those that `normalize` fills.
    pub tables: Vec<DatabaseTable>,
    /// Columns that are filled from reference tables, in this order.
    pub lookups: Vec<DatabaseLookup>,
    /// Tables that `normalize` fills. They are not published, only compared with what is.
    pub rows: Vec<RowsTable>,
}

/// A table of rows that summaries are made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsTable {
    /// In the lake.
    pub name: String,
    /// The column whose total a reconciliation compares, and its currency's.
    pub total: Option<(String, String)>,
    /// The column that names the invoice a charge stands on.
    pub invoice: Option<String>,
    /// Names of the summaries' tables that are made of it.
    pub summaries: Vec<String>,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseTable {
    /// In the lake and in the database.
    pub name: String,
    /// What its rows are, and thus how they are replaced.
    pub role: TableRole,
    /// As the lake has them, those the host added among them; without those that only the database has.
    pub columns: Vec<DatabaseColumn>,
    /// What tells the rows of a reference table apart.
    pub key: Vec<String>,
    /// The date column whose months are partitions.
    pub partition_by: Option<String>,
    /// As declared.
    pub indexes: Vec<Index>,
    /// The column whose total a reconciliation compares, and its currency's.
    pub total: Option<(String, String)>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseColumn {
    /// A checked identifier.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
}

/// What a column holds, by its type in the lake and in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnKind {
    /// `Utf8`: `text`.
    Text,
    /// `Utf8` that holds JSON: `jsonb`.
    Json,
    /// `Utf8` that holds a UUID: `uuid`.
    Uuid,
    /// `Boolean`: `boolean`.
    Boolean,
    /// `Int32`: `integer`.
    Int32,
    /// `Int64`: `bigint`.
    Int64,
    /// `Float64`: `double precision`.
    Float64,
    /// `Date32`: `date`.
    Date,
    /// `Decimal128` of any scale: `numeric` without limits.
    Decimal,
    /// `Timestamp` in microseconds UTC: `timestamp with time zone`.
    Timestamp,
    /// `List` of `Utf8`: `text[]`.
    TextList,
    /// Maps and other lists: `jsonb`.
    Nested,
}

/// See [`crate::plugin::manifest::Lookup`]; tables by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseLookup {
    /// The looking table.
    pub table: String,
    /// Its column.
    pub column: String,
    /// The reference table.
    pub reference: String,
    /// Columns of both that must be equal.
    pub on: Vec<(String, String)>,
    /// When rows of the reference count.
    pub valid: Option<Validity>,
}

/// The column of summaries and rollups that says which bill a row belongs to, and the one with its source.
pub const BILL_ID: &str = "cost_entry_bill_id";
/// See [`BILL_ID`].
pub const SOURCE_UUID: &str = "source_uuid";

impl DatabaseDefinition {
    /// What a plugin's manifest says of the database.
    #[must_use]
    pub fn of(manifest: &Manifest) -> Self {
        let table = |index: usize| manifest.tables.get(index).map(|table| table.name.clone()).unwrap_or_default();
        let published = manifest.tables.iter().filter(|table| !table.role.is_normalized());
        Self {
            provider: manifest.provider.clone(),
            plugin: manifest.id.clone(),
            version: manifest.version.clone(),
            tables: published
                .map(|table| {
                    let own = table.schema.fields().iter().map(|field| column(field));
                    DatabaseTable {
                        name: table.name.clone(),
                        role: table.role,
                        columns: own.chain(host_columns(table.role)).collect(),
                        key: table.key.clone(),
                        partition_by: table.partition_by.clone(),
                        indexes: table.indexes.clone(),
                        total: total(table),
                    }
                })
                .collect(),
            rows: rows(manifest),
            lookups: manifest
                .lookups
                .iter()
                .map(|lookup| DatabaseLookup {
                    table: table(lookup.table),
                    column: lookup.column.clone(),
                    reference: table(lookup.reference),
                    on: lookup.on.clone(),
                    valid: lookup.valid.clone(),
                })
                .collect(),
        }
    }

    /// A table by name.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&DatabaseTable> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// The table of tag keys, where there is one.
    #[must_use]
    pub fn tag_keys(&self) -> Option<&DatabaseTable> {
        self.tables.iter().find(|table| table.role == TableRole::TagKeys)
    }
}

fn total(table: &Table) -> Option<(String, String)> {
    let total = table.money.iter().find(|money| money.total)?;
    Some((total.column.clone(), total.currency.clone()))
}

fn rows(manifest: &Manifest) -> Vec<RowsTable> {
    let normalized = manifest.tables.iter().enumerate().filter(|(_, table)| table.role.is_normalized());
    let made_of = |index: usize| {
        let summaries = manifest.summaries.iter().filter(move |summary| summary.input == index);
        summaries.filter_map(|summary| Some(manifest.tables.get(*summary.outputs.first()?)?.name.clone()))
    };
    normalized
        .map(|(index, table)| RowsTable {
            name: table.name.clone(),
            total: total(table),
            invoice: table.invoice.clone(),
            summaries: made_of(index).collect(),
        })
        .collect()
}

/// Columns that the host adds to a table of the lake.
fn host_columns(role: TableRole) -> Vec<DatabaseColumn> {
    let column = |name: &str, kind| DatabaseColumn { name: name.to_owned(), kind };
    match role {
        TableRole::Summary | TableRole::Rollup => {
            vec![column(SOURCE_UUID, ColumnKind::Uuid), column(BILL_ID, ColumnKind::Int64)]
        }
        TableRole::Bill => vec![column(SOURCE_UUID, ColumnKind::Uuid), column("id", ColumnKind::Int64)],
        TableRole::LineItems | TableRole::Usage | TableRole::Reference | TableRole::TagKeys => Vec::new(),
    }
}

fn column(field: &Field) -> DatabaseColumn {
    let kind = match field.data_type() {
        DataType::Utf8 if is_json(Some(field)) => ColumnKind::Json,
        DataType::Boolean => ColumnKind::Boolean,
        DataType::Int32 => ColumnKind::Int32,
        DataType::Int64 => ColumnKind::Int64,
        DataType::Float64 => ColumnKind::Float64,
        DataType::Date32 => ColumnKind::Date,
        DataType::Decimal128(..) => ColumnKind::Decimal,
        DataType::Timestamp(..) => ColumnKind::Timestamp,
        DataType::List(member) if *member.data_type() == DataType::Utf8 => ColumnKind::TextList,
        DataType::List(_) | DataType::Map(..) => ColumnKind::Nested,
        _ => ColumnKind::Text,
    };
    DatabaseColumn { name: field.name().clone(), kind }
}
