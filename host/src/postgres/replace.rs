//! Replacing the rows of one unit in one table: what is inside of a publication's transaction.

use arrow::array::RecordBatch;
use uuid::Uuid;

use super::columns::{BILL_CREATED, BILL_UPDATED};
use super::connect::Database;
use super::copy::{Copied, Fill, Target, copy};
use super::definition::{BILL_ID, DatabaseTable, SOURCE_UUID};
use super::error::DatabaseError;
use super::identifier::quoted;
use super::partitions::date;
use super::publication::{Publication, Standing};
use super::publish::Unit;
use super::session::Session;
use super::tables::safe;
use crate::plugin::manifest::TableRole;

impl Database {
    /// Deletes the rows of the unit, and those it supersedes, and copies those of `batches`.
    ///
    /// # Errors
    /// When the server refuses or a value cannot be written: then the transaction cannot go on.
    pub(super) async fn replace(
        &self,
        session: &mut Session<'_>,
        table: &DatabaseTable,
        unit: &Unit,
        standing: &Standing,
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
            let (created, now) = self.delete_bills(session, table, unit, standing).await?;
            columns.push((BILL_CREATED.to_owned(), Fill::Timestamp(created)));
            columns.push((BILL_UPDATED.to_owned(), Fill::Timestamp(now)));
        } else {
            let own = standing.own.as_ref();
            let bills = [unit.bill_id, own.map_or(unit.bill_id, |before| before.bill_id)];
            self.delete(session, table, unit.source_uuid, bills, own).await?;
            for other in &standing.superseded {
                self.delete(session, table, other.source_uuid, [other.bill_id; 2], Some(other)).await?;
            }
        }
        copy(session, self.schema(), Target { table: table.name.clone(), columns }, batches).await
    }

    /// Deletes what an earlier publication left. Its record says in which days to look; without one, all are searched.
    async fn delete(
        &self,
        session: &mut Session<'_>,
        table: &DatabaseTable,
        source_uuid: Uuid,
        bills: [i64; 2],
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
            .bind(source_uuid)
            .bind(bills[0])
            .bind(bills[1])
            .execute(&mut **session)
            .await;
        let action = || format!("deleting the old rows of table {}.{}", self.schema(), table.name);
        done.map(drop).map_err(|source| session.failed(&action(), &source))
    }

    /// Deletes the unit's bill row, and those it supersedes. Returns when the first was made, which is now if there was none,
    /// and now: in microseconds since 1970.
    async fn delete_bills(
        &self,
        session: &mut Session<'_>,
        table: &DatabaseTable,
        unit: &Unit,
        standing: &Standing,
    ) -> Result<(i64, i64), DatabaseError> {
        let before = standing.own.iter().chain(&standing.superseded).map(|before| before.bill_id);
        let bills: Vec<i64> = std::iter::once(unit.bill_id).chain(before).collect();
        let statement = format!(
            "WITH deleted AS (DELETE FROM {} WHERE id = ANY($1) RETURNING {BILL_CREATED} AS created),
                 moment AS (SELECT clock_timestamp() AS now)
             SELECT (extract(epoch FROM coalesce(least((SELECT min(created) FROM deleted), now), now)) * 1000000)::bigint,
                 (extract(epoch FROM now) * 1000000)::bigint
             FROM moment",
            self.schema().qualify(&table.name)
        );
        let times = sqlx::query_as(safe(statement)).persistent(false).bind(bills).fetch_one(&mut **session).await;
        times.map_err(|source| {
            session.failed(&format!("replacing the bill in {}.{}", self.schema(), table.name), &source)
        })
    }
}
