//! Reading from a real S3 server: listing, streaming, faults, wrong credentials.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use costhost::source::bucket::{Bucket, GrantLimits};
use costhost::source::error::SourceError;
use costhost::source::fetch::{Compression, InputSpec, open_file};
use costhost::source::grant::{Grant, GrantError};
use costhost::source::parquet::open_parquet;
use costhost::source::store::{Location, StoreOptions, open};
use costhost_tests::s3::{Fault, S3Server};
use parquet::arrow::ArrowWriter;
use tokio::runtime::Runtime;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn options(server: &S3Server) -> StoreOptions {
    StoreOptions { settings: server.environment(), environment: false, ..StoreOptions::default() }
}

fn at(runtime: &Runtime, server: &S3Server, text: &str) -> Result<Location, SourceError> {
    runtime.block_on(open(text, &options(server))?.resolve())
}

fn content(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    std::iter::repeat_with(move || {
        // xorshift: bytes that do not compress
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    })
    .take(len)
    .collect()
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn read(runtime: &Runtime, location: &Location, spec: &InputSpec) -> Result<Vec<u8>, SourceError> {
    let mut reader = open_file(location, spec, runtime.handle().clone())?;
    let mut out = Vec::new();
    while let Some(chunk) = reader.next_chunk()? {
        out.extend_from_slice(chunk);
    }
    Ok(out)
}

fn list(bucket: &Bucket, prefix: &str, deep: bool) -> (Vec<String>, Vec<String>, usize) {
    let (mut objects, mut folders, mut pages, mut next) = (Vec::new(), Vec::new(), 0, None);
    loop {
        let page = bucket.list(prefix, deep, next.as_deref()).unwrap();
        objects.extend(page.objects.into_iter().map(|o| o.path));
        folders.extend(page.folders);
        pages += 1;
        next = page.next;
        if next.is_none() {
            return (objects, folders, pages);
        }
    }
}

#[test]
fn listing_is_scoped_paged_and_in_byte_order() {
    let (runtime, server) = (runtime(), S3Server::start().unwrap());
    let mut keys: Vec<String> = (0..2_300).map(|i| format!("p/{i:05}.csv")).collect();
    keys.extend(["p/a b/ü=1%2F.csv", "p/a-b/x", "p/a/x"].map(str::to_owned));
    for key in keys.iter().map(String::as_str).chain(["p-other/x", "q"]) {
        server.put("bills", key, key.as_bytes()).unwrap();
    }
    let mut expected: Vec<String> = keys.iter().map(|k| k.strip_prefix("p/").unwrap().to_owned()).collect();
    expected.sort();
    for text in ["s3://bills/p", "s3://bills/p/"] {
        let location = at(&runtime, &server, text).unwrap();
        let bucket = Bucket::new(location, GrantLimits::default(), runtime.handle().clone());
        let (objects, folders, pages) = list(&bucket, "", true);
        assert_eq!(objects, expected, "{text}");
        assert!(folders.is_empty() && pages == 3, "{pages} pages");
        assert_eq!(list(&bucket, "a/", true).0, ["a/x"]);
        let (objects, folders, _) = list(&bucket, "", false);
        assert_eq!((objects.len(), folders), (2_300, ["a b/", "a-b/", "a/"].map(str::to_owned).to_vec()));
        assert_eq!(bucket.read_text("a b/ü=1%2F.csv").unwrap(), "p/a b/ü=1%2F.csv");
        assert_eq!(bucket.stat("a/x").unwrap().size, 5);
        assert_eq!(&bucket.read("a/x", Some(2..4)).unwrap()[..], b"a/");
        assert!(matches!(bucket.read("../q", None), Err(GrantError::Denied(_))));
        assert!(matches!(bucket.read("nothing", None), Err(GrantError::NotFound(_))));
    }
}

#[test]
fn one_object_an_empty_bucket_and_what_is_missing() {
    let (runtime, server) = (runtime(), S3Server::start().unwrap());
    server.put("bills", "p/a.csv", b"x").unwrap();
    server.create_bucket("empty").unwrap();
    let location = at(&runtime, &server, "s3://bills/p/a.csv").unwrap();
    assert_eq!((location.single(), location.url.as_str()), (Some("a.csv"), "s3://bills/p"));
    assert_eq!(read(&runtime, &location, &InputSpec::new("a.csv", Compression::None)).unwrap(), b"x");
    let empty = at(&runtime, &server, "s3://empty").unwrap();
    let bucket = Bucket::new(empty, GrantLimits::default(), runtime.handle().clone());
    assert!(list(&bucket, "", true).0.is_empty());
    for (text, named) in
        [("s3://bills/no", "s3://bills/no"), ("s3://bills/p/a", "s3://bills/p/a"), ("s3://none/x", "bucket s3://none")]
    {
        let error = at(&runtime, &server, text).unwrap_err();
        assert!(matches!(error, SourceError::NotFound { .. }), "{error}");
        assert!(error.to_string().contains(named), "{error}");
    }
}

#[test]
fn a_large_file_is_read_in_order_through_broken_connections() {
    let (runtime, server) = (runtime(), S3Server::start().unwrap());
    let data = content(11_000_000);
    let stored = gzip(&data);
    assert!(stored.len() > 9_000_000, "several requests are needed");
    server.put("bills", "p/a.csv.gz", &stored).unwrap();
    let location = at(&runtime, &server, "s3://bills/p").unwrap();
    server.inject("GET", "a.csv.gz", Fault::Truncate(700_000), 2);
    server.inject("GET", "a.csv.gz", Fault::Refuse(503), 1);
    let out = read(&runtime, &location, &InputSpec::new("a.csv.gz", Compression::Gzip)).unwrap();
    assert!(out == data);
    assert_eq!(server.pending_faults(), 0);
}

#[test]
fn an_object_replaced_in_mid_read_is_an_error() {
    let (runtime, server) = (runtime(), S3Server::start().unwrap());
    server.put("bills", "p/a", &content(40_000_000)).unwrap();
    let location = at(&runtime, &server, "s3://bills/p").unwrap();
    let mut reader = open_file(&location, &InputSpec::new("a", Compression::None), runtime.handle().clone()).unwrap();
    reader.next_chunk().unwrap();
    let mut other = content(40_000_000);
    other.reverse();
    server.put("bills", "p/a", &other).unwrap();
    let error = loop {
        match reader.next_chunk() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("two revisions were mixed"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, SourceError::Changed { .. }), "{error}");
}

#[test]
fn zip_and_parquet_are_read_by_spans() {
    let (runtime, server) = (runtime(), S3Server::start().unwrap());
    let data = content(5_000_000);
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file("a.csv", zip::write::SimpleFileOptions::default()).unwrap();
    writer.write_all(&data).unwrap();
    server.put("bills", "p/a.zip", writer.finish().unwrap().get_ref()).unwrap();
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..200_000));
    let batch = RecordBatch::try_from_iter([("n", Arc::clone(&numbers)), ("m", numbers)]).unwrap();
    let mut parquet = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    for part in 0..4 {
        parquet.write(&batch.slice(part * 50_000, 50_000)).unwrap();
        parquet.flush().unwrap();
    }
    server.put("bills", "p/a.parquet", &parquet.into_inner().unwrap()).unwrap();
    let location = at(&runtime, &server, "s3://bills/p").unwrap();
    assert!(read(&runtime, &location, &InputSpec::new("a.zip", Compression::Zip)).unwrap() == data);
    let spec = InputSpec::new("a.parquet", Compression::None);
    server.inject("GET", "a.parquet", Fault::Truncate(100), 1);
    let mut file = open_parquet(&location, &spec, &["n".to_owned()], runtime.handle().clone()).unwrap();
    let mut expected = 0;
    while let Some(batch) = file.next_batch().unwrap() {
        let column = batch.column(0).as_any().downcast_ref::<Int64Array>().unwrap();
        assert_eq!(batch.num_columns(), 1);
        for value in column.values() {
            assert_eq!(*value, expected);
            expected += 1;
        }
    }
    assert_eq!((expected, file.rows()), (200_000, 200_000));
}

