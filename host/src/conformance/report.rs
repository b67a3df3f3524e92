//! What the suite found, for people.

use std::io::Write;

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds; with what was looked at.
    Passed(String),
    /// It does not: why, with places.
    Failed(Vec<String>),
    /// It says nothing of this plugin or file, and why.
    Skipped(String),
}

/// One promise, checked in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Case and file; empty for the plugin as a whole.
    pub place: String,
    /// The promise.
    pub name: &'static str,
    /// How it ended.
    pub outcome: Outcome,
}

/// All that was checked, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The checks.
    pub checks: Vec<Check>,
}

/// Reasons of one failed check that are kept.
const MOST_REASONS: usize = 5;

impl Report {
    /// Adds a check that passed with these details, or failed for these reasons.
    pub(super) fn add(&mut self, place: &str, name: &'static str, result: Result<String, Vec<String>>) {
        let outcome = match result {
            Ok(detail) => Outcome::Passed(detail),
            Err(mut reasons) => {
                let more = reasons.len().saturating_sub(MOST_REASONS);
                reasons.truncate(MOST_REASONS);
                if more > 0 {
                    reasons.push(format!("and {more} more"));
                }
                Outcome::Failed(reasons)
            }
        };
        self.checks.push(Check { place: place.to_owned(), name, outcome });
    }

    /// Adds a check that does not apply.
    pub(super) fn skip(&mut self, place: &str, name: &'static str, why: impl Into<String>) {
        self.checks.push(Check { place: place.to_owned(), name, outcome: Outcome::Skipped(why.into()) });
    }

    /// How many failed.
    pub fn failed(&self) -> usize {
        self.checks.iter().filter(|check| matches!(check.outcome, Outcome::Failed(_))).count()
    }

    /// Writes one line a check, reasons below those that failed.
    ///
    /// # Errors
    /// When writing fails.
    pub fn write(&self, out: &mut impl Write) -> std::io::Result<()> {
        let mut place = None;
        for check in &self.checks {
            if place != Some(&check.place) {
                place = Some(&check.place);
                if !check.place.is_empty() {
                    writeln!(out, "{}", check.place)?;
                }
            }
            let (word, detail) = match &check.outcome {
                Outcome::Passed(detail) => ("ok", detail.as_str()),
                Outcome::Failed(_) => ("FAILED", ""),
                Outcome::Skipped(why) => ("-", why.as_str()),
            };
            writeln!(out, "{}", format!("  {word:<7} {:<42} {detail}", check.name).trim_end())?;
            if let Outcome::Failed(reasons) = &check.outcome {
                for reason in reasons {
                    writeln!(out, "          {reason}")?;
                }
            }
        }
        let failed = self.failed();
        let total = self.checks.iter().filter(|check| !matches!(check.outcome, Outcome::Skipped(_))).count();
        if failed == 0 {
            writeln!(out, "{total} checks passed")
        } else {
            writeln!(out, "{failed} of {total} checks failed")
        }
    }
}
