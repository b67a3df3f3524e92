//! Runs that a manifest tells of.

use super::manifest_file::{Blob, Kind, Manifest, parse};
use super::run::{Run, until};
use super::span::{Span, month_folder};
use super::{DATASET, place};
use crate::metric::Metric;
use crate::normalize::MANIFEST_LABEL;
use crate::settings::Settings;
use costhost_sdk::contract::{Failure, InputFile, Label, Period, Problem};
use costhost_sdk::delivery::files::{filled, input_file};
use costhost_sdk::delivery::resolve;
use costhost_sdk::delivery::tree::{Tree, folder, told};
use costhost_sdk::failure::{Place, retry, skip_report};
use costhost_sdk::storage::{Object, StorageError};
use std::collections::BTreeSet;

/// What the manifests gave.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    pub(crate) runs: Vec<Run>,
    pub(crate) problems: Vec<Problem>,
    /// Folders whose files a manifest speaks for.
    spoken_for: BTreeSet<String>,
    /// Exports that are not for this plugin: where they lie, and what they are.
    pub(crate) left: Vec<(String, String)>,
}

impl Delivered {
    /// Whether a manifest speaks for this file: it is listed, superseded, not yet delivered whole, or part of a delivery that
    /// failed.
    pub(crate) fn speaks_for(&self, path: &str) -> bool {
        self.spoken_for.iter().any(|folder| path.starts_with(folder.as_str()))
    }
}

/// Reads the manifests and finds the files they list.
pub(crate) fn runs(tree: &Tree<'_>, manifests: &[Object], settings: &Settings) -> Delivered {
    let mut delivered = Delivered::default();
    for object in manifests {
        let month = month_folder(&object.path);
        // Runs lie below their month, each in a folder of its own; where there is no such folder, beside the manifest.
        delivered.spoken_for.insert(month.map_or_else(|| folder(&object.path), |(folder, _)| folder).to_owned());
        let period = month.and_then(|(_, span)| span.period());
        match read(tree, object) {
            Ok(Manifest { kind: Kind::Focus, .. }) => {
                delivered.left.push((object.path.clone(), "a FOCUS export, for the focus plugin".to_owned()));
            }
            Ok(Manifest { kind: Kind::Other(kind), .. }) => {
                delivered.left.push((object.path.clone(), format!("an export of the type {kind}, without costs")));
            }
            Ok(manifest) => match run(tree, object, &manifest, settings) {
                Ok(run) => delivered.runs.push(run),
                Err(failure) => delivered.problems.push(problem(object, period, failure)),
            },
            Err(failure) => delivered.problems.push(problem(object, period, failure)),
        }
    }
    delivered
}

fn problem(object: &Object, period: Option<Period>, failure: Failure) -> Problem {
    Problem { source: place::source(&object.path), period, failure: failure.in_file(&object.path) }
}

fn read(tree: &Tree<'_>, object: &Object) -> Result<Manifest, Failure> {
    let text = if object.size == 0 {
        String::new()
    } else {
        tree.storage.read_text(&object.path).map_err(|error| {
            let message = format!("the manifest {} cannot be read: {}", object.path, told(&error));
            by_cause(&error, "manifest.unreadable", message)
        })?
    };
    parse(&text).map_err(|(code, why)| skip_report(code, format!("{}: {why}", object.path)))
}

fn run(tree: &Tree<'_>, object: &Object, manifest: &Manifest, settings: &Settings) -> Result<Run, Failure> {
    let span = manifest.span.or_else(|| month_folder(&object.path).map(|(_, span)| span));
    let Some(period) = span.and_then(Span::period) else { return Err(no_period(object, span)) };
    let said = match manifest.kind {
        Kind::Costs(metric) => metric,
        Kind::Focus | Kind::Other(_) => None,
    };
    let files = manifest.blobs.iter().map(|blob| file(tree, object, manifest, blob));
    Ok(Run {
        source: place::source(&object.path),
        period,
        until: until(span, period),
        metric: said.or_else(|| Metric::of_path(&object.path)).or(settings.metric).unwrap_or_default(),
        id: manifest.run.clone(),
        delivered: manifest.submitted.unwrap_or(object.modified),
        path: object.path.clone(),
        files: files.collect::<Result<Vec<_>, _>>().and_then(|files| distinct(object, files)),
        replaceable: false,
        labels: labels(object, manifest, said.is_some()),
    })
}

fn no_period(object: &Object, span: Option<Span>) -> Failure {
    let path = &object.path;
    let message = match span {
        Some(_) => format!(
            "{path} is of days that are no billing period: neither a month from its first day on, nor from some day to the day \
             before it in the next month; export month by month"
        ),
        None => format!(
            "neither the manifest {path} nor its folders say the month; put it below a folder such as 20250101-20250131"
        ),
    };
    skip_report("report.no-period", message)
}

fn file(tree: &Tree<'_>, object: &Object, manifest: &Manifest, blob: &Blob) -> Result<(Object, InputFile), Failure> {
    let beside = folder(&object.path);
    let also = |above: &str, name: &str| if above == beside { vec![format!("{beside}{name}")] } else { Vec::new() };
    let found = resolve::first(tree, &resolve::candidates(&blob.name, &object.path, &also)).map_err(|error| {
        by_cause(&error, "discover.list", format!("looking for {}: {}", blob.name, told(&error))).in_file(&object.path)
    })?;
    let Some(found) = found else {
        let message = format!(
            "the manifest {} lists {}, which does not exist below the granted prefix; wait for the delivery to finish, copy the \
             file there, or grant the prefix that holds it",
            object.path, blob.name
        );
        return Err(skip_report("manifest.missing-file", message).in_file(&object.path));
    };
    let found = filled(found)?;
    let mut input = input_file(&found.path, &manifest.form, DATASET);
    (input.rows, input.bytes) = (blob.rows, blob.bytes);
    Ok((found, input))
}

/// Rows that are read twice would be charged twice.
fn distinct(object: &Object, files: Vec<(Object, InputFile)>) -> Result<Vec<(Object, InputFile)>, Failure> {
    let mut seen = BTreeSet::new();
    match files.iter().find(|(file, _)| !seen.insert(&file.path)) {
        None => Ok(files),
        Some((file, _)) => {
            let message = format!(
                "two of the blobs that the manifest {} lists are {} below the granted prefix, which would be counted twice; \
                 grant the prefix that holds each of them, or run the export again",
                object.path, file.path
            );
            Err(skip_report("manifest.same-file-twice", message).in_file(&object.path))
        }
    }
}

/// The manifest's word on the metric and the period stands; what it does not say is not vouched for.
fn labels(object: &Object, manifest: &Manifest, metric_said: bool) -> Vec<Label> {
    let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let vouched = metric_said && manifest.span.is_some();
    vec![
        label("export", &manifest.export),
        label("scope", &manifest.scope),
        label("data_version", &manifest.data_version),
        label("run", &manifest.run),
        label(MANIFEST_LABEL, if vouched { &object.path } else { "" }),
    ]
}

fn by_cause(error: &StorageError, code: &str, message: String) -> Failure {
    if matches!(error, StorageError::Unavailable(_)) { retry(code, message) } else { skip_report(code, message) }
}
