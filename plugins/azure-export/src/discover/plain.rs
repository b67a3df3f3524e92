//! Files without a manifest: their place says of which export, month and run they are, or else their content.

use super::DATASET;
use super::head::{Told, look};
use super::place::{loose_source, partition_numbers, run_key};
use super::run::{Run, until};
use super::span::{Span, month_folder};
use crate::metric::Metric;
use crate::normalize::PERIOD_OF_ROWS_LABEL;
use crate::settings::Settings;
use costhost_sdk::calendar::Month;
use costhost_sdk::contract::{Failure, InputFile, Label, Period, Problem};
use costhost_sdk::delivery::files::{filled, input_file, stem};
use costhost_sdk::failure::{Place, skip_report};
use costhost_sdk::storage::{Object, Storage};
use std::collections::{BTreeMap, BTreeSet};

/// What files gave.
#[derive(Debug, Default)]
pub(crate) struct Plain {
    pub(crate) runs: Vec<Run>,
    pub(crate) problems: Vec<Problem>,
    /// Exports that are not for this plugin: where they lie, and what they are.
    pub(crate) left: Vec<(String, String)>,
}

/// Makes runs of files.
pub(crate) fn runs(storage: &dyn Storage, data: Vec<Object>, settings: &Settings) -> Plain {
    let mut of_months: BTreeMap<String, Vec<Object>> = BTreeMap::new();
    let mut loose: BTreeMap<String, Vec<Object>> = BTreeMap::new();
    for object in data {
        let runs = if month_folder(&object.path).is_some() { &mut of_months } else { &mut loose };
        runs.entry(run_key(&object.path).to_owned()).or_default().push(object);
    }
    let mut plain = super::month_runs::runs(storage, of_months.into_values(), settings);
    for files in loose.into_values() {
        let Some(first) = files.first() else { continue };
        let source = loose_source(&first.path);
        match period(storage, first) {
            Ok(Known::Costs(period, told_by_rows)) => {
                let mut run = run(source, period, None, files, settings);
                run.labels.extend(period_label(told_by_rows));
                plain.runs.push(run);
            }
            Ok(Known::Focus) => {
                plain.left.push((first.path.clone(), "a FOCUS export, for the focus plugin".to_owned()));
            }
            Err(failure) => plain.problems.push(Problem { source, period: None, failure }),
        }
    }
    plain
}

/// Says that dates of the rows told the period, so that it proves nothing of how they are written.
pub(crate) fn period_label(told_by_rows: bool) -> Option<Label> {
    told_by_rows.then(|| (PERIOD_OF_ROWS_LABEL.to_owned(), "true".to_owned()))
}

/// A run of these files, whose place or rows say its period.
pub(crate) fn run(source: String, period: Period, span: Option<Span>, files: Vec<Object>, settings: &Settings) -> Run {
    let path = files.first().map(|file| file.path.clone()).unwrap_or_default();
    Run {
        source,
        period,
        until: until(span, period),
        metric: Metric::of_path(&path).or(settings.metric).unwrap_or_default(),
        id: String::new(),
        delivered: files.iter().map(|file| file.modified).max().unwrap_or_default(),
        files: inputs(files),
        path,
        replaceable: true,
        labels: Vec::new(),
    }
}

/// Every file holds something, none comes in two forms, and partitions are there from the first on.
pub(crate) fn inputs(files: Vec<Object>) -> Result<Vec<(Object, InputFile)>, Failure> {
    let mut stems = BTreeMap::new();
    for file in &files {
        if let Some(other) = stems.insert(stem(&file.path), &file.path) {
            let message = format!(
                "{other} and {} look like the same rows in two forms; grant one of them, or put them into folders of their own",
                file.path
            );
            return Err(skip_report("report.twice", message).in_file(&file.path));
        }
    }
    if let Some(path) = files.first().map(|file| &file.path)
        && misses_partitions(&files)
    {
        let message =
            format!("partitions of the run of {path} are missing; wait for its delivery, or run the export again");
        return Err(skip_report("report.incomplete", message).in_file(path));
    }
    let input = |file: Object| filled(file).map(|file| (file.clone(), input_file(&file.path, "", DATASET)));
    files.into_iter().map(input).collect()
}

/// Whether the numbers of partitions, the first as the last, begin after 1 or leave one out.
fn misses_partitions(files: &[Object]) -> bool {
    let numbers = files.iter().filter_map(|file| partition_numbers(&file.path));
    let (outer, inner): (BTreeSet<u64>, BTreeSet<u64>) = numbers.unzip();
    let gaps = |numbers: &BTreeSet<u64>| {
        let first = numbers.first().copied().unwrap_or_default();
        first > 1 || numbers.iter().zip(first..).any(|(number, wanted)| *number != wanted)
    };
    gaps(&outer) || gaps(&inner)
}

/// What is known of a file without a month's folder.
pub(crate) enum Known {
    /// Its billing period, and whether its rows told it.
    Costs(Period, bool),
    Focus,
}

/// Looks into a file: its path says the month, or else its rows.
pub(crate) fn period(storage: &dyn Storage, object: &Object) -> Result<Known, Failure> {
    let of_path = month_folder(&object.path)
        .and_then(|(_, span)| span.period())
        .or_else(|| Month::of_path(&object.path).map(Month::period));
    match (look(storage, object), of_path) {
        (Ok(Told::Focus), _) => Ok(Known::Focus),
        (Ok(Told::Refused(failure)), _) => Err(failure.in_file(&object.path)),
        (_, Some(period)) => Ok(Known::Costs(period, false)),
        (Ok(Told::Month(month)), None) => Ok(Known::Costs(month.period(), true)),
        (Ok(Told::Nothing), None) => Err(unknown(object, "its first row has no billing period")),
        (Err(why), None) => Err(unknown(object, &why)),
    }
}

fn unknown(object: &Object, why: &str) -> Failure {
    let message = format!(
        "{why}, and neither the name nor the folder of {} says the month; put it into a folder such as 20250101-20250131",
        object.path
    );
    skip_report("report.no-period", message).in_file(&object.path)
}
