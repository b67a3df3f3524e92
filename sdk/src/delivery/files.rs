//! How a data file is to be read.

use super::tree::file_name;
use crate::contract::{Compression, Failure, Form, InputFile};
use crate::failure::{Place, skip_report};
use crate::storage::Object;

/// A file, its form told by its name or else by the manifest's word. `dataset` is the plugin's own word for such files.
#[must_use]
pub fn input_file(path: &str, manifest_says: &str, dataset: &str) -> InputFile {
    let name = file_name(path).to_ascii_lowercase();
    let says = manifest_says.to_ascii_lowercase();
    let ends = |end: &str| name.ends_with(end);
    let parquet = ends(".parquet") || (!ends(".gz") && !ends(".zip") && !ends(".csv") && says.contains("parquet"));
    let compression = match () {
        () if parquet => Compression::None,
        () if ends(".gz") => Compression::Gzip,
        () if ends(".zip") => Compression::Zip,
        () if ends(".zst") => Compression::Zstd,
        () if ends(".csv") => Compression::None,
        () if says.contains("gzip") => Compression::Gzip,
        () if says.contains("zip") => Compression::Zip,
        () => Compression::None,
    };
    InputFile {
        path: path.to_owned(),
        compression,
        form: if parquet { Form::Parquet(Vec::new()) } else { Form::Bytes },
        dataset: dataset.to_owned(),
        rows: None,
        bytes: None,
    }
}

/// Whether an object may hold rows of a report, by its name.
#[must_use]
pub fn may_hold_rows(path: &str) -> bool {
    let name = file_name(path).to_ascii_lowercase();
    let ends = [".csv", ".csv.gz", ".csv.zip", ".csv.zst", ".zip", ".parquet"];
    !name.starts_with(['.', '_']) && ends.iter().any(|end| name.ends_with(end))
}

/// The path without the endings that tell a file's form, in lower case.
#[must_use]
pub fn stem(path: &str) -> String {
    let mut stem = path.to_ascii_lowercase();
    for end in [".gz", ".zip", ".zst", ".csv", ".parquet", ".snappy"] {
        if let Some(shorter) = stem.strip_suffix(end) {
            stem = shorter.to_owned();
        }
    }
    stem
}

/// A file that holds something: an empty one was not delivered or copied to its end.
///
/// # Errors
/// When it is empty.
pub fn filled(file: Object) -> Result<Object, Failure> {
    if file.size == 0 {
        let message = format!("{} is empty (0 bytes); copy or deliver it again", file.path);
        return Err(skip_report("report.empty-file", message).in_file(&file.path));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_before_the_manifests_word() {
        let of = |path: &str, says: &str| {
            let file = input_file(path, says, "d");
            (file.compression, matches!(file.form, Form::Parquet(_)))
        };
        assert_eq!(of("a/x.csv.gz", "ZIP"), (Compression::Gzip, false));
        assert_eq!(of("a/x.csv.zip", "GZIP"), (Compression::Zip, false));
        assert_eq!(of("a/x.snappy.parquet", ""), (Compression::None, true));
        assert_eq!(of("a/X.CSV", "GZIP"), (Compression::None, false));
        assert_eq!(of("a/part-1", "Parquet"), (Compression::None, true));
        assert_eq!(of("a/part-1", "GZIP"), (Compression::Gzip, false));
    }
}
