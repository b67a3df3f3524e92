//! Rows of text for the terminal, or as JSON or CSV for programs.

use std::io::Write;

use crate::report::Format;

/// Named columns and rows of text.
#[derive(Debug, Clone)]
pub struct Table<const N: usize> {
    header: [&'static str; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    /// An empty table.
    pub fn new(header: &[&'static str; N]) -> Self {
        Self { header: *header, rows: Vec::new() }
    }

    /// Adds a row.
    pub fn add(&mut self, row: [String; N]) {
        self.rows.push(row);
    }

    /// Writes it in the form asked for.
    ///
    /// # Errors
    /// When writing fails.
    pub fn write(&self, format: Format, out: &mut impl Write) -> std::io::Result<()> {
        match format {
            Format::Table => self.print(out),
            Format::Json => self.json(out),
            Format::Csv => self.csv(out),
        }
    }

    /// Aligned columns; the last may be as long as it likes. Nothing when there are no rows.
    ///
    /// # Errors
    /// When writing fails.
    pub fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut widths = self.header.map(|name| name.chars().count());
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let header = self.header.map(str::to_owned);
        for row in std::iter::once(&header).chain(&self.rows) {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            let line = cells.collect::<Vec<_>>().join("  ");
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }

    fn json(&self, out: &mut impl Write) -> std::io::Result<()> {
        let object = |row: &[String; N]| {
            let pairs = self.header.iter().zip(row).map(|(name, cell)| ((*name).to_owned(), cell.clone().into()));
            serde_json::Value::Object(pairs.collect())
        };
        let rows: serde_json::Value = self.rows.iter().map(object).collect();
        writeln!(out, "{rows:#}")
    }

    fn csv(&self, out: &mut impl Write) -> std::io::Result<()> {
        let quoted = |cell: &str| {
            if cell.contains([',', '"', '\n', '\r']) {
                format!("\"{}\"", cell.replace('"', "\"\""))
            } else {
                cell.to_owned()
            }
        };
        writeln!(out, "{}", self.header.join(","))?;
        for row in &self.rows {
            writeln!(out, "{}", row.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(","))?;
        }
        Ok(())
    }
}
