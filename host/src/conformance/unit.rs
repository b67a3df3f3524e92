//! One report of a case: its files, then the summaries made of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::case::Case;
use super::damage::Whole;
use super::discovery::failure_json;
use super::error::ConformanceError;
use super::golden::Golden;
use super::input::{Input, Pieces, read_input};
use super::normalized::{FileOutcome, normalize};
use super::report::Report;
use super::rows::{difference, json_rows};
use super::suite::Options;
use super::summaries::{Made, PushedFile, SummaryCase};
use crate::ingest::identity;
use crate::ingest::totals::Totals;
use crate::plugin::manifest::TableRole;
use crate::plugin::{FoundReport, InputFile, NormalizeJob, Plugin, Reject};
use crate::source::store::Location;
use crate::summary;

/// Largest fixture file, decompressed.
const MOST_BYTES: usize = 16 << 20;

/// One report, with what it is checked with.
pub(super) struct Unit<'a> {
    pub(super) plugin: &'a Arc<Plugin>,
    pub(super) case: &'a Case,
    pub(super) location: &'a Location,
    pub(super) found: &'a FoundReport,
    /// Its folder below `golden/`.
    pub(super) folder: String,
    pub(super) options: &'a Options,
    pub(super) handle: &'a Handle,
}

/// A file that came through.
struct Read {
    job: NormalizeJob,
    input: Input,
    outcome: FileOutcome,
}

