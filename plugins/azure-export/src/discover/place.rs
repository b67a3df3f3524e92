//! What a path says of an export: whose it is, and which run.
//!
//! `<folders of the export>/20250101-20250131/[202501140000/][run id/]part_0_0001.csv`, or without partitions
//! `<folders>/20250101-20250131/<export>_<run id>.csv`; or anything, where files were put by hand.

use super::span::month_folder;
use costhost_sdk::calendar::is_time_part;
use costhost_sdk::delivery::files::stem;
use costhost_sdk::delivery::source_name;
use costhost_sdk::delivery::tree::{file_name, folder};

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
    parts.push(if name.is_empty() { "export" } else { name });
    source_name::of_folders(&parts)
}

/// What the files of one run have in common.
///
/// A run's partitions lie in a folder of their own below the month, whatever their names are. Where there is none, or where
/// a file's name has a run's id, it is the path without form and partition's numbers.
pub(crate) fn run_key(path: &str) -> &str {
    let name = run_name(path);
    let below_month = month_folder(path).is_some_and(|(month, _)| folder(path).len() > month.len());
    if below_month && without_id(name).len() == name.len() { folder(path) } else { name }
}

/// A file's name without form, partition's numbers and run's id; empty when nothing else is in it.
pub(crate) fn export_name(path: &str) -> &str {
    without_id(file_name(run_name(path))).trim_end_matches(['_', '-', '.'])
}

/// Whether two files may be of one export by their names, in which dates and times say nothing; names of partitions alone
/// say nothing at all.
pub(crate) fn may_be_one_export(a: &str, b: &str) -> bool {
    let words = |path| without_times(export_name(path));
    let (a, b) = (words(a), words(b));
    let nameless = |words: &str| words.is_empty() || words == "part";
    nameless(&a) || nameless(&b) || a == b
}

/// The letters of a name and those numbers that are too short for a date.
fn without_times(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let is_time = |word: &str| word.len() >= 6 && word.bytes().all(|byte| byte.is_ascii_digit());
    words.filter(|word| !word.is_empty() && !is_time(word)).collect::<Vec<_>>().join("-")
}

/// The name without the run's id that it ends with.
fn without_id(name: &str) -> &str {
    match name.split_at_checked(name.len().saturating_sub(36)) {
        Some((before, id)) if is_uuid(id) => before,
        _ => name,
    }
}

/// The path without form and partition's numbers.
fn run_name(path: &str) -> &str {
    let stem = stem(path);
    let length = partition(&stem).map_or(stem.len(), |(name, _)| name.len());
    // Stems are in lower case, which for ASCII is of the same length.
    path.get(..length).unwrap_or(path)
}

/// The numbers of a partition: those of `part_1_0002.csv` are 1 and 2, those of `costs_0002.csv` are 0 and 2.
pub(crate) fn partition_numbers(path: &str) -> Option<(u64, u64)> {
    partition(&stem(path)).map(|(_, numbers)| numbers)
}

/// Digits after `part_<number>_`; after another name four that begin with a zero, as other numbers may be a year, a month
/// or anything.
fn partition(stem: &str) -> Option<(&str, (u64, u64))> {
    let digits = |text: &str| {
        let sound = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if sound { text.parse::<u64>().ok() } else { None }
    };
    let (name, written) = stem.rsplit_once('_')?;
    let last = digits(written)?;
    let part = name.rsplit_once('_').filter(|(before, _)| before.ends_with("part"));
    match part.and_then(|(before, number)| Some((before, digits(number)?))) {
        Some((before, number)) => Some((before, (number, last))),
        None => (written.len() == 4 && written.starts_with('0')).then_some((name, (0, last))),
    }
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
    fn exports_are_told_apart_by_the_words_in_names() {
        for other in
            ["costs-20251015.csv", &format!("costs_{ID}.csv.gz"), "part_0_0001.csv", "Credits_202510151200.csv"]
        {
            assert_eq!(may_be_one_export("costs-20251014.csv", other), !other.starts_with('C'), "{other}");
        }
        assert!(!may_be_one_export("sub1.csv", "sub2.csv") && !may_be_one_export("a/actual.csv", "a/amortized.csv"));
    }

    #[test]
    fn partitions_have_numbers() {
        assert_eq!(partition_numbers("a/part_0_0001.csv"), Some((0, 1)));
        assert_eq!(partition_numbers("a/part_1_0012.snappy.parquet"), Some((1, 12)));
        assert_eq!(partition_numbers("a/costs_0002.csv"), Some((0, 2)));
        for name in ["costs_2", "costs_2025", "costs_202510", "costs_20251031"] {
            assert_eq!(partition_numbers(&format!("a/{name}.csv")), None, "{name}");
        }
        assert_eq!(partition_numbers(&format!("costs_{ID}.csv")), None);
    }

    #[test]
    fn partitions_of_one_run_belong_together() {
        let month = "e/20251001-20251031";
        let same = |a: &str, b: &str| run_key(&format!("{month}/{a}")) == run_key(&format!("{month}/{b}"));
        assert!(same("part_0_0001.csv", "part_1_0001.csv") && same("part_0_0001.csv", "part_0_0002.csv"));
        assert!(same("id/a.csv", "id/b.csv") && !same("id/a.csv", "other/a.csv"));
        assert!(!same("a.csv", "b.csv"));
        let file = |id: &str| format!("x/e_{id}.csv");
        assert!(!same(&file(ID), &file("f275418c-da2f-466e-9fdf-e1685f53f26c")), "each is a run, wherever it lies");
        assert_eq!(run_key("part_0_0001.csv"), run_key("part_1_0001.csv"));
    }
}
