//! One file of a report into line items.
//!
//! Every shape of the report (CUR v1 and 2.0, CSV and Parquet) goes through the same plan and the same conversion; only
//! where rows come from differs.
#![allow(clippy::result_large_err, reason = "a failure is the contract's type and ends a file: it is made once")]

mod header;
mod period;

use crate::naming::folded;
use arrow_array::RecordBatch;
use costhost_sdk::bindings::costhost::provider::types::{Failure, Form, Position, Reject, Remedy};
use costhost_sdk::bindings::exports::costhost::provider::normalize::Job;
use costhost_sdk::csv::{Block, Reader, RowTooLong, Writer, field::unquote};
use costhost_sdk::{arrow_rows, ipc, table::TableBuilder};
use header::failure;
use period::BillingPeriod;
use std::collections::BTreeSet;

/// Name of the label with the manifest's columns, joined by commas.
pub const COLUMNS_LABEL: &str = "columns";
/// Name of the label with the manifest's path: a report that has it was told by a manifest.
pub const MANIFEST_LABEL: &str = "manifest";
/// Bytes of rows made from Parquet that are turned at once.
const WRITER_ROOM: usize = 1 << 20;

/// Turns one file into line items.
#[derive(Debug)]
pub struct Normalizer {
    path: String,
    /// Columns that the manifest promises.
    promised: Vec<String>,
    input: Input,
    table: Option<TableBuilder>,
    period: BillingPeriod,
    notes: Vec<String>,
}

#[derive(Debug)]
enum Input {
    Csv(Reader),
    Arrow(Writer),
}

/// What a piece of input has become.
#[derive(Debug, Default)]
pub struct Batches {
    /// Batches of line items, self-contained: text as dictionaries, as it is, or `Null`.
    pub batches: Vec<RecordBatch>,
    /// Input rows, those left out among them.
    pub rows: u64,
    /// Rows and cells set aside.
    pub rejects: Vec<Reject>,
    /// How many more were set aside.
    pub rejects_uncounted: u64,
    /// What an operator may want to know of this file, a sentence each.
    pub notes: Vec<String>,
}

impl Normalizer {
    /// Starts on a file.
    ///
    /// # Errors
    /// None so far: what is wrong with a file shows in its bytes.
    pub fn open(job: &Job) -> Result<Normalizer, Failure> {
        let promised = job.labels.iter().filter(|label| label.0 == COLUMNS_LABEL);
        let input = match job.file.form {
            Form::Bytes => Input::Csv(Reader::new()),
            Form::Parquet(_) => Input::Arrow(Writer::new()),
        };
        Ok(Normalizer {
            path: job.file.path.clone(),
            promised: promised.flat_map(|label| label.1.split(',')).map(str::to_owned).collect(),
            input,
            table: None,
            period: BillingPeriod::new(job),
            notes: Vec::new(),
        })
    }

    /// Takes the next piece: bytes of CSV cut anywhere, or one IPC stream of the Parquet file's own columns.
    ///
    /// # Errors
    /// When the file is not a report, lacks a column without which no row counts, or has a row that is too long to read or
    /// of another billing period.
    pub fn push(&mut self, data: &[u8]) -> Result<Batches, Failure> {
        let result = self.take(data);
        self.place(result)?;
        self.output()
    }

    /// The file has ended.
    ///
    /// # Errors
    /// When the file has no header, or as [`Normalizer::push`].
    pub fn finish(&mut self) -> Result<Batches, Failure> {
        let result = self.take_last();
        self.place(result)?;
        let rounded = self.table.as_ref().map_or(0, TableBuilder::rounded);
        if rounded > 0 {
            self.notes.push(format!("{rounded} amounts have more than 18 decimals and were rounded half-even"));
        }
        let mut batches = self.output()?;
        batches.notes.extend(self.period.note());
        Ok(batches)
    }

    fn output(&mut self) -> Result<Batches, Failure> {
        let Some(table) = &mut self.table else { return Ok(Batches::default()) };
        let output = table.take();
        let checked = self.period.check(&output, header::spelling(table.plan(), period::COLUMN));
        self.place(checked.map_err(Stop))?;
        Ok(Batches {
            batches: output.batches,
            rows: output.rows,
            rejects: output.rejects,
            rejects_uncounted: output.rejects_uncounted,
            notes: std::mem::take(&mut self.notes),
        })
    }

    fn place<T>(&self, result: Result<T, Stop>) -> Result<T, Failure> {
        result.map_err(|Stop(mut failure)| {
            failure.path = Some(self.path.clone());
            failure
        })
    }

