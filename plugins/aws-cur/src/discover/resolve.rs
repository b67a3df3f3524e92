//! From the keys a manifest lists to objects below the grant.
//!
//! Keys are written for the bucket that AWS delivered to. Here the grant may be any prefix of that bucket or of a
//! mirror of it, so the key's leading parts may be missing from our paths.

use super::manifest_file::Delivery;
use costhost_sdk::delivery::tree::{Tree, folder};
use costhost_sdk::storage::{Object, StorageError};
use std::collections::BTreeSet;

/// Paths below the grant where the file behind `key` may lie, the likeliest first.
///
/// A grant may hold mirrors of several buckets, and the same key may name another account's file elsewhere. So places
/// are tried from the manifest's folder upwards: the first that exists shares the longest way with the manifest.
pub(crate) fn candidates(key: &str, manifest: &str, assembly: &str) -> Vec<String> {
    let key = key.strip_prefix("s3://").and_then(|rest| rest.split_once('/')).map_or(key, |(_, path)| path);
    let parts: Vec<&str> = key.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let beside = folder(manifest);
    let name = parts.last().copied().unwrap_or_default();

    let mut paths = Vec::new();
    for above in ancestors(beside) {
        // A name alone says too little: in a folder above it may be any report's.
        paths.extend((0..parts.len().saturating_sub(1)).map(|from| format!("{above}{}", rest(&parts, from))));
        if above == beside {
            if !assembly.is_empty() {
                paths.push(format!("{beside}{assembly}/{name}"));
            }
            paths.push(format!("{beside}{name}"));
        }
        // The data of an export lie beside the folder of its metadata.
        if let Some(period) = beside.strip_prefix(above).and_then(|below| below.strip_prefix("metadata/")) {
            paths.push(format!("{above}data/{period}{name}"));
        }
    }
    let mut seen = BTreeSet::new();
    paths.retain(|path| seen.insert(path.clone()));
    paths
}

/// A folder (empty, or ending in `/`) and those above it, up to the grant itself, the deepest first.
fn ancestors(folder: &str) -> Vec<&str> {
    let mut above: Vec<&str> = folder.match_indices('/').filter_map(|(at, _)| folder.get(..=at)).collect();
    above.insert(0, "");
    above.reverse();
    above
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
    fn places_near_the_manifest_come_first() {
        let paths =
            candidates("/top/cur/20250901-20251001/a1/cur-1.csv.gz", "20250901-20251001/cur-Manifest.json", "a1");
        assert_eq!(
            paths,
            [
                "20250901-20251001/top/cur/20250901-20251001/a1/cur-1.csv.gz",
                "20250901-20251001/cur/20250901-20251001/a1/cur-1.csv.gz",
                "20250901-20251001/20250901-20251001/a1/cur-1.csv.gz",
                "20250901-20251001/a1/cur-1.csv.gz",
                "20250901-20251001/cur-1.csv.gz",
                "top/cur/20250901-20251001/a1/cur-1.csv.gz",
                "cur/20250901-20251001/a1/cur-1.csv.gz",
                "a1/cur-1.csv.gz",
            ]
        );
    }

    #[test]
    fn a_foreign_bucket_is_cut_off() {
        let paths = candidates("s3://other/x/data/1.csv", "metadata/x-Manifest.json", "");
        assert_eq!(
            paths,
            ["metadata/x/data/1.csv", "metadata/data/1.csv", "metadata/1.csv", "x/data/1.csv", "data/1.csv"]
        );
    }

    #[test]
    fn a_mirror_below_the_grant_goes_before_the_key_as_it_is() {
        let manifest = "mirror/cur/20180901-20181001/cur-Manifest.json";
        let paths = candidates("cur/cur/year=2018/month=9/1.parquet", manifest, "");
        let place = |path: &str| paths.iter().position(|other| other == path).unwrap();
        assert!(place("mirror/cur/cur/year=2018/month=9/1.parquet") < place("cur/cur/year=2018/month=9/1.parquet"));
        assert!(place("mirror/cur/20180901-20181001/1.parquet") < place("cur/year=2018/month=9/1.parquet"));
    }
}
