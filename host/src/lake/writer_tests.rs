//! What goes in comes out, however the batches encode it, and what was given up leaves nothing.

use std::path::Path as FilePath;
use std::sync::Arc;

use arrow::array::{
    AsArray as _, Decimal128Array, DictionaryArray, Int64Array, ListArray, MapArray, NullArray, RecordBatch,
    RecordBatchReader as _, StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, Int32Type, Schema, TimeUnit, UInt8Type, UInt16Type};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tokio::runtime::{Handle, Runtime};

use super::*;
use crate::lake::schema::file_schema;

fn declared() -> Schema {
    let pair =
        Fields::from(vec![Field::new("keys", DataType::Utf8, false), Field::new("values", DataType::Utf8, false)]);
    Schema::new(vec![
        Field::new("service", DataType::Utf8, false),
        Field::new("region", DataType::Utf8, true),
        Field::new("cost", DataType::Decimal128(38, 18), true),
        Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
        Field::new("tags", DataType::Map(Arc::new(Field::new("entries", DataType::Struct(pair), false)), false), true),
        Field::new("names", DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))), true),
    ])
}

fn files() -> SchemaRef {
    file_schema("t", &declared()).unwrap()
}

/// Two rows; `tags` of the second and `names` of the first are null. `text` encodes text columns.
fn batch(offset: i64, text: impl Fn(Vec<Option<String>>) -> ArrayRef) -> RecordBatch {
    let words =
        |words: &[Option<&str>]| text(words.iter().map(|word| word.map(|word| format!("{word}{offset}"))).collect());
    let (keys, values) = (words(&[Some("k"), Some("l")]), words(&[Some("v"), None]));
    // The children have other names than in the file.
    let pair = Fields::from(vec![
        Field::new("keys", keys.data_type().clone(), false),
        Field::new("values", values.data_type().clone(), true),
    ]);
    let entries = StructArray::new(pair.clone(), vec![keys, values], None);
    let field = Arc::new(Field::new("entries", DataType::Struct(pair), false));
    let tags = MapArray::new(field, OffsetBuffer::from_lengths([2, 0]), entries, Some(vec![true, false].into()), false);
    let items = words(&[Some("x"), None, Some("y")]);
    let item = Arc::new(Field::new("item", items.data_type().clone(), true));
    let names = ListArray::new(item, OffsetBuffer::from_lengths([0, 3]), items, Some(vec![false, true].into()));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("service", words(&[Some("ec2"), Some("s3")])),
        ("region", Arc::new(NullArray::new(2))),
        ("cost", Arc::new(Decimal128Array::from(vec![Some(1), None]).with_precision_and_scale(38, 18).unwrap())),
        ("at", Arc::new(TimestampMicrosecondArray::from(vec![offset, offset + 1]).with_timezone("UTC"))),
        ("tags", Arc::new(tags)),
        ("names", Arc::new(names)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

fn plain(words: Vec<Option<String>>) -> ArrayRef {
    Arc::new(StringArray::from(words))
}

fn keyed<K: arrow::datatypes::ArrowDictionaryKeyType>(words: Vec<Option<String>>) -> ArrayRef {
    Arc::new(words.iter().map(Option::as_deref).collect::<DictionaryArray<K>>())
}

fn local(dir: &FilePath, options: WriterOptions) -> DataFileWriter {
    let sink = Sink::file(&dir.join("p/f.parquet")).unwrap();
    DataFileWriter::new("t", "p/f.parquet".to_owned(), files(), sink, options).unwrap()
}

fn read(bytes: bytes::Bytes) -> (RecordBatch, usize) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    let groups = reader.metadata().num_row_groups();
    let reader = reader.with_batch_size(1 << 20).build().unwrap();
    let schema = reader.schema();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    (arrow::compute::concat_batches(&schema, &batches).unwrap(), groups)
}

#[test]
fn every_encoding_of_text_gives_the_same_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = local(dir.path(), WriterOptions { row_group_rows: 4, ..WriterOptions::default() });
    writer.write(&batch(0, plain)).unwrap();
    writer.write(&batch(1, keyed::<UInt8Type>)).unwrap();
    writer.write(&batch(2, keyed::<UInt16Type>)).unwrap();
    writer.write(&batch(3, keyed::<Int32Type>)).unwrap();
    writer.write(&batch(4, keyed::<UInt8Type>)).unwrap();
    let staged = writer.finish().unwrap();
    let bytes = bytes::Bytes::from(std::fs::read(dir.path().join("p/f.parquet")).unwrap());
    assert_eq!((staged.rows(), staged.bytes()), (10, bytes.len() as u64));
    let (all, groups) = read(bytes);
    assert_eq!(groups, 3);
    assert_eq!(all.schema().fields().len(), 6);
    for (offset, rows) in (0..5).map(|n| (n, all.slice(2 * n, 2))) {
        let wanted = batch(i64::try_from(offset).unwrap(), plain);
        for (field, column) in files().fields().iter().zip(rows.columns()) {
            assert_eq!(column.data_type(), field.data_type(), "{}", field.name());
            let wanted = cast(wanted.column_by_name(field.name()).unwrap(), field.data_type()).unwrap();
            assert_eq!(format!("{wanted:?}"), format!("{column:?}"), "{} of batch {offset}", field.name());
        }
    }
}

