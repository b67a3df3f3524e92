//! One column of one row group: pages as they fill, compressed at once; the dictionary page when the row group ends.

use std::io::{Chain, Read, Write};

use arrow::array::ArrayRef;
use arrow::buffer::NullBuffer;
use bytes::Bytes;
use parquet::basic::{Encoding, EncodingMask, PageType};
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter as _};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, PageEncodingStats};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::writer::{SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use super::PAGE_ROWS;
use super::codes::Packing;
use super::compress::Compressor;
use super::levels::Levels;
use super::nesting::Slots;
use super::values::{Scratch, Values};

/// A page ends with this many bytes.
const PAGE_BYTES: usize = 1 << 20;

/// What the encoders of a file share: they work one after the other.
pub(super) struct Shared {
    pub(super) scratch: Scratch,
    pub(super) compressor: Compressor,
    /// A page before and after compression.
    raw: Vec<u8>,
    packed: Vec<u8>,
    dictionary: Vec<u8>,
}

impl Shared {
    pub(super) fn new(compressor: Compressor) -> Self {
        let (raw, packed, dictionary) = (Vec::new(), Vec::new(), Vec::new());
        Self { scratch: Scratch::default(), compressor, raw, packed, dictionary }
    }
}

/// Rows, values with nulls and empty lists, and of these those without a value.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    rows: u64,
    slots: u64,
    nulls: u64,
}

/// The encoder of one column.
pub(super) struct Chunk {
    column: ColumnDescPtr,
    levels: Levels,
    values: Box<dyn Values>,
    /// Of the page that is being filled, and of the pages before it.
    page: Counts,
    done: Counts,
    /// Data pages.
    pages: TrackedWrite<Vec<u8>>,
    uncompressed: u64,
    encodings: Vec<PageEncodingStats>,
    /// How codes are packed, once it is known what is smaller.
    packing: Option<Packing>,
}

impl Chunk {
    pub(super) fn new(column: ColumnDescPtr, values: Box<dyn Values>) -> Self {
        let levels = Levels::new(column.max_rep_level(), column.max_def_level());
        let (page, done) = (Counts::default(), Counts::default());
        let pages = TrackedWrite::new(Vec::new());
        Self { column, levels, values, page, done, pages, uncompressed: 0, encodings: Vec::new(), packing: None }
    }

    /// Takes in rows of a column that is in no list or map. `nulls` are the array's logical ones.
    pub(super) fn append_rows(
        &mut self,
        array: &ArrayRef,
        nulls: Option<&NullBuffer>,
        shared: &mut Shared,
    ) -> Result<(), ParquetError> {
        let (rows, none) = (array.len(), nulls.map_or(0, NullBuffer::null_count));
        if let Levels::Flat(validity) = &mut self.levels {
            validity.append(rows, nulls);
        }
        self.count(rows, rows, none);
        if none < rows {
            self.values.append(array, nulls, std::slice::from_ref(&(0..rows)), &mut shared.scratch)?;
        }
        self.end_full_page(shared)
    }

    /// Takes in rows in which the whole column is null.
    pub(super) fn append_nulls(&mut self, rows: usize, shared: &mut Shared) -> Result<(), ParquetError> {
        match &mut self.levels {
            Levels::Flat(validity) => validity.append_nulls(rows),
            Levels::Nested { repetition, definition } => {
                repetition.push(0, rows);
                definition.push(0, rows);
            }
        }
        self.count(rows, rows, rows);
        self.end_full_page(shared)
    }

    /// Takes in `rows` rows of a column inside of lists or maps, whose slots refer to values of `array`.
    pub(super) fn append_slots(
        &mut self,
        array: &ArrayRef,
        rows: usize,
        slots: &Slots,
        nulls: Option<&NullBuffer>,
        shared: &mut Shared,
    ) -> Result<(), ParquetError> {
        if let Levels::Nested { repetition, definition } = &mut self.levels {
            let none = slots.put_levels(nulls, repetition, definition);
            self.count(rows, slots.len(), none);
            if none < slots.len() {
                self.values.append(array, nulls, &slots.ranges(), &mut shared.scratch)?;
            }
        }
        self.end_full_page(shared)
    }

