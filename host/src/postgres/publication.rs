//! The record of what was published: one row per unit, written in the unit's transaction.

use sqlx::Row as _;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::connect::Database;
use super::error::DatabaseError;
use super::publish::Unit;
use super::session::Session;
use super::tables::{self, safe};

const SECONDS_PER_DAY: i64 = 86_400;

/// What stands in the database for one source and period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
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
    /// Which load of the lake it was made of.
    pub load_id: String,
    /// [`Database::references_digest`] when it was published.
    pub references_digest: String,
    /// The plugin's id.
    pub plugin: String,
    /// Its version.
    pub plugin_version: String,
    /// Rows in all tables.
    pub rows: i64,
    /// The first and last day with rows in partitioned tables, in days since 1970; absent when there are none.
    pub days: Option<(i32, i32)>,
}

/// What stands in the database where a unit is to be published.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// The unit itself, as it was published before.
    pub(super) own: Option<Publication>,
    /// The same source's publications of the same month under another UUID or start: the source was given another UUID, or
    /// its period's start moved. They would count a second time.
    pub(super) superseded: Vec<Publication>,
}

const COLUMNS: &str = "provider, source, source_uuid, (period_start - date '1970-01-01')::bigint AS period_day, bill_id, \
    load_id, references_digest, plugin, plugin_version, rows, (first_day - date '1970-01-01') AS first_day, \
    (last_day - date '1970-01-01') AS last_day";

impl Database {
    /// What was published of this provider, by source and period; nothing before the first migration.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn publications(&self, provider: &str) -> Result<Vec<Publication>, DatabaseError> {
        let mut session = self.session().await?;
        if !tables::exists(&mut session, self.schema(), "costhost_publications").await? {
            session.keep();
            return Ok(Vec::new());
        }
        let query = format!(
            "SELECT {COLUMNS} FROM {} WHERE provider = $1 ORDER BY source COLLATE \"C\", source_uuid, period_start",
            self.schema().qualify("costhost_publications")
        );
        let rows = sqlx::query(safe(query)).bind(provider).fetch_all(&mut *session).await;
        let found = rows.and_then(|rows| rows.iter().map(publication).collect());
        let found = found.map_err(|source| session.failed("reading what was published", &source))?;
        session.keep();
        Ok(found)
    }

    /// What has to go when the unit is published. To be called under the unit's locks.
    ///
    /// # Errors
    /// When the unit's rows are those of another source, or the server refuses.
    pub(super) async fn standing(&self, session: &mut Session<'_>, unit: &Unit) -> Result<Standing, DatabaseError> {
        let query = format!(
            "SELECT {COLUMNS} FROM {}, (SELECT date '1970-01-01' + $3::int AS start) AS unit
             WHERE provider = $1 AND (source_uuid = $2 AND period_start = start
                 OR source = $4 AND date_trunc('month', period_start) = date_trunc('month', start))
             ORDER BY source_uuid, period_start",
            self.schema().qualify("costhost_publications")
        );
        let rows = sqlx::query(safe(query))
            .bind(&unit.provider)
            .bind(unit.source_uuid)
            .bind(day_of(unit.period_start))
            .bind(&unit.source)
            .fetch_all(&mut **session)
            .await;
        let found: Result<Vec<Publication>, _> = rows.and_then(|rows| rows.iter().map(publication).collect());
        let found = found.map_err(|source| session.failed("reading what was published", &source))?;
        let is_own = |held: &Publication| {
            held.source_uuid == unit.source_uuid && day_of(held.period_start) == day_of(unit.period_start)
        };
        let (mut own, superseded): (Vec<_>, Vec<_>) = found.into_iter().partition(is_own);
        match own.pop() {
            Some(held) if held.source != unit.source => Err(DatabaseError::SharedUuid {
                source_uuid: unit.source_uuid,
                standing: held.source,
                publishing: unit.source.clone(),
                period: unit.month(),
            }),
            own => Ok(Standing { own, superseded }),
        }
    }

    /// Deletes the records of publications whose rows are gone.
    pub(super) async fn forget(&self, session: &mut Session<'_>, gone: &[Publication]) -> Result<(), DatabaseError> {
        for record in gone {
            let statement = format!(
                "DELETE FROM {}
                 WHERE provider = $1 AND source_uuid = $2 AND period_start = date '1970-01-01' + $3::int",
                self.schema().qualify("costhost_publications")
            );
            let done = sqlx::query(safe(statement))
                .bind(&record.provider)
                .bind(record.source_uuid)
                .bind(day_of(record.period_start))
                .execute(&mut **session)
                .await;
            done.map_err(|source| session.failed("forgetting what was published before", &source))?;
        }
        Ok(())
    }

    /// Writes the record of a unit.
    pub(super) async fn record(&self, session: &mut Session<'_>, record: &Publication) -> Result<(), DatabaseError> {
        let statement = format!(
            "INSERT INTO {} (provider, source, source_uuid, period_start, bill_id, load_id, references_digest, plugin,
                 plugin_version, rows, first_day, last_day, published_at)
             VALUES ($1, $2, $3, date '1970-01-01' + $4::int, $5, $6, $7, $8, $9, $10, date '1970-01-01' + $11::int,
                 date '1970-01-01' + $12::int, clock_timestamp())
             ON CONFLICT (source_uuid, period_start, provider) DO UPDATE SET
                 source = excluded.source, bill_id = excluded.bill_id, load_id = excluded.load_id,
                 references_digest = excluded.references_digest, plugin = excluded.plugin,
                 plugin_version = excluded.plugin_version, rows = excluded.rows, first_day = excluded.first_day,
                 last_day = excluded.last_day, published_at = excluded.published_at",
            self.schema().qualify("costhost_publications")
        );
        let done = sqlx::query(safe(statement))
            .bind(&record.provider)
            .bind(&record.source)
            .bind(record.source_uuid)
            .bind(day_of(record.period_start))
            .bind(record.bill_id)
            .bind(&record.load_id)
            .bind(&record.references_digest)
            .bind(&record.plugin)
            .bind(&record.plugin_version)
            .bind(record.rows)
            .bind(record.days.map(|days| days.0))
            .bind(record.days.map(|days| days.1))
            .execute(&mut **session)
            .await;
        done.map(drop).map_err(|source| session.failed("recording what was published", &source))
    }
}

/// The day of a time. Periods start at midnight.
fn day_of(seconds: i64) -> i32 {
    i32::try_from(seconds.div_euclid(SECONDS_PER_DAY)).unwrap_or(i32::MAX)
}

fn publication(row: &PgRow) -> Result<Publication, sqlx::Error> {
    let (first, last): (Option<i32>, Option<i32>) = (row.try_get("first_day")?, row.try_get("last_day")?);
    Ok(Publication {
        provider: row.try_get("provider")?,
        source: row.try_get("source")?,
        source_uuid: row.try_get("source_uuid")?,
        period_start: row.try_get::<i64, _>("period_day")? * SECONDS_PER_DAY,
        bill_id: row.try_get("bill_id")?,
        load_id: row.try_get("load_id")?,
        references_digest: row.try_get("references_digest")?,
        plugin: row.try_get("plugin")?,
        plugin_version: row.try_get("plugin_version")?,
        rows: row.try_get("rows")?,
        days: first.zip(last),
    })
}
