//! Rows of reference tables that reports hold.

use arrow::array::RecordBatch;
use serde_json::{Map, Value};

use super::columns::{REPORTED, sql_type};
use super::definition::{ColumnKind, DatabaseTable};
use super::error::DatabaseError;
use super::identifier::{SchemaName, list, quoted};
use super::nested;
use super::session::Session;
use super::tables::safe;

/// Who says what a row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Found in a report: gives way to what users say, and to what reports of later periods say.
    Report {
        /// Start of the report's billing period, in days since 1970.
        period: i32,
    },
    /// Said by a user.
    User,
}

/// The rows of batches as objects with the declared columns.
///
/// # Errors
/// When a value cannot be written as JSON.
pub(super) fn objects(table: &DatabaseTable, batches: &[RecordBatch]) -> Result<Vec<Value>, DatabaseError> {
    let mut rows = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let mut object = Map::new();
            for column in &table.columns {
                let Some(values) = batch.column_by_name(&column.name) else { continue };
                let problem = |problem: String| DatabaseError::Value {
                    table: table.name.clone(),
                    column: column.name.clone(),
                    problem,
                };
                let mut value = nested::value(values, row).map_err(|source| problem(source.to_string()))?;
                if let (ColumnKind::Json, Value::String(text)) = (column.kind, &value) {
                    value = serde_json::from_str(text).map_err(|source| problem(source.to_string()))?;
                }
                object.insert(column.name.clone(), value);
            }
            rows.push(Value::Object(object));
        }
    }
    Ok(rows)
}

/// `jsonb_to_recordset($1) WITH ORDINALITY` as a row source named `r`, with the columns of the table, and `place`.
pub(super) fn recordset(table: &DatabaseTable) -> String {
    let columns: Vec<_> =
        table.columns.iter().map(|column| format!("{} {}", quoted(&column.name), sql_type(column.kind))).collect();
    let names = list(table.columns.iter().map(|column| column.name.as_str()));
    format!(
        "ROWS FROM (jsonb_to_recordset($1::jsonb) AS ({})) WITH ORDINALITY AS r ({names}, costhost_place)",
        columns.join(", ")
    )
}

/// Adds rows, or changes those with their key. Rows of a report never change what a user said or what the report of a later
/// period said, and rows that are as they should be are left alone. Of rows with the same key the last counts. Returns how
/// many were added or changed, those among them that only a later report said again.
///
/// # Errors
/// When the server refuses.
pub(super) async fn upsert(
    session: &mut Session<'_>,
    schema: &SchemaName,
    table: &DatabaseTable,
    rows: Vec<Value>,
    origin: Origin,
) -> Result<u64, DatabaseError> {
    if rows.is_empty() {
        return Ok(0);
    }
    let given = |name: &str| rows.iter().any(|row| row.get(name).is_some());
    let columns: Vec<&str> =
        table.columns.iter().map(|column| column.name.as_str()).filter(|name| given(name)).collect();
    let others: Vec<&str> = columns.iter().copied().filter(|name| !table.key.iter().any(|key| key == name)).collect();
    let keys = list(table.key.iter().map(String::as_str));
    let name = schema.qualify(&table.name);
    let set = others.iter().map(|column| format!("{0} = excluded.{0}", quoted(column)));
    let differs = others.iter().map(|column| format!("t.{0} IS DISTINCT FROM excluded.{0}", quoted(column)));
    let mut differs: Vec<String> = differs.collect();
    let (origin, reported, condition) = match origin {
        Origin::Report { period } => (
            "report",
            format!("date '1970-01-01' + {period}"),
            format!("t.origin = 'report' AND (t.{REPORTED} IS NULL OR t.{REPORTED} <= excluded.{REPORTED}) AND "),
        ),
        Origin::User => ("user", "NULL::date".to_owned(), String::new()),
    };
    let own = ["origin", REPORTED];
    differs.extend(own.map(|column| format!("t.{column} IS DISTINCT FROM excluded.{column}")));
    let statement = format!(
        "INSERT INTO {name} AS t ({columns}, origin, {REPORTED})
         SELECT DISTINCT ON ({keys}) {columns}, '{origin}', {reported} FROM {rows} ORDER BY {keys}, costhost_place DESC
         ON CONFLICT ({keys}) DO UPDATE SET {set} WHERE {condition}({differs})",
        columns = list(columns.iter().copied()),
        rows = recordset(table),
        set = set.chain(own.map(|column| format!("{column} = excluded.{column}"))).collect::<Vec<_>>().join(", "),
        differs = differs.join(" OR "),
    );
    let done = sqlx::query(safe(statement))
        .persistent(false)
        .bind(Value::Array(rows).to_string())
        .execute(&mut **session)
        .await;
    let done =
        done.map_err(|source| session.failed(&format!("filling reference table {schema}.{}", table.name), &source))?;
    Ok(done.rows_affected())
}
