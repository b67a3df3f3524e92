//! One input file through its stages: read, normalize and fold, check and write.
//!
//! Where there are files for every core, one thread takes a file through all of them; where there are fewer, each stage
//! has a thread of its own (`pipeline.rs`). Either way memory holds a few pieces, a few batches and the open row group,
//! however long the file is. Nothing a file leaves behind is visible to readers: its Parquet files are staged, its
//! summary is a partial state, both are used only when every file of the period has come through.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;

use super::error::IngestError;
use super::folding::Summarized;
use super::normalizing::Normalizing;
use super::pieces::Pieces;
use super::pipeline;
use super::plan::PlannedPeriod;
use super::progress::FileProgress;
use super::request::RunOptions;
use super::totals::Totals;
use super::writing::{Writing, Written, discard_staged};
use crate::lake::{LakeTable, RejectRow, StagedFile};
use crate::plugin::{Cancel, InputFile, encode_ipc};

/// What one file came to.
#[derive(Debug, Default)]
pub struct FileResult {
    /// Parquet files, by index of the plugin's table.
    pub staged: BTreeMap<usize, Vec<StagedFile>>,
    /// Data rows, rejects among them.
    pub rows: u64,
    /// Rejects with their places.
    pub rejects: Vec<RejectRow>,
    /// All rejects, counted.
    pub rejects_counted: u64,
    /// Exact money totals.
    pub totals: Totals,
    /// Remarks of the plugin.
    pub notes: Vec<String>,
    /// Time per stage.
    pub read: Duration,
    /// In the guest and in checking its output.
    pub plugin: Duration,
    /// Writing Parquet.
    pub write: Duration,
}

/// What a file is worked on with.
#[derive(Debug, Clone, Copy)]
pub struct FileTask<'a> {
    /// The period it belongs to.
    pub period: &'a PlannedPeriod,
    /// Index into the report's files.
    pub index: usize,
    /// One lake table per table of the plugin.
    pub tables: &'a [LakeTable],
    /// Set when another file of the period has failed.
    pub given_up: &'a AtomicBool,
    /// How the run goes about its work.
    pub options: &'a RunOptions,
    /// Set when the run must stop.
    pub cancel: &'a Cancel,
    /// Random id of the run.
    pub run: uuid::Uuid,
}

impl<'a> FileTask<'a> {
    pub(super) fn input(&self) -> Result<&'a InputFile, IngestError> {
        let missing = || IngestError::Internal("choosing the next file".to_owned());
        self.period.report.files.get(self.index).ok_or_else(missing)
    }

    pub(super) fn check_stop(&self) -> Result<(), IngestError> {
        let stop = self.cancel.is_cancelled() || self.given_up.load(Ordering::Relaxed);
        if stop { Err(IngestError::Cancelled(self.period.title())) } else { Ok(()) }
    }
}

/// Some files of a period, one after another through one instance.
#[derive(Default)]
pub struct Stretch<'a> {
    guest: Option<Normalizing<'a>>,
    /// What each came to, with its index in the report.
    pub files: Vec<(usize, FileResult)>,
    /// What their rows were folded into, once it is known.
    pub summaries: Option<Summarized>,
}

impl std::fmt::Debug for Stretch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stretch").field("files", &self.files.len()).finish_non_exhaustive()
    }
}

impl<'a> Stretch<'a> {
    /// Works through one file on this thread alone; or, `spread`, on one more for reading and one for writing, as the
    /// last file of the stretch.
    ///
    /// # Errors
    /// When it cannot be read, the plugin fails or is stopped by a limit, or its Parquet cannot be written. Nothing of
    /// the file is staged then, and the stretch is at its end.
    pub fn file(&mut self, task: &FileTask<'a>, progress: &FileProgress, spread: bool) -> Result<(), IngestError> {
        let mut guest = match self.guest.take() {
            Some(guest) => guest.next(task)?,
            None => Normalizing::open(task)?,
        };
        let pieces = Pieces::open(task, progress)?;
        let writing = Writing::new(task, guest.row_reader());
        let (read, written) = if spread {
            let ended = pipeline::run(task, pieces, &mut guest, writing)?;
            match ended.summaries {
                Ok(summaries) => self.summaries = summaries,
                Err(error) => {
                    discard_staged(task, ended.written.staged);
                    return Err(error);
                }
            }
            (ended.read, ended.written)
        } else {
            alone(task, pieces, &mut guest, writing)?
        };
        self.files.push((task.index, result(read, &mut guest, written)));
        self.guest = Some(guest);
        Ok(())
    }

    /// Ends the stretch: what its files were folded into is there afterwards.
    ///
    /// # Errors
    /// When the plugin fails or is stopped by a limit.
    pub fn conclude(&mut self) -> Result<(), IngestError> {
        let Some(mut guest) = self.guest.take().filter(|_| self.summaries.is_none()) else { return Ok(()) };
        let concluded = guest.conclude()?;
        if let Some((_, last)) = self.files.last_mut() {
            last.plugin += guest.spent;
            last.notes.extend(guest.take_notes());
        }
        self.summaries = Some(match concluded {
            Some(summaries) => summaries,
            None => guest.held()?,
        });
        Ok(())
    }
}

/// All stages on this thread. Returns the time spent reading, too.
fn alone(
    task: &FileTask<'_>,
    mut pieces: Pieces<'_>,
    guest: &mut Normalizing<'_>,
    mut writing: Writing<'_>,
) -> Result<(Duration, Written), IngestError> {
    let mut piece = Vec::new();
    loop {
        task.check_stop()?;
        if !pieces.next(&mut piece)? {
            break;
        }
        writing.take(guest.push(&piece)?)?;
    }
    writing.take(guest.finish()?)?;
    Ok((pieces.spent, writing.finish()?))
}

fn result(read: Duration, guest: &mut Normalizing<'_>, written: Written) -> FileResult {
    FileResult {
        staged: written.staged,
        rows: written.rows,
        rejects: written.rejects,
        rejects_counted: written.rejects_counted,
        totals: written.totals,
        notes: guest.take_notes(),
        read,
        plugin: std::mem::take(&mut guest.spent) + written.checking,
        write: written.writing,
    }
}

/// Rows as a plugin is given them.
pub(super) fn ipc_of(batch: &RecordBatch) -> Result<Vec<u8>, IngestError> {
    encode_ipc(&batch.schema(), std::slice::from_ref(batch)).map_err(|error| encoding(&error))
}

/// A failure to encode rows for a plugin.
pub(super) fn encoding(error: &ArrowError) -> IngestError {
    IngestError::Internal(format!("encoding rows for the plugin ({error})"))
}

/// The columns a summary asked for. The manifest was checked: they are there.
pub(super) fn project(batch: &RecordBatch, columns: &[String]) -> Result<RecordBatch, IngestError> {
    let schema = batch.schema();
    let indices = columns.iter().map(|column| schema.index_of(column)).collect::<Result<Vec<_>, _>>();
    let projected = indices.and_then(|indices| batch.project(&indices));
    projected.map_err(|error| IngestError::Internal(format!("choosing a summary's columns ({error})")))
}
