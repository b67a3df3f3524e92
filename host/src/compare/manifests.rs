//! What two versions of a plugin declare.
//!
//! A newer version may add: tables, columns, reports. What it takes away, or means otherwise, breaks those who read the
//! tables, so it is told apart.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;

use crate::plugin::manifest::{Manifest, Table, TableRole};

/// How the declarations of two versions differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ManifestChanges {
    /// What readers of the tables would stumble over.
    pub breaks: Vec<Break>,
    /// What is new: `table`, or `table.column`.
    pub added: Vec<String>,
    /// Questions that are not answered any more: `report`, `report by dimension` or `report of measure`.
    pub unanswered: Vec<String>,
}

/// Something that a newer version took away or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Break {
    /// It is another plugin.
    Id(String, String),
    /// Its tables lie elsewhere in the lake.
    Provider(String, String),
    /// A table is gone.
    Table(String),
    /// A table's rows are something else.
    Role(String, TableRole, TableRole),
    /// A column is gone: table, column.
    Column(String, String),
    /// A column's values are something else: table, column, types.
    Type(String, String, DataType, DataType),
}

impl std::fmt::Display for Break {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(old, new) => write!(f, "its id is `{new}`, not `{old}`"),
            Self::Provider(old, new) => write!(f, "its provider is `{new}`, not `{old}`"),
            Self::Table(table) => write!(f, "table {table} is gone"),
            Self::Role(table, old, new) => write!(f, "table {table} is {new:?}, not {old:?}"),
            Self::Column(table, column) => write!(f, "column {table}.{column} is gone"),
            Self::Type(table, column, old, new) => write!(f, "column {table}.{column} is {new}, not {old}"),
        }
    }
}

/// Compares the declarations of two versions, in the order of the older one.
pub fn compare(old: &Manifest, new: &Manifest) -> ManifestChanges {
    let mut changes = ManifestChanges::default();
    if old.id != new.id {
        changes.breaks.push(Break::Id(old.id.clone(), new.id.clone()));
    }
    if old.provider != new.provider {
        changes.breaks.push(Break::Provider(old.provider.clone(), new.provider.clone()));
    }
    let by_name: BTreeMap<&str, &Table> = new.tables.iter().map(|table| (table.name.as_str(), table)).collect();
    for table in &old.tables {
        match by_name.get(table.name.as_str()) {
            Some(other) => columns(table, other, &mut changes),
            None => changes.breaks.push(Break::Table(table.name.clone())),
        }
    }
    let known = |name: &String| old.tables.iter().any(|table| table.name == *name);
    let added = new.tables.iter().map(|table| &table.name).filter(|name| !known(name));
    changes.added.extend(added.cloned());
    changes.unanswered = unanswered(old, new);
    changes
}

fn columns(old: &Table, new: &Table, changes: &mut ManifestChanges) {
    let name = &old.name;
    if old.role != new.role {
        changes.breaks.push(Break::Role(name.clone(), old.role, new.role));
    }
    for field in old.schema.fields() {
        let column = field.name();
        match new.schema.field_with_name(column) {
            Err(_) => changes.breaks.push(Break::Column(name.clone(), column.clone())),
            Ok(other) if other.data_type() != field.data_type() => {
                let (old, new) = (field.data_type().clone(), other.data_type().clone());
                changes.breaks.push(Break::Type(name.clone(), column.clone(), old, new));
            }
            Ok(_) => {}
        }
    }
    let added = new.schema.fields().iter().filter(|field| old.schema.field_with_name(field.name()).is_err());
    changes.added.extend(added.map(|field| format!("{name}.{}", field.name())));
}

fn unanswered(old: &Manifest, new: &Manifest) -> Vec<String> {
    let mut lost = Vec::new();
    for report in &old.reports {
        let Some(other) = new.reports.iter().find(|other| other.name == report.name) else {
            lost.push(report.name.clone());
            continue;
        };
        let dimensions = report.dimensions.iter().map(|dimension| &dimension.name);
        let gone = dimensions.filter(|name| !other.dimensions.iter().any(|known| known.name == **name));
        lost.extend(gone.map(|name| format!("{} by {name}", report.name)));
        let measures = report.measures.iter().map(|measure| &measure.name);
        let gone = measures.filter(|name| !other.measures.iter().any(|known| known.name == **name));
        lost.extend(gone.map(|name| format!("{} of {name}", report.name)));
    }
    lost
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::{Field, Schema};

    use super::*;

    fn table(name: &str, columns: &[(&str, DataType)]) -> Table {
        let fields = columns.iter().map(|(name, kind)| Field::new(*name, kind.clone(), true));
        Table {
            name: name.to_owned(),
            role: TableRole::Summary,
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
            money: Vec::new(),
            invoice: None,
            key: Vec::new(),
            partition_by: None,
            indexes: Vec::new(),
        }
    }

    fn manifest(tables: Vec<Table>) -> Manifest {
        Manifest {
            id: "tally".to_owned(),
            provider: "tally".to_owned(),
            title: String::new(),
            version: "1.0.0".to_owned(),
            settings_schema: String::new(),
            tables,
            summaries: Vec::new(),
            rollups: Vec::new(),
            lookups: Vec::new(),
            reports: Vec::new(),
        }
    }

    #[test]
    fn additions_break_nothing() {
        let old = manifest(vec![table("daily", &[("day", DataType::Date32)])]);
        let new = manifest(vec![
            table("monthly", &[("day", DataType::Date32)]),
            table("daily", &[("team", DataType::Utf8), ("day", DataType::Date32)]),
        ]);
        let changes = compare(&old, &new);
        assert!(changes.breaks.is_empty(), "{changes:?}");
        assert_eq!(changes.added, ["daily.team", "monthly"]);
    }

    #[test]
    fn everything_taken_away_or_changed_is_told() {
        let old = manifest(vec![
            table("daily", &[("day", DataType::Date32), ("team", DataType::Utf8)]),
            table("bills", &[("id", DataType::Int64)]),
        ]);
        let mut new = manifest(vec![table("daily", &[("day", DataType::Utf8)])]);
        new.id = "other".to_owned();
        let told: Vec<String> = compare(&old, &new).breaks.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "its id is `other`, not `tally`",
                "column daily.day is Utf8, not Date32",
                "column daily.team is gone",
                "table bills is gone"
            ]
        );
    }
}
