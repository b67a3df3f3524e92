//! What an author implements.
//!
//! Each duty of a plugin is a trait of its own, as it is an interface of its own in the contract: a plugin without
//! summaries implements [`Plugin`] only.

use crate::contract::{Failure, Findings, Job, Manifest, Reject, Request, Task};
use crate::failure::abort;
use crate::storage::Storage;
use crate::table::Output;
use arrow_array::RecordBatch;

/// A plugin that reads one provider's reports.
pub trait Plugin: 'static {
    /// Turns files into rows.
    type Normalizer: Normalize;

    /// What the plugin is. A pure constant: nothing of the host can be called from here.
    fn describe() -> Manifest;

    /// Finds reports and what they are made of.
    ///
    /// # Errors
    /// When nothing at all can be said of the prefix. What is wrong with one report is a problem among the findings.
    fn discover(storage: &dyn Storage, request: &Request) -> Result<Findings, Failure>;
}

/// Turns one file into rows. The host pushes; nothing is carried from one file to the next.
pub trait Normalize: Sized + 'static {
    /// Begins a file.
    ///
    /// # Errors
    /// When the file cannot be read at all as the job says.
    fn open(job: &Job) -> Result<Self, Failure>;

    /// The next piece of the file, in the form that was asked for: bytes cut anywhere, or an Arrow IPC stream.
    ///
    /// # Errors
    /// When the file cannot be gone on with. What is wrong with one row or cell is a reject.
    fn push(&mut self, data: &[u8]) -> Result<Rows, Failure>;

    /// The file has ended.
    ///
    /// # Errors
    /// When it has no right to end here.
    fn finish(&mut self) -> Result<Rows, Failure>;
}

/// What one push gave.
#[derive(Debug, Default)]
pub struct Rows {
    /// Batches with the index of their table in the manifest. Columns are the table's, by name and order; text may be
    /// plain or dictionary-encoded, and a column without a value `Null`.
    pub batches: Vec<(u32, RecordBatch)>,
    /// Input rows taken in, rejected ones among them.
    pub rows: u64,
    /// At most a few hundred.
    pub rejects: Vec<Reject>,
    /// How many more there were.
    pub rejects_uncounted: u64,
    /// Facts for the operator's log, such as unknown columns.
    pub notes: Vec<String>,
}

impl Rows {
    /// What a table builder gave, as rows of the table with this index.
    #[must_use]
    pub fn of(table: u32, output: Output, notes: Vec<String>) -> Rows {
        Rows {
            batches: output.batches.into_iter().map(|batch| (table, batch)).collect(),
            rows: output.rows,
            rejects: output.rejects,
            rejects_uncounted: output.rejects_uncounted,
            notes,
        }
    }
}

/// A plugin that also makes summaries.
pub trait Summarize: Plugin {
    /// Folds rows.
    type Accumulator: Accumulate;
}

/// Folds rows of one (source, billing period) into a summary.
///
/// Law: rows folded by one accumulator, or split in any way among several whose saved pieces are merged in any order,
/// give the same result.
pub trait Accumulate: Sized + 'static {
    /// Begins.
    ///
    /// # Errors
    /// When the task's settings do not fit.
    fn open(task: &Task) -> Result<Self, Failure>;

    /// More rows: at least the columns that the summary declares, found by name, text in any encoding.
    ///
    /// # Errors
    /// When a column is absent or of another type, or a sum overflows.
    fn update(&mut self, batch: &RecordBatch) -> Result<(), Failure>;

    /// Rows of any table that a normalizer of this plugin has just put out, with the table's index in the manifest.
    /// Rows of tables this summary does not fold are passed over.
    ///
    /// # Errors
    /// As [`Accumulate::update`].
    fn fold(&mut self, table: u32, batch: &RecordBatch) -> Result<(), Failure>;

    /// The next piece of the state. After the first call only this is called.
    ///
    /// # Errors
    /// When the state cannot be written.
    fn save(&mut self) -> Result<Option<Vec<u8>>, Failure>;

    /// Whether its state falls into shares.
    ///
    /// Law: where every accumulator saves all shares but one, which another keeps each time, and merges the pieces of the
    /// share it kept, their results in the order of the shares are the result of one accumulator.
    fn has_shares(&self) -> bool {
        false
    }

    /// The next piece of one of so many shares of the state. After the first call only this is called, for other shares,
    /// and then `merge` with pieces of the only share that was not saved.
    ///
    /// # Errors
    /// When the state cannot be written, or does not fall into shares.
    fn save_share(&mut self, _share: u32, _shares: u32) -> Result<Option<Vec<u8>>, Failure> {
        let message = "a state that does not fall into shares was asked for one; this is a bug of the host";
        Err(abort("summary.no-shares", message))
    }

    /// A piece that another instance saved.
    ///
    /// # Errors
    /// When it is not such a piece, or a sum overflows.
    fn merge(&mut self, piece: &[u8]) -> Result<(), Failure>;

    /// Nothing more will come.
    ///
    /// # Errors
    /// When the result cannot be made.
    fn complete(&mut self) -> Result<(), Failure>;

    /// The next piece of the result, with the index of its table in the manifest.
    ///
    /// # Errors
    /// When it cannot be made.
    fn pull(&mut self) -> Result<Option<(u32, RecordBatch)>, Failure>;
}
