//! Writing one data file: batches in, an uncommitted Parquet file out.
//!
//! Runs on a worker thread and blocks. Memory is bounded by one row group, not by the file. Pages are our own
//! ([`super::pages`]); the file around them is written by the parquet crate.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, NullArray, RecordBatch};
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowSchemaConverter;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use super::error::LakeError;
use super::pages::{PAGE_ROWS, RowGroupEncoder};
use super::shape;
use super::sink::Sink;
use super::stats::FileStats;

/// How data files are cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriterOptions {
    /// A row group ends once it has this many rows.
    pub row_group_rows: usize,
    /// A row group ends once its pages and dictionaries take this many bytes of memory.
    pub row_group_bytes: usize,
    /// How pages are compressed.
    pub compression: PageCompression,
}

/// Compression of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageCompression {
    /// zstd at this level, 1 to 22.
    Zstd(i32),
    /// Snappy.
    Snappy,
    /// None.
    None,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self { row_group_rows: 128 * 1024, row_group_bytes: 64 * 1024 * 1024, compression: PageCompression::Zstd(1) }
    }
}

/// A complete data file that no reader sees until it is committed.
#[derive(Debug)]
pub struct StagedFile {
    /// Key below the table.
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
    pub(crate) stats: String,
    /// Milliseconds since the epoch.
    pub(crate) modified: i64,
}

impl StagedFile {
    /// Rows in the file.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Size of the file.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The file's key below its table.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// Writes one data file. Dropping it leaves nothing behind.
pub struct DataFileWriter {
    /// Key below the table.
    path: String,
    /// `<tenant>/<provider>/<table>`.
    table: String,
    /// Both, for messages.
    place: String,
    schema: SchemaRef,
    file: SerializedFileWriter<Sink>,
    group: RowGroupEncoder,
    group_rows: usize,
    stats: FileStats,
    options: WriterOptions,
}

impl std::fmt::Debug for DataFileWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataFileWriter").field("path", &self.path).field("rows", &self.stats.rows()).finish()
    }
}

impl DataFileWriter {
    /// Begins the file `path` of a table in `sink`.
    pub(crate) fn new(
        table: &str,
        path: String,
        schema: SchemaRef,
        sink: Sink,
        options: WriterOptions,
    ) -> Result<Self, LakeError> {
        let place = format!("{table}/{path}");
        let failed = |error| LakeError::parquet(&place, error);
        let descriptor = ArrowSchemaConverter::new().schema_root("rows").convert(&schema).map_err(failed)?;
        let created_by = concat!("costhost ", env!("CARGO_PKG_VERSION")).to_owned();
        let properties = Arc::new(WriterProperties::builder().set_created_by(created_by).build());
        let file = SerializedFileWriter::new(sink, descriptor.root_schema_ptr(), properties).map_err(failed)?;
        let group = RowGroupEncoder::new(&schema, &descriptor, options.compression).map_err(failed)?;
        let stats = FileStats::new(Arc::clone(&schema));
        let table = table.to_owned();
        Ok(Self { path, table, place, schema, file, group, group_rows: 0, stats, options })
    }

    /// Rows taken in so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.stats.rows()
    }

    /// Appends rows. Columns are found by name; those that are missing are null.
    ///
    /// # Errors
    /// When a column is not one of the table's, has another type, or the file cannot be written. The writer is of
    /// no further use then.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let columns = self.columns_of(batch)?;
        for start in (0..batch.num_rows()).step_by(PAGE_ROWS) {
            let rows = PAGE_ROWS.min(batch.num_rows() - start);
            let columns: Vec<ArrayRef> = columns.iter().map(|column| column.slice(start, rows)).collect();
            self.group.append(&columns).map_err(|error| LakeError::parquet(&self.place, error))?;
            self.stats.update(rows, &columns);
            self.group_rows += rows;
            if self.group_rows >= self.options.row_group_rows || self.group.memory() >= self.options.row_group_bytes {
                self.end_group()?;
            }
        }
        Ok(())
    }

    /// Ends the file and makes it permanent.
    ///
    /// # Errors
    /// When the rest cannot be written; nothing is left behind then.
    pub fn finish(mut self) -> Result<StagedFile, LakeError> {
        self.end_group()?;
        let sink = self.file.into_inner().map_err(|error| LakeError::parquet(&self.place, error))?;
        let bytes = sink.complete().map_err(|error| LakeError::io("completing", &self.place, error))?;
        Ok(StagedFile {
            bytes,
            rows: self.stats.rows(),
            stats: self.stats.to_json(),
            modified: chrono::Utc::now().timestamp_millis(),
            path: self.path,
        })
    }

    /// Gives the file up; nothing is left behind.
    pub fn abort(self) {}

    fn columns_of(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>, LakeError> {
        let held = batch.schema_ref();
        let fields = self.schema.fields();
        let mut columns = Vec::with_capacity(fields.len());
        let mut found = 0;
        for (at, field) in fields.iter().enumerate() {
            // Batches usually have the table's order.
            let same = held.fields().get(at).is_some_and(|there| there.name() == field.name());
            let place = if same { Some(at) } else { held.index_of(field.name()).ok() };
            let column = match place {
                Some(place) => {
                    found += 1;
                    shape::fit(field.data_type(), batch.column(place))
                        .map_err(|error| self.misfit(field.name(), &error.to_string()))?
                }
                None => Arc::new(NullArray::new(batch.num_rows())),
            };
            columns.push(column);
        }
        if found != held.fields().len() {
            let stranger = held.fields().iter().find(|field| self.schema.index_of(field.name()).is_err());
            let name = stranger.map_or("", |field| field.name().as_str());
            return Err(self.misfit(name, "it is not a column of this table, or it is there twice"));
        }
        Ok(columns)
    }

    fn misfit(&self, column: &str, reason: &str) -> LakeError {
        LakeError::Schema { table: self.table.clone(), column: column.to_owned(), reason: reason.to_owned() }
    }

    fn end_group(&mut self) -> Result<(), LakeError> {
        if std::mem::take(&mut self.group_rows) == 0 {
            return Ok(());
        }
        self.group.finish(&mut self.file).map_err(|error| LakeError::parquet(&self.place, error))
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
