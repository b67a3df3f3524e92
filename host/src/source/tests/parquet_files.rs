//! Reading Parquet: types, projection, order, broken files.

use std::path::Path;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::data_type::{Int96, Int96Type};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;
use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, StringViewArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Int32Type, TimeUnit};

use super::super::error::SourceError;
use super::super::fetch::{Compression, InputSpec};
use super::super::parquet::{BATCH_ROWS, Part, open_parquet, open_part};
use super::{at, runtime};

const ROWS: usize = 70_000;

fn sample() -> RecordBatch {
    let service: ArrayRef = Arc::new(StringArray::from_iter_values((0..ROWS).map(|i| format!("service-{}", i % 7))));
    let line: ArrayRef = Arc::new(StringViewArray::from_iter_values((0..ROWS).map(|i| format!("line {i:0>30}"))));
    let cost: ArrayRef = Arc::new(Float64Array::from_iter((0..ROWS).map(|i| (i % 3 > 0).then_some(i as f64 / 8.0))));
    RecordBatch::try_from_iter_with_nullable([
        ("service", service, true),
        ("line.id", line, true),
        ("cost", cost, true),
    ])
    .unwrap()
}

fn write(path: &Path, batch: &RecordBatch, group: usize) {
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

fn read(dir: &Path, columns: &[&str]) -> Result<(Vec<RecordBatch>, u64), SourceError> {
    let runtime = runtime();
    let columns: Vec<String> = columns.iter().map(|c| (*c).to_owned()).collect();
    let spec = InputSpec::new("f.parquet", Compression::None);
    let mut file = open_parquet(&at(&runtime, dir), &spec, &columns, runtime.handle().clone())?;
    let mut batches = Vec::new();
    while let Some(batch) = file.next_batch()? {
        assert_eq!(batch.schema(), file.schema());
        assert!(batch.num_rows() <= BATCH_ROWS);
        batches.push(batch);
    }
    assert_eq!(file.rows_given(), file.rows());
    Ok((batches, file.rows()))
}

#[test]
fn rows_come_in_order_with_small_dictionaries_kept() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("f.parquet"), &sample(), 50_000);
    let (batches, rows) = read(dir.path(), &[]).unwrap();
    assert_eq!(rows, ROWS as u64);
    let mut row = 0;
    for batch in &batches {
        let service = batch.column_by_name("service").unwrap().as_dictionary::<Int32Type>();
        let names = service.values().as_string::<i32>();
        let line = batch.column_by_name("line.id").unwrap().as_string::<i32>();
        let cost = batch.column_by_name("cost").unwrap();
        for index in 0..batch.num_rows() {
            assert_eq!(names.value(service.key(index).unwrap()), format!("service-{}", row % 7));
            assert_eq!(line.value(index), format!("line {row:0>30}"));
            assert_eq!(cost.is_null(index), row % 3 == 0);
            row += 1;
        }
    }
    assert_eq!(row, ROWS);
}

#[test]
fn batches_end_with_row_groups_unless_these_are_small() {
    let dir = tempfile::tempdir().unwrap();
    for (group, want) in [
        (50_000, vec![BATCH_ROWS, 50_000 - BATCH_ROWS, 20_000]),
        (20_000, vec![20_000, 20_000, 20_000, 10_000]),
        (5_000, vec![10_000; 7]),
    ] {
        write(&dir.path().join("f.parquet"), &sample(), group);
        let (batches, _) = read(dir.path(), &[]).unwrap();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), want, "{group}");
    }
}

#[test]
fn parts_are_the_whole_file_however_many_there_are() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("f.parquet"), &sample(), 10_000);
    let (runtime, columns) = (runtime(), ["line.id".to_owned()]);
    let location = at(&runtime, dir.path());
    let spec = InputSpec::new("f.parquet", Compression::None);
    for of in [1, 2, 3, 7, 9] {
        let mut row = 0;
        for index in 0..of {
            let handle = runtime.handle().clone();
            let mut part = open_part(&location, &spec, &columns, Part { index, of }, handle).unwrap();
            let mut rows = 0;
            while let Some(batch) = part.next_batch().unwrap() {
                for line in batch.column(0).as_string::<i32>() {
                    assert_eq!(line, Some(format!("line {row:0>30}").as_str()), "part {index} of {of}");
                    row += 1;
                }
                rows += batch.num_rows();
            }
            assert_eq!(part.rows(), rows as u64);
        }
        assert_eq!(row, ROWS);
    }
}

#[test]
fn only_the_columns_asked_for_are_read_and_missing_ones_are_left_out() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("f.parquet"), &sample(), 50_000);
    let (batches, _) = read(dir.path(), &["line.id", "no such column", "service"]).unwrap();
    let names: Vec<String> = batches[0].schema().fields().iter().map(|f| f.name().clone()).collect();
    assert_eq!(names, ["service", "line.id"]);
    let (batches, _) = read(dir.path(), &["no such column"]).unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), ROWS);
    assert_eq!(batches[0].num_columns(), 0);
}

#[test]
fn a_file_without_rows_has_a_schema_and_no_batches() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("f.parquet"), &sample().slice(0, 0), 50_000);
    let (batches, rows) = read(dir.path(), &[]).unwrap();
    assert!(batches.is_empty() && rows == 0);
}

/// 96-bit timestamps as old Spark and Impala write them: nanoseconds of a day, then the Julian day.
#[test]
fn old_timestamps_are_read_in_microseconds() {
    let dir = tempfile::tempdir().unwrap();
    let schema = Arc::new(parse_message_type("message m { required int96 t; }").unwrap());
    let file = std::fs::File::create(dir.path().join("f.parquet")).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let value = |day: u32, nanos: u64| {
        let mut value = Int96::new();
        value.set_data(nanos as u32, (nanos >> 32) as u32, day);
        value
    };
    // 1970-01-02T00:00:01.5 and 9999-12-31, which nanoseconds cannot hold.
    let values = [value(2_440_589, 1_500_000_000), value(5_373_484, 0)];
    column.typed::<Int96Type>().write_batch(&values, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    let (batches, _) = read(dir.path(), &[]).unwrap();
    let times = batches[0].column(0);
    assert_eq!(times.data_type(), &DataType::Timestamp(TimeUnit::Microsecond, None));
    let times = times.as_any().downcast_ref::<TimestampMicrosecondArray>().unwrap();
    assert_eq!(times.values()[..], [86_401_500_000, 253_402_214_400_000_000]);
}

#[test]
fn broken_files_are_errors_that_say_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f.parquet");
    write(&path, &sample(), 50_000);
    let good = std::fs::read(&path).unwrap();
    for keep in [0, 3, 100, good.len() / 2, good.len() - 1] {
        std::fs::write(&path, &good[..keep]).unwrap();
        let error = read(dir.path(), &[]).unwrap_err();
        assert!(matches!(error, SourceError::Corrupt { .. }), "{keep}: {error}");
    }
    std::fs::write(&path, "a,b\n1,2\n".repeat(1000)).unwrap();
    let error = read(dir.path(), &[]).unwrap_err();
    assert!(error.to_string().contains("Parquet"), "{error}");
}
