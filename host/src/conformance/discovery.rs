//! Finding reports in a case's input: the same whatever the pages of a listing.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::case::Case;
use super::error::ConformanceError;
use super::grant::FixtureGrant;
use super::report::Report;
use crate::ingest::time_text;
use crate::plugin::{Cancel, DiscoverRequest, Failure, Findings, FoundReport, Limits, Plugin, PluginError, Problem};
use crate::source::bucket::Bucket;
use crate::source::store::{self, Location, StoreOptions};

/// Objects in a page of a store.
const PAGE: usize = 1_000;

/// The case's input as a location.
pub(super) fn location(case: &Case, handle: &Handle) -> Result<Location, ConformanceError> {
    let location = store::open(&case.input.display().to_string(), &StoreOptions::default())?;
    Ok(handle.block_on(location.resolve())?)
}

/// What the plugin finds, if it finds the same in pages of any size.
pub(super) fn check(
    plugin: &Plugin,
    case: &Case,
    location: &Location,
    handle: &Handle,
    limits: &Limits,
    report: &mut Report,
) -> Option<Findings> {
    let find = |page: usize| -> Result<Findings, PluginError> {
        let bucket = Bucket::new(location.clone(), limits.discovery, handle.clone());
        let request =
            DiscoverRequest { settings: case.said.settings(), window: case.said.window(), now: case.said.now };
        plugin.discover(Arc::new(FixtureGrant::new(Arc::new(bucket), page)), request, limits, &Cancel::default())
    };
    let found = match find(PAGE) {
        Ok(found) => found,
        Err(error) => {
            report.add(&case.name, "reports are found", Err(vec![error.to_string()]));
            return None;
        }
    };
    report.add(&case.name, "reports are found", counted(&found));
    let name = "the same is found in pages of one name";
    match find(1) {
        Ok(paged) if paged == found => report.add(&case.name, name, Ok(String::new())),
        Ok(_) => {
            let reason =
                "other reports are found when a listing comes in pages: follow `page.next` until there is none";
            report.add(&case.name, name, Err(vec![reason.to_owned()]));
        }
        Err(error) => report.add(&case.name, name, Err(vec![error.to_string()])),
    }
    Some(found)
}

fn counted(found: &Findings) -> Result<String, Vec<String>> {
    if found.reports.is_empty() && found.problems.is_empty() {
        let reason = "nothing at all: does `discover` know the files of input/, and is the window in case.json right?";
        return Err(vec![reason.to_owned()]);
    }
    let files: usize = found.reports.iter().map(|report| report.files.len()).sum();
    let problems = match found.problems.len() {
        0 => String::new(),
        problems => format!(", {problems} problems"),
    };
    Ok(format!("{} reports, {files} files{problems}", found.reports.len()))
}

/// Findings as they are kept for comparison.
pub(super) fn to_json(found: &Findings) -> Value {
    json!({
        "reports": found.reports.iter().map(report_json).collect::<Vec<_>>(),
        "problems": found.problems.iter().map(problem_json).collect::<Vec<_>>(),
    })
}

fn report_json(report: &FoundReport) -> Value {
    json!({
        "source": report.source,
        "period": [time_text(report.period.start), time_text(report.period.end)],
        "revision": report.revision,
        "delivered": time_text(report.delivered),
        "closed": report.closed,
        "files": report.files,
        "labels": report.labels,
    })
}

fn problem_json(problem: &Problem) -> Value {
    let period = problem.period.map(|period| [time_text(period.start), time_text(period.end)]);
    json!({ "source": problem.source, "period": period, "failure": failure_json(&problem.failure) })
}

/// A failure without its wording, which may be improved without anything having changed.
pub(super) fn failure_json(failure: &Failure) -> Value {
    json!({ "code": failure.code, "remedy": failure.remedy, "path": failure.path })
}
