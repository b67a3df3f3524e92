//! From the keys a manifest lists to objects below the grant.
//!
//! Keys are written for the bucket that AWS delivered to. Here the grant may be any prefix of that bucket or of a
//! mirror of it, so the key's leading parts may be missing from our paths.

use super::manifest_file::{Delivery, file_name};
use super::tree::Tree;
use costhost_sdk::storage::{Object, StorageError};

/// Paths below the grant where the file behind `key` may lie, the likeliest first.
///
/// A grant may hold mirrors of several buckets, so places that follow from where the manifest lies go before the key
/// itself: the same key may name another account's file elsewhere.
pub(crate) fn candidates(key: &str, manifest: &str, assembly: &str) -> Vec<String> {
    let key = key.strip_prefix("s3://").and_then(|rest| rest.split_once('/')).map_or(key, |(_, path)| path);
    let parts: Vec<&str> = key.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let beside = manifest.get(..manifest.len() - file_name(manifest).len()).unwrap_or_default();
    let name = parts.last().copied().unwrap_or_default();

    let mut paths = Vec::new();
    let own = beside.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    if let Some(at) = parts.iter().rposition(|part| !own.is_empty() && *part == own) {
        paths.push(format!("{beside}{}", rest(&parts, at + 1)));
    }
    let export = beside.split_once("metadata/").filter(|(root, _)| root.is_empty() || root.ends_with('/'));
    if let Some((root, period)) = export {
        if let Some(at) = parts.iter().rposition(|part| *part == "data") {
            paths.push(format!("{root}{}", rest(&parts, at)));
        }
        paths.push(format!("{root}data/{period}{name}"));
    }
    paths.extend((0..parts.len().saturating_sub(1)).map(|from| rest(&parts, from)));
    if !assembly.is_empty() {
        paths.push(format!("{beside}{assembly}/{name}"));
    }
    paths.push(format!("{beside}{name}"));
    let mut unique: Vec<String> = Vec::new();
    for path in paths {
        if !unique.contains(&path) {
            unique.push(path);
        }
    }
    unique
}

fn rest(parts: &[&str], from: usize) -> String {
    parts.get(from..).unwrap_or_default().join("/")
}

/// The object behind a key, or `None` when there is none in any likely place.
pub(crate) fn resolve(
    tree: &Tree<'_>,
    key: &str,
    manifest: &str,
    delivery: &Delivery,
) -> Result<Option<Object>, StorageError> {
    for path in candidates(key, manifest, &delivery.assembly) {
        if let Some(object) = tree.find(&path)? {
            return Ok(Some(object));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_parts_of_a_key_may_be_missing_below_the_grant() {
        let paths =
            candidates("/top/cur/20250901-20251001/a1/cur-1.csv.gz", "20250901-20251001/cur-Manifest.json", "a1");
        assert_eq!(
            paths,
            [
                "20250901-20251001/a1/cur-1.csv.gz",
                "top/cur/20250901-20251001/a1/cur-1.csv.gz",
                "cur/20250901-20251001/a1/cur-1.csv.gz",
                "a1/cur-1.csv.gz",
                "20250901-20251001/cur-1.csv.gz",
            ]
        );
    }

    #[test]
    fn a_foreign_bucket_is_cut_off() {
        let paths = candidates("s3://other/x/data/1.csv", "metadata/x-Manifest.json", "");
        assert_eq!(paths, ["data/1.csv", "x/data/1.csv", "metadata/1.csv"]);
    }

    #[test]
    fn a_mirror_below_the_grant_keeps_its_own_files() {
        let paths = candidates("cur/20250901-20251001/cur-1.csv", "mirror/cur/20250901-20251001/cur-Manifest.json", "");
        assert_eq!(paths.first().unwrap(), "mirror/cur/20250901-20251001/cur-1.csv");
    }
}
