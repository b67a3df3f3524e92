//! Rows into a table through `COPY .. FROM STDIN BINARY`.
//!
//! Batches are turned into bytes on a thread of their own while earlier bytes are on their way, so that the server does
//! not wait. Dropped midway, the thread ends at its next piece and the session is closed, which undoes the copy.

use arrow::array::RecordBatch;
use tokio::sync::mpsc;

use super::definition::ColumnKind;
use super::error::DatabaseError;
use super::field::{Column, FieldError, Replaced};
use super::identifier::{SchemaName, list};
use super::session::Session;

/// How many bytes are sent at once.
const PIECE: usize = 1 << 20;
/// How many pieces may be ready before they are sent.
const AHEAD: usize = 2;
/// `PGCOPY`, then no flags and no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// Where a row would say how many fields it has.
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();

/// What a column of the target is filled with.
#[derive(Clone)]
pub(super) enum Fill {
    /// The column of the same name in the rows; NULL where they have none.
    Rows(ColumnKind),
    /// The same in every row.
    Int64(i64),
    /// The same in every row.
    Uuid(uuid::Uuid),
    /// The same in every row, in microseconds since 1970.
    Timestamp(i64),
}

/// Where rows go, and from what.
#[derive(Clone)]
pub(super) struct Target {
    /// The table.
    pub(super) table: String,
    /// Its columns.
    pub(super) columns: Vec<(String, Fill)>,
}

/// What was copied.
#[derive(Debug, Default)]
pub(super) struct Copied {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) replaced: Replaced,
}

/// Copies all rows of `batches`. A part of whatever transaction the session is in.
///
/// # Errors
/// When a value cannot be written, or the server refuses: then the transaction cannot go on.
pub(super) async fn copy(
    session: &mut Session<'_>,
    schema: &SchemaName,
    target: Target,
    batches: Vec<RecordBatch>,
) -> Result<Copied, DatabaseError> {
    let mut copied = Copied { rows: batches.iter().map(|batch| batch.num_rows() as u64).sum(), ..Copied::default() };
    if copied.rows == 0 {
        return Ok(copied);
    }
    let action = format!("publishing to table {schema}.{}", target.table);
    let statement = format!(
        "COPY {} ({}) FROM STDIN (FORMAT binary)",
        schema.qualify(&target.table),
        list(target.columns.iter().map(|(name, _)| name.as_str()))
    );
    let place = session.place().to_owned();
    let failed = |source| DatabaseError::of(&action, &place, &source);
    let mut sink = session.copy_in_raw(&statement).await.map_err(failed)?;
    let (pieces, mut ready) = mpsc::channel::<Vec<u8>>(AHEAD);
    let writer = tokio::task::spawn_blocking(move || write(&target, &batches, &pieces));
    while let Some(piece) = ready.recv().await {
        copied.bytes += piece.len() as u64;
        sink.send(piece).await.map_err(failed)?;
    }
    let written = writer.await.unwrap_or_else(|stopped| Err(interrupted(&action, &place, &stopped)));
    match written {
        Ok(replaced) => copied.replaced = replaced,
        Err(error) => {
            sink.abort("a value cannot be written").await.map_err(failed)?;
            return Err(error);
        }
    }
    let taken = sink.finish().await.map_err(failed)?;
    if taken != copied.rows {
        let problem = format!("{} rows were sent, and the server took {taken}; does a trigger drop rows?", copied.rows);
        return Err(DatabaseError::Schema { table: action, problem });
    }
    Ok(copied)
}

fn interrupted(action: &str, place: &str, stopped: &tokio::task::JoinError) -> DatabaseError {
    DatabaseError::Failed {
        action: action.to_owned(),
        place: place.to_owned(),
        message: format!("writing rows stopped: {stopped}"),
        advice: "",
        transient: false,
        code: None,
    }
}

/// Writes all rows in pieces. Ends early, and without an error, when nobody takes them any more.
fn write(target: &Target, batches: &[RecordBatch], pieces: &mpsc::Sender<Vec<u8>>) -> Result<Replaced, DatabaseError> {
    let mut replaced = Replaced::default();
    let mut piece = Vec::with_capacity(PIECE + PIECE / 8);
    piece.extend_from_slice(HEADER);
    let count = (target.columns.len() as i16).to_be_bytes();
    for batch in batches {
        let columns = prepare(target, batch, &mut replaced)?;
        for row in 0..batch.num_rows() {
            piece.extend_from_slice(&count);
            for (column, (name, _)) in columns.iter().zip(&target.columns) {
                column.append(row, &mut piece, &mut replaced).map_err(|error| in_column(target, name, &error))?;
            }
            if piece.len() >= PIECE {
                let full = std::mem::replace(&mut piece, Vec::with_capacity(PIECE + PIECE / 8));
                if pieces.blocking_send(full).is_err() {
                    return Ok(replaced);
                }
            }
        }
    }
    piece.extend_from_slice(&TRAILER);
    // Nobody takes it only when the copy is over already.
    drop(pieces.blocking_send(piece));
    Ok(replaced)
}

fn prepare(target: &Target, batch: &RecordBatch, replaced: &mut Replaced) -> Result<Vec<Column>, DatabaseError> {
    let prepared = target.columns.iter().map(|(name, fill)| match fill {
        Fill::Rows(kind) => match batch.column_by_name(name) {
            Some(column) => Column::prepare(*kind, column, replaced).map_err(|error| in_column(target, name, &error)),
            None => Ok(Column::Null),
        },
        Fill::Int64(value) => Ok(Column::constant_int64(*value)),
        Fill::Uuid(value) => Ok(Column::constant_uuid(*value)),
        Fill::Timestamp(value) => Ok(Column::constant_timestamp(*value)),
    });
    prepared.collect()
}

fn in_column(target: &Target, column: &str, error: &FieldError) -> DatabaseError {
    DatabaseError::Value { table: target.table.clone(), column: column.to_owned(), problem: error.to_string() }
}
