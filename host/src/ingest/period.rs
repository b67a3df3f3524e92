//! One billing period after all its files have come through: summaries are merged and everything is committed.
//!
//! The order of commits is: the rows, what was set aside, what was made of the rows, then the record of the load. The
//! first two carry the identity of the rows, the others that of the whole load, so that summaries can later be made
//! anew of the same rows.

use std::time::Instant;

use super::commit::{Commits, Staged, Tables};
use super::error::IngestError;
use super::file::FileResult;
use super::folding::Summarized;
use super::identity::IdentityResult;
use super::load_id::sha256_hex;
use super::plan::PlannedPeriod;
use super::receipt::{FileReceipt, LoadOutcome, PeriodReceipt, PeriodStatus, Timings};
use super::request::RunOptions;
use super::tables::PluginTables;
use super::totals::Totals;
use crate::lake::{Force, Load, LoadRecord, RejectRow, StagedFile};
use crate::plugin::{Cancel, Compression, InputFile};
use crate::source::grant::ObjectInfo;

/// Everything the files of a period came to, and what is made of it.
#[derive(Debug)]
pub struct PeriodWork<'a> {
    /// The plan.
    pub period: &'a PlannedPeriod,
    /// Where its rows go.
    pub tables: &'a PluginTables,
    /// How the run goes about its work.
    pub options: &'a RunOptions,
    /// Set when the run must stop.
    pub cancel: &'a Cancel,
    /// Random id of the run.
    pub run: uuid::Uuid,
}

impl PeriodWork<'_> {
    /// Merges, checks and commits. `files` are in the report's order, `summaries` are of all of them.
    ///
    /// # Errors
    /// When a summary cannot be made or a commit fails. Tables committed before that stay committed, each whole; the
    /// load record is not written, so the next run does the period again.
    pub fn complete(&self, files: Vec<FileResult>, summaries: Vec<Summarized>) -> Result<PeriodReceipt, IngestError> {
        let mut sum = Sum::default();
        let mut staged: Staged = (0..self.tables.declared.len()).map(|_| Vec::new()).collect();
        for mut file in files {
            for (table, files) in std::mem::take(&mut file.staged) {
                if let Some(all) = staged.get_mut(table) {
                    all.extend(files);
                }
            }
            sum.add(file);
        }
        let written = staged.iter().flatten().map(StagedFile::rows).sum();
        let made = self.check_rows(&sum, written).and_then(|()| self.summarize(summaries, &mut staged));
        match made {
            Ok((identities, summarize_ms)) => self.commit(staged, sum, identities, summarize_ms),
            Err(error) => {
                self.commits().discard(staged);
                Err(error)
            }
        }
    }

    /// `written` counts the rows that came out of the plugin.
    fn check_rows(&self, sum: &Sum, written: u64) -> Result<(), IngestError> {
        let title = self.period.title();
        if sum.rows == 0 && !self.options.allow_empty {
            return Err(IngestError::Refused(format!(
                "the report of {title} has no rows; what was loaded before is kept. If the period is really empty, run \
                 with --allow-empty"
            )));
        }
        if sum.rows > 0 && written == 0 {
            let first = sum.rejects.first();
            let first = first.map(|reject| format!(" The first, in {}: {}", reject.file, reject.message));
            return Err(IngestError::Refused(format!(
                "none of the {} rows of {title} could be read; what was loaded before is kept.{}",
                sum.rows,
                first.unwrap_or_default()
            )));
        }
        Ok(())
    }

    /// Merges partial states and stages the rows of everything that is made of them.
    fn summarize(
        &self,
        summaries: Vec<Summarized>,
        staged: &mut [Vec<StagedFile>],
    ) -> Result<(Vec<IdentityResult>, u64), IngestError> {
        let started = Instant::now();
        let title = self.period.title();
        let unit = self.period.summary_unit(&title, self.options, self.cancel, self.run);
        let (made, identities) = unit.make(summaries, self.options.workers)?;
        unit.stage(made, &self.tables.declared, &self.period.partition(), self.options.workers, staged)?;
        Ok((identities, started.elapsed().as_millis() as u64))
    }

    fn commit(
        &self,
        mut staged: Staged,
        sum: Sum,
        identities: Vec<IdentityResult>,
        summarize_ms: u64,
    ) -> Result<PeriodReceipt, IngestError> {
        let started = Instant::now();
        let mut receipt = self.receipt(PeriodStatus::Loaded, self.period.why.clone());
        let commits = self.commits();
        let rows = Load { id: self.period.rows_id.clone(), ..self.load(&sum) };
        let mut whole = self.load(&sum);
        let Some(mut tables) = commits.replace(Tables::Normalized, &mut staged, &rows)? else {
            return Ok(superseded(receipt));
        };
        if let Err(error) = commits.rejects(&sum.rejects, &rows) {
            commits.discard(staged);
            return Err(error);
        }
        let Some(made) = commits.replace(Tables::Made, &mut staged, &whole)? else { return Ok(superseded(receipt)) };
        tables.extend(made);
        let mut outcome = LoadOutcome {
            rows: sum.rows,
            rejects: sum.rejects_counted,
            rejects_unlisted: sum.rejects_counted - sum.rejects.len() as u64,
            totals: sum.totals.to_json(),
            tables,
            identities,
            notes: sum.notes,
            timings: Timings { summarize_ms, ..sum.timings },
        };
        receipt.outcome = Some(outcome.clone());
        whole.metadata = serde_json::to_value(&receipt).unwrap_or_default();
        commits.record(self.record(&receipt, &outcome), &whole)?;
        outcome.timings.commit_ms = started.elapsed().as_millis() as u64;
        receipt.outcome = Some(outcome);
        Ok(receipt)
    }

    fn commits(&self) -> Commits<'_> {
        Commits { tables: self.tables, plugin: &self.period.plugin, partition: self.period.partition() }
    }

    fn load(&self, sum: &Sum) -> Load {
        let manifest = self.period.plugin.manifest();
        Load {
            id: self.period.load_id.clone(),
            delivered: self.period.report.delivered,
            revision: self.period.report.revision.clone(),
            force: if self.options.force { Force::Older } else { Force::No },
            metadata: serde_json::json!({
                "source": self.period.source,
                "period": self.period.month.to_string(),
                "revision": self.period.report.revision,
                "plugin": manifest.id,
                "plugin_version": manifest.version,
                "plugin_digest": self.period.plugin.digest(),
                "settings_digest": sha256_hex(&self.period.settings.for_summaries()),
                "rows": sum.rows,
                "rejects": sum.rejects_counted,
                "totals": sum.totals.to_json(),
                "run": self.run,
            }),
        }
    }

    fn record(&self, receipt: &PeriodReceipt, outcome: &LoadOutcome) -> LoadRecord {
        let manifest = self.period.plugin.manifest();
        let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let micros = |seconds: i64| seconds.saturating_mul(1_000_000);
        LoadRecord {
            load_id: self.period.load_id.clone(),
            rows_id: self.period.rows_id.clone(),
            loaded_at: chrono::Utc::now().timestamp_micros(),
            source: self.period.source.clone(),
            source_uuid: self.period.source_uuid.to_string(),
            location: self.period.location.url.clone(),
            provider: manifest.provider.clone(),
            plugin: manifest.id.clone(),
            plugin_version: manifest.version.clone(),
            plugin_digest: self.period.plugin.digest().to_owned(),
            revision: self.period.report.revision.clone(),
            delivered: micros(self.period.report.delivered),
            period_start: micros(self.period.report.period.start),
            period_end: micros(self.period.report.period.end),
            rows: count(outcome.rows),
            rejects: count(outcome.rejects),
            files: count(self.period.files.len() as u64),
            bytes: count(self.period.bytes()),
            settings_digest: receipt.settings_digest.clone(),
            totals: outcome.totals.to_string(),
            receipt: serde_json::to_string(receipt).unwrap_or_default(),
        }
    }

    /// A receipt without an outcome.
    pub fn receipt(&self, status: PeriodStatus, why: String) -> PeriodReceipt {
        period_receipt(self.period, status, why)
    }
}

