//! costhost's own tables: what was published, by which plugin, and how far the schema has come.

use super::error::DatabaseError;
use super::identifier::SchemaName;
use super::session::Session;
use super::tables;

/// What each version adds, in order. Released versions are never changed; a change is a new version. `{s}` is the quoted
/// schema.
const VERSIONS: &[&str] = &["
    CREATE TABLE {s}.costhost_schemas (
        provider text NOT NULL,
        plugin text NOT NULL,
        digest text NOT NULL,
        notes text[] NOT NULL,
        migrated_at timestamptz NOT NULL,
        PRIMARY KEY (provider, plugin)
    );
    CREATE TABLE {s}.costhost_publications (
        provider text NOT NULL,
        source text NOT NULL,
        source_uuid uuid NOT NULL,
        period_start date NOT NULL,
        bill_id bigint NOT NULL,
        load_id text NOT NULL,
        references_digest text NOT NULL,
        plugin text NOT NULL,
        plugin_version text NOT NULL,
        rows bigint NOT NULL,
        first_day date,
        last_day date,
        published_at timestamptz NOT NULL,
        UNIQUE (source_uuid, period_start, provider)
    );
    CREATE TABLE {s}.costhost_definitions (
        provider text NOT NULL,
        plugin text NOT NULL,
        version text NOT NULL,
        definition jsonb NOT NULL,
        reports jsonb NOT NULL,
        saved_at timestamptz NOT NULL,
        UNIQUE (provider, plugin)
    );
    CREATE TABLE {s}.costhost_tag_key_scopes (
        provider text NOT NULL,
        scope jsonb NOT NULL,
        PRIMARY KEY (provider, scope)
    );
"];

/// Whether costhost's own tables are there and of this very version: neither an older nor a later costhost's.
///
/// # Errors
/// When the server refuses.
pub(super) async fn are_current(session: &mut Session<'_>, schema: &SchemaName) -> Result<bool, DatabaseError> {
    Ok(tables::exists(session, schema, "costhost_versions").await? && newest(session, schema).await? == VERSIONS.len())
}

/// The version of costhost's own tables. 0 before they are made.
async fn newest(session: &mut Session<'_>, schema: &SchemaName) -> Result<usize, DatabaseError> {
    let query = format!("SELECT coalesce(max(version), 0) FROM {}", schema.qualify("costhost_versions"));
    let newest: Result<i32, _> = sqlx::query_scalar(tables::safe(query)).fetch_one(&mut **session).await;
    let newest = newest.map_err(|source| session.failed("looking at the version of costhost's own tables", &source))?;
    Ok(usize::try_from(newest).unwrap_or_default())
}

/// Brings costhost's own tables up to date. To be called in a transaction that holds the schema's lock.
///
/// # Errors
/// When the server refuses, or the tables were made by a later costhost.
pub(super) async fn migrate(session: &mut Session<'_>, schema: &SchemaName) -> Result<(), DatabaseError> {
    let action = "migrating costhost's own tables";
    let name = schema.qualify("costhost_versions");
    if !tables::exists(session, schema, "costhost_versions").await? {
        let columns = "version integer PRIMARY KEY, migrated_at timestamptz NOT NULL";
        session.run(action, format!("CREATE TABLE {name} ({columns})")).await?;
    }
    let newest = newest(session, schema).await?;
    if newest > VERSIONS.len() {
        return Err(DatabaseError::Schema {
            table: format!("{schema}.costhost_versions"),
            problem: format!(
                "this schema is of version {newest}, made by a later costhost; this one knows {}: install the later one",
                VERSIONS.len()
            ),
        });
    }
    for (version, statements) in (1..).zip(VERSIONS).skip(newest) {
        let statements = statements.replace("{s}", &schema.quoted());
        let record = format!("INSERT INTO {name} VALUES ({version}, clock_timestamp())");
        session.run(action, format!("{statements}; {record}")).await?;
    }
    Ok(())
}
