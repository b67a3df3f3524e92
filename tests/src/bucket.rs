//! Report buckets in a folder, made by the project's generator or copied from the data of others, and ways to spoil them.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Copies a folder with everything in it; the copy is writable whatever the original is.
pub fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) {
    let to = to.as_ref();
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder to copy") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(entry.path(), target);
        } else {
            std::fs::write(target, std::fs::read(entry.path()).expect("a file")).expect("a copy");
        }
    }
}

/// All files below a folder whose name ends so, in order.
pub fn files(below: impl AsRef<Path>, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![below.as_ref().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The text of a gzip file.
pub fn gunzip(file: &Path) -> String {
    let mut text = String::new();
    let file = std::fs::File::open(file).expect("a file");
    flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).expect("gzip text");
    text
}

/// Writes a gzip file.
pub fn gzip(file: &Path, text: &str) {
    let file = std::fs::File::create(file).expect("a file");
    let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).expect("to write");
    encoder.finish().expect("to finish");
}

/// Changes the text of a gzip file.
pub fn edit_gzip(file: &Path, change: impl FnOnce(String) -> String) {
    gzip(file, &change(gunzip(file)));
}
