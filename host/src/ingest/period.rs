//! One billing period after all its files have come through: summaries are merged and everything is committed.
//!
//! The order of commits is: plugin tables, rejects, then the load record. Each is one atomic replacement of the period
//! in one table, and each is skipped when this very load is in already; so a crash between two of them leaves every
//! table whole, and the next run, which finds one of them missing, makes the rest.

use std::time::Instant;

use super::error::IngestError;
use super::file::FileResult;
use super::identity::IdentityResult;
use super::load_id::sha256_hex;
use super::plan::PlannedPeriod;
use super::receipt::{FileReceipt, LoadOutcome, PeriodReceipt, PeriodStatus, TableReceipt, Timings};
use super::request::RunOptions;
use super::summaries::Partials;
use super::tables::PluginTables;
use super::totals::Totals;
use crate::lake::{
    Committed, LakeTable, Load, LoadRecord, RejectRow, StagedFile, WriterOptions, loads_batch, rejects_batch,
};
use crate::plugin::Cancel;

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
    /// Merges, checks and commits. `files` are in the report's order.
    ///
    /// # Errors
    /// When a summary cannot be made or a commit fails. Tables committed before that stay committed, each whole; the
    /// load record is not written, so the next run does the period again.
    pub fn complete(&self, files: Vec<FileResult>) -> Result<PeriodReceipt, IngestError> {
        let mut sum = Sum::default();
        let mut partials: Partials = vec![Vec::new(); self.period.plugin.manifest().summaries.len()];
        let mut staged: Vec<Vec<StagedFile>> = (0..self.tables.declared.len()).map(|_| Vec::new()).collect();
        for mut file in files {
            for (summary, pieces) in std::mem::take(&mut file.partials) {
                if let Some(all) = partials.get_mut(summary) {
                    all.extend(pieces);
                }
            }
            for (table, files) in std::mem::take(&mut file.staged) {
                if let Some(all) = staged.get_mut(table) {
                    all.extend(files);
                }
            }
            sum.add(file);
        }
        let written = staged.iter().flatten().map(StagedFile::rows).sum();
        let made = self.check_rows(&sum, written).and_then(|()| self.summarize(partials, &mut staged));
        match made {
            Ok((identities, summarize_ms)) => self.commit(staged, sum, identities, summarize_ms),
            Err(error) => {
                self.discard(staged);
                Err(error)
            }
        }
    }

    /// Removes the staged files of a period that will not be committed.
    pub fn discard(&self, staged: Vec<Vec<StagedFile>>) {
        self.tables.declared.iter().zip(staged).for_each(|(table, files)| discard(table, files));
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
        partials: Partials,
        staged: &mut [Vec<StagedFile>],
    ) -> Result<(Vec<IdentityResult>, u64), IngestError> {
        let started = Instant::now();
        let title = self.period.title();
        let unit = self.period.summary_unit(&title, self.options, self.cancel, self.run);
        let (made, identities) = unit.make(partials)?;
        unit.stage(made, &self.tables.declared, &self.period.partition(), staged)?;
        Ok((identities, started.elapsed().as_millis() as u64))
    }

    fn commit(
        &self,
        staged: Vec<Vec<StagedFile>>,
        sum: Sum,
        identities: Vec<IdentityResult>,
        summarize_ms: u64,
    ) -> Result<PeriodReceipt, IngestError> {
        let started = Instant::now();
        let manifest = self.period.plugin.manifest();
        let mut receipt = self.receipt(PeriodStatus::Loaded, self.period.why.clone());
        let mut load = self.load(&sum);
        let mut tables = Vec::new();
        let mut left = self.tables.declared.iter().zip(&manifest.tables).zip(staged);
        while let Some(((table, declared), files)) = left.next() {
            let (rows, bytes) = (files.iter().map(StagedFile::rows).sum(), files.iter().map(StagedFile::bytes).sum());
            let committed = self.replace(table, files, &load);
            let keep_on = matches!(committed, Ok(Committed::New { .. } | Committed::AlreadyThere));
            if !keep_on {
                // What is not committed now never will be; an older delivery must not go on past a newer one either.
                left.by_ref().for_each(|((table, _), files)| discard(table, files));
            }
            let committed = committed?;
            if !keep_on {
                receipt.status = PeriodStatus::Superseded;
                receipt.why = "another run loaded a newer delivery meanwhile".to_owned();
                return Ok(receipt);
            }
            tables.push(TableReceipt { table: declared.name.clone(), rows, bytes, version: version_of(&committed) });
        }
        self.commit_rejects(&sum, &load)?;
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
        load.metadata = serde_json::to_value(&receipt).unwrap_or_default();
        self.commit_load_record(&receipt, &outcome, &load)?;
        outcome.timings.commit_ms = started.elapsed().as_millis() as u64;
        receipt.outcome = Some(outcome);
        Ok(receipt)
    }

    fn load(&self, sum: &Sum) -> Load {
        let manifest = self.period.plugin.manifest();
        Load {
            id: self.period.load_id.clone(),
            delivered: self.period.report.delivered,
            revision: self.period.report.revision.clone(),
            force: self.options.force,
            metadata: serde_json::json!({
                "source": self.period.source,
                "period": self.period.month.to_string(),
                "revision": self.period.report.revision,
                "plugin": manifest.id,
                "plugin_version": manifest.version,
                "plugin_digest": self.period.plugin.digest(),
                "settings_digest": sha256_hex(&self.period.settings),
                "rows": sum.rows,
                "rejects": sum.rejects_counted,
                "totals": sum.totals.to_json(),
                "run": self.run,
            }),
        }
    }

    fn replace(&self, table: &LakeTable, files: Vec<StagedFile>, load: &Load) -> Result<Committed, IngestError> {
        let handle = tokio::runtime::Handle::current();
        Ok(handle.block_on(table.replace(&self.period.partition(), files, load))?)
    }

    fn commit_rejects(&self, sum: &Sum, load: &Load) -> Result<(), IngestError> {
        let table = &self.tables.rejects;
        let mut files = Vec::new();
        if !sum.rejects.is_empty() {
            let mut writer = table.writer(&self.period.partition(), &WriterOptions::default())?;
            writer.write(&rejects_batch(&sum.rejects)?)?;
            files.push(writer.finish()?);
        }
        self.replace(table, files, load).map(|_| ())
    }

    fn commit_load_record(
        &self,
        receipt: &PeriodReceipt,
        outcome: &LoadOutcome,
        load: &Load,
    ) -> Result<(), IngestError> {
        let manifest = self.period.plugin.manifest();
        let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let micros = |seconds: i64| seconds.saturating_mul(1_000_000);
        let record = LoadRecord {
            load_id: self.period.load_id.clone(),
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
        };
        let table = &self.tables.loads;
        let partition = self.period.partition();
        let mut writer = table.writer(&partition, &WriterOptions::default())?;
        writer.write(&loads_batch(&[record])?)?;
        let files = vec![writer.finish()?];
        tokio::runtime::Handle::current().block_on(table.append(&partition, files, load))?;
        Ok(())
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
        plugin: format!("{} {}", manifest.id, manifest.version),
        plugin_digest: period.plugin.digest().to_owned(),
        settings_digest: sha256_hex(&period.settings),
        files: files
            .map(|file| FileReceipt { path: file.path.clone(), bytes: file.size, etag: file.etag.clone() })
            .collect(),
        outcome: None,
    }
}

/// Removes files that were written and will not be committed.
pub fn discard(table: &LakeTable, files: Vec<StagedFile>) {
    tokio::runtime::Handle::current().block_on(table.discard(files));
}

fn version_of(committed: &Committed) -> Option<u64> {
    match committed {
        Committed::New { version } => Some(*version),
        _ => None,
    }
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
