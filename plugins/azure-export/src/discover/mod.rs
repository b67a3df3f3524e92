//! Finding cost exports below a granted prefix.
//!
//! The prefix may be a container with many exports, one export's folder, one of its months, or a mirror of any of these.
//! Manifests speak first; files that no manifest speaks for are runs by their place and content. Every run holds its whole
//! month, so of each export and month one run counts: the newest. What is wrong with one export is a problem, and the
//! others go on.

mod delivered;
mod head;
mod ingress;
mod manifest_file;
mod month_runs;
mod place;
mod plain;
mod run;
mod span;
mod walk;

use crate::settings::Settings;
use costhost_sdk::calendar::overlaps;
use costhost_sdk::contract::{Failure, Findings, Problem, Request};
use costhost_sdk::delivery::tree::{Tree, told};
use costhost_sdk::failure::{Place, abort, retry, skip_report};
use costhost_sdk::log;
use costhost_sdk::storage::{Storage, StorageError};
use plain::Plain;

/// The plugin's word for files of cost and usage details.
const DATASET: &str = "costs";

/// Finds every export's months, the newest first.
///
/// # Errors
/// When the prefix itself cannot be listed or read.
pub fn discover(storage: &dyn Storage, request: &Request, settings: &Settings) -> Result<Findings, Failure> {
    let tree = Tree::new(storage);
    let found = match storage.single() {
        Some(path) => single(storage, &path, settings)?,
        None if !settings.files.is_empty() => ingress::runs(&tree, settings),
        None => prefix(&tree, request, settings)?,
    };
    let Plain { mut runs, mut problems, left } = found;
    runs.retain(|run| overlaps(run.period, request.window));
    problems.retain(|problem| problem.period.is_none_or(|period| overlaps(period, request.window)));
    for (path, what) in &left {
        log::info(&format!("{path} was left alone: it is {what}"));
    }
    if let (true, true, Some((path, what))) = (runs.is_empty(), problems.is_empty(), left.first()) {
        let message = format!("nothing here is for azure-export: {path} is {what}");
        problems.push(unknown(skip_report("discover.other-export", message).in_file(path)));
    }
    let (mut reports, unfit) = run::settled(runs, request.now);
    problems.extend(unfit);
    reports.sort_by(|a, b| b.period.start.cmp(&a.period.start).then_with(|| a.source.cmp(&b.source)));
    Ok(Findings { reports, problems })
}

fn single(storage: &dyn Storage, path: &str, settings: &Settings) -> Result<Plain, Failure> {
    let object = storage.stat(path).map_err(|error| unreadable(path, &error))?;
    if manifest_file::is_manifest(path) {
        let message =
            format!("{path} is a manifest; give the folder it lies in, so that the files it lists can be read");
        let problems = vec![unknown(skip_report("discover.manifest-alone", message).in_file(path))];
        return Ok(Plain { problems, ..Plain::default() });
    }
    let mut found = plain::runs(storage, vec![object], settings);
    found.runs.iter_mut().for_each(|run| run.source.clear());
    found.problems.iter_mut().for_each(|problem| problem.source.clear());
    Ok(found)
}

fn prefix(tree: &Tree<'_>, request: &Request, settings: &Settings) -> Result<Plain, Failure> {
    tree.level("").map_err(|error| unreadable("the granted prefix", &error))?;
    let found = walk::walk(tree, request.window);
    let nothing = found.manifests.is_empty() && found.data.is_empty() && found.failures.is_empty() && !found.pruned;
    let delivered = delivered::runs(tree, &found.manifests, settings);
    let data = found.data.into_iter().filter(|object| !delivered.speaks_for(&object.path)).collect();
    let mut all = plain::runs(tree.storage, data, settings);
    all.runs.extend(delivered.runs);
    all.left.extend(delivered.left);
    all.problems.extend(delivered.problems);
    all.problems.extend(found.failures.into_iter().map(unknown));
    if nothing {
        let message = "no cost export lies below the granted prefix: neither a manifest nor csv, csv.gz or parquet files; check \
                       the path";
        all.problems.push(unknown(skip_report("discover.nothing", message)));
    }
    Ok(all)
}

fn unknown(failure: Failure) -> Problem {
    Problem { source: String::new(), period: None, failure }
}

fn unreadable(what: &str, error: &StorageError) -> Failure {
    let message = format!("{what} cannot be read: {}", told(error));
    if matches!(error, StorageError::Unavailable(_)) {
        retry("discover.unreadable", message)
    } else {
        abort("discover.unreadable", message)
    }
}
