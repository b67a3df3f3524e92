//! Runs without a manifest below folders that name a month.
//!
//! Runs of one month are taken for one export's, of which the newest counts. That holds only if they are of one export, so
//! files with names of different ones beside each other are a problem, never passed over.

use super::head::{Told, look};
use super::place::{may_be_one_export, run_key, source};
use super::plain::{Plain, run};
use super::run::Run;
use super::span::month_folder;
use crate::settings::Settings;
use costhost_sdk::contract::{Failure, Problem};
use costhost_sdk::delivery::tree::folder;
use costhost_sdk::failure::{Place, skip_report};
use costhost_sdk::storage::{Object, Storage};
use std::collections::BTreeMap;

/// Files are looked into up to this size where reading a part of one gives nothing.
const SMALL: u64 = 1 << 20;

/// Makes runs of files, those of each run together.
pub(super) fn runs(storage: &dyn Storage, groups: impl Iterator<Item = Vec<Object>>, settings: &Settings) -> Plain {
    let mut plain = Plain::default();
    let mut sources: BTreeMap<String, Vec<Vec<Object>>> = BTreeMap::new();
    for files in groups {
        if let Some(first) = files.first() {
            sources.entry(source(&first.path)).or_default().push(files);
        }
    }
    for (source, groups) in sources {
        if let Some(path) = focus(storage, &groups) {
            plain.left.push((path, "a FOCUS export, for the focus plugin".to_owned()));
            continue;
        }
        let mut months: BTreeMap<(i64, i64), Vec<Run>> = BTreeMap::new();
        for files in groups {
            let Some((path, span)) =
                files.first().and_then(|file| Some((file.path.clone(), month_folder(&file.path)?.1)))
            else {
                continue;
            };
            match span.period() {
                Some(period) => {
                    let run = run(source.clone(), period, Some(span), files, settings);
                    months.entry((period.start, period.end)).or_default().push(run);
                }
                None => {
                    let failure = no_billing_period(&path);
                    plain.problems.push(Problem { source: source.clone(), period: None, failure });
                }
            }
        }
        for runs in months.into_values() {
            match (several_exports(&runs), runs.first()) {
                (Some(failure), Some(Run { period, .. })) => {
                    plain.problems.push(Problem { source: source.clone(), period: Some(*period), failure });
                }
                _ => plain.runs.extend(runs),
            }
        }
    }
    plain
}

/// The newest file of a source, where it is a FOCUS export: then all of the source's are.
fn focus(storage: &dyn Storage, groups: &[Vec<Object>]) -> Option<String> {
    let newest = groups.iter().flatten().max_by(|a, b| (a.modified, &a.path).cmp(&(b.modified, &b.path)))?;
    // What cannot be looked into is told apart when it is read.
    let looked = newest.path.to_ascii_lowercase().ends_with(".csv") || newest.size <= SMALL;
    (looked && matches!(look(storage, newest), Ok(Told::Focus))).then(|| newest.path.clone())
}

/// The failure of runs that are of different exports by their names. Files in a folder of their own below the month are
/// told apart by it, whatever they are called.
fn several_exports(runs: &[Run]) -> Option<Failure> {
    let mut named = runs.iter().map(|run| run.path.as_str()).filter(|path| run_key(path) != folder(path));
    let first = named.next()?;
    let other = named.find(|path| !may_be_one_export(first, path))?;
    let message = format!(
        "{first} and {other} are of one month, and named like two exports: whether one takes the other's place cannot be told; \
         put each export into a folder of its own, with the folder of the month in it"
    );
    Some(skip_report("report.several-exports", message).in_file(other))
}

fn no_billing_period(path: &str) -> Failure {
    let message = format!(
        "the folder of {path} names days that are no billing period: neither a month from its first day on, nor from some day to \
         the day before it in the next month; export month by month"
    );
    skip_report("report.no-period", message).in_file(path)
}
