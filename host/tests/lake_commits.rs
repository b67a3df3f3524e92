//! Loads into the lake, one after another and many at once: nothing is lost, doubled, mixed or replaced by older rows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "helpers of tests")]

mod lake_support;

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use costhost::lake::{
    Committed, LOADS_TABLE, Lake, LakeLocation, LoadRecord, RejectRow, WriterOptions, latest_loads, loads_batch,
    loads_schema, rejects_batch, rejects_schema,
};
use costhost::source::store::StoreOptions;
use lake_support::{assert_whole, contents, files_on_disk, load, open, partition, put, query, rows_of, stage};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;
use url::Url;

#[tokio::test(flavor = "multi_thread")]
async fn a_period_is_replaced_as_a_whole_and_only_by_newer_deliveries() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, table) = open(dir.path()).await;
    let january = partition("main", 1);
    assert_eq!(table.loaded(&january).await.unwrap(), None);
    assert!(table.delta().await.unwrap().is_none());
    assert!(lake.tables().await.unwrap().is_empty());

    assert!(matches!(put(&table, &january, "a", 2).await, Committed::New { .. }));
    assert_eq!(put(&table, &january, "a", 2).await, Committed::AlreadyThere);
    let Committed::Superseded { by } = put(&table, &january, "a", 1).await else { panic!("older rows went in") };
    assert_eq!((by.delivered, by.revision.as_deref()), (Some(2), Some("a-2")));
    assert!(matches!(put(&table, &partition("main", 2), "a", 5).await, Committed::New { .. }));
    assert!(matches!(put(&table, &january, "a", 3).await, Committed::New { .. }));

    let (_, other) = open(dir.path()).await;
    let wanted = vec![
        ("main".to_owned(), "01".to_owned(), 3, "a".to_owned(), rows_of(3), rows_of(3)),
        ("main".to_owned(), "02".to_owned(), 5, "a".to_owned(), rows_of(5), rows_of(5)),
    ];
    assert_eq!(contents(&other).await, wanted);
    let mark = other.loaded(&january).await.unwrap().unwrap();
    assert!(mark.is(&load("a", 3).id).unwrap());
    assert_eq!(mark.load_id, Some(load("a", 3).id));
    assert_eq!((mark.delivered, mark.files), (Some(3), 2));
    // Two files each of the two Januaries and of February; the refused ones are gone.
    assert_eq!(files_on_disk(dir.path()), 6);
    assert_eq!(lake.tables().await.unwrap(), [table.table_ref().clone()]);

    let forced = costhost::lake::Load { force: costhost::lake::Force::Older, ..load("a", 1) };
    let files = stage(&table, &january, "a", 1).await;
    assert!(matches!(table.replace(&january, files, &forced).await.unwrap(), Committed::New { .. }));
    assert_eq!(contents(&other).await[0].2, 1);

    let again = |writer, n| costhost::lake::Load { force: costhost::lake::Force::Same, ..load(writer, n) };
    let files = stage(&table, &january, "a", 1).await;
    assert!(matches!(table.replace(&january, files, &again("a", 1)).await.unwrap(), Committed::New { .. }));
    let files = stage(&table, &january, "a", 0).await;
    assert!(matches!(table.replace(&january, files, &again("a", 0)).await.unwrap(), Committed::Superseded { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_without_rows_empties_its_period() {
    let dir = tempfile::tempdir().unwrap();
    let (_, table) = open(dir.path()).await;
    let january = partition("main", 1);
    put(&table, &january, "a", 1).await;
    assert!(matches!(table.replace(&january, vec![], &load("a", 2)).await.unwrap(), Committed::New { .. }));
    assert!(contents(&table).await.is_empty());
    assert_eq!(table.replace(&january, vec![], &load("a", 2)).await.unwrap(), Committed::AlreadyThere);
    let mark = table.loaded(&january).await.unwrap().unwrap();
    assert_eq!((mark.delivered, mark.files), (Some(2), 0));
    assert!(matches!(put(&table, &january, "a", 1).await, Committed::Superseded { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_source_ids_stay_apart() {
    let dir = tempfile::tempdir().unwrap();
    let (_, table) = open(dir.path()).await;
    let odd =
        ["a/b", "a%2Fb", "o'neil", "a b", "ünïcode 日本", "100%", "x=y&z", "a\\b", "\"q\"", "#1", "..", "a?b*c:d"];
    for (n, source) in (1..).zip(odd) {
        assert!(matches!(put(&table, &partition(source, 1), "a", n).await, Committed::New { .. }), "{source}");
        assert!(matches!(put(&table, &partition(source, 1), "a", n + 20).await, Committed::New { .. }), "{source}");
    }
    let (_, reader) = open(dir.path()).await;
    assert_whole(&reader).await;
    assert_eq!(contents(&reader).await.len(), odd.len());
    for (n, source) in (1..).zip(odd) {
        let mark = reader.loaded(&partition(source, 1)).await.unwrap().unwrap();
        assert_eq!((mark.delivered, mark.files), (Some(n + 20), 2), "{source}");
        let sql = format!("SELECT count(*) FROM t WHERE source = '{}'", source.replace('\'', "''"));
        let count = query(&reader, &sql).await.column(0).as_primitive::<Int64Type>().value(0);
        assert_eq!(count, rows_of(n + 20), "{source}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_load_by_many_goes_in_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut racers = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let dir = dir.path().to_path_buf();
        // Each has a memory of its own, and the table does not exist yet.
        racers.spawn(async move { put(&open(&dir).await.1, &partition("main", 1), "a", 6).await });
    }
    let outcomes = racers.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Committed::New { .. })).count(), 1, "{outcomes:?}");
    assert!(outcomes.iter().all(|outcome| !matches!(outcome, Committed::Superseded { .. })));
    let (_, table) = open(dir.path()).await;
    assert_whole(&table).await;
    assert_eq!(files_on_disk(dir.path()), 2, "the losers' files are removed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_writers_and_a_reader() {
    const WRITERS: i64 = 4;
    const LOADS: i64 = 12;
    let dir = tempfile::tempdir().unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let dir = dir.path().to_path_buf();
        writers.spawn(async move {
            let (_, table) = open(&dir).await;
            let name = format!("w{writer}");
            let mut landed = Vec::new();
            for n in 0..LOADS {
                let delivery = n * WRITERS + writer + 1;
                let shared = put(&table, &partition("shared", 1), &name, delivery).await;
                if matches!(shared, Committed::New { .. }) {
                    landed.push(delivery);
                }
                let own = put(&table, &partition(&name, 1), &name, delivery).await;
                assert!(matches!(own, Committed::New { .. }), "{own:?}");
            }
            landed
        });
    }
    let reader = tokio::spawn({
        let dir = dir.path().to_path_buf();
        async move {
            let (mut seen, mut newest) = (0, 0);
            while newest < WRITERS * LOADS {
                // Opened anew each time, in the middle of commits.
                let (_, table) = open(&dir).await;
                if table.delta().await.unwrap().is_some() {
                    assert_whole(&table).await;
                    let mark = table.loaded(&partition("shared", 1)).await.unwrap();
                    let delivered = mark.and_then(|mark| mark.delivered).unwrap_or(0);
                    assert!(delivered >= newest, "{delivered} came after {newest}");
                    (seen, newest) = (seen + 1, delivered);
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            seen
        }
    });
    let landed: Vec<i64> = writers.join_all().await.into_iter().flatten().collect();
    assert!(reader.await.unwrap() > 1);
    assert_eq!(landed.iter().collect::<HashSet<_>>().len(), landed.len());
    let (_, table) = open(dir.path()).await;
    assert_whole(&table).await;
    let contents = contents(&table).await;
    assert_eq!(contents.len(), 1 + WRITERS as usize);
    let shared = contents.iter().find(|line| line.0 == "shared").unwrap();
    assert_eq!(shared.2, WRITERS * LOADS, "the newest delivery is in");
    // Creation, every load that landed, and each writer's own.
    let version = table.delta().await.unwrap().unwrap().version().unwrap();
    assert_eq!(version, (landed.len() as i64 + WRITERS * LOADS) as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn object_stores_take_the_same_loads() {
    for url in ["s3://bucket/some/lake", "az://container/lake%20x", "memory:///"] {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let url = Url::parse(url).unwrap();
        let open = move || {
            let prefix = Path::from_url_path(url.path()).unwrap();
            let lake = Lake::at(LakeLocation::remote(Arc::clone(&store), &url, prefix).unwrap());
            let table = lake.table("default", "aws", "items", lake_support::schema()).unwrap();
            (lake, table)
        };
        let mut writers = tokio::task::JoinSet::new();
        for name in ["a/b", "c d", "e"] {
            let (_, table) = open();
            writers.spawn(async move {
                for n in 1..=8 {
                    put(&table, &partition("shared", 1), name, n).await;
                    let own = put(&table, &partition(name, 1), name, n).await;
                    assert!(matches!(own, Committed::New { .. }), "{own:?}");
                }
            });
        }
        writers.join_all().await;
        let (lake, table) = open();
        assert_whole(&table).await;
        let newest: Vec<_> = contents(&table).await.into_iter().map(|line| line.2).collect();
        assert_eq!(newest, [8; 4]);
        assert_eq!(lake.tables().await.unwrap(), [table.table_ref().clone()]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_gain_columns_and_refuse_other_types() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, old) = open(dir.path()).await;
    let january = partition("main", 1);
    put(&old, &january, "a", 3).await;
    let wider = Arc::new(Schema::new(vec![
        Field::new("load", DataType::Int64, true),
        Field::new("extra", DataType::Int64, true),
    ]));
    let table = lake.table("default", "aws", "items", Arc::clone(&wider)).unwrap();
    let february = partition("main", 2);
    let batch =
        RecordBatch::try_new(wider, vec![Arc::new(Int64Array::from(vec![1])), Arc::new(Int64Array::from(vec![7]))]);
    let file = tokio::task::spawn_blocking({
        let (table, february) = (table.clone(), february.clone());
        move || {
            let mut writer = table.writer(&february, &WriterOptions::default()).unwrap();
            writer.write(&batch.unwrap()).unwrap();
            writer.finish().unwrap()
        }
    });
    assert!(matches!(
        table.replace(&february, vec![file.await.unwrap()], &load("a", 4)).await.unwrap(),
        Committed::New { .. }
    ));
    let seen = query(&table, "SELECT month, extra, count(writer) FROM t GROUP BY month, extra ORDER BY month").await;
    assert_eq!(seen.num_rows(), 2);
    let extra = seen.column(1).as_primitive::<Int64Type>();
    assert!(extra.is_null(0) && extra.value(1) == 7);
    assert_eq!(seen.column(2).as_primitive::<Int64Type>().value(0), rows_of(3));
    // The older plugin's shape still loads.
    assert!(matches!(put(&old, &january, "a", 5).await, Committed::New { .. }));

    let other = Arc::new(Schema::new(vec![Field::new("load", DataType::Utf8, true)]));
    let table = lake.table("default", "aws", "items", other).unwrap();
    let before = files_on_disk(dir.path());
    let rows = RecordBatch::try_new(Arc::clone(table.schema()), vec![Arc::new(StringArray::from(vec!["x"]))]);
    let mut writer = table.writer(&january, &WriterOptions::default()).unwrap();
    writer.write(&rows.unwrap()).unwrap();
    let staged = vec![writer.finish().unwrap()];
    let error = table.replace(&january, staged, &load("a", 9)).await.unwrap_err().to_string();
    assert!(error.contains("\"load\"") && error.contains("default/aws/items"), "{error}");
    assert_eq!(files_on_disk(dir.path()), before, "what was never tried leaves no file behind");
    assert_eq!(contents(&old).await[0].2, 5, "the earlier rows stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn loads_are_recorded_once_and_the_newest_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open(dir.path().to_str().unwrap(), &StoreOptions::default()).unwrap();
    assert!(latest_loads(&lake, "default", "aws").await.unwrap().is_empty());
    let table = lake.table("default", "aws", LOADS_TABLE, loads_schema()).unwrap();
    let record = |n: i64| LoadRecord {
        load_id: load("a", n).id,
        // The host of the second load has a clock that is behind.
        loaded_at: 10 - n,
        source: "team/a".to_owned(),
        revision: format!("r{n}"),
        period_start: 1_704_067_200_000_000,
        rows: 10 * n,
        totals: "{\"cost\":{\"USD\":\"1.5\"}}".to_owned(),
        receipt: "{\"long\":true}".to_owned(),
        ..LoadRecord::default()
    };
    let january = partition("team/a", 1);
    for (n, fresh) in [(1, true), (1, false), (2, true), (2, false)] {
        let file = tokio::task::spawn_blocking({
            let (table, january, batch) = (table.clone(), january.clone(), loads_batch(&[record(n)]).unwrap());
            move || {
                let mut writer = table.writer(&january, &WriterOptions::default()).unwrap();
                writer.write(&batch).unwrap();
                writer.finish().unwrap()
            }
        });
        let done = table.append(&january, vec![file.await.unwrap()], &load("a", n)).await.unwrap();
        assert_eq!(matches!(done, Committed::New { .. }), fresh, "{done:?}");
    }
    let count = query(&table, "SELECT count(*) FROM t").await.column(0).as_primitive::<Int64Type>().value(0);
    assert_eq!(count, 2);
    let current = [LoadRecord { receipt: String::new(), ..record(2) }];
    assert_eq!(latest_loads(&lake, "default", "aws").await.unwrap(), current);
    let marks = table.loaded_all(&[partition("team/a", 2), january.clone()]).await.unwrap();
    assert_eq!((&marks[0], marks[1].as_ref().unwrap().load_id.as_ref()), (&None, Some(&load("a", 2).id)));
    // Another tool joins the files and drops their tags: the table's transactions still tell which load was last.
    let (_, joined) = table.delta().await.unwrap().unwrap().optimize().await.unwrap();
    assert_eq!((joined.num_files_removed, joined.num_files_added), (2, 1));
    assert_eq!(latest_loads(&lake, "default", "aws").await.unwrap(), current);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_a_version_that_knew_fewer_columns_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open(dir.path().to_str().unwrap(), &StoreOptions::default()).unwrap();
    let record = LoadRecord {
        load_id: load("a", 1).id,
        rows_id: "not written".to_owned(),
        source: "a".to_owned(),
        revision: "r".to_owned(),
        ..LoadRecord::default()
    };
    let batch = loads_batch(std::slice::from_ref(&record)).unwrap();
    let known: Vec<usize> =
        (0..batch.num_columns()).filter(|at| batch.schema().field(*at).name() != "rows_id").collect();
    let old = batch.project(&known).unwrap();
    let table = lake.table("default", "aws", LOADS_TABLE, old.schema()).unwrap();
    let january = partition("a", 1);
    let file = tokio::task::spawn_blocking({
        let (table, january) = (table.clone(), january.clone());
        move || {
            let mut writer = table.writer(&january, &WriterOptions::default()).unwrap();
            writer.write(&old).unwrap();
            writer.finish().unwrap()
        }
    });
    table.append(&january, vec![file.await.unwrap()], &load("a", 1)).await.unwrap();
    let expected = [LoadRecord { rows_id: String::new(), ..record }];
    assert_eq!(latest_loads(&lake, "default", "aws").await.unwrap(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn rejects_keep_place_and_money() {
    let rows = [
        RejectRow { file: "f.csv".to_owned(), row: Some(3), amount: Some(-1), whole_row: true, ..RejectRow::default() },
        RejectRow { code: "cell.bad".to_owned(), column_name: Some("x".to_owned()), ..RejectRow::default() },
    ];
    let batch = rejects_batch(&rows).unwrap();
    assert_eq!((batch.schema(), batch.num_rows()), (rejects_schema(), 2));
    assert!(rejects_batch(&[RejectRow { amount: Some(i128::MAX), ..RejectRow::default() }]).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_kept_beside_the_tables() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, _) = open(dir.path()).await;
    assert_eq!(lake.get_document("default", "aws", "reports").await.unwrap(), None);
    for text in ["{}", "{\"a\":1}"] {
        lake.put_document("default", "aws", "reports", text.into()).await.unwrap();
        assert_eq!(lake.get_document("default", "aws", "reports").await.unwrap().unwrap(), text);
    }
    assert!(lake.tables().await.unwrap().is_empty());
    assert!(lake.put_document("..", "aws", "reports", "x".into()).await.is_err());
}
