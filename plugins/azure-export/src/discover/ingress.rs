//! Files that the operator lists: they and no others, those of each month being its one delivery.

use super::plain::{self, Known, Plain};
use super::run::Run;
use crate::metric::Metric;
use crate::settings::Settings;
use costhost_sdk::contract::{Failure, Period, Problem};
use costhost_sdk::delivery::tree::{Tree, told};
use costhost_sdk::failure::{Place, skip_report};
use costhost_sdk::storage::Object;
use std::collections::{BTreeMap, BTreeSet};

/// Makes runs of the files that are listed. A month that lacks one of them is not loaded at all.
pub(crate) fn runs(tree: &Tree<'_>, settings: &Settings) -> Plain {
    let mut plain = Plain::default();
    let mut months: BTreeMap<(i64, i64), (Vec<Object>, bool)> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for listed in &settings.files {
        let known = find(tree, listed).and_then(|object| Ok((plain::period(tree.storage, &object)?, object)));
        match known {
            Ok((Known::Costs(period, by_rows), object)) => {
                if seen.insert(object.path.clone()) {
                    let (files, told_by_rows) = months.entry((period.start, period.end)).or_default();
                    files.push(object);
                    *told_by_rows |= by_rows;
                }
            }
            Ok((Known::Focus, object)) => {
                plain.left.push((object.path, "a FOCUS export, for the focus plugin".to_owned()));
            }
            Err(failure) => plain.problems.push(Problem { source: String::new(), period: None, failure }),
        }
    }
    if !plain.problems.is_empty() {
        // Nothing says of which month the file is that was not found, so none is known to be whole.
        return plain;
    }
    for ((start, end), (files, told_by_rows)) in months {
        let period = Period { start, end };
        let both = both_metrics(&files, settings);
        let mut run = plain::run(String::new(), period, None, files, settings);
        run.labels.extend(plain::period_label(told_by_rows));
        let run = match both {
            Some(failure) => Run { files: Err(failure), ..run },
            None => run,
        };
        plain.runs.push(Run { replaceable: false, ..run });
    }
    plain
}

/// The object of a path that may begin with the container or with folders above the grant.
fn find(tree: &Tree<'_>, listed: &str) -> Result<Object, Failure> {
    let listed = listed.trim().trim_start_matches('/');
    let mut path = listed;
    loop {
        match tree.find(path) {
            Ok(Some(object)) => return Ok(object),
            Ok(None) => {}
            Err(error) => {
                let message = format!("looking for {listed}: {}", told(&error));
                return Err(skip_report("discover.list", message).in_file(listed));
            }
        }
        match path.split_once('/') {
            Some((_, rest)) => path = rest,
            None => break,
        }
    }
    let message = format!(
        "the setting `files` lists {listed}, which does not exist below the granted prefix; nothing is loaded before it does, or \
         is taken from the list"
    );
    Err(skip_report("ingress.missing-file", message).in_file(listed))
}

/// Actual and amortized costs hold the same charges.
fn both_metrics(files: &[Object], settings: &Settings) -> Option<Failure> {
    let metric = |file: &Object| Metric::of_path(&file.path).or(settings.metric).unwrap_or_default();
    let first = files.first().map(metric)?;
    let other = files.iter().find(|file| metric(file) != first)?;
    let message = format!(
        "`files` lists actual and amortized costs of one month, such as {}, which would be counted twice; make a source of each",
        other.path
    );
    Some(skip_report("ingress.both-metrics", message).in_file(&other.path))
}