impl Unit<'_> {
    /// Checks all files and summaries, and adds what came out to `golden`.
    pub(super) fn check(&self, report: &mut Report, golden: &mut Golden) -> Result<(), ConformanceError> {
        let mut files = Vec::new();
        for file in &self.found.files {
            files.extend(self.check_file(file, report)?);
        }
        let failures: Vec<Value> = files
            .iter()
            .filter_map(|file| file.outcome.failure.as_ref().map(|failure| (file, failure)))
            .map(|(file, failure)| json!({ "file": file.job.file.path, "failure": failure_json(failure) }))
            .collect();
        let rejects = files
            .iter()
            .flat_map(|file| in_order(&file.outcome.rejects).into_iter().map(|reject| reject_json(file, reject)));
        golden.rows(format!("{}/rejects", self.folder), rejects.collect());
        if !failures.is_empty() || files.len() < self.found.files.len() {
            // A report with a file that cannot be read is not loaded, so there is nothing to summarize.
            golden.rows(format!("{}/failures", self.folder), failures);
            report.skip(&self.place(""), "summaries", "a file of the report cannot be read");
            return Ok(());
        }
        let mut made = Made::new();
        for file in &files {
            for (table, batches) in &file.outcome.tables {
                made.entry(*table).or_default().extend(batches.iter().cloned());
            }
        }
        self.check_summaries(&files, &mut made, report);
        self.keep(&made, golden);
        Ok(())
    }

    fn check_file(&self, file: &InputFile, report: &mut Report) -> Result<Option<Read>, ConformanceError> {
        let place = self.place(&file.path);
        let input = read_input(self.location, file, MOST_BYTES, self.handle)?;
        let job = self.job(file);
        let limits = &self.options.limits;
        let run = |pieces: Pieces| -> Result<FileOutcome, String> {
            let pushes = input.cut(pieces).map_err(|error| error.to_string())?;
            normalize(self.plugin, &job, &pushes, limits).map_err(|error| error.to_string())
        };
        let outcome = match run(Pieces::Whole) {
            Ok(outcome) => outcome,
            Err(problem) => {
                report.add(&place, "it is read", Err(vec![problem]));
                return Ok(None);
            }
        };
        report.add(&place, "it is read", self.as_promised(file, &outcome));
        report.add(&place, "the same rows however it is cut", self.check_cuts(&outcome, &run));
        let again = run(Pieces::Whole).map_err(|problem| vec![problem]).and_then(|again| {
            let reason = "two runs give different bytes: is there a HashMap whose order reaches a batch?";
            if again.digest == outcome.digest { Ok(String::new()) } else { Err(vec![reason.to_owned()]) }
        });
        report.add(&place, "the same bytes twice", again);
        if outcome.failure.is_none() {
            let whole = Whole { plugin: self.plugin, job: &job, input: &input, outcome: &outcome, limits };
            let seed = self.options.seed;
            report.add(&place, "an empty file", whole.check_empty());
            report.add(&place, "cut off anywhere", whole.check_cut_off(seed));
            match whole.check_flipped(seed) {
                Some(result) => report.add(&place, "flipped bits", result),
                None => report.skip(&place, "flipped bits", "the host decodes this file"),
            }
            if !whole.is_one_to_one() {
                report.skip(&place, "rows are accounted for", "rows of the file are not rows of the tables one to one");
            }
        }
        Ok(Some(Read { job, input, outcome }))
    }

    fn as_promised(&self, file: &InputFile, outcome: &FileOutcome) -> Result<String, Vec<String>> {
        if let Some(failure) = &outcome.failure {
            return Ok(format!("refused: {failure}"));
        }
        match file.rows {
            Some(promised) if promised != outcome.rows => {
                Err(vec![format!("{} rows were read and discovery promised {promised}", outcome.rows)])
            }
            _ => Ok(format!(
                "{} rows, {} rejects, {} MiB of memory",
                outcome.rows,
                outcome.rejects.len() as u64 + outcome.rejects_uncounted,
                outcome.usage.peak_memory_bytes >> 20
            )),
        }
    }

    fn check_cuts(
        &self,
        whole: &FileOutcome,
        run: &dyn Fn(Pieces) -> Result<FileOutcome, String>,
    ) -> Result<String, Vec<String>> {
        let mut problems = Vec::new();
        for pieces in Pieces::ALL {
            let judged = run(pieces).and_then(|cut| self.same(whole, &cut));
            problems.extend(judged.err().map(|problem| format!("pushed {}: {problem}", pieces.name())));
        }
        if problems.is_empty() { Ok(format!("{} ways", Pieces::ALL.len())) } else { Err(problems) }
    }

    fn same(&self, whole: &FileOutcome, cut: &FileOutcome) -> Result<(), String> {
        let code = |outcome: &FileOutcome| outcome.failure.as_ref().map(|failure| failure.code.clone());
        if code(whole) != code(cut) {
            let told =
                |code: Option<String>| code.map_or_else(|| "no failure".to_owned(), |code| format!("failure {code}"));
            return Err(format!("{}, and {} when pushed whole", told(code(cut)), told(code(whole))));
        }
        // How far a file was read before it failed is not promised.
        if whole.failure.is_some() {
            return Ok(());
        }
        if whole.rows != cut.rows {
            return Err(format!("{} input rows are counted, and {} when pushed whole", cut.rows, whole.rows));
        }
        for (index, table) in self.plugin.manifest().tables.iter().enumerate() {
            let rows =
                |outcome: &FileOutcome| outcome.tables.get(&index).map(|rows| json_rows(rows)).unwrap_or_default();
            if let Some(problem) = difference(&table.name, &rows(whole), &rows(cut)) {
                return Err(problem);
            }
        }
        let count = |outcome: &FileOutcome| outcome.rejects.len() as u64 + outcome.rejects_uncounted;
        if count(whole) != count(cut) {
            return Err(format!("{} rejects, and {} when pushed whole", count(cut), count(whole)));
        }
        let all = whole.rejects_uncounted == 0 && cut.rejects_uncounted == 0;
        let (whole, cut) = (in_order(&whole.rejects), in_order(&cut.rejects));
        let other = whole.into_iter().zip(cut).find(|(whole, cut)| whole != cut).filter(|_| all);
        match other {
            Some((whole, cut)) => {
                let told = |reject: &Reject| format!("{} at {}", reject.code, reject.at);
                Err(format!("a reject is {}, and {} when pushed whole", told(cut), told(whole)))
            }
            None => Ok(()),
        }
    }

    fn check_summaries(&self, files: &[Read], made: &mut Made, report: &mut Report) {
        let manifest = self.plugin.manifest();
        for declared in &manifest.summaries {
            let place = self.place(&format!("summary {}", declared.name));
            let case = SummaryCase {
                plugin: self.plugin,
                summary: declared,
                task: self.case.said.task(&declared.name, &self.found.source, self.found.period),
                rows: made.get(&declared.input).cloned().unwrap_or_default(),
                limits: &self.options.limits,
            };
            let alone = match case.alone() {
                Ok(alone) => alone,
                Err(error) => {
                    report.add(&place, "it is made", Err(vec![error.to_string()]));
                    continue;
                }
            };
            report.add(&place, "the same rows twice", case.check_twice(&alone));
            report.add(&place, "in parts as alone", case.check_parts(&alone, self.options.seed));
            if let Some(result) = case.check_shares(&alone, self.options.seed) {
                report.add(&place, "in shares as alone", result);
            }
            if self.plugin.folds() {
                let pushed: Vec<PushedFile> = files
                    .iter()
                    .filter_map(|file| Some((file.job.clone(), file.input.cut(Pieces::Blocks).ok()?)))
                    .collect();
                report.add(&place, "folded as updated", case.check_fold(&alone, &pushed));
            }
            made.extend(alone);
            let main = declared.outputs.first().and_then(|output| made.get(output)).map(Vec::as_slice);
            let broken = identity::check(&declared.identities, main.unwrap_or_default()).into_iter();
            let broken: Vec<String> = broken
                .filter(|result| !result.holds)
                .map(|result| format!("{}: {} and {} {}", result.name, result.total, result.parts, result.currency))
                .collect();
            if !declared.identities.is_empty() {
                let name = "declared identities hold";
                report.add(&place, name, if broken.is_empty() { Ok(String::new()) } else { Err(broken) });
            }
        }
        self.check_made(made, report);
    }

    /// Bills and rollups, which hang on all summaries.
    fn check_made(&self, made: &mut Made, report: &mut Report) {
        let manifest = self.plugin.manifest();
        for (index, table) in manifest.tables.iter().enumerate().filter(|(_, table)| table.role == TableRole::Bill) {
            let rows: usize = made.get(&index).into_iter().flatten().map(RecordBatch::num_rows).sum();
            let result =
                if rows == 1 { Ok(String::new()) } else { Err(vec![format!("{} has {rows} rows", table.name)]) };
            report.add(&self.place(""), "the bill is one row", result);
        }
        let mut problems = Vec::new();
        for rollup in &manifest.rollups {
            let input = made.get(&rollup.input).map(Vec::as_slice).unwrap_or_default();
            match summary::rollup(manifest, rollup, input) {
                Ok(rows) => {
                    made.insert(rollup.output, rows);
                }
                Err(error) => problems.push(error.to_string()),
            }
        }
        if !manifest.rollups.is_empty() {
            let result =
                if problems.is_empty() { Ok(format!("{} tables", manifest.rollups.len())) } else { Err(problems) };
            report.add(&self.place(""), "rollups can be made", result);
        }
    }

    /// Adds the rows and sums of every table.
    fn keep(&self, made: &Made, golden: &mut Golden) {
        let mut sums = BTreeMap::new();
        for (index, table) in self.plugin.manifest().tables.iter().enumerate() {
            let batches = made.get(&index).map(Vec::as_slice).unwrap_or_default();
            golden.rows(format!("{}/{}", self.folder, table.name), json_rows(batches));
            let mut totals = Totals::default();
            batches.iter().for_each(|batch| totals.add(&table.money, batch));
            if !table.money.is_empty() {
                sums.insert(table.name.clone(), totals.to_json());
            }
        }
        golden.document(format!("{}/totals", self.folder), json!(sums));
    }

    fn job(&self, file: &InputFile) -> NormalizeJob {
        NormalizeJob {
            settings: self.case.said.settings(),
            now: self.case.said.now,
            source: self.found.source.clone(),
            revision: self.found.revision.clone(),
            period: self.found.period,
            labels: self.found.labels.clone(),
            file: file.clone(),
        }
    }

    fn place(&self, what: &str) -> String {
        let place = format!("{}/{}", self.case.name, self.folder);
        if what.is_empty() { place } else { format!("{place}: {what}") }
    }
}

/// Rejects by their place: in which order a plugin looks at columns is its own affair, and hangs on how a file is cut.
fn in_order(rejects: &[Reject]) -> Vec<&Reject> {
    let mut rejects: Vec<&Reject> = rejects.iter().collect();
    rejects.sort_by(|a, b| {
        let key = |reject: &Reject| (reject.at.row, reject.at.byte);
        key(a).cmp(&key(b)).then_with(|| a.at.column.cmp(&b.at.column)).then_with(|| a.code.cmp(&b.code))
    });
    rejects
}

fn reject_json(file: &Read, reject: &Reject) -> Value {
    let mut object = json!({ "file": file.job.file.path });
    if let (Value::Object(object), Ok(Value::Object(members))) = (&mut object, serde_json::to_value(reject)) {
        for (name, value) in members.into_iter().filter(|(name, value)| name != "message" && !value.is_null()) {
            object.insert(name, value);
        }
    }
    object
}
