//! Parquet files as Arrow record batches, for plugins that want fields and not bytes.
//!
//! Types are those of the Parquet schema itself, whatever the writer noted about its own in-memory types: text is
//! `Utf8`, or a dictionary of it where the file keeps the column as a small one. Invariant: a local file is read page
//! by page; of an object, at most three row groups are held (one decoded, one waiting, one being fetched). A batch holds
//! rows of one row group, unless groups are small: each has dictionaries of its own, and rows under several of them are
//! looked up text by text.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use ::parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStreamBuilder};
use ::parquet::basic::{Encoding, Type as PhysicalType};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::error::SourceError;
use super::fetch::{InputSpec, Object};
use super::raw;
use super::remote::Pinned;
use super::store::Location;

/// Rows of a batch; the last one of a row group may be shorter.
pub const BATCH_ROWS: usize = 32 * 1024;
/// Small row groups are read together until they have so many rows.
const LEAST_ROWS: i64 = 8 * 1024;
/// A column stays a dictionary when its dictionary page, as stored, is at most this large in every row group: each
/// batch carries its dictionary, so all of a large one would be looked at over and over.
const SMALL_DICTIONARY: i64 = 64 << 10;
/// What is fetched of an object's end at first, in the hope that it holds the whole footer.
const FOOTER: usize = 256 << 10;
/// Column chunks of one row group that are fetched at a time.
const IN_FLIGHT: usize = 4;

/// A Parquet file being read.
pub struct ParquetFile {
    schema: SchemaRef,
    rows: u64,
    given: u64,
    place: String,
    size: u64,
    current: Option<ParquetRecordBatchReader>,
    groups: Groups,
}

/// Row groups to come.
enum Groups {
    /// Of an object, fetched ahead.
    Fetched(mpsc::Receiver<Result<ParquetRecordBatchReader, SourceError>>),
    /// Of a local file.
    Local(LocalGroups),
}

/// Row groups of a local file, each opened when it is its turn.
struct LocalGroups {
    file: File,
    /// The tag it had when it was opened.
    tag: String,
    metadata: ArrowReaderMetadata,
    projection: ProjectionMask,
    rest: Range<usize>,
}

impl std::fmt::Debug for ParquetFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetFile").field("place", &self.place).field("rows", &self.rows).finish_non_exhaustive()
    }
}

/// Opens a Parquet file: only the named columns that it has, in the file's order, or all when none are named. Blocking:
/// call it, and the file's methods, outside async tasks.
///
/// # Errors
/// The file is not there, is not the one that was found, or is not readable Parquet.
pub fn open_parquet(
    location: &Location,
    file: &InputSpec,
    columns: &[String],
    handle: Handle,
) -> Result<ParquetFile, SourceError> {
    open_part(location, file, columns, Part::WHOLE, handle)
}

/// A share of a file's row groups: the `index`th of `of`, all about the same size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Which, from 0.
    pub index: usize,
    /// How many there are; some are empty when the file has fewer row groups.
    pub of: usize,
}

impl Part {
    /// All of a file.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    fn row_groups(self, count: usize) -> Range<usize> {
        let of = self.of.max(1);
        let start = |index: usize| count * index.min(of) / of;
        start(self.index)..start(self.index + 1)
    }
}

/// Opens some of the row groups of a Parquet file, as [`open_parquet`] does with the whole of it.
///
/// # Errors
/// As [`open_parquet`].
pub fn open_part(
    location: &Location,
    file: &InputSpec,
    columns: &[String],
    part: Part,
    handle: Handle,
) -> Result<ParquetFile, SourceError> {
    let place = location.place(&file.path);
    let object = Object::open(location, file, &handle)?;
    let size = object.size();
    if size == 0 {
        let problem = "the file is empty, which no Parquet file is; fetch or export it again".to_owned();
        return Err(SourceError::Corrupt { place, offset: 0, problem });
    }
    let (metadata, groups) = match object {
        Object::Local { file, tag, .. } => {
            let loaded = ArrowReaderMetadata::load(&file, options()).map_err(|e| failed(&place, size, e))?;
            let metadata = with_types(loaded);
            let rest = part.row_groups(metadata.metadata().num_row_groups());
            let projection = projection(&metadata, columns);
            let groups = LocalGroups { file, tag, metadata: metadata.clone(), projection, rest };
            (metadata, Groups::Local(groups))
        }
        Object::Remote(pinned) => {
            let mut source = Spans(pinned);
            let loaded = handle
                .block_on(ArrowReaderMetadata::load_async(&mut source, options()))
                .map_err(|e| failed(&place, size, e))?;
            let metadata = with_types(loaded);
            let groups = part.row_groups(metadata.metadata().num_row_groups());
            let groups =
                fetch_groups(source, &metadata, columns, groups, &handle).map_err(|e| failed(&place, size, e))?;
            (metadata, Groups::Fetched(groups))
        }
    };
    let chosen = part.row_groups(metadata.metadata().num_row_groups());
    let chosen = metadata.metadata().row_groups().get(chosen).unwrap_or_default();
    let rows = chosen.iter().map(|group| u64::try_from(group.num_rows()).unwrap_or_default()).sum();
    let schema = chosen_schema(&metadata, columns);
    Ok(ParquetFile { schema, rows, given: 0, place, size, current: None, groups })
}

