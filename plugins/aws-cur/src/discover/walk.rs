//! Looking through the grant: manifests, and data files that no manifest may speak of.

use super::manifest_file::is_manifest;
use costhost_sdk::calendar::{Month, is_time_part};
use costhost_sdk::contract::{Failure, Period};
use costhost_sdk::delivery::files::may_hold_rows;
use costhost_sdk::delivery::tree::{Tree, file_name, told};
use costhost_sdk::failure::{Place, skip_report};
use costhost_sdk::storage::Object;

/// Folders below folders that are followed; AWS makes at most about eight.
const DEPTH: usize = 16;
/// Folders that hold no reports, whatever lies in them: AWS's state of a delivery, and what tools leave beside data.
const NO_REPORTS: [&str; 5] = ["cost_and_usage_data_status", "_delta_log", "_spark_metadata", "_temporary", "__macosx"];

/// What lies below the grant.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) manifests: Vec<Object>,
    /// Files that may be reports, in folders without a manifest.
    pub(crate) data: Vec<Object>,
    pub(crate) failures: Vec<Failure>,
    /// Whether a folder was left out because it lies outside the window.
    pub(crate) pruned: bool,
    /// Folders that were not looked into, by their paths.
    pub(crate) passed_over: Vec<String>,
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
    let (manifests, others): (Vec<&Object>, Vec<&Object>) =
        level.objects.values().partition(|object| is_manifest(&object.path));
    let delivered = !manifests.is_empty();
    found.manifests.extend(manifests.into_iter().cloned());
    if !delivered {
        found.data.extend(others.into_iter().filter(|object| may_hold_rows(&object.path)).cloned());
    }
    for below in &level.folders {
        let name = file_name(below.trim_end_matches('/'));
        // A manifest speaks for the assemblies below it; superseded ones are not even listed. Data exports keep one
        // folder per execution, of which the newest counts, and reports with folders of their own may lie beside.
        let assembly = delivered && is_assembly(folder, name);
        if assembly {
            continue;
        }
        if depth >= DEPTH || holds_no_reports(name) {
            found.passed_over.push(below.clone());
        } else if of_window(below, window) {
            visit(tree, window, below, depth + 1, found);
        } else {
            found.pruned = true;
        }
    }
}

/// Whether a folder beside a manifest is an assembly of CUR v1: it lies in a period folder, or, where the grant is the
/// period folder itself, has the name of one.
fn is_assembly(folder: &str, name: &str) -> bool {
    let uuid = name.len() == 36 && name.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let period = file_name(folder.trim_end_matches('/'));
    !is_time_part(name) && (uuid || (Month::of_folder(period).is_some() && !period.contains('=')))
}

fn of_window(folder: &str, window: Option<Period>) -> bool {
    let name = file_name(folder.trim_end_matches('/'));
    let month = if name.to_ascii_lowercase().starts_with("month=") {
        Month::of_period_in_path(folder.trim_end_matches('/'))
    } else {
        Month::of_folder(name)
    };
    month.is_none_or(|month| month.is_in(window))
}

fn holds_no_reports(name: &str) -> bool {
    name.starts_with('.') || NO_REPORTS.iter().any(|known| name.eq_ignore_ascii_case(known))
}
