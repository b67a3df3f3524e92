//! Actual or amortized: the two ways in which Azure exports the same charges.
//!
//! Both hold every charge, so whoever adds them up counts twice. A source is of one kind, and its rows say which.

use serde::Deserialize;

/// How costs of commitments are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// As they are charged: a reservation costs when it is bought.
    #[default]
    Actual,
    /// Spread over the use they pay for.
    Amortized,
}

impl Metric {
    /// Both.
    pub const ALL: [Metric; 2] = [Metric::Actual, Metric::Amortized];

    /// As rows say it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Metric::Actual => "actual",
            Metric::Amortized => "amortized",
        }
    }

    /// What rows or labels say.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Metric> {
        Metric::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// What a path says, by a word in it.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Metric> {
        let path = path.to_ascii_lowercase();
        if path.contains("amortized") || path.contains("amortised") {
            return Some(Metric::Amortized);
        }
        path.contains("actual").then_some(Metric::Actual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths() {
        for metric in Metric::ALL {
            assert_eq!(Metric::of_name(metric.name()), Some(metric));
        }
        assert_eq!(Metric::of_name("usage"), None);
        assert_eq!(Metric::of_path("x/AmortizedCost/20240101-20240131/"), Some(Metric::Amortized));
        assert_eq!(Metric::of_path("ftk-actual/20240101-20240131/"), Some(Metric::Actual));
        assert_eq!(Metric::of_path("costs/20240101-20240131/"), None);
    }
}
