//! Rollups: tables that the host makes of a summary's rows.
//!
//! A rollup has two parts in a manifest, the rule and the table it fills, and their columns must agree to the letter. Here
//! both come from one description, with the types of the summary's own schema.

use crate::contract::{
    Clause, Index, Lookup, Manifest, Money, Rollup, RollupAggregate, RollupColumn, Table, TableRole,
};
use crate::declare::{self, LookupColumn};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use std::sync::Arc;

/// A description of a rollup, from which [`RollupTable::of`] makes what a manifest needs.
///
/// Columns come in this order: those that are grouped by, those that are made, those that are looked up.
#[derive(Debug, Clone, PartialEq)]
pub struct RollupTable {
    name: String,
    group_by: Vec<String>,
    columns: Vec<RollupColumn>,
    clauses: Vec<Clause>,
    explode: Option<String>,
    lookups: Vec<LookupColumn>,
    money: Vec<Money>,
    partition_by: Option<String>,
    indexes: Vec<Index>,
}

/// What a manifest needs of a rollup.
#[derive(Debug, Clone)]
pub struct Declared {
    /// The table it fills.
    pub table: Table,
    /// The rule.
    pub rollup: Rollup,
    /// How its looked up columns are filled.
    pub lookups: Vec<Lookup>,
}

/// Why a rollup does not fit its summary.
#[derive(Debug)]
pub enum RollupError {
    /// It names a column that the summary does not have.
    UnknownColumn {
        /// The rollup's table.
        rollup: String,
        /// The column.
        column: String,
    },
    /// Its schema cannot be encoded.
    Schema {
        /// The rollup's table.
        rollup: String,
        /// The cause.
        source: ArrowError,
    },
}

impl std::fmt::Display for RollupError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RollupError::UnknownColumn { rollup, column } => {
                write!(f, "rollup {rollup} names the column {column}, which its summary does not have")
            }
            RollupError::Schema { rollup, .. } => write!(f, "the schema of rollup {rollup} cannot be encoded"),
        }
    }
}

impl std::error::Error for RollupError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            RollupError::UnknownColumn { .. } => None,
            RollupError::Schema { source, .. } => Some(source),
        }
    }
}

/// Adds rollups of one summary to a manifest: their tables after those that are there. `input` is the index of the
/// summary's table, `summary` its schema.
///
/// # Errors
/// When a rollup names a column that the summary does not have.
pub fn declare(
    manifest: &mut Manifest,
    rollups: Vec<RollupTable>,
    input: u32,
    summary: &Schema,
) -> Result<(), RollupError> {
    for rollup in rollups {
        let output = u32::try_from(manifest.tables.len()).unwrap_or(u32::MAX);
        let declared = rollup.of(summary, input, output)?;
        manifest.tables.push(declared.table);
        manifest.rollups.push(declared.rollup);
        manifest.lookups.extend(declared.lookups);
    }
    Ok(())
}

impl RollupTable {
    /// A rollup into the table of this name.
    #[must_use]
    pub fn new(name: &str) -> RollupTable {
        RollupTable {
            name: name.to_owned(),
            group_by: Vec::new(),
            columns: Vec::new(),
            clauses: Vec::new(),
            explode: None,
            lookups: Vec::new(),
            money: Vec::new(),
            partition_by: None,
            indexes: Vec::new(),
        }
    }

    /// Groups by these columns of the summary too.
    #[must_use]
    pub fn by(mut self, columns: &[&str]) -> RollupTable {
        self.group_by.extend(declare::owned(columns));
        self
    }

    /// Sums of these columns, under their own names.
    #[must_use]
    pub fn sums(self, columns: &[&str]) -> RollupTable {
        columns.iter().fold(self, |rollup, column| rollup.made(column, RollupAggregate::Sum, column))
    }

    /// The largest value of a column, under its own name.
    #[must_use]
    pub fn max(self, column: &str) -> RollupTable {
        self.made(column, RollupAggregate::Max, column)
    }

    /// The distinct texts of the column `of`.
    #[must_use]
    pub fn members(self, name: &str, of: &str) -> RollupTable {
        self.made(name, RollupAggregate::Members, of)
    }

    /// How many distinct texts the column `of` has.
    #[must_use]
    pub fn count_members(self, name: &str, of: &str) -> RollupTable {
        self.made(name, RollupAggregate::CountMembers, of)
    }

    fn made(mut self, name: &str, aggregate: RollupAggregate, of: &str) -> RollupTable {
        self.columns.push(RollupColumn { name: name.to_owned(), aggregate, of: of.to_owned() });
        self
    }

    /// Only rows for which all of these hold.
    #[must_use]
    pub fn only(mut self, clauses: Vec<Clause>) -> RollupTable {
        self.clauses.extend(clauses);
        self
    }

    /// A row counts once for each member of the JSON object in this column, known as the columns `key` and `value`.
    #[must_use]
    pub fn exploding(mut self, column: &str) -> RollupTable {
        self.explode = Some(column.to_owned());
        self
    }

    /// Columns that a database looks up.
    #[must_use]
    pub fn looking_up(mut self, columns: &[LookupColumn]) -> RollupTable {
        self.lookups.extend_from_slice(columns);
        self
    }

    /// Columns of it that hold money.
    #[must_use]
    pub fn money(mut self, money: Vec<Money>) -> RollupTable {
        self.money = money;
        self
    }

    /// In a database each month of this date column is a partition.
    #[must_use]
    pub fn partitioned_by(mut self, column: &str) -> RollupTable {
        self.partition_by = Some(column.to_owned());
        self
    }

