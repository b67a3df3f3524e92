//! A store that loses replies, loses requests and races: commits still land exactly once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "helpers of tests")]

mod lake_support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use costhost::lake::{Committed, DurableFiles, Lake, LakeError, LakeLocation, LakeTable};
use futures::stream::BoxStream;
use lake_support::{assert_whole, contents, files_on_disk, load, open, partition, put, rows_of, schema, stage};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result,
};

/// What happens to a commit's PUT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It lands; the client sees a failure.
    ReplyLost,
    /// It lands; the client's own retry finds it there and reports a conflict, as after a lost reply on S3.
    FoundThere,
    /// It does not land.
    RequestLost,
    /// A checkpoint fails after the commit landed.
    NoCheckpoint,
}

/// Local files behind a bad line: every `every`th PUT of the kind meets the fault.
#[derive(Debug)]
struct BadLine {
    inner: DurableFiles,
    fault: Fault,
    every: u32,
    puts: AtomicU32,
    faults: AtomicU32,
}

impl BadLine {
    fn new(fault: Fault, every: u32) -> Arc<Self> {
        let (puts, faults) = (AtomicU32::new(0), AtomicU32::new(0));
        Arc::new(Self { inner: DurableFiles::default(), fault, every, puts, faults })
    }

    fn strikes(&self, location: &Path) -> bool {
        let kind = match self.fault {
            Fault::NoCheckpoint => location.as_ref().contains("checkpoint"),
            _ => location.as_ref().contains("_delta_log") && location.as_ref().ends_with(".json"),
        };
        let struck = kind && self.puts.fetch_add(1, Ordering::SeqCst) % self.every == self.every - 1;
        self.faults.fetch_add(u32::from(struck), Ordering::SeqCst);
        struck
    }
}

fn broken() -> object_store::Error {
    object_store::Error::Generic { store: "BadLine", source: "connection reset".into() }
}

impl std::fmt::Display for BadLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BadLine")
    }
}

#[async_trait]
impl ObjectStore for BadLine {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        if !self.strikes(location) {
            return self.inner.put_opts(location, payload, opts).await;
        }
        match self.fault {
            Fault::RequestLost | Fault::NoCheckpoint => Err(broken()),
            Fault::ReplyLost => self.inner.put_opts(location, payload, opts).await.and(Err(broken())),
            Fault::FoundThere => {
                self.inner.put_opts(location, payload.clone(), opts.clone()).await?;
                self.inner.put_opts(location, payload, opts).await
            }
        }
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        if self.fault == Fault::NoCheckpoint && self.strikes(location) {
            return Err(broken());
        }
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

fn table_behind(line: &Arc<BadLine>, dir: &std::path::Path) -> LakeTable {
    let store: Arc<dyn ObjectStore> = Arc::<BadLine>::clone(line);
    let lake = Lake::at(LakeLocation::local_with(dir, store).unwrap());
    lake.table("default", "aws", "items", schema()).unwrap()
}

/// Loads over a bad line while another writer with a good one loads other and the same periods.
async fn loads_over(fault: Fault, every: u32) {
    let dir = tempfile::tempdir().unwrap();
    let line = BadLine::new(fault, every);
    let bad = table_behind(&line, dir.path());
    let other = tokio::spawn({
        let dir = dir.path().to_path_buf();
        async move {
            let (_, table) = open(&dir).await;
            for n in 1..=15 {
                put(&table, &partition("other", 1), "good", n).await;
                put(&table, &partition("shared", 1), "good", 2 * n).await;
            }
        }
    });
    for n in 1..=15 {
        let own = put(&bad, &partition("main", 1), "bad", n).await;
        assert!(matches!(own, Committed::New { .. }), "{fault:?}, delivery {n}: {own:?}");
        put(&bad, &partition("shared", 1), "bad", 2 * n + 1).await;
        let (_, reader) = open(dir.path()).await;
        assert_whole(&reader).await;
    }
    other.await.unwrap();
    assert!(line.faults.load(Ordering::SeqCst) > 0, "{fault:?} never struck");
    let (_, reader) = open(dir.path()).await;
    assert_whole(&reader).await;
    let newest: Vec<_> = contents(&reader).await.into_iter().map(|line| (line.0, line.2)).collect();
    assert_eq!(newest, [("main".to_owned(), 15), ("other".to_owned(), 15), ("shared".to_owned(), 31)], "{fault:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_is_found() {
    loads_over(Fault::ReplyLost, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_conflicts_with_itself_is_found() {
    loads_over(Fault::FoundThere, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_request_is_repeated() {
    loads_over(Fault::RequestLost, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_checkpoint_is_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    let line = BadLine::new(Fault::NoCheckpoint, 1);
    let bad = table_behind(&line, dir.path());
    for n in 1..=45 {
        let done = put(&bad, &partition("main", 1), "bad", n).await;
        assert!(matches!(done, Committed::New { .. }), "delivery {n}: {done:?}");
    }
    assert!(line.faults.load(Ordering::SeqCst) > 0, "no checkpoint was tried");
    let (_, reader) = open(dir.path()).await;
    assert_whole(&reader).await;
    assert_eq!(contents(&reader).await[0].2, 45);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_to_the_tables_creation_is_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    let line = BadLine::new(Fault::ReplyLost, 1);
    let table = table_behind(&line, dir.path());
    let done = put(&table, &partition("main", 1), "a", 4).await;
    assert_eq!(done, Committed::New { version: 1 });
    assert_eq!(line.faults.load(Ordering::SeqCst), 2);
    assert_whole(&open(dir.path()).await.1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_store_is_an_error_and_earlier_rows_stay() {
    let dir = tempfile::tempdir().unwrap();
    let (_, good) = open(dir.path()).await;
    let january = partition("main", 1);
    put(&good, &january, "a", 4).await;
    let bad = table_behind(&BadLine::new(Fault::RequestLost, 1), dir.path());
    let files = stage(&bad, &january, "a", 5).await;
    let error = bad.replace(&january, files, &load("a", 5)).await.unwrap_err();
    assert!(matches!(error, LakeError::Contended { unknown: true, .. }), "{error}");
    assert_eq!(files_on_disk(dir.path()), 4, "files that might be in are kept");
    assert_eq!(contents(&good).await[0].4, rows_of(4));
    // The next run does it.
    assert!(matches!(put(&good, &january, "a", 5).await, Committed::New { .. }));
    assert_whole(&good).await;
}
