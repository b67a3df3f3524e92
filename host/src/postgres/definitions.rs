//! Definitions of plugins as they were when they last published, so that reading needs no plugin.

use serde_json::Value;

use super::connect::Database;
use super::definition::DatabaseDefinition;
use super::error::DatabaseError;
use super::tables::{self, safe};

/// What a plugin said of the database and of the questions its tables answer.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredDefinition {
    /// Its tables.
    pub definition: DatabaseDefinition,
    /// Its reports, as they were given.
    pub reports: Value,
}

impl Database {
    /// Keeps what a plugin says, in the place of what it said before.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn save_definition(&self, definition: &DatabaseDefinition, reports: &Value) -> Result<(), DatabaseError> {
        let mut session = self.session().await?;
        let statement = format!(
            "INSERT INTO {} AS t (provider, plugin, version, definition, reports, saved_at)
             VALUES ($1, $2, $3, $4::jsonb, $5::jsonb, clock_timestamp())
             ON CONFLICT (provider, plugin) DO UPDATE SET version = excluded.version, definition = excluded.definition,
                 reports = excluded.reports, saved_at = excluded.saved_at
             WHERE (t.definition, t.reports) IS DISTINCT FROM (excluded.definition, excluded.reports)",
            self.schema().qualify("costhost_definitions")
        );
        let text = serde_json::to_string(definition).unwrap_or_default();
        let done = sqlx::query(safe(statement))
            .bind(&definition.provider)
            .bind(&definition.plugin)
            .bind(&definition.version)
            .bind(text)
            .bind(reports.to_string())
            .execute(&mut *session)
            .await;
        done.map_err(|source| session.failed("keeping the plugin's definition", &source))?;
        session.keep();
        Ok(())
    }

    /// What plugins said, by provider and plugin; nothing before the first migration.
    ///
    /// # Errors
    /// When the server refuses, or a later costhost wrote what this one cannot read.
    pub async fn definitions(&self) -> Result<Vec<StoredDefinition>, DatabaseError> {
        let action = "reading definitions of plugins";
        let mut session = self.session().await?;
        if !tables::exists(&mut session, self.schema(), "costhost_definitions").await? {
            session.keep();
            return Ok(Vec::new());
        }
        let query = format!(
            "SELECT definition::text, reports::text FROM {} ORDER BY provider COLLATE \"C\", plugin COLLATE \"C\"",
            self.schema().qualify("costhost_definitions")
        );
        let rows: Result<Vec<(String, String)>, _> = sqlx::query_as(safe(query)).fetch_all(&mut *session).await;
        let rows = rows.map_err(|source| session.failed(action, &source))?;
        session.keep();
        let stored = rows.iter().map(|(definition, reports)| {
            Ok(StoredDefinition {
                definition: serde_json::from_str(definition)?,
                reports: serde_json::from_str(reports)?,
            })
        });
        stored.collect::<Result<_, serde_json::Error>>().map_err(|source| DatabaseError::Schema {
            table: format!("{}.costhost_definitions", self.schema()),
            problem: format!("a definition cannot be read ({source}); was it written by a later costhost?"),
        })
    }
}
