//! What readers find in our files is what they find in those of the stock writer.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, RecordBatch, RecordBatchReader as _};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::basic::{Compression, Encoding, Type, ZstdLevel};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use proptest::prelude::*;

use super::generated::{Filling, column, kinds};
use super::*;

/// Rows of one batch: plain, and as they might be sent.
type Batch = (Vec<ArrayRef>, Vec<ArrayRef>);

fn schema(kinds: &[DataType]) -> SchemaRef {
    let fields = kinds.iter().enumerate().map(|(at, kind)| Field::new(format!("c{at}"), kind.clone(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn ours(schema: &SchemaRef, batches: &[Batch], group_rows: usize, compression: PageCompression) -> Bytes {
    let descriptor = ArrowSchemaConverter::new().schema_root("rows").convert(schema).unwrap();
    let properties = Arc::new(WriterProperties::builder().build());
    let mut file = SerializedFileWriter::new(Vec::new(), descriptor.root_schema_ptr(), properties).unwrap();
    let mut encoder = RowGroupEncoder::new(schema, &descriptor, compression).unwrap();
    let mut rows = 0;
    for (_, sent) in batches {
        encoder.append(sent).unwrap();
        rows += sent[0].len();
        if rows >= group_rows {
            encoder.finish(&mut file).unwrap();
            rows = 0;
        }
    }
    if rows > 0 {
        encoder.finish(&mut file).unwrap();
    }
    file.into_inner().unwrap().into()
}

fn stock(schema: &SchemaRef, batches: &[Batch], group_rows: usize) -> Bytes {
    let descriptor = ArrowSchemaConverter::new().schema_root("rows").convert(schema).unwrap();
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap()))
        .set_statistics_enabled(EnabledStatistics::Chunk);
    for amount in descriptor.columns().iter().filter(|column| column.physical_type() == Type::FIXED_LEN_BYTE_ARRAY) {
        properties = properties.set_column_statistics_enabled(amount.path().clone(), EnabledStatistics::None);
    }
    let options = ArrowWriterOptions::new()
        .with_properties(properties.build())
        .with_skip_arrow_metadata(true)
        .with_schema_root("rows".to_owned());
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(schema), options).unwrap();
    let mut rows = 0;
    for (plain, _) in batches {
        writer.write(&RecordBatch::try_new(Arc::clone(schema), plain.clone()).unwrap()).unwrap();
        rows += plain[0].len();
        if rows >= group_rows {
            writer.flush().unwrap();
            rows = 0;
        }
    }
    writer.into_inner().unwrap().into()
}

fn read(bytes: Bytes) -> (RecordBatch, Arc<ParquetMetaData>) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    let metadata = Arc::clone(reader.metadata());
    // Not a divisor of anything: batches end within pages.
    let reader = reader.with_batch_size(1013).build().unwrap();
    let schema = reader.schema();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    (concat_batches(&schema, &batches).unwrap(), metadata)
}

/// Compares rows, schema, and what is said about each column chunk. Returns our file's metadata.
fn compare(
    schema: &SchemaRef,
    batches: &[Batch],
    group_rows: usize,
    compression: PageCompression,
) -> Arc<ParquetMetaData> {
    let (our_rows, our_file) = read(ours(schema, batches, group_rows, compression));
    let (rows, file) = read(stock(schema, batches, group_rows));
    assert_eq!(our_file.file_metadata().schema(), file.file_metadata().schema());
    for (at, kind) in schema.fields().iter().enumerate() {
        assert_eq!(our_rows.column(at), rows.column(at), "{kind}");
    }
    assert_eq!(our_file.num_row_groups(), file.num_row_groups());
    for (our_group, group) in our_file.row_groups().iter().zip(file.row_groups()) {
        assert_eq!(our_group.num_rows(), group.num_rows());
        for (our_chunk, chunk) in our_group.columns().iter().zip(group.columns()) {
            assert_eq!(our_chunk.num_values(), chunk.num_values(), "{}", chunk.column_path());
            assert_eq!(our_chunk.statistics(), chunk.statistics(), "{}", chunk.column_path());
        }
    }
    our_file
}

fn compression() -> impl Strategy<Value = PageCompression> {
    prop_oneof![Just(PageCompression::Zstd(1)), Just(PageCompression::Snappy), Just(PageCompression::None)]
}

