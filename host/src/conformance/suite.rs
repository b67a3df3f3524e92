//! The whole suite over a fixture folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::case::{Case, cases};
use super::error::ConformanceError;
use super::golden::Golden;
use super::report::Report;
use super::unit::Unit;
use super::{describe, discovery};
use crate::ingest::time_text;
use crate::plugin::{Engine, FoundReport, Limits, Plugin};

/// How the suite goes about its work.
#[derive(Debug, Clone)]
pub struct Options {
    /// What random splits and damage are made of: the same seed gives the same ones.
    pub seed: u64,
    /// Keep what comes out as the golden output.
    pub bless: bool,
    /// Only the case of this name.
    pub case: Option<String>,
    /// What an instance may use.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 1, bless: false, case: None, limits: Limits::default() }
    }
}

/// Runs the suite for one component. Blocks: call it where threads may wait, not in an async task.
///
/// # Errors
/// When fixtures cannot be read. What is wrong with the plugin is in the report.
pub fn run(
    engine: &Engine,
    wasm: &Path,
    fixtures: &Path,
    options: &Options,
    handle: &Handle,
) -> Result<Report, ConformanceError> {
    let mut report = Report::default();
    let Some(plugin) = describe::check(engine, wasm, &mut report) else { return Ok(report) };
    let mut cases = cases(fixtures)?;
    cases.retain(|case| options.case.as_ref().is_none_or(|only| *only == case.name));
    if cases.is_empty() {
        return Err(ConformanceError::NoCases(fixtures.join(options.case.as_deref().unwrap_or_default())));
    }
    for case in &cases {
        check_case(&plugin, case, options, handle, &mut report)?;
    }
    Ok(report)
}

fn check_case(
    plugin: &Arc<Plugin>,
    case: &Case,
    options: &Options,
    handle: &Handle,
    report: &mut Report,
) -> Result<(), ConformanceError> {
    let location = discovery::location(case, handle)?;
    let Some(found) = discovery::check(plugin, case, &location, handle, &options.limits, report) else { return Ok(()) };
    let mut golden = Golden::default();
    golden.document("discovery".to_owned(), discovery::to_json(&found));
    for (found, folder) in found.reports.iter().zip(folders(&found.reports)) {
        let unit = Unit { plugin, case, location: &location, found, folder, options, handle };
        unit.check(report, &mut golden)?;
    }
    if options.bless {
        golden.bless(&case.golden)?;
    }
    report.add(&case.name, "golden output", golden.compare(&case.golden, false));
    report.add(&case.name, "money sums", golden.compare(&case.golden, true));
    Ok(())
}

/// A folder for each report: its source, where it has a name, and its period.
fn folders(reports: &[FoundReport]) -> Vec<String> {
    let mut used: BTreeMap<String, usize> = BTreeMap::new();
    let folder = |report: &FoundReport| {
        let day = time_text(report.period.start);
        let period = day.strip_suffix("-01T00:00:00Z").unwrap_or(day.get(..10).unwrap_or(&day)).to_owned();
        let plain = |c: char| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' };
        let source: String = report.source.chars().map(plain).collect();
        let name = if source.trim_matches('.').is_empty() { period } else { format!("{source}/{period}") };
        let count = used.entry(name.clone()).or_default();
        *count += 1;
        if *count == 1 { name } else { format!("{name}-{count}") }
    };
    reports.iter().map(folder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::Period;

    #[test]
    fn every_report_has_a_folder_of_its_own() {
        let report = |source: &str, start: i64| FoundReport {
            source: source.to_owned(),
            revision: "r".to_owned(),
            delivered: 0,
            period: Period { start, end: start + 1 },
            closed: false,
            files: Vec::new(),
            labels: Vec::new(),
        };
        let october = 1_759_276_800;
        let reports =
            [report("", october), report("a/b", october), report("a b", october), report("..", october + 86_400)];
        assert_eq!(folders(&reports), ["2025-10", "a_b/2025-10", "a_b/2025-10-2", "2025-10-02"]);
    }
}
