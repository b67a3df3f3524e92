//! Files that say they are compressed: refused, or read to their end within the limits, never more than what was allowed.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use costhost_fuzz::source::fetch::Compression;
use costhost_fuzz::source::read_file;
use costhost_fuzz::source::store::{Location, StoreOptions, open};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;

/// A small file may grow this much here.
const LIMIT: u64 = 4 << 20;

struct Place {
    location: Location,
    file: PathBuf,
    runtime: Runtime,
    _folder: tempfile::TempDir,
}

static PLACE: LazyLock<Place> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder");
    let location = open(folder.path().to_str().expect("text"), &StoreOptions::default()).expect("a folder is a place");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().expect("a runtime");
    let location = runtime.block_on(location.resolve()).expect("it exists");
    Place { location, file: folder.path().join("f"), runtime, _folder: folder }
});

fuzz_target!(|data: &[u8]| {
    let place = &*PLACE;
    let compression = match data {
        [b'P', b'K', ..] => Compression::Zip,
        [0x28, ..] => Compression::Zstd,
        _ => Compression::Gzip,
    };
    fs::write(&place.file, data).expect("the file can be written");
    if let Ok(bytes) = read_file(&place.location, "f", compression, LIMIT, place.runtime.handle()) {
        assert!(bytes <= LIMIT);
    }
});
