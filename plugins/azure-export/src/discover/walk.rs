//! Looking through the grant: manifests, and files that no manifest may speak of.

use super::manifest_file::is_manifest;
use super::span::Span;
use costhost_sdk::calendar::overlaps;
use costhost_sdk::contract::{Failure, Period};
use costhost_sdk::delivery::files::may_hold_rows;
use costhost_sdk::delivery::tree::{Tree, file_name, told};
use costhost_sdk::failure::{Place, skip_report};
use costhost_sdk::storage::Object;

/// Folders below folders that are followed; Azure makes at most about six.
const DEPTH: usize = 16;

/// What lies below the grant.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) manifests: Vec<Object>,
    /// Files that may be exports.
    pub(crate) data: Vec<Object>,
    pub(crate) failures: Vec<Failure>,
    /// Whether a folder was left out because it lies outside the window.
    pub(crate) pruned: bool,
}

/// Looks through the grant, folder by folder.
pub(crate) fn walk(tree: &Tree<'_>, window: Option<Period>) -> Found {
    let mut found = Found::default();
    visit(tree, window, "", 0, &mut found);
    found
}

fn visit(tree: &Tree<'_>, window: Option<Period>, folder: &str, depth: usize, found: &mut Found) {
    let level = match tree.level(folder) {
        Ok(level) => level,
        Err(error) => {
            let place = if folder.is_empty() { "the granted prefix" } else { folder };
            let message = format!("{place} cannot be listed: {}", told(&error));
            found.failures.push(skip_report("discover.list", message).in_file(folder));
            return;
        }
    };
    for object in level.objects.values() {
        if is_manifest(&object.path) {
            found.manifests.push(object.clone());
        } else if may_hold_rows(&object.path) {
            found.data.push(object.clone());
        }
    }
    for below in &level.folders {
        let name = file_name(below.trim_end_matches('/'));
        let period = Span::of_folder(name).and_then(Span::period);
        if period.is_some_and(|period| !overlaps(period, window)) {
            found.pruned = true;
        } else if depth < DEPTH && !name.starts_with(['.', '_']) {
            visit(tree, window, below, depth + 1, found);
        }
    }
}
