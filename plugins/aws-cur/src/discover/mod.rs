//! Finding Cost and Usage Reports below a granted prefix.
//!
//! The prefix may be a report's own folder, one of its periods, a whole bucket with many reports and accounts, or a
//! mirror of any of these. Manifests speak first; files that no manifest speaks for are reports by their place and
//! content. What is wrong with one report is a problem, and the others go on.

mod claims;
mod delivered;
mod manifest_file;
mod plain;
mod resolve;
#[cfg(test)]
mod tests;
mod walk;

use costhost_sdk::contract::{Failure, Findings, InputFile, Period, Problem, Report, Request};
use costhost_sdk::delivery::tree::{Tree, told};
use costhost_sdk::failure::{Place, abort, retry, skip_report};
use costhost_sdk::log;
use costhost_sdk::storage::{Storage, StorageError};

/// The plugin's word for files of Cost and Usage Reports.
const DATASET: &str = "cur";

/// Finds every report, newest period first.
///
/// # Errors
/// When the prefix itself cannot be listed or read.
pub fn discover(storage: &dyn Storage, request: &Request) -> Result<Findings, Failure> {
    let mut findings = match storage.single() {
        Some(path) => single(storage, &path, request.window)?,
        None => prefix(storage, request.window)?,
    };
    findings.reports.sort_by(|a, b| b.period.start.cmp(&a.period.start).then_with(|| a.source.cmp(&b.source)));
    Ok(findings)
}

fn single(storage: &dyn Storage, path: &str, window: Option<Period>) -> Result<Findings, Failure> {
    let object = storage.stat(path).map_err(|error| unreadable(path, &error))?;
    if manifest_file::is_manifest(path) {
        let message =
            format!("{path} is a manifest; give the folder it lies in, so that the files it lists can be read");
        let failure = skip_report("discover.manifest-alone", message).in_file(path);
        let problem = Problem { source: String::new(), period: None, failure };
        return Ok(Findings { reports: Vec::new(), problems: vec![problem] });
    }
    let (mut reports, mut problems) = plain::reports(storage, vec![object], window);
    reports.iter_mut().for_each(|report| report.source.clear());
    problems.iter_mut().for_each(|problem| problem.source.clear());
    Ok(Findings { reports, problems })
}

fn prefix(storage: &dyn Storage, window: Option<Period>) -> Result<Findings, Failure> {
    let tree = Tree::new(storage);
    tree.level("").map_err(|error| unreadable("the granted prefix", &error))?;
    let found = walk::walk(&tree, window);
    let nothing = found.manifests.is_empty() && found.data.is_empty() && found.failures.is_empty() && !found.pruned;

    let delivered = delivered::reports(&tree, &found.manifests, window);
    let data = found.data.into_iter().filter(|object| !delivered.speaks_for(&object.path)).collect();
    let (plain, plain_problems) = plain::reports(storage, data, window);

    let mut findings = Findings { reports: delivered.reports, problems: delivered.problems };
    for report in plain {
        // A source told by a manifest has its account in its name; a place has none.
        let place = |file: &InputFile| plain::source(&file.path) == report.source;
        let same = |other: &&Report| {
            other.period == report.period && (other.source == report.source || other.files.iter().any(place))
        };
        match findings.reports.iter().find(same) {
            Some(other) => findings.problems.push(twice(&report, other)),
            None => findings.reports.push(report),
        }
    }
    findings.problems.extend(plain_problems);
    let problem = |failure| Problem { source: String::new(), period: None, failure };
    findings.problems.extend(found.failures.into_iter().map(problem));
    if nothing {
        findings.problems.push(problem(nothing_found(&found.passed_over)));
    } else if !found.passed_over.is_empty() {
        log::info(&format!("folders that were not looked into: {}", some(&found.passed_over)));
    }
    Ok(findings)
}

fn nothing_found(passed_over: &[String]) -> Failure {
    let mut message =
        "no Cost and Usage Report lies below the granted prefix: neither a manifest nor csv, csv.gz, zip \
                       or parquet files; check the path"
            .to_owned();
    if !passed_over.is_empty() {
        let folders = some(passed_over);
        message.push_str(&format!(" (not looked into: {folders}; grant such a folder itself if it holds reports)"));
    }
    skip_report("discover.nothing", message)
}

/// The first few of these paths, and how many more there are.
fn some(paths: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = paths.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match paths.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Files without a manifest that would replace a report with one.
fn twice(report: &Report, other: &Report) -> Problem {
    let path = |report: &Report| report.files.first().map(|file| file.path.clone()).unwrap_or_default();
    let message = format!(
        "{} has no manifest, and its place says that it is of the same report and month as {}; grant one of them, or put \
         it into a folder of its own",
        path(report),
        path(other)
    );
    let failure = skip_report("report.twice", message).in_file(&path(report));
    Problem { source: report.source.clone(), period: Some(report.period), failure }
}

fn unreadable(what: &str, error: &StorageError) -> Failure {
    let message = format!("{what} cannot be read: {}", told(error));
    if matches!(error, StorageError::Unavailable(_)) {
        retry("discover.unreadable", message)
    } else {
        abort("discover.unreadable", message)
    }
}
