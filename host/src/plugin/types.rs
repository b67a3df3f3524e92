//! What crosses the seam between the host and a plugin, in the host's own types.
//!
//! The rest of the host works with these alone; nothing outside [`crate::plugin`] sees a generated binding.

use arrow::record_batch::RecordBatch;
use serde::{Deserialize, Serialize};

/// A name with a value.
pub type Label = (String, String);

/// A half-open span of time, in seconds since the epoch: `start` is in it, `end` is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Period {
    /// First second in it.
    pub start: i64,
    /// First second after it.
    pub end: i64,
}

/// What discovery is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoverRequest {
    /// JSON that fits the plugin's settings schema.
    pub settings: String,
    /// Reports outside it are of no interest.
    pub window: Option<Period>,
    /// The time this run is said to have, in seconds since the epoch.
    pub now: i64,
}

/// What discovery found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Deliveries that can be loaded.
    pub reports: Vec<FoundReport>,
    /// Deliveries that cannot.
    pub problems: Vec<Problem>,
}

/// One delivery of one billing period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundReport {
    /// Which export of which account below the prefix; empty when there is only one.
    pub source: String,
    /// Different whenever the content is.
    pub revision: String,
    /// When it was delivered, in seconds since the epoch.
    pub delivered: i64,
    /// The billing period.
    pub period: Period,
    /// Whether the provider has closed the period.
    pub closed: bool,
    /// What it is made of.
    pub files: Vec<InputFile>,
    /// Further facts.
    pub labels: Vec<Label>,
}

/// A delivery that was found and cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// As [`FoundReport::source`].
    pub source: String,
    /// The billing period, where it is known.
    pub period: Option<Period>,
    /// What is wrong.
    pub failure: Failure,
}

/// One file of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// Path below the granted prefix. Checked for `..` and control characters, not for existence.
    pub path: String,
    /// What the host takes off first.
    pub compression: Compression,
    /// Who turns bytes into fields.
    pub form: Form,
    /// The plugin's own word for this kind of file.
    pub dataset: String,
    /// Data rows that the delivery's manifest promises.
    pub rows: Option<u64>,
    /// Bytes that the delivery's manifest promises: as stored, or of a compressed file, those in it.
    pub bytes: Option<u64>,
}

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compression {
    /// Not at all.
    None,
    /// One or more gzip members.
    Gzip,
    /// One or more zstd frames.
    Zstd,
    /// The only file in a zip archive.
    Zip,
}

/// Who turns bytes into fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// The plugin, from decompressed bytes cut anywhere.
    Bytes,
    /// The host, which pushes Arrow IPC of these columns, or of all when there are none.
    Parquet(Vec<String>),
}

/// One file to normalize.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NormalizeJob {
    /// JSON that fits the plugin's settings schema.
    pub settings: String,
    /// The time this run is said to have, in seconds since the epoch.
    pub now: i64,
    /// As [`FoundReport::source`].
    pub source: String,
    /// As [`FoundReport::revision`].
    pub revision: String,
    /// The billing period.
    pub period: Period,
    /// The report's labels.
    pub labels: Vec<Label>,
    /// The file.
    pub file: InputFile,
}

/// One summary of one source and period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryTask {
    /// Name of the summary in the manifest.
    pub summary: String,
    /// JSON that fits the plugin's settings schema.
    pub settings: String,
    /// The time this run is said to have, in seconds since the epoch.
    pub now: i64,
    /// As [`FoundReport::source`].
    pub source: String,
    /// The billing period.
    pub period: Period,
}

/// Rows for one of the plugin's tables, checked against its declared schema.
///
/// Column names, order and logical types are the declared ones. A text column may be plain or a dictionary with any
/// integer key, and may differ from batch to batch.
#[derive(Debug, Clone)]
pub struct TableRows {
    /// Index into [`crate::plugin::manifest::Manifest::tables`].
    pub table: usize,
    /// The rows.
    pub batches: Vec<RecordBatch>,
}

/// What one push or finish of a normalizer gave.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Rows by table.
    pub outputs: Vec<TableRows>,
    /// Input rows taken in by this call, those in `rejects` among them.
    pub rows: u64,
    /// Rows and cells set aside.
    pub rejects: Vec<Reject>,
    /// How many more were set aside without being listed.
    pub rejects_uncounted: u64,
}

/// A place in an input file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Data rows before this one.
    pub row: Option<u64>,
    /// Offset after decompression.
    pub byte: Option<u64>,
    /// Name of the column, as the input spells it.
    pub column: Option<String>,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = Vec::new();
        if let Some(row) = self.row {
            parts.push(format!("row {row}"));
        }
        if let Some(byte) = self.byte {
            parts.push(format!("byte {byte}"));
        }
        if let Some(column) = &self.column {
            parts.push(format!("column {column}"));
        }
        if parts.is_empty() { f.write_str("unknown place") } else { f.write_str(&parts.join(", ")) }
    }
}

/// A row or a cell that was set aside while its file went on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// A stable dotted name.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// Where.
    pub at: Position,
    /// Whether the row was left out; if not, only the named cell became null.
    pub whole_row: bool,
    /// The money the row carries, as decimal text.
    pub amount: Option<String>,
    /// Its currency.
    pub currency: Option<String>,
}

/// What the host is asked to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remedy {
    /// Tell the operator to change the settings.
    FixSettings,
    /// Set this report aside and go on with the others.
    SkipReport,
    /// Try again later in a new instance.
    Retry,
    /// Stop this run.
    Abort,
}

/// A failure the plugin found itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What to do about it.
    pub remedy: Remedy,
    /// A stable dotted name such as `input.missing-column`.
    pub code: String,
    /// One sentence for a person.
    pub message: String,
    /// The file it is about, as a path below the granted prefix.
    pub path: Option<String>,
    /// Where in the file.
    pub at: Option<Position>,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{path}: ")?;
        }
        write!(f, "{}", self.message)?;
        if let Some(at) = &self.at {
            write!(f, " ({at})")?;
        }
        write!(f, " [{}]", self.code)
    }
}