impl ParquetFile {
    /// The schema of every batch.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Rows in the whole file, or in the part that was opened.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Rows given so far.
    pub fn rows_given(&self) -> u64 {
        self.given
    }

    /// Size of the stored file in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The next rows, [`BATCH_ROWS`] or fewer, in the file's order; `None` after the last.
    ///
    /// # Errors
    /// The file changed, cannot be read, or is broken.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>, SourceError> {
        loop {
            if let Some(reader) = &mut self.current {
                match reader.next() {
                    Some(Ok(batch)) => {
                        self.given += batch.num_rows() as u64;
                        return Ok(Some(batch));
                    }
                    Some(Err(error)) => return Err(failed(&self.place, self.size, error.into())),
                    None => self.current = None,
                }
            }
            self.current = match &mut self.groups {
                Groups::Fetched(groups) => groups.blocking_recv().transpose()?,
                Groups::Local(groups) => groups.next().map_err(|e| failed(&self.place, self.size, e))?,
            };
            if self.current.is_none() {
                return self.end();
            }
        }
    }

    fn end(&self) -> Result<Option<RecordBatch>, SourceError> {
        if let Groups::Local(LocalGroups { file, tag, .. }) = &self.groups {
            raw::check_unchanged(file, &self.place, tag)?;
        }
        if self.given == self.rows {
            return Ok(None);
        }
        let problem = format!("its footer promises {} rows but {} were read; export it again", self.rows, self.given);
        Err(SourceError::Corrupt { place: self.place.clone(), offset: self.size, problem })
    }
}

fn options() -> ArrowReaderOptions {
    ArrowReaderOptions::new().with_skip_arrow_metadata(true)
}

impl LocalGroups {
    /// The next row group, or several small ones.
    fn next(&mut self) -> Result<Option<ParquetRecordBatchReader>, ParquetError> {
        let (begin, mut rows) = (self.rest.start, 0);
        while rows < LEAST_ROWS
            && let Some(group) = self.rest.next()
        {
            rows += self.metadata.metadata().row_groups().get(group).map_or(0, RowGroupMetaData::num_rows);
        }
        if begin == self.rest.start {
            return Ok(None);
        }
        ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.try_clone()?, self.metadata.clone())
            .with_row_groups((begin..self.rest.start).collect())
            .with_projection(self.projection.clone())
            .with_batch_size(BATCH_ROWS)
            .build()
            .map(Some)
    }
}

/// Fetches row groups ahead in a task that ends when the receiver is dropped; they are decoded by the receiver.
fn fetch_groups(
    source: Spans,
    metadata: &ArrowReaderMetadata,
    columns: &[String],
    groups: Range<usize>,
    handle: &Handle,
) -> Result<mpsc::Receiver<Result<ParquetRecordBatchReader, SourceError>>, ParquetError> {
    let (place, size) = (source.0.place.clone(), source.0.size);
    let mut stream = ParquetRecordBatchStreamBuilder::new_with_metadata(source, metadata.clone())
        .with_row_groups(groups.collect())
        .with_projection(projection(metadata, columns))
        .with_batch_size(BATCH_ROWS)
        .build()?;
    let (sender, groups) = mpsc::channel(1);
    handle.spawn(async move {
        while let Some(group) = stream.next_row_group().await.transpose() {
            let failed_now = group.is_err();
            if sender.send(group.map_err(|e| failed(&place, size, e))).await.is_err() || failed_now {
                break;
            }
        }
    });
    Ok(groups)
}

fn is_chosen(columns: &[String], name: &str) -> bool {
    columns.is_empty() || columns.iter().any(|c| c == name)
}

