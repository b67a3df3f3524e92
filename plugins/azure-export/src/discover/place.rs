//! What a path says of an export: whose it is, and which run.
//!
//! `<folders of the export>/20250101-20250131/[202501140000/][run id/]part_0_0001.csv`, or without partitions
//! `<folders>/20250101-20250131/<export>_<run id>.csv`; or anything, where files were put by hand.

use super::span::month_folder;
use costhost_sdk::calendar::is_time_part;
use costhost_sdk::delivery::files::stem;
use costhost_sdk::delivery::source_name;
use costhost_sdk::delivery::tree::file_name;

/// The name of the source that a file or manifest below a month is of: the folders above the month. The same with a
/// manifest and without one, so that rows do not stand under two names when Azure begins to write manifests.
pub(crate) fn source(path: &str) -> String {
    let above = month_folder(path).map_or(path, |(folder, _)| folder);
    let mut parts: Vec<&str> = above.trim_end_matches('/').split('/').collect();
    // The month folder, or the file itself.
    parts.pop();
    source_name::of_folders(&parts)
}

/// The name of the source that a file without a month's folder is of: its folders down to one that names a time, and what its
/// name has beside a run's id and a partition's number. Files beside each other may be of different exports.
pub(crate) fn loose_source(path: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    if let Some(at) = parts.iter().position(|part| is_time_part(part)) {
        parts.truncate(at);
    }
    let name = export_name(path);
    parts.push(&name);
    source_name::of_folders(&parts)
}

/// A file's name without form, partition's number and run's id.
fn export_name(path: &str) -> String {
    let run = run_name(path);
    let run = file_name(run);
    let (name, id) = run.split_at(run.len().saturating_sub(36));
    let name = if is_uuid(id) { name } else { run };
    let name = name.trim_end_matches(['_', '-', '.']);
    if name.is_empty() { "export".to_owned() } else { name.to_owned() }
}

/// What the partitions of one run have in common: the path without form and number.
pub(crate) fn run_name(path: &str) -> &str {
    let stem = stem(path);
    let length = partition(&stem).map_or(stem.len(), |(name, _)| name.len());
    // Stems are in lower case, which for ASCII is of the same length.
    path.get(..length).unwrap_or(path)
}

/// The number of a partition: that of `part_0_0001.csv` is 1.
pub(crate) fn partition_number(path: &str) -> Option<u64> {
    partition(&stem(path)).map(|(_, number)| number)
}

/// Four digits or more after `_`: fewer may be anything.
fn partition(stem: &str) -> Option<(&str, u64)> {
    let (name, number) = stem.rsplit_once('_')?;
    let sound = (4..=9).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    if sound { Some((name, number.parse().ok()?)) } else { None }
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let hex =
        |(part, length): (&&str, usize)| part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    parts.len() == 5 && parts.iter().zip([8, 4, 4, 4, 12]).all(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "939d61dc-6eb1-48e2-839a-a6b004e77af5";

    #[test]
    fn a_source_is_what_lies_above_the_month() {
        assert_eq!(source("export/20251001-20251031/x.csv"), "export");
        assert_eq!(source("20251001-20251031/202510140000/id/manifest.json"), "");
        assert_eq!(source("manifest.json"), "");
        assert_eq!(source("c/export/20251001-20251031/x.csv"), source("c/export/20251101-20251130/id/manifest.json"));
    }

    #[test]
    fn files_by_hand_are_told_apart_by_their_names() {
        assert_eq!(loose_source("Actual.csv"), "Actual");
        assert_eq!(loose_source(&format!("costs_{ID}.csv.gz")), "costs");
        assert_eq!(loose_source(&format!("{ID}.csv")), "export");
        assert_eq!(loose_source("2025-10/part_0_0001.csv"), loose_source("2025-11/part_0_0002.snappy.parquet"));
        assert_ne!(loose_source("a/x.csv"), loose_source("b/x.csv"));
    }

    #[test]
    fn partitions_have_numbers() {
        assert_eq!(partition_number("a/part_0_0001.csv"), Some(1));
        assert_eq!(partition_number("a/part_1_0012.snappy.parquet"), Some(12));
        assert_eq!(partition_number("a/costs_2.csv"), None);
        assert_eq!(partition_number(&format!("costs_{ID}.csv")), None);
        assert_eq!(run_name("a/part_0_0001.csv"), run_name("a/part_0_0002.csv"));
    }
}
