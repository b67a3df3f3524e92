//! One file of a report into line items.
//!
//! Every shape of the report (CUR v1 and 2.0, CSV and Parquet) goes through the same plan and the same conversion; only
//! where rows come from differs.
#![allow(clippy::result_large_err, reason = "a failure is the contract's type and ends a file: it is made once")]

mod header;

use crate::manifest::LINE_ITEMS;
use crate::naming::folded;
use costhost_sdk::Rows;
use costhost_sdk::billing_period::BillingPeriod;
use costhost_sdk::contract::{Failure, Job};
use costhost_sdk::file_rows::FileRows;
use costhost_sdk::plan::Plan;
use std::collections::BTreeSet;

/// Name of the label with the manifest's columns, joined by commas.
pub const COLUMNS_LABEL: &str = "columns";
/// Name of the label with the manifest's path: a report that has it was told by a manifest.
pub const MANIFEST_LABEL: &str = "manifest";
/// The column that says of which billing period a row is.
const PERIOD: &str = "bill_billing_period_start_date";

/// Turns one file into line items.
#[derive(Debug)]
pub struct Normalizer {
    rows: FileRows,
    /// Columns that the manifest promises.
    promised: Vec<String>,
    period: BillingPeriod,
    notes: Vec<String>,
}

impl Normalizer {
    /// Starts on a file.
    ///
    /// # Errors
    /// None so far: what is wrong with a file shows in its bytes.
    pub fn open(job: &Job) -> Result<Normalizer, Failure> {
        let promised = job.labels.iter().filter(|label| label.0 == COLUMNS_LABEL);
        let told_by_manifest = job.labels.iter().any(|(name, _)| name == MANIFEST_LABEL);
        Ok(Normalizer {
            rows: FileRows::new(job),
            promised: promised.flat_map(|label| label.1.split(',')).map(str::to_owned).collect(),
            period: BillingPeriod::new(job, PERIOD, told_by_manifest),
            notes: Vec::new(),
        })
    }

    /// Takes the next piece: bytes of CSV cut anywhere, or one IPC stream of the Parquet file's own columns.
    ///
    /// # Errors
    /// When the file is not a report, lacks a column without which no row counts, or has a row that is too long to read or
    /// of another billing period.
    pub fn push(&mut self, data: &[u8]) -> Result<Rows, Failure> {
        let (promised, notes) = (&self.promised, &mut self.notes);
        self.rows.push(data, &mut |names| plan(names, promised, notes))?;
        self.output()
    }

    /// The file has ended.
    ///
    /// # Errors
    /// When the file has no header, or as [`Normalizer::push`].
    pub fn finish(&mut self) -> Result<Rows, Failure> {
        let (promised, notes) = (&self.promised, &mut self.notes);
        self.rows.finish(&mut |names| plan(names, promised, notes))?;
        self.notes.extend(self.rows.rounded_note());
        let mut rows = self.output()?;
        rows.notes.extend(self.period.note());
        Ok(rows)
    }

    fn output(&mut self) -> Result<Rows, Failure> {
        let output = self.rows.take();
        if let Some(table) = self.rows.table() {
            self.period.check(&output, table.plan()).map_err(|failure| self.rows.here(failure))?;
        }
        Ok(Rows::of(LINE_ITEMS, output, std::mem::take(&mut self.notes)))
    }
}

fn plan(names: &[String], promised: &[String], notes: &mut Vec<String>) -> Result<Plan, Failure> {
    let plan = header::plan(names)?;
    notes.extend(differences(names, promised));
    Ok(plan)
}

/// What the manifest and the header do not agree on. The header stands.
fn differences(names: &[String], promised: &[String]) -> Option<String> {
    if promised.is_empty() {
        return None;
    }
    let fold = |names: &[String]| names.iter().map(|n| folded(n)).collect::<BTreeSet<_>>();
    let (header, manifest) = (fold(names), fold(promised));
    let (more, fewer) = (header.difference(&manifest).count(), manifest.difference(&header).count());
    if more + fewer == 0 {
        return None;
    }
    Some(format!("the header has {more} columns that the manifest does not list, and lacks {fewer} that it lists"))
}
