//! What a lent bucket gives, refuses and counts.

use std::path::PathBuf;

use super::super::bucket::{Bucket, GrantLimits};
use super::super::error::SourceError;
use super::super::fetch::{Compression, InputSpec, open_file};
use super::super::grant::{Grant, GrantError};
use super::super::store::{StoreOptions, open};
use super::{at, runtime};

fn folder() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("cur");
    std::fs::create_dir_all(root.join("20240101-20240201")).unwrap();
    std::fs::write(root.join("20240101-20240201/m.json"), "\u{feff}{}").unwrap();
    std::fs::write(root.join("a.csv"), "0123456789").unwrap();
    std::fs::write(dir.path().join("secret"), "secret").unwrap();
    (dir, root)
}

#[test]
fn reads_list_and_stat_below_the_root() {
    let (runtime, (_dir, root)) = (runtime(), folder());
    let bucket = Bucket::new(at(&runtime, &root), GrantLimits::default(), runtime.handle().clone());
    let page = bucket.list("", true, None).unwrap();
    let paths: Vec<_> = page.objects.iter().map(|o| o.path.as_str()).collect();
    assert_eq!(paths, ["20240101-20240201/m.json", "a.csv"]);
    assert_eq!(bucket.list("", false, None).unwrap().folders, ["20240101-20240201/"]);
    assert_eq!(bucket.stat("a.csv").unwrap(), page.objects[1]);
    assert_eq!(bucket.read_text("20240101-20240201/m.json").unwrap(), "{}");
    assert_eq!(&bucket.read("a.csv", None).unwrap()[..], b"0123456789");
    assert_eq!(&bucket.read("a.csv", Some(2..5)).unwrap()[..], b"234");
    assert_eq!(&bucket.read("a.csv", Some(8..50)).unwrap()[..], b"89");
    assert!(bucket.read("a.csv", Some(50..60)).unwrap().is_empty());
    assert!(matches!(bucket.stat("no"), Err(GrantError::NotFound(_))));
    assert!(matches!(bucket.stat("20240101-20240201"), Err(GrantError::NotFound(_))));
    assert_eq!(bucket.single(), None);
}

#[test]
fn nothing_outside_is_reached() {
    let (runtime, (dir, root)) = (runtime(), folder());
    std::os::unix::fs::symlink(dir.path().join("secret"), root.join("link")).unwrap();
    let bucket = Bucket::new(at(&runtime, &root), GrantLimits::default(), runtime.handle().clone());
    let absolute = dir.path().join("secret").to_str().unwrap().to_owned();
    for path in ["../secret", "link", "20240101-20240201/../../secret", "", "./a.csv", absolute.as_str()] {
        for result in [bucket.read(path, None).map(|_| ()), bucket.stat(path).map(|_| ())] {
            assert!(matches!(result, Err(GrantError::Denied(_))), "{path}: {result:?}");
        }
    }
    assert!(matches!(bucket.list("../", true, None), Err(GrantError::Denied(_))));
}

#[test]
fn a_single_file_is_all_there_is() {
    let (runtime, (_dir, root)) = (runtime(), folder());
    let location = at(&runtime, &root.join("a.csv"));
    let bucket = Bucket::new(location.clone(), GrantLimits::default(), runtime.handle().clone());
    assert_eq!(bucket.single().as_deref(), Some("a.csv"));
    assert_eq!(bucket.list("", true, None).unwrap().objects.len(), 1);
    assert_eq!(bucket.read_text("a.csv").unwrap(), "0123456789");
    assert!(matches!(bucket.read("20240101-20240201/m.json", None), Err(GrantError::Denied(_))));
    let spec = InputSpec::new("a.csv", Compression::None);
    let mut reader = open_file(&location, &spec, runtime.handle().clone()).unwrap();
    assert_eq!(reader.next_chunk().unwrap(), Some(&b"0123456789"[..]));
}

#[test]
fn a_single_file_behind_a_link_keeps_its_name() {
    let (runtime, (dir, root)) = (runtime(), folder());
    std::os::unix::fs::symlink(root.join("a.csv"), dir.path().join("named.csv")).unwrap();
    let location = at(&runtime, &dir.path().join("named.csv"));
    assert_eq!(location.single(), Some("named.csv"));
    let bucket = Bucket::new(location, GrantLimits::default(), runtime.handle().clone());
    assert_eq!(bucket.read_text("named.csv").unwrap(), "0123456789");
}

#[test]
fn limits_hold_over_all_calls() {
    let (runtime, (_dir, root)) = (runtime(), folder());
    let lend = |limits| Bucket::new(at(&runtime, &root), limits, runtime.handle().clone());
    let over = |result: Result<_, GrantError>| matches!(result, Err(GrantError::OverLimit(_)));
    let bucket = lend(GrantLimits { calls: 2, ..GrantLimits::default() });
    assert!(bucket.stat("a.csv").is_ok() && bucket.stat("a.csv").is_ok());
    assert!(bucket.within_limits().is_ok());
    assert!(over(bucket.stat("a.csv").map(|_| ())));
    let told = bucket.within_limits().unwrap_err().to_string();
    assert!(told.contains("2 calls in one discovery") && told.contains("`max_discovery_calls`"), "{told}");
    let bucket = lend(GrantLimits { bytes: 15, ..GrantLimits::default() });
    assert!(bucket.read("a.csv", None).is_ok());
    assert!(over(bucket.read("a.csv", None).map(|_| ())));
    let bucket = lend(GrantLimits { entries: 3, ..GrantLimits::default() });
    assert!(bucket.list("", true, None).is_ok());
    assert!(over(bucket.list("", true, None).map(|_| ())));
}

#[test]
fn gzipped_text_is_decompressed_within_the_limit() {
    let (runtime, (_dir, root)) = (runtime(), folder());
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, &vec![b'x'; 100_000]).unwrap();
    let stored = encoder.finish().unwrap();
    std::fs::write(root.join("t.gz"), &stored).unwrap();
    std::fs::write(root.join("cut.gz"), &stored[..stored.len() - 3]).unwrap();
    std::fs::write(root.join("latin1"), b"caf\xe9").unwrap();
    let lend = |bytes| {
        Bucket::new(at(&runtime, &root), GrantLimits { bytes, ..GrantLimits::default() }, runtime.handle().clone())
    };
    assert_eq!(lend(1 << 20).read_text("t.gz").unwrap().len(), 100_000);
    let lent = lend(50_000);
    assert!(matches!(lent.read_text("t.gz"), Err(GrantError::OverLimit(_))));
    assert!(lent.within_limits().unwrap_err().to_string().contains("`max_discovery_bytes`"));
    assert!(matches!(lend(1 << 20).read_text("cut.gz"), Err(GrantError::Corrupt(_))));
    assert!(matches!(lend(1 << 20).read_text("latin1"), Err(GrantError::Corrupt(_))));
}

#[test]
fn a_missing_source_is_named() {
    let (runtime, (dir, _root)) = (runtime(), folder());
    let missing = dir.path().join("no/such");
    let location = open(missing.to_str().unwrap(), &StoreOptions::default()).unwrap();
    let error = runtime.block_on(location.resolve()).unwrap_err();
    assert!(matches!(error, SourceError::NotFound { .. }) && error.to_string().contains("no/such"), "{error}");
}
