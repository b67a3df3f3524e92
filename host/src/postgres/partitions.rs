//! Monthly partitions, made when rows of a month first come.

use std::collections::BTreeSet;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Date32Type};
use chrono::{Datelike as _, NaiveDate};

use super::definition::DatabaseTable;
use super::digest;
use super::error::DatabaseError;
use super::identifier::SchemaName;
use super::session::Session;
use crate::settings::Month;

/// How many months one publication may have: a wrong date in a report must not make thousands of partitions.
const MAX_MONTHS: usize = 240;

/// The days that rows have in the column that partitions are by.
#[derive(Debug, Default)]
pub(super) struct RowDays {
    pub(super) months: BTreeSet<Month>,
    /// First and last, in days since 1970-01-01.
    pub(super) span: Option<(i32, i32)>,
}

/// The days of a table's rows; none without partitions.
///
/// # Errors
/// When a row has no day, a day that has no partition, or there are too many months.
pub(super) fn days(table: &DatabaseTable, batches: &[RecordBatch]) -> Result<RowDays, DatabaseError> {
    let mut days = RowDays::default();
    let Some(column) = &table.partition_by else { return Ok(days) };
    let problem = |problem: String| DatabaseError::Value { table: table.name.clone(), column: column.clone(), problem };
    for batch in batches.iter().filter(|batch| batch.num_rows() > 0) {
        let found = batch.column_by_name(column).filter(|found| *found.data_type() == DataType::Date32);
        let found = found.ok_or_else(|| problem("rows do not have it as a date".to_owned()))?;
        if found.null_count() > 0 {
            return Err(problem("a row has no date, so it belongs to no month".to_owned()));
        }
        let mut last = None;
        for day in found.as_primitive::<Date32Type>().values() {
            if last == Some(*day) {
                continue;
            }
            last = Some(*day);
            let (first, latest) = days.span.unwrap_or((*day, *day));
            days.span = Some((first.min(*day), latest.max(*day)));
            let date =
                date(*day).ok_or_else(|| problem(format!("day {day} since 1970 is not in the years 1 to 9998")))?;
            days.months.insert(Month { year: date.year(), month: date.month() });
        }
    }
    match (days.months.first(), days.months.last()) {
        (Some(first), Some(last)) if days.months.len() > MAX_MONTHS => Err(DatabaseError::Months {
            table: table.name.clone(),
            months: days.months.len(),
            first: first.to_string(),
            last: last.to_string(),
            limit: MAX_MONTHS,
        }),
        _ => Ok(days),
    }
}

/// A date from days since 1970-01-01, in years whose months end in years of four digits.
pub(super) fn date(day: i32) -> Option<NaiveDate> {
    let epoch = NaiveDate::from_ymd_opt(1970, 1, 1)?;
    let date = epoch.checked_add_signed(chrono::TimeDelta::days(i64::from(day)))?;
    (1..=9998).contains(&date.year()).then_some(date)
}

/// Makes the partitions that are missing, in a short transaction. Other transactions may read and write the table
/// meanwhile: the new partition is attached under a lock that neither needs. Two hosts take turns.
///
/// # Errors
/// When the server refuses, or something else has the name of a partition.
pub(super) async fn ensure(
    session: &mut Session<'_>,
    schema: &SchemaName,
    table: &str,
    months: &BTreeSet<Month>,
) -> Result<(), DatabaseError> {
    let action = format!("making partitions of {schema}.{table}");
    let lock = digest::lock_key(&["partitions", schema.as_str()]);
    let there = existing(session, schema, table).await?;
    if months.iter().all(|month| there.contains(&name(table, *month))) {
        // A commit can be seen a moment before other sessions are told that the table has changed, and until then they do
        // not find the new partition. Locks are let go after that: once this one is free, all have been told.
        return session.run(&action, format!("SELECT pg_advisory_xact_lock_shared({lock})")).await;
    }
    session.run(&action, format!("BEGIN; SELECT pg_advisory_xact_lock({lock})")).await?;
    let there = existing(session, schema, table).await?;
    let parent = schema.qualify(table);
    for month in months {
        let plain = name(table, *month);
        if there.contains(&plain) {
            continue;
        }
        let Some((first, next)) = bounds(*month) else { continue };
        let partition = schema.qualify(&plain);
        let statements = format!(
            "CREATE TABLE {partition} (LIKE {parent} INCLUDING ALL);
             ALTER TABLE {parent} ATTACH PARTITION {partition} FOR VALUES FROM ('{first}') TO ('{next}')"
        );
        session.run(&format!("{action}, {plain}"), statements).await?;
    }
    session.run(&action, "COMMIT".to_owned()).await
}

/// As Koku names them.
fn name(table: &str, month: Month) -> String {
    format!("{table}_{:04}_{:02}", month.year, month.month)
}

/// The first day, and that of the next month.
fn bounds(month: Month) -> Option<(NaiveDate, NaiveDate)> {
    let first = |month: Month| NaiveDate::from_ymd_opt(month.year, month.month, 1);
    Some((first(month)?, first(month.next())?))
}

async fn existing(
    session: &mut Session<'_>,
    schema: &SchemaName,
    table: &str,
) -> Result<BTreeSet<String>, DatabaseError> {
    let found: Result<Vec<String>, _> = sqlx::query_scalar(
        "SELECT c.relname::text
         FROM pg_inherits i
         JOIN pg_class c ON c.oid = i.inhrelid
         JOIN pg_class p ON p.oid = i.inhparent
         JOIN pg_namespace n ON n.oid = p.relnamespace AND n.oid = c.relnamespace
         WHERE n.nspname = $1 AND p.relname = $2",
    )
    .bind(schema.as_str())
    .bind(table)
    .fetch_all(&mut **session)
    .await;
    Ok(found.map_err(|source| session.failed("looking at partitions", &source))?.into_iter().collect())
}
