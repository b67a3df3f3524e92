//! From the keys a manifest lists to objects below the grant.
//!
//! Keys are written for the bucket that was delivered to. Here the grant may be any prefix of that bucket or of a mirror of
//! it, so the key's leading parts may be missing from our paths.

use super::tree::{Tree, folder};
use crate::storage::{Object, StorageError};
use std::collections::BTreeSet;

/// Paths below the grant where the file behind `key` may lie, the likeliest first.
///
/// A grant may hold mirrors of several buckets, and the same key may name another account's file elsewhere. So places
/// are tried from the manifest's folder upwards: the first that exists shares the longest way with the manifest. `also`
/// gives further places for a folder on that way, and the file's name, which alone says too little of whose file it is.
#[must_use]
pub fn candidates(key: &str, manifest: &str, also: &dyn Fn(&str, &str) -> Vec<String>) -> Vec<String> {
    let parts: Vec<&str> = key.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let name = parts.last().copied().unwrap_or_default();
    let mut paths = Vec::new();
    for above in ancestors(folder(manifest)) {
        paths.extend((0..parts.len().saturating_sub(1)).map(|from| format!("{above}{}", rest(&parts, from))));
        paths.extend(also(above, name));
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

/// The first of these paths at which there is an object, or `None`.
///
/// # Errors
/// When a folder on the way cannot be listed.
pub fn first(tree: &Tree<'_>, paths: &[String]) -> Result<Option<Object>, StorageError> {
    for path in paths {
        if let Some(object) = tree.find(path)? {
            return Ok(Some(object));
        }
    }
    Ok(None)
}
