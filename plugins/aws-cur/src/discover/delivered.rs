//! Reports that a manifest tells of.

use super::DATASET;
use super::claims;
use super::manifest_file::{Delivery, parse};
use super::resolve::resolve;
use crate::normalize::{COLUMNS_LABEL, MANIFEST_LABEL};
use costhost_sdk::calendar::Month;
use costhost_sdk::contract::{Failure, Label, Period, Problem, Report};
use costhost_sdk::delivery::files::{self, input_file};
use costhost_sdk::delivery::revision::revision;
use costhost_sdk::delivery::source_name;
use costhost_sdk::delivery::tree::{Tree, folder, told};
use costhost_sdk::failure::{Place, retry, skip_report};
use costhost_sdk::storage::{Object, StorageError};
use std::collections::{BTreeMap, BTreeSet};

/// A report's name and its account, as their manifests spell them.
type Owner = (String, String);

/// What the manifests gave.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    pub(crate) reports: Vec<Report>,
    pub(crate) problems: Vec<Problem>,
    /// Folders whose files a manifest speaks for.
    spoken_for: BTreeSet<String>,
}

impl Delivered {
    /// Whether a manifest speaks for this file, so that it is not a report of its own: it is listed, superseded, or
    /// part of a delivery that failed.
    pub(crate) fn speaks_for(&self, path: &str) -> bool {
        // Below a data export's period every execution is spoken for.
        let all_below =
            |known: &String| known.to_ascii_uppercase().contains("BILLING_PERIOD=") && path.starts_with(known.as_str());
        self.spoken_for.contains(folder(path)) || self.spoken_for.iter().any(all_below)
    }
}

struct Manifest {
    object: Object,
    delivery: Delivery,
}

/// Reads the manifests and finds the files they list.
pub(crate) fn reports(tree: &Tree<'_>, manifests: &[Object], window: Option<Period>) -> Delivered {
    let mut delivered = Delivered::default();
    let mut read = Vec::new();
    for object in manifests {
        delivered.spoken_for.extend(data_folders(&object.path));
        match self::read(tree, object) {
            Ok(delivery) => read.push(Manifest { object: object.clone(), delivery }),
            Err(failure) => {
                let month = Month::of_path(&object.path);
                if month.is_none_or(|month| month.is_in(window)) {
                    let period = month.map(Month::period);
                    delivered.problems.push(Problem { source: String::new(), period, failure });
                }
            }
        }
    }
    let mut claims = Vec::new();
    for manifest in current(read) {
        let source = source_name::of_report(&manifest.delivery.report, &manifest.delivery.account);
        let month = manifest.delivery.month;
        if !month.is_in(window) {
            continue;
        }
        match report(tree, &manifest, &source, &mut delivered.spoken_for) {
            Ok(report) => claims.push((manifest.object.path, report)),
            Err(failure) => delivered.problems.push(Problem { source, period: Some(month.period()), failure }),
        }
    }
    let (reports, failed) = claims::settled(claims);
    delivered.reports = reports;
    let problem =
        |(report, failure): (Report, Failure)| Problem { source: report.source, period: Some(report.period), failure };
    delivered.problems.extend(failed.into_iter().map(problem));
    delivered
}

fn owner(delivery: &Delivery) -> Owner {
    (delivery.report.clone(), delivery.account.clone())
}

fn read(tree: &Tree<'_>, object: &Object) -> Result<Delivery, Failure> {
    let text = if object.size == 0 {
        String::new()
    } else {
        tree.storage.read_text(&object.path).map_err(|error| {
            let message = format!("the manifest {} cannot be read: {}", object.path, told(&error));
            by_cause(&error, "manifest.unreadable", message).in_file(&object.path)
        })?
    };
    parse(&object.path, &text)
        .map_err(|(code, why)| skip_report(code, format!("{}: {why}", object.path)).in_file(&object.path))
}