    fn take(&mut self, data: &[u8]) -> Result<(), Stop> {
        let (table, promised, notes) = (&mut self.table, &self.promised, &mut self.notes);
        match &mut self.input {
            Input::Csv(reader) => reader.push(data, |block| take_block(block, table, promised, notes)),
            Input::Arrow(writer) => {
                for batch in ipc::decode(data).map_err(|error| bad_arrow(&error))? {
                    take_batch(&batch, writer, table, promised, notes)?;
                }
                Ok(())
            }
        }
    }

    fn take_last(&mut self) -> Result<(), Stop> {
        let (table, promised, notes) = (&mut self.table, &self.promised, &mut self.notes);
        if let Input::Csv(reader) = &mut self.input {
            reader.finish(|block| take_block(block, table, promised, notes))?;
        }
        match (&mut self.table, &self.input) {
            (Some(table), _) => Ok(table.finish().map_err(|error| bug(&error))?),
            // A Parquet file without rows sends no batch.
            (None, Input::Arrow(_)) => Ok(()),
            (None, Input::Csv(_)) => Err(Stop(failure(
                "input.wrong-header",
                "the file is empty: it has no header. Check whether its delivery is complete".to_owned(),
            ))),
        }
    }
}

/// A failure on its way out.
struct Stop(Failure);

impl From<RowTooLong> for Stop {
    fn from(error: RowTooLong) -> Self {
        let at = Position { row: error.row.checked_sub(1), byte: Some(error.byte), column: None };
        let message = format!("{error}: a quote may be missing. Check the file with the provider");
        Stop(Failure { at: Some(at), ..failure("input.row-too-long", message) })
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop(failure)
    }
}

fn bug(error: &arrow_schema::ArrowError) -> Failure {
    let message =
        format!("line items could not be put together ({error}): this is a bug of the plugin, please report it");
    Failure { remedy: Remedy::Abort, ..failure("plugin.bug", message) }
}

fn bad_arrow(error: &arrow_schema::ArrowError) -> Failure {
    failure("input.not-arrow", format!("the columns of the Parquet file cannot be read ({error}): export it again"))
}

fn take_block(
    block: Block<'_>,
    table: &mut Option<TableBuilder>,
    promised: &[String],
    notes: &mut Vec<String>,
) -> Result<(), Stop> {
    if let Some(table) = table {
        return table.append(block).map_err(|error| Stop(bug(&error)));
    }
    let Some(header) = block.row(0) else { return Ok(()) };
    let mut scratch = Vec::new();
    let names: Vec<String> = (0..header.fields())
        .map(|at| String::from_utf8_lossy(unquote(header.field(at).unwrap_or_default(), &mut scratch)).into_owned())
        .collect();
    let table = table.insert(start(&names, promised, notes)?);
    table.append(block.skip(1)).map_err(|error| Stop(bug(&error)))
}

fn take_batch(
    batch: &RecordBatch,
    writer: &mut Writer,
    table: &mut Option<TableBuilder>,
    promised: &[String],
    notes: &mut Vec<String>,
) -> Result<(), Stop> {
    let table = match table {
        Some(table) => table,
        None => {
            let names: Vec<String> = batch.schema().fields().iter().map(|f| f.name().clone()).collect();
            table.insert(start(&names, promised, notes)?)
        }
    };
    let rows = arrow_rows::Rows::new(batch).map_err(|error| bad_arrow(&error))?;
    for row in 0..batch.num_rows() {
        let waiting = rows.write(row, writer).map_err(|error| bad_arrow(&error))?;
        if waiting >= WRITER_ROOM || row + 1 == batch.num_rows() {
            table.append(writer.block()).map_err(|error| bug(&error))?;
            writer.clear();
        }
    }
    Ok(())
}

fn start(names: &[String], promised: &[String], notes: &mut Vec<String>) -> Result<TableBuilder, Failure> {
    let plan = header::plan(names)?;
    notes.extend(differences(names, promised));
    Ok(TableBuilder::new(plan))
}

/// What the manifest and the header do not agree on. The header stands.
fn differences(names: &[String], promised: &[String]) -> Option<String> {
    if promised.is_empty() {
        return None;
    }
    let fold = |names: &[String]| names.iter().map(|n| folded(n)).collect::<BTreeSet<_>>();
    let (header, manifest) = (fold(names), fold(promised));
    let (more, fewer) = (header.difference(&manifest).count(), manifest.difference(&header).count());
    if more + fewer == 0 {
        return None;
    }
    Some(format!("the header has {more} columns that the manifest does not list, and lacks {fewer} that it lists"))
}
