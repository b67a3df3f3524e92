//! Two hosts on one lake in S3, over a line that loses replies: nothing is lost, doubled or mixed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "helpers of tests")]

#[path = "../../host/tests/lake_support/mod.rs"]
mod lake_support;

use costhost::lake::{Committed, Lake, LakeTable};
use costhost::source::store::StoreOptions;
use costhost_tests::s3::{Fault, S3Server};
use lake_support::{assert_whole, contents, partition, put, rows_of};

/// A host of its own: it shares nothing with others but the bucket.
fn host(server: &S3Server) -> (Lake, LakeTable) {
    let options = StoreOptions { settings: server.environment(), environment: false, ..StoreOptions::default() };
    let lake = Lake::open("s3://lake/our bills", &options).unwrap();
    let table = lake.table("default", "aws", "items", lake_support::schema()).unwrap();
    (lake, table)
}

fn server() -> S3Server {
    let server = S3Server::start().unwrap();
    server.create_bucket("lake").unwrap();
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_reply_is_lost_is_found() {
    let server = server();
    let (lake, table) = host(&server);
    let january = partition("team/a b", 1);
    for n in 1..=6 {
        server.inject("PUT", ".json", Fault::LoseReply, 1);
        let done = put(&table, &january, "a", n).await;
        assert!(matches!(done, Committed::New { .. }), "delivery {n}: {done:?}");
        assert_eq!(server.pending_faults(), 0);
        assert_eq!(
            contents(&host(&server).1).await,
            [("team/a b".into(), "01".into(), n, "a".into(), rows_of(n), rows_of(n))]
        );
    }
    // Created, and committed once for each delivery.
    assert_eq!(table.delta().await.unwrap().unwrap().version(), Some(6));
    assert_eq!(lake.tables().await.unwrap(), [table.table_ref().clone()]);
    lake.put_document("default", "aws", "reports", "{}".into()).await.unwrap();
    assert_eq!(lake.get_document("default", "aws", "reports").await.unwrap().unwrap(), "{}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hosts_load_the_same_and_different_periods() {
    const LOADS: i64 = 15;
    let server = server();
    let mut hosts = tokio::task::JoinSet::new();
    for (first, name) in [(1, "odd"), (2, "even")] {
        let (_, table) = host(&server);
        hosts.spawn(async move {
            for n in 0..LOADS {
                put(&table, &partition("shared", 1), name, 2 * n + first).await;
                let own = put(&table, &partition(name, 1), name, 2 * n + first).await;
                assert!(matches!(own, Committed::New { .. }), "{own:?}");
            }
        });
    }
    while !hosts.is_empty() {
        // Commits lose their replies while both write, and a reader looks in.
        server.inject("PUT", "_delta_log", Fault::LoseReply, 1);
        let (_, reader) = host(&server);
        if reader.delta().await.unwrap().is_some() {
            assert_whole(&reader).await;
        }
        while let Some(ended) = hosts.try_join_next() {
            ended.unwrap();
        }
    }
    let newest: Vec<_> = contents(&host(&server).1).await.into_iter().map(|line| (line.0, line.2)).collect();
    let wanted = [("even", 2 * LOADS), ("odd", 2 * LOADS - 1), ("shared", 2 * LOADS)];
    assert_eq!(newest, wanted.map(|(source, n)| (source.to_owned(), n)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_refused_leaves_the_earlier_rows() {
    let server = server();
    let (_, table) = host(&server);
    put(&table, &partition("main", 1), "a", 1).await;
    server.inject("PUT", ".parquet", Fault::Refuse(403), 1);
    let (staging, january) = (table.clone(), partition("main", 1));
    let error = tokio::task::spawn_blocking(move || {
        let mut writer = staging.writer(&january, &costhost::lake::WriterOptions::default()).unwrap();
        let column: arrow::array::ArrayRef = std::sync::Arc::new(arrow::array::Int64Array::from(vec![1]));
        writer.write(&arrow::array::RecordBatch::try_from_iter([("load", column)]).unwrap()).unwrap();
        writer.finish().unwrap_err()
    });
    let error = error.await.unwrap();
    assert!(error.to_string().contains("default/aws/items/source=main"), "{error}");
    assert_eq!(contents(&table).await[0].2, 1);
    assert!(matches!(put(&table, &partition("main", 1), "a", 2).await, Committed::New { .. }));
}
