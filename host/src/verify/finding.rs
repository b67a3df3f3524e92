//! What was compared, and how it came out.

use serde::Serialize;

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was compared.
    pub what: String,
    /// As the receipt says.
    pub said: String,
    /// As it is.
    pub found: String,
    /// Whether they are the same.
    pub holds: bool,
}

/// Everything about one source and period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Name in the lake.
    pub source: String,
    /// `YYYY-MM`.
    pub period: String,
    /// All comparisons.
    pub findings: Vec<Finding>,
    /// What to do, where there is something.
    pub advice: Vec<String>,
}

impl Verification {
    /// Nothing compared yet.
    pub fn new(source: &str, period: &str) -> Self {
        Self { source: source.to_owned(), period: period.to_owned(), findings: Vec::new(), advice: Vec::new() }
    }

    /// Whether everything is as the receipt says, and something was compared.
    pub fn holds(&self) -> bool {
        !self.findings.is_empty() && self.findings.iter().all(|finding| finding.holds)
    }

    /// Compares two texts.
    pub fn equal(&mut self, what: &str, said: &str, found: &str) {
        let holds = said == found;
        let (what, said, found) = (what.to_owned(), said.to_owned(), found.to_owned());
        self.findings.push(Finding { what, said, found, holds });
    }

    /// Says what to do.
    pub fn advise(&mut self, advice: String) {
        self.advice.push(advice);
    }
}
