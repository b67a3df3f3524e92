//! What one commit replaces, and how it is spelled in paths, predicates and transaction identifiers.
//!
//! A source id may hold any character. It is raw in the log, escaped in directory names and quoted in predicates.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::error::LakeError;

/// The partition columns of every table, all of them text.
pub const PARTITION_COLUMNS: [&str; 3] = ["source", "year", "month"];

/// Directory names are limited to 255 bytes by common file systems; `source=` is part of it.
const MAX_ESCAPED_SOURCE: usize = 240;

/// One source and one billing period, by the period's start.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// The source's id.
    pub source: String,
    /// Year of the period's start.
    pub year: i32,
    /// Month of the period's start, from 1.
    pub month: u32,
}

impl Partition {
    /// Refuses what would not make one directory each for source, year and month.
    pub(crate) fn check(&self) -> Result<(), LakeError> {
        let bad = |reason| LakeError::Name { what: "source", name: self.source.clone(), reason };
        if self.source.is_empty() {
            return Err(bad("it is empty"));
        }
        if self.escaped_source().len() > MAX_ESCAPED_SOURCE {
            return Err(bad("escaped for a directory name it is longer than 240 bytes"));
        }
        if !(1..=12).contains(&self.month) || !(0..=9999).contains(&self.year) {
            return Err(LakeError::Name {
                what: "period",
                name: format!("{}-{}", self.year, self.month),
                reason: "year must be 0 to 9999 and month 1 to 12",
            });
        }
        Ok(())
    }

    pub(crate) fn year_text(&self) -> String {
        format!("{:04}", self.year)
    }

    pub(crate) fn month_text(&self) -> String {
        format!("{:02}", self.month)
    }

    /// Partition values as the log holds them: raw.
    pub(crate) fn values(&self) -> HashMap<String, Option<String>> {
        let [source, year, month] = PARTITION_COLUMNS;
        HashMap::from([
            (source.to_owned(), Some(self.source.clone())),
            (year.to_owned(), Some(self.year_text())),
            (month.to_owned(), Some(self.month_text())),
        ])
    }

    /// The partition of a file with these values; `None` when they are not as [`Partition::values`] makes them.
    pub(crate) fn of_values(values: &HashMap<String, Option<String>>) -> Option<Self> {
        let [source, year, month] = PARTITION_COLUMNS.map(|name| values.get(name).and_then(Option::as_deref));
        let partition = Self { source: source?.to_owned(), year: year?.parse().ok()?, month: month?.parse().ok()? };
        (partition.values() == *values).then_some(partition)
    }

    /// Directory below the table, without a trailing `/`.
    pub(crate) fn directory(&self) -> String {
        format!("source={}/year={}/month={}", self.escaped_source(), self.year_text(), self.month_text())
    }

    /// What the commit read, so that Delta writers of other partitions see no conflict and those of this one do.
    pub(crate) fn predicate(&self) -> String {
        format!(
            "source = '{}' AND year = '{}' AND month = '{}'",
            self.source.replace('\'', "''"),
            self.year_text(),
            self.month_text()
        )
    }

    /// Application id of the transaction that says which load is in.
    pub(crate) fn app_id(&self) -> String {
        format!("costhost/{}/{}-{}", self.source, self.year_text(), self.month_text())
    }

    /// Application id of the transaction that says when what is in was delivered.
    pub(crate) fn delivered_id(&self) -> String {
        format!("{}/delivered", self.app_id())
    }

    /// Percent escapes for everything but letters, digits, `-`, `_` and `.`; as Hive does, only stricter.
    fn escaped_source(&self) -> String {
        let mut escaped = String::with_capacity(self.source.len());
        for byte in self.source.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
                escaped.push(char::from(byte));
            } else {
                let _infallible = write!(escaped, "%{byte:02X}");
            }
        }
        escaped
    }
}

impl std::fmt::Display for Partition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}-{}", self.source, self.year_text(), self.month_text())
    }
}

/// Refuses names that are not one plain path segment: tenants, providers, tables, documents.
pub(crate) fn check_segment(what: &'static str, name: &str) -> Result<(), LakeError> {
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    let rest = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if first && rest && name.len() <= 128 {
        return Ok(());
    }
    Err(LakeError::Name {
        what,
        name: name.to_owned(),
        reason: "it must begin with a letter or digit and hold at most 128 letters, digits, '-', '_' and '.'",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(source: &str) -> Partition {
        Partition { source: source.to_owned(), year: 2024, month: 3 }
    }

    #[test]
    fn sources_become_one_directory_each() {
        let odd = partition("team a/re'port %41=ü");
        assert_eq!(odd.directory(), "source=team%20a%2Fre%27port%20%2541%3D%C3%BC/year=2024/month=03");
        assert_ne!(partition("a/b").directory(), partition("a%2Fb").directory());
        odd.check().unwrap();
    }

    #[test]
    fn quotes_in_predicates_are_doubled() {
        assert_eq!(partition("o'x").predicate(), "source = 'o''x' AND year = '2024' AND month = '03'");
    }

    #[test]
    fn partitions_are_known_by_their_exact_values() {
        let odd = partition("team a/ü");
        assert_eq!(Partition::of_values(&odd.values()), Some(odd.clone()));
        let mut other = odd.values();
        other.insert("month".to_owned(), Some("3".to_owned()));
        assert_eq!(Partition::of_values(&other), None);
    }

    #[test]
    fn unusable_partitions_are_refused() {
        assert!(partition("").check().is_err());
        assert!(partition(&"ü".repeat(50)).check().is_err());
        assert!(Partition { month: 13, ..partition("a") }.check().is_err());
    }

    #[test]
    fn segments_cannot_leave_their_directory() {
        for bad in ["", "..", ".hidden", "_x", "a/b", "a b", "ü"] {
            assert!(check_segment("tenant", bad).is_err(), "{bad}");
        }
        check_segment("tenant", "org1234567").unwrap();
    }
}
