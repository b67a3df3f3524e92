//! Writing one data file: batches in, an uncommitted Parquet file out.
//!
//! Runs on a worker thread and blocks. Memory is bounded by one row group, not by the file. The encoders are
//! used column by column rather than through `ArrowWriter`, whose check of whole batches refuses maps with
//! dictionary-encoded children, and so that encoders of our own can take single columns over.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, RecordBatch, new_null_array};
use arrow::datatypes::{Field, SchemaRef};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, Type, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::SchemaDescriptor;

use super::error::LakeError;
use super::shape;
use super::sink::Sink;
use super::stats::FileStats;

/// How data files are cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriterOptions {
    /// A row group ends once it has this many rows.
    pub row_group_rows: usize,
    /// A row group ends once its encoded columns take this many bytes of memory.
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
        Self { row_group_rows: 64 * 1024, row_group_bytes: 64 * 1024 * 1024, compression: PageCompression::Zstd(1) }
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
    factory: ArrowRowGroupWriterFactory,
    /// Encoders of the current row group.
    group: Option<Vec<ArrowColumnWriter>>,
    group_rows: usize,
    groups: usize,
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
        let properties = Arc::new(properties(&options, &descriptor).map_err(failed)?);
        let file = SerializedFileWriter::new(sink, descriptor.root_schema_ptr(), properties).map_err(failed)?;
        let factory = ArrowRowGroupWriterFactory::new(&file, Arc::clone(&schema));
        let stats = FileStats::new(Arc::clone(&schema));
        Ok(Self {
            path,
            table: table.to_owned(),
            place,
            schema,
            file,
            factory,
            group: None,
            group_rows: 0,
            groups: 0,
            stats,
            options,
        })
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
        self.encode(&columns).map_err(|error| LakeError::parquet(&self.place, error))?;
        self.stats.update(batch.num_rows(), &columns);
        self.group_rows += batch.num_rows();
        if self.group_rows >= self.options.row_group_rows || self.group_bytes() >= self.options.row_group_bytes {
            self.end_group().map_err(|error| LakeError::parquet(&self.place, error))?;
        }
        Ok(())
    }

    /// Ends the file and makes it permanent.
    ///
    /// # Errors
    /// When the rest cannot be written; nothing is left behind then.
    pub fn finish(mut self) -> Result<StagedFile, LakeError> {
        self.end_group().map_err(|error| LakeError::parquet(&self.place, error))?;
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
                None => new_null_array(field.data_type(), batch.num_rows()),
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

    fn encode(&mut self, columns: &[ArrayRef]) -> Result<(), ParquetError> {
        let writers = match &mut self.group {
            Some(writers) => writers,
            none => none.insert(self.factory.create_column_writers(self.groups)?),
        };
        let mut writers = writers.iter_mut();
        for (field, column) in self.schema.fields().iter().zip(columns) {
            // The field says where nulls may be, the array how its values are held.
            let field = Field::new(field.name(), column.data_type().clone(), true);
            for leaf in compute_leaves(&field, column)? {
                let writer =
                    writers.next().ok_or_else(|| ParquetError::General("fewer encoders than leaves".to_owned()))?;
                writer.write(&leaf)?;
            }
        }
        Ok(())
    }

    fn group_bytes(&self) -> usize {
        self.group.iter().flatten().map(ArrowColumnWriter::memory_size).sum()
    }

    fn end_group(&mut self) -> Result<(), ParquetError> {
        let Some(writers) = self.group.take() else { return Ok(()) };
        let mut group = self.file.next_row_group()?;
        for writer in writers {
            writer.close()?.append_to_row_group(&mut group)?;
        }
        group.close()?;
        self.groups += 1;
        self.group_rows = 0;
        Ok(())
    }
}

fn properties(options: &WriterOptions, schema: &SchemaDescriptor) -> Result<WriterProperties, ParquetError> {
    let compression = match options.compression {
        PageCompression::Zstd(level) => Compression::ZSTD(ZstdLevel::try_new(level)?),
        PageCompression::Snappy => Compression::SNAPPY,
        PageCompression::None => Compression::UNCOMPRESSED,
    };
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("costhost ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(compression)
        .set_dictionary_enabled(true)
        // Of whole column chunks: page indexes of 140 columns cost more than they would ever skip.
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_bloom_filter_enabled(false);
    // The encoder's smallest and largest decimal each keep the whole batch they came from in memory until the file
    // ends (100 MB for a report of 1 GB), and nobody looks for rows by the range of an amount.
    let amounts = schema.columns().iter().filter(|column| column.physical_type() == Type::FIXED_LEN_BYTE_ARRAY);
    for amount in amounts {
        properties = properties.set_column_statistics_enabled(amount.path().clone(), EnabledStatistics::None);
    }
    Ok(properties.build())
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