    fn count(&mut self, rows: usize, slots: usize, nulls: usize) {
        self.page.rows += rows as u64;
        self.page.slots += slots as u64;
        self.page.nulls += nulls as u64;
    }

    fn end_full_page(&mut self, shared: &mut Shared) -> Result<(), ParquetError> {
        let (values, bytes) = self.values.pending();
        if (self.page.rows >= PAGE_ROWS as u64 && values > 0) || bytes >= PAGE_BYTES {
            self.end_page(shared)?;
        }
        Ok(())
    }

    fn end_page(&mut self, shared: &mut Shared) -> Result<(), ParquetError> {
        let encoding = self.compress_page(shared)?;
        let Shared { scratch, raw, packed, .. } = shared;
        self.values.next_page(scratch);
        let Counts { rows, slots, nulls } = std::mem::take(&mut self.page);
        let buf = Bytes::from(std::mem::take(packed));
        let page = Page::DataPage {
            buf: buf.clone(),
            num_values: u32::try_from(slots).map_err(|_| too_large())?,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let spec = write_page(&mut self.pages, page, raw.len())?;
        // Nobody else holds it, so this is the memory it was made of.
        *packed = Vec::from(buf);
        self.uncompressed += spec.uncompressed_size as u64;
        self.done.rows += rows;
        self.done.slots += slots;
        self.done.nulls += nulls;
        match self.encodings.last_mut() {
            Some(same) if same.encoding == encoding => same.count += 1,
            _ => self.encodings.push(PageEncodingStats { page_type: PageType::DATA_PAGE, encoding, count: 1 }),
        }
        Ok(())
    }

    /// Leaves the page in `shared`, before and after compression.
    fn compress_page(&mut self, shared: &mut Shared) -> Result<Encoding, ParquetError> {
        let Shared { compressor, raw, packed, .. } = shared;
        raw.clear();
        self.levels.put(raw);
        let levels = raw.len();
        self.values.end_page();
        let values = self.values.put_page(self.packing.unwrap_or(Packing::Bits), raw);
        compressor.compress(raw, packed)?;
        if self.packing.is_some() || !values.packed {
            return Ok(values.encoding);
        }
        // Which packing is smaller is a matter of the column: the first page of the file that shows it decides.
        let (mut other_raw, mut other) = (raw.split_at(levels).0.to_vec(), Vec::new());
        self.values.put_page(Packing::Bytes, &mut other_raw);
        compressor.compress(&other_raw, &mut other)?;
        if other.len() < packed.len() {
            self.packing = Some(Packing::Bytes);
            (*raw, *packed) = (other_raw, other);
        } else {
            self.packing = Some(Packing::Bits);
        }
        Ok(values.encoding)
    }

    /// Bytes held for the row group.
    pub(super) fn memory(&self) -> usize {
        self.pages.inner().len() + self.values.memory() + self.levels.memory()
    }

    /// Writes the chunk to the row group and begins the next one.
    pub(super) fn finish<W: Write + Send>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, W>,
        shared: &mut Shared,
    ) -> Result<(), ParquetError> {
        if self.page.rows > 0 {
            self.end_page(shared)?;
        }
        self.pages.flush()?;
        let head = self.dictionary_page(shared)?;
        let close = self.close(head.bytes_written() as u64, shared)?;
        let (head, pages) = (head.into_inner()?, std::mem::replace(&mut self.pages, TrackedWrite::new(Vec::new())));
        let mut pages = pages.into_inner()?;
        group.append_column(&Parts { head: &head, pages: &pages }, close)?;
        pages.clear();
        self.pages = TrackedWrite::new(pages);
        shared.dictionary = head;
        self.values.clear();
        self.encodings.clear();
        (self.done, self.uncompressed) = (Counts::default(), 0);
        Ok(())
    }

