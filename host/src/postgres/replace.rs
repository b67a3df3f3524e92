//! Replacing the rows of one unit in one table: what is inside of a publication's transaction.

use arrow::array::RecordBatch;

use super::columns::{BILL_CREATED, BILL_UPDATED};
use super::connect::Database;
use super::copy::{Copied, Fill, Target, copy};
use super::definition::{BILL_ID, DatabaseTable, SOURCE_UUID};
use super::error::DatabaseError;
use super::identifier::quoted;
use super::partitions::date;
use super::publication::Publication;
use super::publish::Unit;
use super::session::Session;
use super::tables::safe;
use crate::plugin::manifest::TableRole;

impl Database {
    /// Deletes the rows of the unit and copies those of `batches`.
    ///
    /// # Errors
    /// When the server refuses or a value cannot be written: then the transaction cannot go on.
    pub(super) async fn replace(
        &self,
        session: &mut Session<'_>,
        table: &DatabaseTable,
        unit: &Unit,
        before: Option<&Publication>,
        batches: Vec<RecordBatch>,
    ) -> Result<Copied, DatabaseError> {
        let mut columns: Vec<(String, Fill)> = table
            .columns
            .iter()
            // Of what the rows belong to there is one truth.
            .map(|column| match column.name.as_str() {
                SOURCE_UUID => Fill::Uuid(unit.source_uuid),
                BILL_ID => Fill::Int64(unit.bill_id),
                "id" if table.role == TableRole::Bill => Fill::Int64(unit.bill_id),
                _ => Fill::Rows(column.kind),
            })
            .zip(&table.columns)
            .map(|(fill, column)| (column.name.clone(), fill))
            .collect();
        if table.role == TableRole::Bill {
            let (created, now) = self.delete_bill(session, table, unit, before).await?;
            columns.push((BILL_CREATED.to_owned(), Fill::Timestamp(created)));
            columns.push((BILL_UPDATED.to_owned(), Fill::Timestamp(now)));
        } else {
            self.delete(session, table, unit, before).await?;
        }
        copy(session, self.schema(), Target { table: table.name.clone(), columns }, batches).await
    }

    /// Deletes what an earlier publication of the unit left. Its record says in which days to look; without one, all are
    /// searched.
    async fn delete(
        &self,
        session: &mut Session<'_>,
        table: &DatabaseTable,
        unit: &Unit,
        before: Option<&Publication>,
    ) -> Result<(), DatabaseError> {
        let mut statement = format!(
            "DELETE FROM {} WHERE {} = $1 AND {} IN ($2, $3)",
            self.schema().qualify(&table.name),
            quoted(SOURCE_UUID),
            quoted(BILL_ID)
        );
        if let (Some(column), Some(before)) = (&table.partition_by, before) {
            let Some((first, last)) = before.days.and_then(|(first, last)| date(first).zip(date(last))) else {
                return Ok(());
            };
            // Written out, so that the planner touches no other partitions.
            statement.push_str(&format!(" AND {} BETWEEN date '{first}' AND date '{last}'", quoted(column)));
        }
        let done = sqlx::query(safe(statement))
            .persistent(false)
            .bind(unit.source_uuid)
            .bind(unit.bill_id)
            .bind(before.map_or(unit.bill_id, |before| before.bill_id))
            .execute(&mut **session)
            .await;
        let action = || format!("deleting the old rows of table {}.{}", self.schema(), table.name);
        done.map(drop).map_err(|source| session.failed(&action(), &source))
    }

    /// Deletes the unit's bill row. Returns when it was made, which is now if there was none, and now: in microseconds
    /// since 1970.
    async fn delete_bill(
        &self,
        session: &mut Session<'_>,
        table: &DatabaseTable,
        unit: &Unit,
        before: Option<&Publication>,
    ) -> Result<(i64, i64), DatabaseError> {
        let statement = format!(
            "WITH deleted AS (DELETE FROM {} WHERE id IN ($1, $2) RETURNING {BILL_CREATED} AS created),
                 moment AS (SELECT clock_timestamp() AS now)
             SELECT (extract(epoch FROM coalesce(least((SELECT min(created) FROM deleted), now), now)) * 1000000)::bigint,
                 (extract(epoch FROM now) * 1000000)::bigint
             FROM moment",
            self.schema().qualify(&table.name)
        );
        let times = sqlx::query_as(safe(statement))
            .persistent(false)
            .bind(unit.bill_id)
            .bind(before.map_or(unit.bill_id, |before| before.bill_id))
            .fetch_one(&mut **session)
            .await;
        times.map_err(|source| {
            session.failed(&format!("replacing the bill in {}.{}", self.schema(), table.name), &source)
        })
    }
}
