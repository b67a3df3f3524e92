//! The schema of a tenant, brought to what a plugin declares.

use serde::Serialize;
use sqlx::Row as _;

use super::connect::Database;
use super::definition::DatabaseDefinition;
use super::digest;
use super::error::DatabaseError;
use super::retry::Retries;
use super::session::Session;
use super::tables::safe;
use super::{indexes, own_tables, tables};

/// Counts changes of how a definition becomes tables, so that schemas made in the old way are looked at again.
const GENERATION: &str = "2";

/// What a migration did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Migrated {
    /// Whether the schema was looked at; not, when it was made for the same definition before.
    pub looked: bool,
    /// What is missing, and why.
    pub notes: Vec<String>,
}

impl Database {
    /// Makes the schema, costhost's own tables and those of the plugin, or adds what they lack. Quick when that was done
    /// before for the same definition. Hosts that do it at once take turns.
    ///
    /// # Errors
    /// When the server refuses, or what is there does not fit: then nothing was changed.
    pub async fn migrate(&self, definition: &DatabaseDefinition) -> Result<Migrated, DatabaseError> {
        let mut session = self.session().await?;
        let digest = definition_digest(definition);
        if let Some(notes) = self.known(&mut session, definition, &digest).await? {
            session.keep();
            return Ok(Migrated { looked: false, notes });
        }
        session.keep();
        self.check(definition).await
    }

    /// As [`Self::migrate`], but looks at every table even if that was done before: someone may have changed them.
    ///
    /// # Errors
    /// As [`Self::migrate`].
    pub async fn check(&self, definition: &DatabaseDefinition) -> Result<Migrated, DatabaseError> {
        let digest = definition_digest(definition);
        let mut retries = Retries::default();
        loop {
            match self.migrate_once(definition, &digest).await {
                // A publication that reads one table and waits for another can be in a deadlock with a migration.
                Err(error) if retries.again(&error, "migrating").await => {}
                done => return done,
            }
        }
    }

    async fn migrate_once(&self, definition: &DatabaseDefinition, digest: &str) -> Result<Migrated, DatabaseError> {
        let mut session = self.session().await?;
        let schema = self.schema();
        let action = format!("migrating schema {schema}");
        let lock = digest::lock_key(&["schema", schema.as_str()]);
        session.run(&action, format!("BEGIN; SELECT pg_advisory_xact_lock({lock})")).await?;
        // Even `IF NOT EXISTS` needs the right to make schemas.
        if !tables::schema_exists(&mut session, schema).await? {
            session.run(&action, format!("CREATE SCHEMA {}", schema.quoted())).await?;
        }
        own_tables::migrate(&mut session, schema).await?;
        let mut notes = Vec::new();
        for table in &definition.tables {
            tables::ensure(&mut session, schema, table).await?;
            notes.extend(indexes::ensure(&mut session, schema, table).await?);
        }
        let record = format!(
            "INSERT INTO {} (provider, plugin, digest, notes, migrated_at) VALUES ($1, $2, $3, $4, clock_timestamp())
             ON CONFLICT (provider, plugin) DO UPDATE
             SET digest = excluded.digest, notes = excluded.notes, migrated_at = excluded.migrated_at",
            schema.qualify("costhost_schemas")
        );
        sqlx::query(safe(record))
            .bind(&definition.provider)
            .bind(&definition.plugin)
            .bind(digest)
            .bind(&notes)
            .execute(&mut *session)
            .await
            .map_err(|source| session.failed(&action, &source))?;
        session.run(&action, "COMMIT".to_owned()).await?;
        session.keep();
        Ok(Migrated { looked: true, notes })
    }

    /// The notes of the last migration, if it was for this very definition and by a costhost with the same tables of its own.
    async fn known(
        &self,
        session: &mut Session<'_>,
        definition: &DatabaseDefinition,
        digest: &str,
    ) -> Result<Option<Vec<String>>, DatabaseError> {
        if !own_tables::are_current(session, self.schema()).await? {
            return Ok(None);
        }
        let query = format!(
            "SELECT notes FROM {} WHERE provider = $1 AND plugin = $2 AND digest = $3",
            self.schema().qualify("costhost_schemas")
        );
        let found = sqlx::query(safe(query))
            .bind(&definition.provider)
            .bind(&definition.plugin)
            .bind(digest)
            .fetch_optional(&mut **session)
            .await;
        let found = found.map_err(|source| session.failed("looking at the last migration", &source))?;
        // A note says what could not be done: it may be possible now.
        Ok(found.and_then(|row| row.try_get::<Vec<String>, _>("notes").ok()).filter(Vec::is_empty))
    }
}

/// What of a definition decides how tables look.
fn definition_digest(definition: &DatabaseDefinition) -> String {
    let tables = serde_json::to_string(&definition.tables).unwrap_or_default();
    digest::hex(&["definition", GENERATION, &tables])
}
