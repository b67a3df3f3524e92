//! Tag keys: new ones are added, and enabled while there are few.

use std::collections::BTreeSet;

use serde_json::Value;

use super::connect::Database;
use super::definition::{DatabaseDefinition, DatabaseTable};
use super::digest;
use super::error::DatabaseError;
use super::identifier::{SchemaName, quoted};
use super::reference_rows::recordset;
use super::session::Session;
use super::tables::{self, safe};

/// How many keys are enabled by themselves. Further ones wait for a user to choose.
const ENABLED: i64 = 200;

/// The columns of the key beside `key` itself, such as the provider's type: keys are counted apart for each of their
/// values.
fn scope(table: &DatabaseTable) -> Vec<&str> {
    table.key.iter().map(String::as_str).filter(|name| *name != "key").collect()
}

/// The scope of a row as a JSON object, in SQL.
fn scope_object(table: &DatabaseTable, row: &str) -> String {
    let members: Vec<String> = scope(table)
        .iter()
        // A name has only letters, digits and underscores; doubling quotes is for whoever changes that.
        .map(|name| format!("'{}', {row}.{}", name.replace('\'', "''"), quoted(name)))
        .collect();
    format!("jsonb_build_object({})", members.join(", "))
}

/// Adds keys that are not there, in the order of their bytes, and remembers which scopes this provider's keys have. In a
/// transaction, which makes others that add keys wait.
///
/// # Errors
/// When the server refuses.
pub(super) async fn add(
    session: &mut Session<'_>,
    schema: &SchemaName,
    provider: &str,
    table: &DatabaseTable,
    rows: Vec<Value>,
) -> Result<Vec<String>, DatabaseError> {
    let action = format!("adding tag keys to {schema}.{}", table.name);
    let lock = digest::lock_key(&["tag keys", schema.as_str(), &table.name]);
    session.run(&action, format!("SELECT pg_advisory_xact_lock({lock})")).await?;
    let rows = Value::Array(rows).to_string();
    let remember = format!(
        "INSERT INTO {} (provider, scope) SELECT DISTINCT $2::text, {} FROM {} ON CONFLICT DO NOTHING",
        schema.qualify("costhost_tag_key_scopes"),
        scope_object(table, "r"),
        recordset(table)
    );
    let done = sqlx::query(safe(remember)).persistent(false).bind(&rows).bind(provider).execute(&mut **session).await;
    done.map_err(|source| session.failed(&action, &source))?;
    let statement = insertion(schema, table);
    let added: Result<Vec<(String, bool)>, _> =
        sqlx::query_as(safe(statement)).persistent(false).bind(&rows).bind(ENABLED).fetch_all(&mut **session).await;
    let added = added.map_err(|source| session.failed(&action, &source))?;
    let disabled: BTreeSet<String> = added.into_iter().filter(|(_, enabled)| !enabled).map(|(key, _)| key).collect();
    if disabled.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![format!(
        "table {schema}.{}: {} new tag keys are disabled, as {ENABLED} are enabled already; choose with UPDATE which count",
        table.name,
        disabled.len()
    )])
}

fn insertion(schema: &SchemaName, table: &DatabaseTable) -> String {
    let name = schema.qualify(&table.name);
    let same = |columns: &[&str]| {
        let equal = columns.iter().map(|column| format!("t.{0} IS NOT DISTINCT FROM r.{0}", quoted(column)));
        std::iter::once("true".to_owned()).chain(equal).collect::<Vec<_>>().join(" AND ")
    };
    let keys: Vec<&str> = table.key.iter().map(String::as_str).collect();
    let scope = scope(table);
    let partition = match scope.as_slice() {
        [] => String::new(),
        names => format!(
            "PARTITION BY {}",
            names.iter().map(|name| format!("r.{}", quoted(name))).collect::<Vec<_>>().join(", ")
        ),
    };
    let keys_of_r = keys.iter().map(|name| format!("r.{}", quoted(name))).collect::<Vec<_>>().join(", ");
    let columns: Vec<String> = table.columns.iter().map(|column| quoted(&column.name)).collect();
    let of_r: Vec<String> = columns.iter().map(|column| format!("r.{column}")).collect();
    format!(
        "INSERT INTO {name} ({columns}, enabled, origin)
         SELECT {of_r},
             (SELECT count(*) FROM {name} t WHERE t.enabled AND {same_scope})
                 + row_number() OVER ({partition} ORDER BY r.key COLLATE \"C\") <= $2,
             'report'
         FROM (SELECT DISTINCT ON ({keys_of_r}) r.* FROM {rows} ORDER BY {keys_of_r}, r.costhost_place DESC) r
         WHERE r.key IS NOT NULL AND NOT EXISTS (SELECT FROM {name} t WHERE {same_key})
         ORDER BY r.key COLLATE \"C\"
         RETURNING key, enabled",
        columns = columns.join(", "),
        of_r = of_r.join(", "),
        same_scope = same(&scope),
        same_key = same(&keys),
        rows = recordset(table),
    )
}

impl Database {
    /// Tag keys that are not to be used, sorted. Where keys have a scope, such as a provider's type, only those of scopes
    /// that publications of this provider had. None before the first migration.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn disabled_tag_keys(&self, definition: &DatabaseDefinition) -> Result<Vec<String>, DatabaseError> {
        let Some(table) = definition.tag_keys() else { return Ok(Vec::new()) };
        let mut session = self.session().await?;
        for needed in [table.name.as_str(), "costhost_tag_key_scopes"] {
            if !tables::exists(&mut session, self.schema(), needed).await? {
                session.keep();
                return Ok(Vec::new());
            }
        }
        let condition = if scope(table).is_empty() {
            "true OR $1 = ''".to_owned()
        } else {
            let scopes = self.schema().qualify("costhost_tag_key_scopes");
            format!("EXISTS (SELECT FROM {scopes} s WHERE s.provider = $1 AND s.scope = {})", scope_object(table, "t"))
        };
        let query = format!(
            "SELECT DISTINCT t.key COLLATE \"C\" FROM {} t WHERE NOT t.enabled AND ({condition}) ORDER BY 1",
            self.schema().qualify(&table.name)
        );
        let keys =
            sqlx::query_scalar(safe(query)).persistent(false).bind(&definition.provider).fetch_all(&mut *session).await;
        let keys = keys.map_err(|source| session.failed("reading tag keys", &source))?;
        session.keep();
        Ok(keys)
    }
}
