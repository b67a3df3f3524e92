//! Rows that answer a question, with what their columns mean.

use arrow::array::RecordBatch;

/// What a column of an answer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// Anything.
    Plain,
    /// The first day of a month.
    Month,
    /// Money: two places are enough for people.
    Money,
}

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerColumn {
    /// As in JSON and CSV.
    pub name: String,
    /// What it is.
    pub meaning: Meaning,
}

/// A line below the rows of a table. One cell per column; decimals as exact text.
pub type Total = Vec<Option<String>>;

/// Rows in their order.
#[derive(Debug, Clone)]
pub struct Answer {
    /// One for each column of `rows`.
    pub columns: Vec<AnswerColumn>,
    /// The rows that are shown.
    pub rows: Vec<RecordBatch>,
    /// Totals over all rows, shown or not: one per currency.
    pub totals: Vec<Total>,
    /// How many rows there were before the limit.
    pub row_count: usize,
}
