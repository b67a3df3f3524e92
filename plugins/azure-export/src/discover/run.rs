//! Runs of exports: each holds the whole billing period as it was known then, so only one of them counts.

use super::span::Span;
use crate::metric::Metric;
use crate::normalize::METRIC_LABEL;
use costhost_sdk::contract::{Failure, InputFile, Label, Period, Problem, Report};
use costhost_sdk::delivery::revision::revision;
use costhost_sdk::log;
use costhost_sdk::storage::Object;
use std::collections::BTreeMap;

const DAY: i64 = 86_400;
/// Azure exports a month again on the first five days of the next one.
const REEXPORTED: i64 = 5;

/// One run of an export.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) source: String,
    pub(crate) period: Period,
    /// The last day it is of.
    pub(crate) until: i64,
    pub(crate) metric: Metric,
    /// Its own id; empty where nothing says one.
    pub(crate) id: String,
    pub(crate) delivered: i64,
    /// Where it lies: its manifest, or one of its files.
    pub(crate) path: String,
    /// What it is made of, or why it cannot be loaded.
    pub(crate) files: Result<Vec<(Object, InputFile)>, Failure>,
    /// Whether an older run may stand for one that cannot be loaded: without a manifest nothing says when one is complete.
    pub(crate) replaceable: bool,
    pub(crate) labels: Vec<Label>,
}

/// The last day of a span, or of a period that nothing else is known of.
pub(crate) fn until(span: Option<Span>, period: Period) -> i64 {
    span.map_or(period.end / DAY - 1, |span| span.last)
}

/// Of each source and period the run that counts: the one that is of most of the period, and of those the newest.
pub(crate) fn settled(runs: Vec<Run>, now: i64) -> (Vec<Report>, Vec<Problem>) {
    let mut groups: BTreeMap<(String, i64, i64), Vec<Run>> = BTreeMap::new();
    for run in runs {
        groups.entry((run.source.clone(), run.period.start, run.period.end)).or_default().push(run);
    }
    let (mut reports, mut problems) = (Vec::new(), Vec::new());
    for mut runs in groups.into_values() {
        runs.sort_by(|a, b| rank(b).cmp(&rank(a)));
        let newest_is_bad = runs.first().is_some_and(|run| run.replaceable && run.files.is_err());
        let counting = if newest_is_bad { runs.iter().position(|run| run.files.is_ok()).unwrap_or(0) } else { 0 };
        if let (true, Some(Run { files: Err(failure), path, .. })) = (counting > 0, runs.first()) {
            log::warn(&format!("{path} was passed over for an older run of the same month: {}", failure.message));
        }
        let Some(run) = runs.into_iter().nth(counting) else { continue };
        match run.files {
            Err(failure) => problems.push(Problem { source: run.source, period: Some(run.period), failure }),
            Ok(files) => reports.push(report(
                run.source,
                run.period,
                (run.metric, run.id, run.delivered),
                files,
                run.labels,
                now,
            )),
        }
    }
    (reports, problems)
}

fn rank(run: &Run) -> (i64, i64, &str) {
    (run.until, run.delivered, &run.path)
}

fn report(
    source: String,
    period: Period,
    (metric, id, delivered): (Metric, String, i64),
    files: Vec<(Object, InputFile)>,
    labels: Vec<Label>,
    now: i64,
) -> Report {
    let (objects, files): (Vec<Object>, Vec<InputFile>) = files.into_iter().unzip();
    let labels = labels.into_iter().chain([(METRIC_LABEL.to_owned(), metric.name().to_owned())]);
    Report {
        source,
        revision: revision(&id, &objects),
        delivered,
        period,
        closed: is_closed(period, delivered, now),
        files,
        labels: labels.filter(|(_, value)| !value.is_empty()).collect(),
    }
}

/// Azure does not say when a month is closed. It exports a month again on days 1 to 5 of the next one; from the sixth day on
/// it counts as closed, if it was exported after its end at all.
pub(crate) fn is_closed(period: Period, delivered: i64, now: i64) -> bool {
    delivered >= period.end && now >= period.end.saturating_add(REEXPORTED * DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_closed_once_its_exports_of_the_next_month_are_over() {
        let period = Period { start: 0, end: 30 * DAY };
        let closed = |delivered: i64, now: i64| is_closed(period, delivered * DAY, now * DAY);
        assert!(!closed(29, 30) && !closed(29, 90), "it was never exported after its end");
        assert!(!closed(30, 34), "the fifth day of the next month is not over");
        assert!(closed(30, 35) && closed(34, 60));
    }
}