#[test]
fn columns_are_found_by_name_and_missing_ones_are_null() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = local(dir.path(), WriterOptions::default());
    let one = batch(0, plain);
    let turned = one.project(&[3, 0]).unwrap();
    writer.write(&turned).unwrap();
    writer.finish().unwrap();
    let (all, _) = read(std::fs::read(dir.path().join("p/f.parquet")).unwrap().into());
    assert_eq!(all.column_by_name("service").unwrap().as_string::<i32>().value(1), "s30");
    assert_eq!(all.column_by_name("cost").unwrap().null_count(), 2);
    assert_eq!(all.column_by_name("tags").unwrap().null_count(), 2);
}

#[test]
fn strangers_and_other_types_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    for (name, said) in [("cost", "Decimal128"), ("stranger", "not a column")] {
        let mut writer = local(dir.path(), WriterOptions::default());
        let column: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let error = writer.write(&RecordBatch::try_from_iter([(name, column)]).unwrap()).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(said), "{error}");
    }
    assert_eq!(std::fs::read_dir(dir.path().join("p")).unwrap().count(), 0, "dropped writers leave nothing");
}

#[test]
fn unfinished_files_have_no_name() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = local(dir.path(), WriterOptions::default());
    writer.write(&batch(0, plain)).unwrap();
    assert!(!dir.path().join("p/f.parquet").exists());
    writer.abort();
    assert_eq!(std::fs::read_dir(dir.path().join("p")).unwrap().count(), 0);
}

fn uploading(store: &Arc<InMemory>, runtime: &Handle) -> DataFileWriter {
    let store: Arc<dyn ObjectStore> = Arc::<InMemory>::clone(store);
    let sink = Sink::upload(store, Path::from("t/f.parquet"), runtime);
    let options =
        WriterOptions { row_group_rows: 1000, compression: PageCompression::None, ..WriterOptions::default() };
    DataFileWriter::new("t", "f.parquet".to_owned(), files(), sink, options).unwrap()
}

#[test]
fn uploads_arrive_whole_or_not_at_all() {
    let runtime = Runtime::new().unwrap();
    let store = Arc::new(InMemory::new());
    let wide = |n: i64| {
        let texts = (0..1000).map(|row| format!("{:x>9000}", row * 1000 + n)).collect::<Vec<_>>();
        let column: ArrayRef = Arc::new(StringArray::from(texts));
        RecordBatch::try_from_iter([("service", column)]).unwrap()
    };
    let mut writer = uploading(&store, runtime.handle());
    (0..4).for_each(|n| writer.write(&wide(n)).unwrap());
    drop(writer);
    let mut writer = uploading(&store, runtime.handle());
    (0..4).for_each(|n| writer.write(&wide(n)).unwrap());
    let staged = writer.finish().unwrap();
    let bytes = runtime.block_on(async { store.get(&Path::from("t/f.parquet")).await.unwrap().bytes().await.unwrap() });
    // More than two parts of eight megabytes.
    assert!(bytes.len() > 3 * 8 * 1024 * 1024, "{}", bytes.len());
    assert_eq!(staged.bytes(), bytes.len() as u64);
    let (all, _) = read(bytes);
    let service = all.column(0).as_string::<i32>();
    assert_eq!((all.num_rows(), service.value(3999).trim_start_matches('x')), (4000, "999003"));
}

#[test]
fn an_upload_that_fails_says_why() {
    let runtime = Runtime::new().unwrap();
    let store: Arc<dyn ObjectStore> = Arc::new(object_store::local::LocalFileSystem::new());
    // A file stands where a directory would have to be.
    let sink = Sink::upload(store, Path::from("dev/null/f.parquet"), runtime.handle());
    let mut writer = DataFileWriter::new("t", "f.parquet".to_owned(), files(), sink, WriterOptions::default()).unwrap();
    writer.write(&batch(0, plain)).unwrap();
    let error = writer.finish().unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("dev/null"), "{error}: {cause}");
}
