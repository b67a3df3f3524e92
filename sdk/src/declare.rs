//! Tables of a manifest and what belongs to them, in few words.
//!
//! The contract's records say everything each time; most tables have most of it empty.

use crate::contract::{
    Aggregate, Dimension, Index, IndexMethod, Lookup, Measure, Money, Table, TableRole, Unit, Validity,
};
use crate::ipc;
use arrow_schema::{ArrowError, DataType, Field, Schema};
use std::collections::HashMap;

/// A table of this logical schema, without money, invoice, key, partitions and indexes.
///
/// # Errors
/// When Arrow cannot encode the schema's types.
pub fn table(name: &str, role: TableRole, schema: &Schema) -> Result<Table, ArrowError> {
    Ok(Table {
        name: name.to_owned(),
        role,
        schema: ipc::encode_schema(schema)?,
        money: Vec::new(),
        invoice: None,
        key: Vec::new(),
        partition_by: None,
        indexes: Vec::new(),
    })
}

/// Columns of money, whose currency is in the column `currency`; run receipts carry the total of the column `total`.
#[must_use]
pub fn money(columns: &[&str], currency: &str, total: &str) -> Vec<Money> {
    let money =
        |&column: &&str| Money { column: column.to_owned(), currency: currency.to_owned(), total: column == total };
    columns.iter().map(money).collect()
}

/// An index on these columns.
#[must_use]
pub fn index(method: IndexMethod, columns: &[&str]) -> Index {
    Index { columns: owned(columns), method }
}

/// A text column that holds JSON: it has Arrow's extension type `arrow.json`.
#[must_use]
pub fn json_field(name: &str, nullable: bool) -> Field {
    let extension = HashMap::from([("ARROW:extension:name".to_owned(), "arrow.json".to_owned())]);
    Field::new(name, DataType::Utf8, nullable).with_metadata(extension)
}

/// A column that a database fills with the `id` of a row of a reference table. The plugin leaves it null.
///
/// Tables that have the same column look it up in the same way, so this is declared once and used for each.
#[derive(Debug, Clone, PartialEq)]
pub struct LookupColumn {
    /// The column.
    pub column: String,
    /// Index of the reference table among the manifest's tables.
    pub reference: u32,
    /// Columns of the looking table and of the reference table that must be equal.
    pub on: Vec<(String, String)>,
    /// When rows of the reference table count.
    pub valid: Option<Validity>,
}

impl LookupColumn {
    /// The column as a field of a schema.
    #[must_use]
    pub fn field(&self) -> Field {
        Field::new(&self.column, DataType::Int64, true)
    }

    /// The lookup for the table with this index.
    #[must_use]
    pub fn of_table(&self, table: u32) -> Lookup {
        Lookup {
            table,
            column: self.column.clone(),
            reference: self.reference,
            on: self.on.clone(),
            valid: self.valid.clone(),
        }
    }
}

/// Dimensions of a report: the name users type, the column, and a title.
#[must_use]
pub fn dimensions(dimensions: &[(&str, &str, &str)]) -> Vec<Dimension> {
    let dimension = |&(name, column, title): &(&str, &str, &str)| Dimension {
        name: name.to_owned(),
        column: column.to_owned(),
        title: title.to_owned(),
    };
    dimensions.iter().map(dimension).collect()
}

/// Measures of a report that add up money, whose currency is in the column `currency`: the name users type, the column,
/// and a title.
#[must_use]
pub fn costs(measures: &[(&str, &str, &str)], currency: &str) -> Vec<Measure> {
    measures.iter().map(|(name, column, title)| sum(name, column, title, Unit::Currency(currency.to_owned()))).collect()
}

/// A measure that adds up a column.
#[must_use]
pub fn sum(name: &str, column: &str, title: &str, unit: Unit) -> Measure {
    measure(name, column, title, Aggregate::Sum, unit)
}

/// A measure that counts the distinct members of a list column.
#[must_use]
pub fn members(name: &str, column: &str, title: &str) -> Measure {
    measure(name, column, title, Aggregate::CountDistinct, Unit::None)
}

fn measure(name: &str, column: &str, title: &str, aggregate: Aggregate, unit: Unit) -> Measure {
    Measure { name: name.to_owned(), column: column.to_owned(), title: title.to_owned(), aggregate, unit }
}

/// Names as a manifest holds them.
#[must_use]
pub fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_json_column_is_survives_the_manifest() {
        let schema = Schema::new(vec![json_field("tags", true), Field::new("plain", DataType::Utf8, true)]);
        let declared = table("t", TableRole::Summary, &schema).unwrap();
        let found = arrow_ipc::reader::StreamReader::try_new(declared.schema.as_slice(), None).unwrap().schema();
        assert_eq!(*found, schema);
        let extension = |column: usize| found.field(column).metadata().get("ARROW:extension:name").cloned();
        assert_eq!((extension(0), extension(1)), (Some("arrow.json".to_owned()), None));
    }

    #[test]
    fn one_column_of_money_is_totalled() {
        let money = money(&["a", "b"], "c", "b");
        let told: Vec<_> = money.iter().map(|m| (m.column.as_str(), m.currency.as_str(), m.total)).collect();
        assert_eq!(told, [("a", "c", false), ("b", "c", true)]);
    }
}
