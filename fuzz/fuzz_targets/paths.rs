//! Paths that a plugin asks for: refused, or below the prefix it was lent.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use costhost_fuzz::source::store::{Location, StoreOptions, open};
use costhost_fuzz::source::{check_prefix, local_file, object_key};
use libfuzzer_sys::fuzz_target;

struct Places {
    root: PathBuf,
    bucket: Location,
    _folder: tempfile::TempDir,
}

static PLACES: LazyLock<Places> = LazyLock::new(|| {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("a path").join("lent");
    std::fs::create_dir_all(root.join("a/b")).expect("folders");
    std::fs::create_dir(root.join("a.b")).expect("a folder");
    for file in ["f", "a/f", "a/b/f", "%2e%2e"] {
        std::fs::write(root.join(file), "inside").expect("a file");
    }
    std::fs::write(folder.path().join("f"), "outside").expect("a file");
    for (to, link) in [("..", "u"), ("../f", "s"), ("a", "i"), ("../lent", "l"), (".", "a/o"), ("../..", "a/u")] {
        symlink(to, root.join(link)).expect("a link");
    }
    // Nothing is asked of the bucket: only keys in it are made.
    let bucket = open("s3://bucket/lent/prefix", &StoreOptions::default()).expect("a place");
    Places { root, bucket, _folder: folder }
});

fuzz_target!(|path: &str| {
    let places = &*PLACES;
    if let Ok(found) = local_file(&places.root, path) {
        let real = found.canonicalize().expect("what was found exists");
        assert!(real.starts_with(&places.root), "{path:?} leads to {}", real.display());
    }
    if let Ok(key) = object_key(&places.bucket, path) {
        assert!(key.starts_with("lent/prefix/"), "{path:?} becomes {key:?}");
        assert!(key.split('/').all(|part| !matches!(part, "" | "." | "..")), "{path:?} becomes {key:?}");
    }
    if let Ok(inner) = check_prefix(path) {
        assert!(inner.is_empty() || inner.split('/').all(|part| !matches!(part, "" | "." | "..")));
        assert!(!inner.contains(|c: char| c.is_ascii_control()));
    }
});
