//! Answers as text: a table for people, JSON and CSV for programs.

mod table;
mod value;

use std::io::Write;

use serde_json::{Map, Value};

use super::answer::{Answer, Meaning};
use super::error::ReportError;
pub(crate) use value::{json_of, text_of};

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people: amounts rounded half-even, missing values as `(none)`, totals below.
    #[default]
    Table,
    /// An array of objects; decimals as exact text, since JSON numbers are floats to most readers.
    Json,
    /// RFC 4180 with a header; decimals exact, missing values empty.
    Csv,
}

/// Writes an answer.
///
/// # Errors
/// When `out` cannot be written.
pub fn render(answer: &Answer, format: Format, out: &mut dyn Write) -> Result<(), ReportError> {
    match format {
        Format::Table => table::write(answer, out)?,
        Format::Json => write_json(answer, out)?,
        Format::Csv => write_csv(answer, out)?,
    }
    Ok(())
}

fn write_json(answer: &Answer, out: &mut dyn Write) -> std::io::Result<()> {
    let mut first = true;
    out.write_all(b"[")?;
    for batch in &answer.rows {
        for row in 0..batch.num_rows() {
            let mut object = Map::new();
            for (column, array) in answer.columns.iter().zip(batch.columns()) {
                let mut value = value::json_of(array.as_ref(), row);
                if let (Meaning::Month, Value::String(day)) = (&column.meaning, &mut value) {
                    day.truncate(7);
                }
                object.insert(column.name.clone(), value);
            }
            out.write_all(if first { b"\n  " } else { b",\n  " })?;
            first = false;
            serde_json::to_writer(&mut *out, &object)?;
        }
    }
    out.write_all(if first { b"]\n" } else { b"\n]\n" })
}

fn write_csv(answer: &Answer, out: &mut dyn Write) -> std::io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(answer.columns.iter().map(|column| column.name.as_str()))?;
    for batch in &answer.rows {
        for row in 0..batch.num_rows() {
            let cells = answer.columns.iter().zip(batch.columns()).map(|(column, array)| {
                let mut text = text_of(array.as_ref(), row).unwrap_or_default();
                if column.meaning == Meaning::Month {
                    text.truncate(7);
                }
                text
            });
            csv.write_record(cells.collect::<Vec<_>>())?;
        }
    }
    csv.flush()
}