    /// The dictionary page if there is to be one, otherwise nothing.
    fn dictionary_page(&mut self, shared: &mut Shared) -> Result<TrackedWrite<Vec<u8>>, ParquetError> {
        let Shared { compressor, raw, packed, dictionary, .. } = shared;
        dictionary.clear();
        let mut head = TrackedWrite::new(std::mem::take(dictionary));
        raw.clear();
        if let Some(values) = self.values.put_dictionary(raw) {
            compressor.compress(raw, packed)?;
            let buf = Bytes::from(std::mem::take(packed));
            let page = Page::DictionaryPage {
                buf: buf.clone(),
                num_values: u32::try_from(values).map_err(|_| too_large())?,
                encoding: Encoding::PLAIN,
                is_sorted: false,
            };
            let spec = write_page(&mut head, page, raw.len())?;
            *packed = Vec::from(buf);
            self.uncompressed += spec.uncompressed_size as u64;
            let page = PageEncodingStats { page_type: PageType::DICTIONARY_PAGE, encoding: Encoding::PLAIN, count: 1 };
            // Readers expect them in the order of the file.
            self.encodings.insert(0, page);
        }
        head.flush()?;
        Ok(head)
    }

    fn close(&self, head: u64, shared: &Shared) -> Result<ColumnCloseResult, ParquetError> {
        let bytes = head + self.pages.bytes_written() as u64;
        let offset = |at: u64| i64::try_from(at).map_err(|_| too_large());
        let levels = [Encoding::RLE];
        let encodings = self.encodings.iter().map(|pages| &pages.encoding).chain(&levels);
        let mut metadata = ColumnChunkMetaData::builder(ColumnDescPtr::clone(&self.column))
            .set_compression(shared.compressor.codec())
            .set_encodings_mask(EncodingMask::new_from_encodings(encodings))
            .set_page_encoding_stats(self.encodings.clone())
            .set_total_compressed_size(offset(bytes)?)
            .set_total_uncompressed_size(offset(self.uncompressed)?)
            .set_num_values(offset(self.done.slots)?)
            .set_dictionary_page_offset((head > 0).then_some(0))
            .set_data_page_offset(offset(head)?);
        if let Some(statistics) = self.values.statistics(self.done.nulls) {
            metadata = metadata.set_statistics(statistics);
        }
        Ok(ColumnCloseResult {
            bytes_written: bytes,
            rows_written: self.done.rows,
            metadata: metadata.build()?,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        })
    }
}

fn write_page(out: &mut TrackedWrite<Vec<u8>>, page: Page, uncompressed: usize) -> Result<PageWriteSpec, ParquetError> {
    SerializedPageWriter::new(out).write_page(CompressedPage::new(page, uncompressed))
}

fn too_large() -> ParquetError {
    ParquetError::General("a page or column chunk is larger than the format can say".to_owned())
}

/// A chunk as the row group writer reads it: the dictionary page, then the data pages.
struct Parts<'a> {
    head: &'a [u8],
    pages: &'a [u8],
}

impl Length for Parts<'_> {
    fn len(&self) -> u64 {
        (self.head.len() + self.pages.len()) as u64
    }
}

impl<'a> ChunkReader for Parts<'a> {
    type T = Chain<&'a [u8], &'a [u8]>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let start = usize::try_from(start).map_err(|_| too_large())?;
        let head = self.head.get(start..).unwrap_or_default();
        let pages = self.pages.get(start.saturating_sub(self.head.len())..).unwrap_or_default();
        Ok(head.chain(pages))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let mut bytes = Vec::with_capacity(length);
        self.get_read(start)?.take(length as u64).read_to_end(&mut bytes)?;
        Ok(Bytes::from(bytes))
    }
}
