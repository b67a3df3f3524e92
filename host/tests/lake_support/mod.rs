//! Rows that tell which load they came from, and questions about them.

#![allow(dead_code, reason = "every test binary uses another part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "only tests use it")]

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray as _, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Field, Int64Type, Schema, SchemaRef, TimeUnit};
use costhost::lake::{Committed, Lake, LakeTable, Load, Partition, StagedFile, WriterOptions};
use costhost::source::store::StoreOptions;
use datafusion::prelude::SessionContext;

/// Rows of load `n`.
pub(crate) fn rows_of(n: i64) -> i64 {
    n % 7 + 1
}

/// The table's declared schema.
pub(crate) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("load", DataType::Int64, true),
        Field::new("writer", DataType::Utf8, true),
        Field::new("cost", DataType::Decimal128(38, 18), true),
        Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
    ]))
}

/// A lake and its table, with a memory of their own, as a process of its own would have.
pub(crate) async fn open(dir: &Path) -> (Lake, LakeTable) {
    let lake = Lake::open(dir.to_str().unwrap(), &StoreOptions::default()).unwrap();
    let table = lake.table("default", "aws", "items", schema()).unwrap();
    (lake, table)
}

pub(crate) fn partition(source: &str, month: u32) -> Partition {
    Partition { source: source.to_owned(), year: 2024, month }
}

/// The `n`th delivery, as `writer` loads it.
pub(crate) fn load(writer: &str, n: i64) -> Load {
    Load {
        id: format!("{:016x}{:048x}", (n as u64) << 20 | u64::from(writer.bytes().map(u32::from).sum::<u32>()), n),
        delivered: n,
        revision: format!("{writer}-{n}"),
        force: costhost::lake::Force::No,
        metadata: serde_json::json!({ "n": n, "writer": writer }),
    }
}

/// Two files with the rows of load `n`: the second holds one row.
pub(crate) async fn stage(table: &LakeTable, partition: &Partition, writer: &str, n: i64) -> Vec<StagedFile> {
    let (table, partition, writer) = (table.clone(), partition.clone(), writer.to_owned());
    let staging = move || {
        let rows = rows_of(n);
        [rows - 1, 1].into_iter().map(|rows| file(&table, &partition, &writer, n, rows)).collect()
    };
    tokio::task::spawn_blocking(staging).await.unwrap()
}

fn file(table: &LakeTable, partition: &Partition, writer: &str, n: i64, rows: i64) -> StagedFile {
    let count = usize::try_from(rows).unwrap();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![n; count])),
        Arc::new(StringArray::from(vec![writer; count])),
        Arc::new(Decimal128Array::from(vec![1_i128; count]).with_precision_and_scale(38, 18).unwrap()),
        Arc::new(TimestampMicrosecondArray::from(vec![1_704_067_200_000_001; count]).with_timezone("UTC")),
    ];
    let mut writer = table.writer(partition, &WriterOptions::default()).unwrap();
    writer.write(&RecordBatch::try_new(schema(), columns).unwrap()).unwrap();
    writer.finish().unwrap()
}

/// Stages and commits delivery `n`.
pub(crate) async fn put(table: &LakeTable, partition: &Partition, writer: &str, n: i64) -> Committed {
    let files = stage(table, partition, writer, n).await;
    table.replace(partition, files, &load(writer, n)).await.unwrap()
}

/// What a reader that opens the table now finds in every partition, in order: source, month, load, writer, rows,
/// cost in units of 10^-18. More than one line for a partition means that loads are mixed.
pub(crate) async fn contents(table: &LakeTable) -> Vec<(String, String, i64, String, i64, i64)> {
    let sql = "SELECT source, month, load, writer, count(*), sum(cost) \
               FROM t GROUP BY source, month, load, writer ORDER BY source, month, load, writer";
    let batch = query(table, sql).await;
    let text = |at: usize| cast(batch.column(at), &DataType::Utf8).unwrap();
    let (source, month, writer) = (text(0), text(1), text(3));
    let (load, rows) = (batch.column(2).as_primitive::<Int64Type>(), batch.column(4).as_primitive::<Int64Type>());
    let cost = batch.column(5).as_primitive::<Decimal128Type>();
    (0..batch.num_rows())
        .map(|row| {
            let text = |column: &ArrayRef| column.as_string::<i32>().value(row).to_owned();
            let cost = i64::try_from(cost.value(row)).unwrap();
            (text(&source), text(&month), load.value(row), text(&writer), rows.value(row), cost)
        })
        .collect()
}

/// Asks the table, called `t`, as it is now.
pub(crate) async fn query(table: &LakeTable, sql: &str) -> RecordBatch {
    let delta = table.delta().await.unwrap().expect("the table exists");
    let context = SessionContext::new();
    delta.update_datafusion_session(&context.state()).unwrap();
    context.register_table("t", delta.table_provider().await.unwrap()).unwrap();
    let frame = context.sql(sql).await.unwrap();
    let schema: SchemaRef = Arc::new(frame.schema().as_arrow().clone());
    let batches = frame.collect().await.unwrap();
    let schema = batches.first().map_or(schema, RecordBatch::schema);
    arrow::compute::concat_batches(&schema, &batches).unwrap()
}

/// Fails unless every partition holds exactly one whole load.
pub(crate) async fn assert_whole(table: &LakeTable) {
    let contents = contents(table).await;
    let mut places: Vec<_> = contents.iter().map(|(source, month, ..)| (source, month)).collect();
    places.dedup();
    assert_eq!(places.len(), contents.len(), "loads are mixed: {contents:?}");
    for (.., n, _, rows, cost) in &contents {
        assert_eq!((*rows, *cost), (rows_of(*n), rows_of(*n)), "half or doubled: {contents:?}");
    }
}

/// Parquet files on disk, committed or not.
pub(crate) fn files_on_disk(dir: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    entries
        .map(Result::unwrap)
        .map(|entry| {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("_delta_log") {
                files_on_disk(&path)
            } else {
                usize::from(path.to_str().unwrap().contains(".parquet"))
            }
        })
        .sum()
}
