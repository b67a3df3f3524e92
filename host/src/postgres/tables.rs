//! Tables: made where they are missing, and given the columns they lack.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;

use super::columns::{self, SqlColumn};
use super::definition::DatabaseTable;
use super::error::DatabaseError;
use super::identifier::{SchemaName, quoted};
use super::session::Session;

/// The comment on tables that costhost makes. A table whose comment names costhost, in any case, is costhost's to change and
/// to fill.
const MARK: &str = "Made and filled by costhost";

/// Makes the table, or adds what it lacks. What is there and is not declared stays: another plugin may share the table,
/// and users may have added columns.
///
/// # Errors
/// When what is there is not costhost's or does not fit: another kind of relation, other partitions, a column of another
/// type.
pub(super) async fn ensure(
    session: &mut Session<'_>,
    schema: &SchemaName,
    table: &DatabaseTable,
) -> Result<(), DatabaseError> {
    let action = format!("making table {schema}.{}", table.name);
    let name = schema.qualify(&table.name);
    let wanted = columns::all(table);
    let Some(found) = relation(session, schema, &table.name).await? else {
        let columns: Vec<String> = wanted.iter().map(definition).collect();
        let partitions = match &table.partition_by {
            Some(day) => format!(" PARTITION BY RANGE ({})", quoted(day)),
            None => String::new(),
        };
        let made = format!("CREATE TABLE {name} ({}){partitions}", columns.join(", "));
        return session.run(&action, format!("{made}; COMMENT ON TABLE {name} IS '{MARK}'")).await;
    };
    if !is_ours(session, schema, &table.name).await? {
        let problem = format!(
            "it is there already, and costhost did not make it, so it is neither changed nor filled; rename it, or choose a \
             tenant, which has a schema of its own; if costhost is to have it, run COMMENT ON TABLE {name} IS '{MARK}'"
        );
        return Err(DatabaseError::Schema { table: format!("{schema}.{}", table.name), problem });
    }
    found.check(schema, table)?;
    let there = column_types(session, schema, &table.name).await?;
    let mut missing = Vec::new();
    for column in &wanted {
        match there.get(column.name) {
            None => missing.push(format!("ADD COLUMN {}", definition(column))),
            Some(sql_type) if sql_type == column.sql_type => {}
            Some(sql_type) => {
                let problem = format!(
                    "column {:?} is of the type {sql_type}, and should be {}; change it with ALTER TABLE, or rename the \
                     table and publish again",
                    column.name, column.sql_type
                );
                return Err(DatabaseError::Schema { table: format!("{schema}.{}", table.name), problem });
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    session.run(&action, format!("ALTER TABLE {name} {}", missing.join(", "))).await
}

fn definition(column: &SqlColumn<'_>) -> String {
    format!("{} {} {}", quoted(column.name), column.sql_type, column.rest)
}

/// What stands where a table should.
struct Relation {
    /// As in `pg_class.relkind`.
    kind: String,
    /// `r` for ranges, with the only column they are of; absent without partitions.
    partitions: Option<(String, Option<String>)>,
}

impl Relation {
    fn check(&self, schema: &SchemaName, table: &DatabaseTable) -> Result<(), DatabaseError> {
        let problem = match (&table.partition_by, &self.partitions) {
            _ if self.kind != "r" && self.kind != "p" => "it is no table but a view or the like; rename it".to_owned(),
            (None, None) => return Ok(()),
            (None, Some(_)) => "it has partitions, and should have none; rename it, and publish again".to_owned(),
            (Some(day), Some((strategy, Some(column)))) if strategy == "r" && column == day => return Ok(()),
            (Some(day), _) => {
                format!("it should have partitions by ranges of {day:?}, and has not; rename it, and publish again")
            }
        };
        Err(DatabaseError::Schema { table: format!("{schema}.{}", table.name), problem })
    }
}

async fn relation(
    session: &mut Session<'_>,
    schema: &SchemaName,
    table: &str,
) -> Result<Option<Relation>, DatabaseError> {
    let found = sqlx::query_as(
        "SELECT c.relkind::text, p.partstrat::text, a.attname::text
         FROM pg_class c
         JOIN pg_namespace n ON n.oid = c.relnamespace
         LEFT JOIN pg_partitioned_table p ON p.partrelid = c.oid
         LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND p.partnatts = 1 AND a.attnum = p.partattrs[0]
         WHERE n.nspname = $1 AND c.relname = $2",
    )
    .bind(schema.as_str())
    .bind(table)
    .fetch_optional(&mut **session)
    .await;
    let found = found.map_err(|source| session.failed("looking at tables", &source))?;
    Ok(found.map(|(kind, strategy, column): (String, Option<String>, Option<String>)| Relation {
        kind,
        partitions: strategy.map(|strategy| (strategy, column)),
    }))
}

/// Whether costhost made a table: its comment says so, or a plugin that published here declared it.
async fn is_ours(session: &mut Session<'_>, schema: &SchemaName, table: &str) -> Result<bool, DatabaseError> {
    let query = format!(
        "SELECT EXISTS (
                SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = $1 AND c.relname = $2 AND obj_description(c.oid, 'pg_class') ILIKE '%costhost%'
            ) OR EXISTS (
                SELECT FROM {} d, jsonb_array_elements(d.definition -> 'tables') declared WHERE declared ->> 'name' = $2
            )",
        schema.qualify("costhost_definitions")
    );
    let found = sqlx::query_scalar(safe(query)).bind(schema.as_str()).bind(table).fetch_one(&mut **session).await;
    found.map_err(|source| session.failed("looking at whose tables are", &source))
}

/// The types of a table's columns, as `format_type` writes them.
async fn column_types(
    session: &mut Session<'_>,
    schema: &SchemaName,
    table: &str,
) -> Result<BTreeMap<String, String>, DatabaseError> {
    let found: Result<Vec<(String, String)>, _> = sqlx::query_as(
        "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod)
         FROM pg_attribute a
         JOIN pg_class c ON c.oid = a.attrelid
         JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped",
    )
    .bind(schema.as_str())
    .bind(table)
    .fetch_all(&mut **session)
    .await;
    Ok(found.map_err(|source| session.failed("looking at columns", &source))?.into_iter().collect())
}

/// Whether a table is there.
pub(super) async fn exists(session: &mut Session<'_>, schema: &SchemaName, table: &str) -> Result<bool, DatabaseError> {
    Ok(relation(session, schema, table).await?.is_some())
}

/// Whether the schema is there.
pub(super) async fn schema_exists(session: &mut Session<'_>, schema: &SchemaName) -> Result<bool, DatabaseError> {
    let found = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)")
        .bind(schema.as_str())
        .fetch_one(&mut **session)
        .await;
    found.map_err(|source| session.failed("looking at schemas", &source))
}

/// A statement whose dynamic parts are all names quoted by [`super::identifier`], or numbers.
pub(super) fn safe(statement: String) -> AssertSqlSafe<String> {
    AssertSqlSafe(statement)
}
