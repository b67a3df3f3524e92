//! Questions to the lake: declared reports and free SQL, and their answers as tables, JSON or CSV.
//!
//! Invariants: no text from a user or a plugin ever becomes SQL in a declared report (columns are quoted identifiers,
//! values are bound literals); two currencies are never added up; sums are exact however large; nothing here writes.

mod answer;
mod database_tables;
mod definition;
pub mod definitions;
mod error;
mod exact_sums;
mod json_text;
mod lake_tables;
mod number;
mod query;
mod render;
mod run;
mod session;

#[cfg(test)]
mod tests;

pub use answer::{Answer, AnswerColumn, Meaning, Total};
pub use database_tables::database_answer;
pub use error::ReportError;
pub use json_text::json_get_text;
pub use lake_tables::{answer, lake_session};
pub use query::{Filter, Order, ReportQuery, Resolution, parse_from, parse_to};
pub use render::{Format, render};
pub(crate) use render::{json_of, text_of};
pub use run::{EXACT_SUM, run_report};
pub use session::{FixedTables, TableSource, run_sql, session};
