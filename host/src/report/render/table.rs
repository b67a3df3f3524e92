//! The table for people.

use std::io::{self, Write};

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, TableComponent};

use super::value::text_of;
use crate::report::answer::{Answer, Meaning};
use crate::report::definition::MISSING;
use crate::report::number::{round, trim};

/// Decimals shown of small amounts of money, and at most of any other decimal.
const FINE: usize = 6;

pub(super) fn write(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    let mut cells = columns(answer);
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Disabled);
    // No rules between rows.
    for rule in [
        TableComponent::HorizontalLines,
        TableComponent::MiddleIntersections,
        TableComponent::LeftBorderIntersections,
        TableComponent::RightBorderIntersections,
    ] {
        table.remove_style(rule);
    }
    table.set_header(answer.columns.iter().map(|column| one_line(&column.name)));
    let shown = answer.rows.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>();
    let total_rows = answer.totals.len();
    for row in 0..shown + total_rows {
        if row == shown {
            table.add_row(vec![""; answer.columns.len()]);
        }
        table.add_row(cells.iter_mut().map(|column| {
            let text = column.texts.get_mut(row).map(std::mem::take).unwrap_or_default();
            Cell::new(text).set_alignment(if column.number { CellAlignment::Right } else { CellAlignment::Left })
        }));
    }
    for (i, column) in cells.iter().enumerate() {
        if let (true, Some(shape)) = (column.number, table.column_mut(i)) {
            shape.set_cell_alignment(CellAlignment::Right);
        }
    }
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    if shown < answer.row_count {
        writeln!(out, "{shown} of {} rows; totals are of all", answer.row_count)?;
    }
    Ok(())
}

struct Column {
    /// Of the rows, then of the totals.
    texts: Vec<String>,
    number: bool,
}

fn columns(answer: &Answer) -> Vec<Column> {
    let mut columns = Vec::new();
    for (i, column) in answer.columns.iter().enumerate() {
        let arrays: Vec<_> = answer.rows.iter().filter_map(|batch| batch.columns().get(i)).collect();
        let number = arrays.first().is_some_and(|array| array.data_type().is_numeric());
        let decimal = arrays.first().is_some_and(|array| array.data_type().is_decimal());
        let mut values: Vec<Option<String>> = Vec::new();
        for array in arrays {
            values.extend((0..array.len()).map(|row| text_of(array.as_ref(), row)));
        }
        let rows = values.len();
        values.extend(answer.totals.iter().map(|total| total.get(i).cloned().flatten()));
        let places = if values.iter().flatten().all(|value| is_small(value)) { FINE } else { 2 };
        let texts = values.into_iter().enumerate().map(|(row, value)| match value {
            // The totals' line says so in the first column that is free.
            None if row >= rows && i == 0 => "total".to_owned(),
            None if row >= rows => String::new(),
            None if number => "-".to_owned(),
            None => MISSING.to_owned(),
            Some(value) => match column.meaning {
                Meaning::Money if decimal => round(&value, places),
                Meaning::Month => value.chars().take(7).collect(),
                _ if decimal => trim(&round(&value, FINE)),
                _ => one_line(&value),
            },
        });
        columns.push(Column { texts: texts.collect(), number });
    }
    columns
}

/// Whether an amount is below one.
fn is_small(value: &str) -> bool {
    let value = value.trim_start_matches('-');
    value == "0" || value.starts_with("0.")
}

/// Line breaks and control characters would break the table, or the terminal.
fn one_line(value: &str) -> String {
    value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
