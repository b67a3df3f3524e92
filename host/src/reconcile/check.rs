//! What is compared with what, and how it came out.

use serde::Serialize;

use super::Sums;
use crate::ingest::totals::decimal_text;
use crate::lake::LoadRecord;
use arrow::datatypes::i256;

/// Whether figures agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// To the last digit, or within the tolerance that is named.
    Pass,
    /// They do not.
    Fail,
}

/// A number and where it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure(String);

impl Figure {
    /// A column of a table, or of what was read.
    pub fn new(place: &str, column: &str) -> Self {
        Self(format!("{place}: {column}"))
    }
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What should be.
    pub expected: String,
    /// What is.
    pub found: String,
    /// Empty for counts.
    pub currency: String,
    /// Exact text.
    pub expected_value: String,
    /// Exact text.
    pub found_value: String,
    /// Expected less found.
    pub difference: String,
    /// How it came out.
    pub verdict: Verdict,
}

/// The total of one invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InvoiceTotal {
    /// Its id; empty for charges that stand on no invoice yet.
    pub invoice: String,
    /// Of its charges.
    pub currency: String,
    /// Exact text.
    pub total: String,
}

/// Everything about one source and month.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Reconciliation {
    /// As `costhost sources` names it.
    pub source: String,
    /// `YYYY-MM`.
    pub period: String,
    /// All comparisons.
    pub checks: Vec<Check>,
    /// Totals per invoice id.
    pub invoices: Vec<InvoiceTotal>,
}

impl Reconciliation {
    /// Whether everything agrees, and there was something to compare.
    pub fn passes(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(|check| check.verdict == Verdict::Pass)
    }

    /// Compares sums currency by currency. One that only one side has counts as zero on the other.
    pub(super) fn compare(&mut self, expected: &Figure, of: &Sums, found: &Figure, with: &Sums) {
        let mut currencies: Vec<&String> = of.keys().chain(with.keys()).collect();
        currencies.sort();
        currencies.dedup();
        for currency in currencies {
            let (a, b) =
                (of.get(currency).copied().unwrap_or(i256::ZERO), with.get(currency).copied().unwrap_or(i256::ZERO));
            self.checks.push(Check {
                expected: expected.0.clone(),
                found: found.0.clone(),
                currency: currency.clone(),
                expected_value: decimal_text(a),
                found_value: decimal_text(b),
                difference: decimal_text(a.wrapping_sub(b)),
                verdict: if a == b { Verdict::Pass } else { Verdict::Fail },
            });
        }
    }

    /// Compares two counts.
    pub(super) fn compare_counts(&mut self, expected: &str, of: i64, found: &str, with: i64) {
        self.checks.push(Check {
            expected: expected.to_owned(),
            found: found.to_owned(),
            currency: String::new(),
            expected_value: of.to_string(),
            found_value: with.to_string(),
            difference: (of - with).to_string(),
            verdict: if of == with { Verdict::Pass } else { Verdict::Fail },
        });
    }

    /// The identities that the load's receipt tells of, with their residuals.
    pub(super) fn add_identities(&mut self, receipt: &serde_json::Value) {
        for identity in receipt["identities"].as_array().into_iter().flatten() {
            let part = |name: &str| identity[name].as_str().unwrap_or_default().to_owned();
            self.checks.push(Check {
                expected: part("name"),
                found: "sum of the parts".to_owned(),
                currency: part("currency"),
                expected_value: part("total"),
                found_value: part("parts"),
                difference: part("residual"),
                verdict: if identity["holds"].as_bool() == Some(true) { Verdict::Pass } else { Verdict::Fail },
            });
        }
    }

    /// Rows and bytes of the files against what the delivery's manifest promises of them, where it does.
    pub(super) fn add_files(&mut self, record: &LoadRecord, receipt: &serde_json::Value) {
        let files = || receipt["files"].as_array().into_iter().flatten();
        let sum = |name: &str| files().map(|file| file[name].as_i64()).sum::<Option<i64>>();
        if files().next().is_none() {
            return;
        }
        if let Some(promised) = sum("promised_rows") {
            self.compare_counts("rows that the manifest promises", promised, "files: rows read", record.rows);
        }
        if let Some(promised) = sum("promised_bytes") {
            self.compare_counts("bytes that the manifest promises", promised, "files: bytes", record.bytes);
        }
    }
}