fn projection(metadata: &ArrowReaderMetadata, columns: &[String]) -> ProjectionMask {
    let fields = metadata.parquet_schema().root_schema().get_fields();
    let chosen = fields.iter().enumerate().filter(|(_, f)| is_chosen(columns, f.name())).map(|(index, _)| index);
    ProjectionMask::roots(metadata.parquet_schema(), chosen.collect::<Vec<_>>())
}

fn chosen_schema(metadata: &ArrowReaderMetadata, columns: &[String]) -> SchemaRef {
    let fields = metadata.schema().fields().iter().filter(|f| is_chosen(columns, f.name())).cloned();
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Chooses the types to read: small dictionaries stay dictionaries, and old 96-bit timestamps become microseconds,
/// because in nanoseconds those before 1678 and after 2262 (often used for "never") would wrap around.
fn with_types(loaded: ArrowReaderMetadata) -> ArrowReaderMetadata {
    let fields: Vec<Field> = loaded
        .schema()
        .fields()
        .iter()
        .enumerate()
        .map(|(root, field)| field.as_ref().clone().with_data_type(read_type(loaded.metadata(), root, field)))
        .collect();
    let hinted = options().with_schema(Arc::new(Schema::new(fields)));
    ArrowReaderMetadata::try_new(Arc::clone(loaded.metadata()), hinted).unwrap_or(loaded)
}

fn read_type(metadata: &ParquetMetaData, root: usize, field: &Field) -> DataType {
    let schema = metadata.file_metadata().schema_descr();
    let leaf = (0..schema.num_columns()).find(|leaf| schema.get_column_root_idx(*leaf) == root);
    let Some(leaf) = leaf else { return field.data_type().clone() };
    match field.data_type() {
        DataType::Utf8 if is_small_dictionary(metadata, leaf) => {
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, zone)
            if schema.column(leaf).physical_type() == PhysicalType::INT96 =>
        {
            DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
        }
        other => other.clone(),
    }
}

fn is_small_dictionary(metadata: &ParquetMetaData, leaf: usize) -> bool {
    !metadata.row_groups().is_empty()
        && metadata.row_groups().iter().all(|group| group.columns().get(leaf).is_some_and(has_small_dictionary))
}

fn has_small_dictionary(chunk: &ColumnChunkMetaData) -> bool {
    let mut encodings = chunk.encodings();
    if !encodings.any(|e| matches!(e, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY)) {
        return false;
    }
    if let Some(mask) = chunk.page_encoding_stats_mask()
        && !(mask.is_only(Encoding::RLE_DICTIONARY) || mask.is_only(Encoding::PLAIN_DICTIONARY))
    {
        return false;
    }
    match chunk.dictionary_page_offset().map(|at| chunk.data_page_offset() - at) {
        Some(length) if length > 0 => length <= SMALL_DICTIONARY,
        // Older writers do not say where the dictionary lies. Keys take at most two bytes a row while the dictionary is
        // small; rows in plain pages take four and their text.
        _ => chunk.uncompressed_size() <= SMALL_DICTIONARY.saturating_add(chunk.num_values().saturating_mul(2)),
    }
}

fn failed(place: &str, size: u64, error: ParquetError) -> SourceError {
    let error = match error {
        ParquetError::External(inner) => match inner.downcast::<SourceError>() {
            Ok(own) => return *own,
            Err(inner) => ParquetError::External(inner),
        },
        other => other,
    };
    SourceError::Corrupt {
        place: place.to_owned(),
        offset: size,
        problem: format!("it is not readable Parquet ({error}); fetch or export it again"),
    }
}

/// Spans of one revision of an object.
struct Spans(Pinned);

impl AsyncFileReader for Spans {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        let object = self.0.clone();
        async move { object.fetch(range).await.map_err(|e| ParquetError::External(Box::new(e))) }.boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        let object = self.0.clone();
        async move {
            futures::stream::iter(ranges)
                .map(|range| object.fetch(range))
                .buffered(IN_FLIGHT)
                .try_collect()
                .await
                .map_err(|e: SourceError| ParquetError::External(Box::new(e)))
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        let size = self.0.size;
        let chosen = options.map(|o| o.metadata_options().clone());
        async move {
            let reader = ParquetMetaDataReader::new().with_metadata_options(chosen).with_prefetch_hint(Some(FOOTER));
            reader.load_and_finish(self, size).await.map(Arc::new)
        }
        .boxed()
    }
}