    /// An index in a database.
    #[must_use]
    pub fn indexed(mut self, index: Index) -> RollupTable {
        self.indexes.push(index);
        self
    }

    /// The schema of its table, given that of the summary.
    ///
    /// # Errors
    /// When it names a column that the summary does not have.
    pub fn schema(&self, summary: &Schema) -> Result<Schema, RollupError> {
        let mut fields = Vec::with_capacity(self.group_by.len() + self.columns.len() + self.lookups.len());
        for name in &self.group_by {
            fields.push(self.input(summary, name)?);
        }
        for column in &self.columns {
            let input = self.input(summary, &column.of)?;
            fields.push(match column.aggregate {
                RollupAggregate::Sum | RollupAggregate::Max => input.with_name(&column.name).with_nullable(true),
                RollupAggregate::Members => Field::new(&column.name, text_list(), true),
                RollupAggregate::CountMembers => Field::new(&column.name, DataType::Int64, true),
            });
        }
        fields.extend(self.lookups.iter().map(LookupColumn::field));
        Ok(Schema::new(fields))
    }

    /// A column of its input: the summary's, or a member of the exploded objects.
    fn input(&self, summary: &Schema, name: &str) -> Result<Field, RollupError> {
        let unknown = || RollupError::UnknownColumn { rollup: self.name.clone(), column: name.to_owned() };
        match (&self.explode, name) {
            (Some(exploded), "key" | "value") => {
                summary.field_with_name(exploded).map_err(|_| unknown())?;
                Ok(Field::new(name, DataType::Utf8, false))
            }
            _ => summary.field_with_name(name).cloned().map_err(|_| unknown()),
        }
    }

    /// What the manifest needs: the summary's table has the index `input`, the rollup's table gets the index `output`.
    ///
    /// # Errors
    /// When it names a column that the summary does not have, or Arrow cannot encode its schema.
    pub fn of(self, summary: &Schema, input: u32, output: u32) -> Result<Declared, RollupError> {
        let schema = self.schema(summary)?;
        let table = declare::table(&self.name, TableRole::Rollup, &schema)
            .map_err(|source| RollupError::Schema { rollup: self.name.clone(), source })?;
        let table = Table { money: self.money, partition_by: self.partition_by, indexes: self.indexes, ..table };
        Ok(Declared {
            table,
            lookups: self.lookups.iter().map(|lookup| lookup.of_table(output)).collect(),
            rollup: Rollup {
                output,
                input,
                group_by: self.group_by,
                columns: self.columns,
                where_: self.clauses,
                explode: self.explode,
            },
        })
    }
}

/// The type of a list of texts.
#[must_use]
pub fn text_list() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declare::json_field;

    fn summary() -> Schema {
        Schema::new(vec![
            Field::new("day", DataType::Date32, false),
            Field::new("service", DataType::Utf8, true),
            Field::new("cost", DataType::Decimal128(38, 18), false),
            Field::new("ids", text_list(), false),
            json_field("tags", false),
        ])
    }

    fn alias() -> LookupColumn {
        LookupColumn {
            column: "alias_id".to_owned(),
            reference: 7,
            on: vec![("service".to_owned(), "name".to_owned())],
            valid: None,
        }
    }

    #[test]
    fn the_table_has_what_the_rule_makes_in_the_summarys_types() {
        let rollup = RollupTable::new("by_service")
            .by(&["day", "service"])
            .sums(&["cost"])
            .members("ids", "ids")
            .count_members("count", "ids")
            .looking_up(&[alias()])
            .partitioned_by("day");
        let schema = rollup.schema(&summary()).unwrap();
        let expected = Schema::new(vec![
            Field::new("day", DataType::Date32, false),
            Field::new("service", DataType::Utf8, true),
            Field::new("cost", DataType::Decimal128(38, 18), true),
            Field::new("ids", text_list(), true),
            Field::new("count", DataType::Int64, true),
            Field::new("alias_id", DataType::Int64, true),
        ]);
        assert_eq!(schema, expected);
        let declared = rollup.of(&summary(), 1, 9).unwrap();
        assert_eq!((declared.rollup.input, declared.rollup.output), (1, 9));
        assert_eq!(declared.table.schema, crate::ipc::encode_schema(&expected).unwrap());
        assert_eq!(declared.table.partition_by.as_deref(), Some("day"));
        let made: Vec<_> = declared.rollup.columns.iter().map(|c| (c.name.as_str(), c.of.as_str())).collect();
        assert_eq!(made, [("cost", "cost"), ("ids", "ids"), ("count", "ids")]);
        assert_eq!((declared.lookups.len(), declared.lookups[0].table, declared.lookups[0].reference), (1, 9, 7));
    }

    #[test]
    fn members_of_objects_are_columns_only_when_exploded() {
        let tags = RollupTable::new("tags").by(&["key"]).members("values", "value");
        let schema = tags.clone().exploding("tags").schema(&summary()).unwrap();
        assert_eq!(schema.field(0), &Field::new("key", DataType::Utf8, false));
        assert_eq!(schema.field(1), &Field::new("values", text_list(), true));
        for (wrong, column) in [(tags.clone(), "key"), (tags.exploding("no"), "key")] {
            let error = wrong.schema(&summary()).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("rollup tags names the column {column}, which its summary does not have")
            );
        }
        assert!(RollupTable::new("x").sums(&["price"]).of(&summary(), 0, 1).unwrap_err().to_string().contains("price"));
    }
}
