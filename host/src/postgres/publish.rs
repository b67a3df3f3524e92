//! Publishing one unit: the rows of one source and billing period, in all tables, in one transaction.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use arrow::array::RecordBatch;
use serde::Serialize;
use uuid::Uuid;

use super::connect::Database;
use super::definition::{DatabaseDefinition, DatabaseTable};
use super::digest;
use super::error::DatabaseError;
use super::looked_up::LookedUp;
use super::partitions::{self, RowDays};
use super::publication::{Publication, day_of};
use super::reference_rows::{self, Origin};
use super::retry::Retries;
use super::session::Session;
use super::tag_keys;
use crate::plugin::manifest::TableRole;
use crate::settings::Month;

/// How long a publisher that finds another at the same unit waits before it looks again, at first and at most. It looks
/// again and again, and does not wait inside the server, so that it can be stopped.
const LOCK_WAIT: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(250));

/// What is published as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Such as `aws`.
    pub provider: String,
    /// The source's id.
    pub source: String,
    /// The source's UUID.
    pub source_uuid: Uuid,
    /// Start of the billing period, in seconds since 1970.
    pub period_start: i64,
    /// The `id` of its bill row.
    pub bill_id: i64,
}

impl Unit {
    /// The calendar month in which its period starts, `YYYY-MM`.
    pub(super) fn month(&self) -> String {
        Month::of(self.period_start).map(|month| month.to_string()).unwrap_or_default()
    }
}

/// The rows of a unit, as the lake has them.
#[derive(Debug, Clone)]
pub struct UnitRows {
    /// Which load of the lake they are from.
    pub load_id: String,
    /// The plugin's id.
    pub plugin: String,
    /// Its version.
    pub plugin_version: String,
    /// Rows by table. A table of the definition that is not here is left without rows of the unit.
    pub tables: Vec<(String, Vec<RecordBatch>)>,
}

/// What a publication did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Published {
    /// Rows of the unit in all tables.
    pub rows: u64,
    /// Bytes sent.
    pub bytes: u64,
    /// Rows by table, in the definition's order; of reference tables those added or changed.
    pub tables: Vec<(String, u64)>,
    /// What the user should know.
    pub notes: Vec<String>,
    /// How often it was tried again.
    pub retries: u32,
}

/// Why a unit was not published. Readers see what they saw before.
#[derive(Debug, thiserror::Error)]
pub enum PublishError<E: fmt::Display> {
    /// The rows could not be had.
    #[error("{0}")]
    Read(E),
    /// The database refused them.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Database {
    /// Replaces the unit's rows by those that `read` returns. Another publisher of the same unit is waited for, and `read`
    /// is called after that: whoever publishes last publishes what was newest then. Transient errors are tried again a few
    /// times; `read` is then called again.
    ///
    /// New partitions, reference rows and tag keys are committed before the rows, in short transactions: publishers of
    /// other units need not wait for them, and they are right whether or not the rows follow.
    ///
    /// # Errors
    /// When `read` fails, a value cannot be written, or the server refuses or stays away. Readers then see the old rows.
    pub async fn publish<F, R, E>(
        &self,
        definition: &DatabaseDefinition,
        unit: &Unit,
        read: F,
    ) -> Result<Published, PublishError<E>>
    where
        F: Fn() -> R + Send + Sync,
        R: Future<Output = Result<UnitRows, E>> + Send,
        E: fmt::Display + Send,
    {
        // The semaphore is never closed.
        let _turn = self.shared.publications.acquire().await.ok();
        let (mut retries, action) = (Retries::default(), format!("publishing {}", unit.source));
        loop {
            match self.attempt(definition, unit, &read).await {
                Err(PublishError::Database(error)) if retries.again(&error, &action).await => {}
                done => return done.map(|published| Published { retries: retries.count(), ..published }),
            }
        }
    }

