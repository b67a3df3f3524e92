//! The last stage of a file: rows are checked, counted, and written to staged Parquet files.
//!
//! Nothing is left behind when this is dropped before its end.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::{Duration, Instant};

use super::commit::discard;
use super::error::IngestError;
use super::file::FileTask;
use super::normalizing::Given;
use super::totals::{Totals, parse_decimal};
use crate::lake::{DataFileWriter, RejectRow, StagedFile, WriterOptions};
use crate::plugin::{Outcome, Reject, RowReader};

/// Rejects of one file that are kept with their places; more are only counted.
const REJECTS_KEPT: usize = 20_000;

/// What was written of one file.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Parquet files, by index of the plugin's table.
    pub(super) staged: BTreeMap<usize, Vec<StagedFile>>,
    /// Data rows, rejects among them.
    pub(super) rows: u64,
    /// Rejects with their places.
    pub(super) rejects: Vec<RejectRow>,
    /// All rejects, counted.
    pub(super) rejects_counted: u64,
    /// Exact money totals.
    pub(super) totals: Totals,
    /// Time spent checking rows.
    pub(super) checking: Duration,
    /// Time spent writing Parquet.
    pub(super) writing: Duration,
}

/// Writes the rows of one file.
pub(super) struct Writing<'a> {
    task: FileTask<'a>,
    reader: RowReader,
    writers: BTreeMap<usize, DataFileWriter>,
    written: Written,
}

impl<'a> Writing<'a> {
    pub(super) fn new(task: &FileTask<'a>, reader: RowReader) -> Self {
        Self { task: *task, reader, writers: BTreeMap::new(), written: Written::default() }
    }

    /// Checks and writes what one piece gave, and keeps count.
    pub(super) fn take(&mut self, given: Given) -> Result<(), IngestError> {
        let started = Instant::now();
        let outcome = given.read(&mut self.reader)?;
        self.written.checking += started.elapsed();
        let started = Instant::now();
        let done = self.write(outcome);
        self.written.writing += started.elapsed();
        done
    }

    fn write(&mut self, outcome: Outcome) -> Result<(), IngestError> {
        let period = self.task.period;
        let path = &self.task.input()?.path;
        let written = &mut self.written;
        written.rows += outcome.rows;
        written.rejects_counted += outcome.rejects.len() as u64 + outcome.rejects_uncounted;
        let room = REJECTS_KEPT.saturating_sub(written.rejects.len());
        written.rejects.extend(outcome.rejects.into_iter().take(room).map(|reject| reject_row(path, reject)));
        for rows in outcome.outputs {
            let (Some(table), Some(declared)) =
                (self.task.tables.get(rows.table), period.plugin.manifest().tables.get(rows.table))
            else {
                continue;
            };
            let writer = match self.writers.entry(rows.table) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => entry.insert(table.writer(&period.partition(), &WriterOptions::default())?),
            };
            for batch in &rows.batches {
                written.totals.add(&declared.money, batch);
                writer.write(batch)?;
            }
        }
        Ok(())
    }

    /// Ends the Parquet files.
    ///
    /// # Errors
    /// When there are fewer or more rows than promised, or a file cannot be written. Nothing is staged then.
    pub(super) fn finish(mut self) -> Result<Written, IngestError> {
        self.check_row_count()?;
        let started = Instant::now();
        for (table, writer) in std::mem::take(&mut self.writers) {
            match writer.finish() {
                Ok(file) => self.written.staged.entry(table).or_default().push(file),
                Err(error) => {
                    discard_staged(&self.task, std::mem::take(&mut self.written.staged));
                    return Err(error.into());
                }
            }
        }
        self.written.writing += started.elapsed();
        Ok(self.written)
    }

    fn check_row_count(&self) -> Result<(), IngestError> {
        let input = self.task.input()?;
        match input.rows {
            Some(promised) if promised != self.written.rows => Err(IngestError::Refused(format!(
                "{} of {} holds {} rows, but its manifest promises {promised}; the delivery is not complete, run again \
                 when it is",
                input.path,
                self.task.period.title(),
                self.written.rows
            ))),
            _ => Ok(()),
        }
    }
}

/// Removes what was staged of a file that failed after all.
pub(super) fn discard_staged(task: &FileTask<'_>, staged: BTreeMap<usize, Vec<StagedFile>>) {
    for (index, files) in staged {
        if let Some(table) = task.tables.get(index) {
            discard(table, files);
        }
    }
}

fn reject_row(file: &str, reject: Reject) -> RejectRow {
    let position = |number: Option<u64>| number.and_then(|number| i64::try_from(number).ok());
    RejectRow {
        file: file.to_owned(),
        row: position(reject.at.row),
        byte: position(reject.at.byte),
        column_name: reject.at.column,
        code: reject.code,
        message: reject.message,
        whole_row: reject.whole_row,
        amount: reject.amount.as_deref().and_then(parse_decimal),
        currency: reject.currency,
    }
}