#[test]
fn a_wrong_password_names_what_to_check_and_not_the_password() {
    let (runtime, server) = (runtime(), S3Server::start().unwrap());
    server.put("bills", "p/a", b"x").unwrap();
    let mut wrong = options(&server);
    wrong.settings.push(("aws_secret_access_key".to_owned(), "wrong-secret".to_owned()));
    let error = runtime.block_on(open("s3://bills/p", &wrong).unwrap().resolve()).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, SourceError::Denied { .. }), "{text}");
    assert!(text.contains("s3://bills/p") && text.contains("AWS_SECRET_ACCESS_KEY"), "{text}");
    assert!(!text.contains("wrong-secret") && !text.contains('?'), "{text}");
    server.inject("GET", "/bills/p/a", Fault::Refuse(403), 1);
    let location = at(&runtime, &server, "s3://bills/p").unwrap();
    let error = read(&runtime, &location, &InputSpec::new("a", Compression::None)).unwrap_err();
    assert!(matches!(error, SourceError::Denied { .. }), "{error}");
}

#[test]
fn a_dead_endpoint_fails_in_seconds() {
    let runtime = runtime();
    let mut dead = options(&S3Server::start().unwrap()); // stopped at once: nobody listens on its port
    dead.settings.push(("aws_region".to_owned(), "us-east-1".to_owned()));
    let start = Instant::now();
    let error = runtime.block_on(open("s3://bills/p", &dead).unwrap().resolve()).unwrap_err();
    assert!(matches!(error, SourceError::Unavailable { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

/// The store below is what the lake commits to: a put whose reply is lost has landed, and says so when repeated.
#[test]
fn a_put_whose_reply_is_lost_has_landed() {
    use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
    let (runtime, server) = (runtime(), S3Server::start().unwrap());
    server.create_bucket("bills").unwrap();
    let location = open("s3://bills/lake", &options(&server)).unwrap();
    let path = location.prefix.clone().join("_delta_log").join("0.json");
    server.inject("PUT", "0.json", Fault::LoseReply, 1);
    let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    let put = |text: &'static str| {
        runtime.block_on(location.store.put_opts(&path, PutPayload::from_static(text.as_bytes()), create.clone()))
    };
    let first = put("first");
    assert!(first.is_err(), "{first:?}");
    assert_eq!(server.pending_faults(), 0);
    assert!(matches!(put("second"), Err(object_store::Error::AlreadyExists { .. })));
    let landed = runtime.block_on(async { location.store.get(&path).await.unwrap().bytes().await.unwrap() });
    assert_eq!(&landed[..], b"first");
}
