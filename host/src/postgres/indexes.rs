//! Indexes: those the plugin declared, and those that replacing a unit needs.

use std::collections::BTreeSet;

use sqlx::Row as _;

use super::definition::{BILL_ID, DatabaseTable, SOURCE_UUID};
use super::digest;
use super::error::DatabaseError;
use super::identifier::{SchemaName, list, quoted};
use super::session::Session;
use super::tables::{safe, schema_exists};
use crate::plugin::manifest::{Index, IndexMethod};

/// What PostgreSQL keeps of an identifier.
const MAX_NAME: usize = 63;
/// Hexadecimal digits that tell indexes with equal beginnings apart.
const DIGEST: usize = 8;

/// Makes the indexes that the table lacks. Returns notes on those that could not be made.
///
/// # Errors
/// When the server refuses for another reason than that it has no trigrams.
pub(super) async fn ensure(
    session: &mut Session<'_>,
    schema: &SchemaName,
    table: &DatabaseTable,
) -> Result<Vec<String>, DatabaseError> {
    let there = existing(session, schema, &table.name).await?;
    let mut notes = Vec::new();
    for index in wanted(table) {
        let name = name(&table.name, &index);
        if there.contains(&name) {
            continue;
        }
        let method = match index.method {
            IndexMethod::Btree => format!("btree ({})", list(index.columns.iter().map(String::as_str))),
            IndexMethod::Gin => format!("gin ({})", list(index.columns.iter().map(String::as_str))),
            IndexMethod::TrigramUpper => match trigrams(session, schema).await? {
                Ok(class) => {
                    let columns: Vec<_> =
                        index.columns.iter().map(|column| format!("upper({}) {class}", quoted(column))).collect();
                    format!("gin ({})", columns.join(", "))
                }
                Err(reason) => {
                    notes.push(format!(
                        "table {schema}.{}: no trigram index on upper({}), so searching for parts of it is slow: {reason}",
                        table.name,
                        index.columns.join(", ")
                    ));
                    continue;
                }
            },
        };
        let action = format!("making index {name} on {schema}.{}", table.name);
        let on = schema.qualify(&table.name);
        session.run(&action, format!("CREATE INDEX {} ON {on} USING {method}", quoted(&name))).await?;
    }
    unique_key(session, schema, table, &there).await?;
    Ok(notes)
}

/// Rows with the same key are told apart by nothing else, an absent value of a key being a value too.
async fn unique_key(
    session: &mut Session<'_>,
    schema: &SchemaName,
    table: &DatabaseTable,
    there: &BTreeSet<String>,
) -> Result<(), DatabaseError> {
    if table.key.is_empty() {
        return Ok(());
    }
    let columns = table.key.join("_");
    let name = fitting(&format!("{}_{columns}", table.name), &digest::hex(&["key", &table.name, &columns]));
    if there.contains(&name) {
        return Ok(());
    }
    let (on, columns) = (schema.qualify(&table.name), list(table.key.iter().map(String::as_str)));
    let statement = format!("CREATE UNIQUE INDEX {} ON {on} ({columns}) NULLS NOT DISTINCT", quoted(&name));
    session.run(&format!("making the unique key of {schema}.{}", table.name), statement).await
}

/// Declared indexes, then those that replacing a unit needs: rows are found by their source, and by their bill where no
/// partitions narrow the search.
fn wanted(table: &DatabaseTable) -> Vec<Index> {
    let has = |name: &str| table.columns.iter().any(|column| column.name == name);
    let mut indexes: Vec<Index> = Vec::new();
    let own =
        [has(SOURCE_UUID).then_some(SOURCE_UUID), (has(BILL_ID) && table.partition_by.is_none()).then_some(BILL_ID)];
    let own =
        own.into_iter().flatten().map(|name| Index { columns: vec![name.to_owned()], method: IndexMethod::Btree });
    for index in table.indexes.iter().cloned().chain(own) {
        if !indexes.contains(&index) {
            indexes.push(index);
        }
    }
    indexes
}