/// For each report and month the manifest that counts.
///
/// Of CUR v1 the one nearest the top: AWS overwrites it to name the current assembly. Among equals, and of data
/// exports always, the newest; and of two of one time the one whose path sorts last, as executions are named by time.
fn current(manifests: Vec<Manifest>) -> Vec<Manifest> {
    let mut current: BTreeMap<(Owner, Month), Manifest> = BTreeMap::new();
    let rank = |manifest: &Manifest| {
        let depth = if manifest.delivery.first_version { manifest.object.path.matches('/').count() } else { 0 };
        (std::cmp::Reverse(depth), manifest.object.modified, manifest.object.path.clone())
    };
    for manifest in manifests {
        let key = (owner(&manifest.delivery), manifest.delivery.month);
        match current.get(&key) {
            Some(other) if rank(other) >= rank(&manifest) => {}
            _ => drop(current.insert(key, manifest)),
        }
    }
    current.into_values().collect()
}

/// Makes a report of the files a manifest lists. Their folders are spoken for even when one of them is missing: what is
/// there of a delivery that failed must not be taken for a report.
fn report(
    tree: &Tree<'_>,
    manifest: &Manifest,
    source: &str,
    spoken_for: &mut BTreeSet<String>,
) -> Result<Report, Failure> {
    let Manifest { object, delivery } = manifest;
    let found: Vec<Result<Object, Failure>> = delivery.keys.iter().map(|key| file(tree, manifest, key)).collect();
    spoken_for.extend(found.iter().flatten().map(|file| folder(&file.path).to_owned()));
    let files = found.into_iter().map(|file| file.and_then(files::filled)).collect::<Result<Vec<Object>, Failure>>()?;
    if let Some(failure) = listed_twice(manifest, &files) {
        return Err(failure);
    }
    let newest = files.iter().map(|file| file.modified).fold(object.modified, i64::max);
    Ok(Report {
        source: source.to_owned(),
        revision: revision(&delivery.assembly, &files),
        delivered: newest,
        period: delivery.month.period(),
        closed: delivery.finalized,
        files: files.iter().map(|file| input_file(&file.path, &delivery.compression, DATASET)).collect(),
        labels: labels(manifest),
    })
}

fn file(tree: &Tree<'_>, manifest: &Manifest, key: &str) -> Result<Object, Failure> {
    let path = &manifest.object.path;
    let found = resolve(tree, key, path, &manifest.delivery).map_err(|error| {
        by_cause(&error, "discover.list", format!("looking for {key}: {}", told(&error))).in_file(path)
    })?;
    let Some(found) = found else {
        let message = format!(
            "the manifest {path} lists {key}, which does not exist below the granted prefix; wait for the delivery to \
             finish, copy the file there, or grant the prefix that holds it"
        );
        return Err(skip_report("manifest.missing-file", message).in_file(path));
    };
    Ok(found)
}

/// Rows that are read twice would be charged twice.
fn listed_twice(manifest: &Manifest, files: &[Object]) -> Option<Failure> {
    let mut keys = BTreeMap::new();
    let (path, first, second) = files
        .iter()
        .zip(&manifest.delivery.keys)
        .find_map(|(file, key)| keys.insert(&file.path, key).map(|first| (&file.path, first, key)))?;
    let message = format!(
        "the manifest {} lists {first} and {second}, and below the granted prefix both are {path}, which would be counted \
         twice; grant the prefix that holds each of them, or deliver the report again",
        manifest.object.path
    );
    Some(skip_report("manifest.same-file-twice", message).in_file(&manifest.object.path))
}

fn labels(manifest: &Manifest) -> Vec<Label> {
    let Manifest { object, delivery } = manifest;
    let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut labels = vec![
        label("report", &delivery.report),
        label("account", &delivery.account),
        label("assembly", &delivery.assembly),
        label(MANIFEST_LABEL, &object.path),
        label("finalized", if delivery.finalized { "true" } else { "false" }),
        label(COLUMNS_LABEL, &delivery.columns),
    ];
    labels.retain(|(_, value)| !value.is_empty());
    labels
}

/// Folders that a manifest speaks for by where it lies.
fn data_folders(manifest: &str) -> Vec<String> {
    let beside = folder(manifest).to_owned();
    let export = beside.split_once("metadata/").filter(|(root, _)| root.is_empty() || root.ends_with('/'));
    match export {
        Some((root, period)) => {
            let period = period.split('/').next().unwrap_or_default();
            vec![format!("{root}data/{period}/"), beside]
        }
        None => vec![beside],
    }
}

fn by_cause(error: &StorageError, code: &str, message: String) -> Failure {
    if matches!(error, StorageError::Unavailable(_)) { retry(code, message) } else { skip_report(code, message) }
}
