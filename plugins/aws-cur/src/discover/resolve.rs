//! Where the files that AWS's manifests list may lie.

use super::manifest_file::Delivery;
use costhost_sdk::delivery::resolve;
use costhost_sdk::delivery::tree::{Tree, folder};
use costhost_sdk::storage::{Object, StorageError};

/// Paths below the grant where the file behind `key` may lie, the likeliest first.
pub(crate) fn candidates(key: &str, manifest: &str, assembly: &str) -> Vec<String> {
    let key = key.strip_prefix("s3://").and_then(|rest| rest.split_once('/')).map_or(key, |(_, path)| path);
    let beside = folder(manifest);
    resolve::candidates(key, manifest, &|above, name| {
        let mut paths = Vec::new();
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
        paths
    })
}

/// The object behind a key, or `None` when there is none in any likely place.
pub(crate) fn resolve(
    tree: &Tree<'_>,
    key: &str,
    manifest: &str,
    delivery: &Delivery,
) -> Result<Option<Object>, StorageError> {
    resolve::first(tree, &candidates(key, manifest, &delivery.assembly))
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