/// A name that says what the index is on, and is the same in every run.
fn name(table: &str, index: &Index) -> String {
    let method = match index.method {
        IndexMethod::Btree => "btree",
        IndexMethod::Gin => "gin",
        IndexMethod::TrigramUpper => "trigram",
    };
    let mut parts = vec![method, table];
    parts.extend(index.columns.iter().map(String::as_str));
    fitting(&format!("{table}_{}", index.columns.join("_")), &digest::hex(&parts))
}

fn fitting(readable: &str, digest: &str) -> String {
    let kept: String = readable.chars().take(MAX_NAME - DIGEST - 1).collect();
    let digest: String = digest.chars().take(DIGEST).collect();
    format!("{kept}_{digest}")
}

async fn existing(
    session: &mut Session<'_>,
    schema: &SchemaName,
    table: &str,
) -> Result<BTreeSet<String>, DatabaseError> {
    let found: Result<Vec<String>, _> =
        sqlx::query_scalar("SELECT indexname::text FROM pg_indexes WHERE schemaname = $1 AND tablename = $2")
            .bind(schema.as_str())
            .bind(table)
            .fetch_all(&mut **session)
            .await;
    Ok(found.map_err(|source| session.failed("looking at indexes", &source))?.into_iter().collect())
}

/// The operator class of trigrams, or why there is none. The extension is one per database, in whatever schema.
async fn trigrams(session: &mut Session<'_>, schema: &SchemaName) -> Result<Result<String, String>, DatabaseError> {
    if let Some(class) = installed_trigrams(session).await? {
        return Ok(Ok(class));
    }
    let action = "installing the extension pg_trgm";
    // Tenants that are migrated at once share the extension.
    let lock = digest::lock_key(&["extension"]);
    session.run(action, format!("SELECT pg_advisory_xact_lock({lock})")).await?;
    if let Some(class) = installed_trigrams(session).await? {
        return Ok(Ok(class));
    }
    let public = SchemaName::of_tenant("default").unwrap_or_else(|_| schema.clone());
    let home = if schema_exists(session, &public).await? { &public } else { schema };
    session.run(action, "SAVEPOINT trigrams".to_owned()).await?;
    let made = format!("CREATE EXTENSION pg_trgm WITH SCHEMA {}", home.quoted());
    match session.run(action, made).await {
        Ok(()) => {}
        Err(error) if error.is_transient() => return Err(error),
        Err(error) => {
            session.run(action, "ROLLBACK TO SAVEPOINT trigrams".to_owned()).await?;
            return Ok(Err(error.to_string()));
        }
    }
    let missing = || format!("{action} made no operator class gin_trgm_ops");
    Ok(installed_trigrams(session).await?.ok_or_else(missing))
}

async fn installed_trigrams(session: &mut Session<'_>) -> Result<Option<String>, DatabaseError> {
    let query = "SELECT n.nspname::text AS name FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                 WHERE e.extname = 'pg_trgm'";
    let found = sqlx::query(safe(query.to_owned())).fetch_optional(&mut **session).await;
    let found = found.map_err(|source| session.failed("looking at extensions", &source))?;
    Ok(found
        .and_then(|row| row.try_get::<String, _>("name").ok())
        .map(|home| format!("{}.gin_trgm_ops", quoted(&home))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_differ() {
        let index =
            |columns: &[&str], method| Index { columns: columns.iter().map(|c| (*c).to_owned()).collect(), method };
        let long = "reporting_awscostentrylineitem_daily_summary_of_all_accounts";
        let names = [
            name(long, &index(&["usage_start"], IndexMethod::Btree)),
            name(long, &index(&["usage_end"], IndexMethod::Btree)),
            name(long, &index(&["usage_start"], IndexMethod::Gin)),
            name("a", &index(&["b_c"], IndexMethod::Btree)),
            name("a_b", &index(&["c"], IndexMethod::Btree)),
        ];
        assert!(names.iter().all(|name| name.len() <= 63), "{names:?}");
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
        assert_eq!(names[3], "a_b_c_3ef4fb76");
    }
}