    async fn attempt<F, R, E>(
        &self,
        definition: &DatabaseDefinition,
        unit: &Unit,
        read: &F,
    ) -> Result<Published, PublishError<E>>
    where
        F: Fn() -> R + Send + Sync,
        R: Future<Output = Result<UnitRows, E>> + Send,
        E: fmt::Display + Send,
    {
        let mut session = self.session().await?;
        self.lock(&mut session, unit).await?;
        let standing = self.standing(&mut session, unit).await?;
        let mut rows = read().await.map_err(PublishError::Read)?;
        if let Some((unknown, _)) = rows.tables.iter().find(|(name, _)| definition.table(name).is_none()) {
            let problem = "the definition has no such table; publish with the plugin that made the rows".to_owned();
            return Err(DatabaseError::Schema { table: unknown.clone(), problem }.into());
        }
        let mut take = |table: &DatabaseTable| -> Vec<RecordBatch> {
            let mine = rows.tables.iter_mut().filter(|(name, _)| *name == table.name);
            mine.flat_map(|(_, batches)| std::mem::take(batches)).collect()
        };
        let tables: Vec<(&DatabaseTable, Vec<RecordBatch>)> =
            definition.tables.iter().map(|table| (table, take(table))).collect();
        let (days, mut published) = self.prepare(unit, &tables).await?;
        let references = self.references(&mut session, definition).await?;
        let mut looked_up = LookedUp::default();
        for (table, batches) in tables {
            if !is_replaced(table.role) {
                continue;
            }
            let batches = references.fill(&table.name, batches, &mut looked_up)?;
            let copied = self.replace(&mut session, table, unit, &standing, batches).await?;
            published.rows += copied.rows;
            published.bytes += copied.bytes;
            published.tables.push((table.name.clone(), copied.rows));
            if copied.replaced.characters > 0 {
                published.notes.push(format!(
                    "table {}.{}: {} values held NUL or half characters, which PostgreSQL cannot; U+FFFD stands for them",
                    self.schema(),
                    table.name,
                    copied.replaced.characters
                ));
            }
        }
        let (references_digest, looked_up) = references.digest_of(&looked_up);
        let record = Publication {
            provider: unit.provider.clone(),
            source: unit.source.clone(),
            source_uuid: unit.source_uuid,
            period_start: unit.period_start,
            bill_id: unit.bill_id,
            load_id: rows.load_id,
            references_digest,
            looked_up,
            plugin: rows.plugin,
            plugin_version: rows.plugin_version,
            rows: i64::try_from(published.rows).unwrap_or(i64::MAX),
            days: days.span,
        };
        self.forget(&mut session, &standing.superseded).await?;
        self.record(&mut session, &record).await?;
        session.run("committing a publication", "COMMIT".to_owned()).await?;
        session.keep();
        Ok(published)
    }

    /// Begins a transaction and waits until no other publishes the unit, nor the source's month under another UUID or start.
    async fn lock(&self, session: &mut Session<'_>, unit: &Unit) -> Result<(), DatabaseError> {
        let action = "waiting for another publication";
        // Reading the lake takes as long as it takes.
        let begin = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL statement_timeout = 0";
        session.run("beginning a publication", begin.to_owned()).await?;
        let (uuid, period) = (unit.source_uuid.to_string(), unit.period_start.to_string());
        let month = ["month", self.schema().as_str(), &unit.provider, &unit.source, &unit.month()];
        let itself = ["unit", self.schema().as_str(), &unit.provider, &uuid, &period];
        // All take them in this order, and one of each, so that nobody waits in a circle.
        for key in [digest::lock_key(&month), digest::lock_key(&itself)] {
            self.wait_for(session, key, action, unit).await?;
        }
        Ok(())
    }

    /// Waits until this transaction has an advisory lock.
    async fn wait_for(
        &self,
        session: &mut Session<'_>,
        key: i64,
        action: &str,
        unit: &Unit,
    ) -> Result<(), DatabaseError> {
        let (mut wait, longest) = LOCK_WAIT;
        let mut told = false;
        loop {
            let locked = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)").bind(key);
            let locked = locked.fetch_one(&mut **session).await;
            if locked.map_err(|source| session.failed(action, &source))? {
                return Ok(());
            }
            if !told && wait >= longest {
                tracing::info!(source = unit.source, "another host publishes the same period; waiting");
                told = true;
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(longest);
        }
    }

    /// What is committed ahead of the rows, on another connection.
    async fn prepare(
        &self,
        unit: &Unit,
        tables: &[(&DatabaseTable, Vec<RecordBatch>)],
    ) -> Result<(RowDays, Published), DatabaseError> {
        let mut published = Published { rows: 0, bytes: 0, tables: Vec::new(), notes: Vec::new(), retries: 0 };
        let mut session = self.session().await?;
        let mut all = RowDays::default();
        for (table, batches) in tables {
            let days = partitions::days(table, batches)?;
            if !days.months.is_empty() {
                partitions::ensure(&mut session, self.schema(), &table.name, &days.months).await?;
            }
            all.span = match (all.span, days.span) {
                (Some(one), Some(other)) => Some((one.0.min(other.0), one.1.max(other.1))),
                (one, other) => one.or(other),
            };
            let rows = match table.role {
                TableRole::Reference | TableRole::TagKeys => reference_rows::objects(table, batches)?,
                _ => continue,
            };
            if rows.is_empty() {
                continue;
            }
            if table.role == TableRole::TagKeys {
                session.run("adding tag keys", "BEGIN".to_owned()).await?;
                let notes = tag_keys::add(&mut session, self.schema(), &unit.provider, table, rows).await?;
                session.run("adding tag keys", "COMMIT".to_owned()).await?;
                published.notes.extend(notes);
            } else {
                let origin = Origin::Report { period: day_of(unit.period_start) };
                let changed = reference_rows::upsert(&mut session, self.schema(), table, rows, origin).await?;
                published.tables.push((table.name.clone(), changed));
            }
        }
        session.keep();
        Ok((all, published))
    }
}

/// Whether rows of the table belong to units.
fn is_replaced(role: TableRole) -> bool {
    matches!(role, TableRole::Summary | TableRole::Rollup | TableRole::Bill)
}