fn filling() -> impl Strategy<Value = Filling> {
    let distinct = prop_oneof![1_usize..4, 4_usize..300, Just(100_000)];
    let nulls = prop_oneof![Just(0), Just(100), 1_u32..100];
    (any::<u64>(), distinct, nulls, prop_oneof![0_usize..10, Just(100)])
        .prop_map(|(seed, distinct, nulls, longest)| Filling { seed, distinct, nulls, longest })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn random_columns_read_the_same(
        picks in prop::collection::vec(0..kinds().len(), 1..4),
        batches in prop::collection::vec((1_usize..300, prop::collection::vec(filling(), 4)), 1..6),
        group_rows in 1_usize..900,
        compression in compression(),
    ) {
        let kinds: Vec<DataType> = picks.iter().map(|pick| kinds()[*pick].clone()).collect();
        let batches: Vec<Batch> = batches
            .iter()
            .map(|(rows, fillings)| kinds.iter().zip(fillings).map(|(kind, filling)| column(kind, *rows, filling)).unzip())
            .collect();
        compare(&schema(&kinds), &batches, group_rows, compression);
    }
}

/// Every type over several pages and row groups, with and without repetition.
#[test]
fn many_pages_read_the_same() {
    for (at, kind) in kinds().iter().enumerate() {
        let filling = |nulls, distinct| Filling { seed: at as u64, distinct, nulls, longest: 2 };
        // Pages of nulls, of anything, of what repeats; most end within a batch's rows.
        let batches: Vec<Batch> =
            [(20_000, 100, 9), (PAGE_ROWS, 0, 1 << 30), (9_000, 30, 50), (24_000, 10, 1 << 30), (100, 0, 3)]
                .iter()
                .map(|(rows, nulls, distinct)| [column(kind, *rows, &filling(*nulls, *distinct))].into_iter().unzip())
                .collect();
        compare(&schema(std::slice::from_ref(kind)), &batches, 60_000, PageCompression::Zstd(1));
    }
}

fn encodings(file: &ParquetMetaData) -> Vec<Encoding> {
    let mut encodings: Vec<Encoding> = file.row_group(0).column(0).encodings().collect();
    encodings.retain(|encoding| *encoding != Encoding::RLE);
    encodings
}

/// Texts of one batch, `distinct` different ones.
fn texts(rows: usize, distinct: usize, seed: u64) -> Batch {
    let filling = Filling { seed, distinct, nulls: 0, longest: 100 };
    [column(&DataType::Utf8, rows, &filling)].into_iter().unzip()
}

#[test]
fn what_repeats_is_written_as_codes_and_what_does_not_as_it_is() {
    let schema = schema(&[DataType::Utf8]);
    let file = compare(&schema, &[texts(PAGE_ROWS, 20, 1)], 1 << 20, PageCompression::Zstd(1));
    assert_eq!(encodings(&file), [Encoding::PLAIN, Encoding::RLE_DICTIONARY]);
    let file = compare(&schema, &[texts(PAGE_ROWS, 1 << 40, 2)], 1 << 20, PageCompression::Zstd(1));
    assert_eq!(encodings(&file), [Encoding::DELTA_LENGTH_BYTE_ARRAY]);
}

#[test]
fn a_dictionary_that_grows_too_large_gets_no_more_pages() {
    let batches: Vec<Batch> = (0..4).map(|n| texts(PAGE_ROWS, if n == 0 { 20 } else { 1 << 40 }, n)).collect();
    let file = compare(&schema(&[DataType::Utf8]), &batches, 1 << 20, PageCompression::Zstd(1));
    let mut found = encodings(&file);
    found.sort();
    assert_eq!(found, [Encoding::PLAIN, Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::RLE_DICTIONARY]);
}

#[test]
fn nulls_alone_are_one_page_without_values() {
    let filling = Filling { seed: 1, distinct: 9, nulls: 100, longest: 9 };
    for kind in kinds() {
        let batches: Vec<Batch> = (0..4).map(|_| [column(&kind, PAGE_ROWS, &filling)].into_iter().unzip()).collect();
        let schema = schema(&[kind]);
        let bytes = ours(&schema, &batches, 1 << 20, PageCompression::Zstd(1));
        compare(&schema, &batches, 1 << 20, PageCompression::Zstd(1));
        assert!(bytes.len() < 1000, "{} bytes", bytes.len());
    }
}
