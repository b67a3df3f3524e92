//! Other versions of a built plugin, made from its bytes: a store needs several, and compiling a crate again takes a minute.

use std::path::{Path, PathBuf};

use crate::program::plugin;

/// The version of the plugins in this tree.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The plugin `tally` under another version of the same length, in a folder.
pub fn tally_version(folder: &Path, version: &str) -> PathBuf {
    let mut bytes = std::fs::read(plugin("tally")).expect("the built plugin");
    assert_eq!(version.len(), VERSION.len(), "data does not move");
    // Names of the contract's interfaces end with `@0.1.0`; the plugin's own version stands by itself.
    let places: Vec<usize> = bytes
        .windows(VERSION.len())
        .enumerate()
        .filter(|(at, window)| *window == VERSION.as_bytes() && *at > 0 && bytes.get(at - 1) != Some(&b'@'))
        .map(|(at, _)| at)
        .collect();
    let [at] = places.as_slice() else { panic!("tally names its version {} times", places.len()) };
    bytes.splice(*at..at + version.len(), version.bytes());
    write(folder, &format!("tally-{version}.wasm"), &bytes)
}

/// The plugin `tally` with a section more that says nothing: the same version with another digest.
pub fn tally_rebuilt(folder: &Path) -> PathBuf {
    let mut bytes = std::fs::read(plugin("tally")).expect("the built plugin");
    // A custom section: its number, its length, the length of its name, its name.
    bytes.extend_from_slice(&[0, 6, 5, b'a', b'g', b'a', b'i', b'n']);
    write(folder, "tally-again.wasm", &bytes)
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, bytes).expect("a file");
    file
}
