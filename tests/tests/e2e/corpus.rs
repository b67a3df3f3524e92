//! Compiled plugins of every release: this build must load them and get the rows they had, to the last digit.

use std::path::{Path, PathBuf};

use crate::costhost;

/// The folders of released plugins: one is added with every release, and none can get lost.
const RELEASED: [&str; 4] = [
    "aws-cur-0.1.0-2fa5e49ad445",
    "azure-export-0.1.0-62cd5e1ffdce",
    "lantern-jsonl-0.1.0-8ada61c98542",
    "tally-0.1.0-807e13068f95",
];

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// The folders with a component in them.
fn entries() -> Vec<PathBuf> {
    let folders = std::fs::read_dir(corpus()).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = folders.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

#[test]
fn every_plugin_of_the_corpus_is_loaded_and_gives_the_same_rows() {
    let costhost = costhost();
    for name in RELEASED {
        assert!(corpus().join(name).join("fixtures").is_dir(), "{name} is gone from the corpus");
    }
    for folder in &entries() {
        let wasm = costhost.folder().join("plugin.wasm");
        let packed = folder.join("plugin.wasm.zst");
        if packed.is_file() {
            let file = std::fs::File::open(&packed).unwrap();
            std::fs::write(&wasm, zstd::stream::decode_all(file).unwrap()).unwrap();
        } else {
            std::fs::copy(folder.join("plugin.wasm"), &wasm).unwrap();
        }
        let fixtures = folder.join("fixtures").display().to_string();
        let tested = costhost.call(&["plugin", "test", &wasm.display().to_string(), "--fixtures", &fixtures]);
        assert_eq!(tested.code, 0, "{}: {}\n{}", folder.display(), tested.out, tested.err);
    }
}