/// A receipt of a period, without an outcome.
pub fn period_receipt(period: &PlannedPeriod, status: PeriodStatus, why: String) -> PeriodReceipt {
    let manifest = period.plugin.manifest();
    let files = period.files.iter();
    PeriodReceipt {
        source: period.source.clone(),
        source_uuid: period.source_uuid,
        period: period.month.to_string(),
        status,
        why,
        revision: period.report.revision.clone(),
        load_id: period.load_id.clone(),
        rows_id: period.rows_id.clone(),
        plugin: format!("{} {}", manifest.id, manifest.version),
        plugin_digest: period.plugin.digest().to_owned(),
        settings_digest: sha256_hex(&period.settings.for_summaries()),
        files: files.zip(&period.report.files).map(|(file, input)| file_receipt(file, input)).collect(),
        outcome: None,
    }
}

fn file_receipt(file: &ObjectInfo, input: &InputFile) -> FileReceipt {
    FileReceipt {
        path: file.path.clone(),
        bytes: file.size,
        promised_rows: input.rows,
        // Of what is in a compressed file, not of the file: checked while it was read.
        promised_bytes: input.bytes.filter(|bytes| input.compression == Compression::None || *bytes == file.size),
        etag: file.etag.clone(),
    }
}

fn superseded(receipt: PeriodReceipt) -> PeriodReceipt {
    let why = "another run loaded a newer delivery meanwhile".to_owned();
    PeriodReceipt { status: PeriodStatus::Superseded, why, ..receipt }
}

/// What all files of a period came to together.
#[derive(Debug, Default)]
struct Sum {
    rows: u64,
    rejects: Vec<RejectRow>,
    rejects_counted: u64,
    totals: Totals,
    notes: Vec<String>,
    timings: Timings,
}

impl Sum {
    fn add(&mut self, file: FileResult) {
        self.rows += file.rows;
        self.rejects.extend(file.rejects);
        self.rejects_counted += file.rejects_counted;
        self.totals.merge(&file.totals);
        for note in file.notes {
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
        self.timings.read_ms += file.read.as_millis() as u64;
        self.timings.plugin_ms += file.plugin.as_millis() as u64;
        self.timings.write_ms += file.write.as_millis() as u64;
    }
}
