//! What a comparison found, in numbers that can be shown and kept.

use serde::Serialize;

/// What changes from one version to the other.
#[derive(Debug, Clone, Serialize)]
pub struct Difference {
    /// The version in use.
    pub old: Version,
    /// The version to be tried.
    pub new: Version,
    /// Sources and months that both have read, with the revisions that were read.
    pub units: Vec<Unit>,
    /// Whether anything differs by more than the tolerance.
    pub changed: bool,
    /// The largest difference that counts as none.
    pub tolerance: String,
    /// What the new version takes away or declares otherwise.
    pub breaks: Vec<String>,
    /// Tables (`table`) and columns (`table.column`) that only the new version declares.
    pub added: Vec<String>,
    /// Questions that only the old version answers.
    pub unanswered: Vec<String>,
    /// Rows, rejects and totals of what was read.
    pub read: Vec<ReadChange>,
    /// Tables whose rows differ.
    pub tables: Vec<TableChange>,
    /// Numbers of reports that differ, the largest difference of each report first.
    pub groups: Vec<GroupChange>,
}

/// A version of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Version {
    /// The plugin's id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the component.
    pub digest: String,
}

/// A source and month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unit {
    /// Name in the lake.
    pub source: String,
    /// `YYYY-MM`.
    pub period: String,
    /// The delivery's revision.
    pub revision: String,
    /// How many files both read, under the same etags.
    pub files: u64,
}

/// A number of what was read, of one source and month, that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadChange {
    /// Name in the lake.
    pub source: String,
    /// `YYYY-MM`.
    pub period: String,
    /// `rows`, `rejects`, or a money column.
    pub what: String,
    /// Of money.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Before and after.
    #[serde(flatten)]
    pub values: Values,
}

/// A table whose rows differ. A row is told apart by everything in it but its numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableChange {
    /// Its name.
    pub table: String,
    /// Rows of both.
    pub rows: [u64; 2],
    /// Rows that only the old version makes.
    pub only_old: u64,
    /// Rows that only the new version makes.
    pub only_new: u64,
    /// Rows of both whose numbers differ.
    pub changed: u64,
    /// Numbers that differ.
    pub columns: Vec<ColumnChange>,
}

/// A column of numbers that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnChange {
    /// Its name.
    pub column: String,
    /// Of money.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// In how many rows, those that only one version makes among them.
    pub rows: u64,
    /// Totals before and after.
    #[serde(flatten)]
    pub values: Values,
}

/// A number of a report that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupChange {
    /// The report.
    pub report: String,
    /// The measure.
    pub measure: String,
    /// Names and values that it is grouped by, the unit or currency among them.
    pub by: Vec<(String, Option<String>)>,
    /// Before and after.
    #[serde(flatten)]
    pub values: Values,
}

/// A number before and after, as exact decimal text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Values {
    /// None where there is no value.
    pub old: Option<String>,
    /// None where there is no value.
    pub new: Option<String>,
    /// `new - old`, no value being zero.
    pub difference: String,
}

impl Values {
    /// Of numbers in units of 10^-18.
    pub(super) fn of(old: Option<arrow::datatypes::i256>, new: Option<arrow::datatypes::i256>) -> Self {
        use crate::ingest::totals::decimal_text;
        let difference = new.unwrap_or_default().wrapping_sub(old.unwrap_or_default());
        Self { old: old.map(decimal_text), new: new.map(decimal_text), difference: decimal_text(difference) }
    }
}

impl Difference {
    /// One sentence: what changed the most.
    pub fn told(&self) -> String {
        if !self.changed {
            return format!("nothing changes by more than {}", self.tolerance);
        }
        let columns = self.tables.iter().flat_map(|table| table.columns.iter().map(move |column| (table, column)));
        let numbers = columns.map(|(table, column)| {
            let currency = column.currency.as_deref().map(|currency| format!(" {currency}")).unwrap_or_default();
            format!(
                "{}.{} by {}{currency} in {} rows",
                table.table, column.column, column.values.difference, column.rows
            )
        });
        let read = self
            .read
            .iter()
            .map(|read| format!("{} of {} {} by {}", read.what, read.source, read.period, read.values.difference));
        let all: Vec<String> = self.breaks.iter().cloned().chain(read).chain(numbers).collect();
        match all.as_slice() {
            [] => "rows differ in what tells them apart".to_owned(),
            [first] => format!("changes {first}"),
            [first, rest @ ..] => format!("changes {first}, and {} more numbers", rest.len()),
        }
    }
}
