//! One row being filled: its cells, and what it adds to the totals.

use std::io::{self, Write};

use super::columns::Column;
use crate::amount::Amount;
use crate::cell::write_cell;

/// What a row costs, in the words of the bill and of the amortized view.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Charge {
    pub(super) unblended: Amount,
    /// Blank on discount lines.
    pub(super) blended: Option<Amount>,
    pub(super) amortized: Amount,
    pub(super) trueup: Amount,
    pub(super) upfront: Amount,
}

impl Charge {
    /// One that costs what it says: unblended, blended and amortized agree.
    pub(super) const fn plain(cost: Amount) -> Self {
        Self { unblended: cost, blended: Some(cost), amortized: cost, trueup: Amount::ZERO, upfront: Amount::ZERO }
    }
}

/// A row, reused from one to the next. Cells may be set in any order.
#[derive(Debug)]
pub(super) struct Line {
    text: String,
    cells: [(u32, u32); Column::COUNT],
    pub(super) charge: Charge,
}

impl Line {
    pub(super) fn new() -> Self {
        Self { text: String::with_capacity(4096), cells: [(0, 0); Column::COUNT], charge: Charge::default() }
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.cells = [(0, 0); Column::COUNT];
        self.charge = Charge::default();
    }

    /// Sets a cell. Setting it again replaces it.
    pub(super) fn set(&mut self, column: Column, value: &str) {
        self.with(column, |text| text.push_str(value));
    }

    /// Sets a cell to a number in plain decimals.
    pub(super) fn number(&mut self, column: Column, value: Amount) {
        self.with(column, |text| value.write_plain(text));
    }

    /// Sets a cell to a number as AWS's costs are printed: very small ones with an exponent.
    pub(super) fn cost(&mut self, column: Column, value: Amount) {
        self.with(column, |text| value.write_scientific(text));
    }

    /// Sets a cell to what `fill` appends.
    #[expect(clippy::indexing_slicing, reason = "the array has one entry for every column")]
    pub(super) fn with(&mut self, column: Column, fill: impl FnOnce(&mut String)) {
        let start = self.text.len();
        fill(&mut self.text);
        self.cells[column as usize] = (start as u32, self.text.len() as u32);
    }

    /// The text of a cell.
    pub(super) fn get(&self, column: Column) -> &str {
        let (start, end) = self.cells.get(column as usize).copied().unwrap_or_default();
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }

    /// Writes the row as CSV, ending in a line feed.
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for (i, (start, end)) in self.cells.iter().enumerate() {
            if i > 0 {
                out.write_all(b",")?;
            }
            if start < end {
                write_cell(self.text.get(*start as usize..*end as usize).unwrap_or_default(), out)?;
            }
        }
        out.write_all(b"\n")
    }
}

#[cfg(test)]
mod tests {
    use super::{Column, Line};

    #[test]
    fn quotes_what_must_be_quoted() {
        let mut line = Line::new();
        line.set(Column::LineItemDescription, "first 10 TB, \"cold\"\nsecond");
        line.set(Column::LineItemId, "old");
        line.set(Column::LineItemId, "new");
        let mut out = Vec::new();
        line.write(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("new,,"), "{text}");
        assert!(text.contains(",\"first 10 TB, \"\"cold\"\"\nsecond\","), "{text}");
        assert_eq!(line.get(Column::LineItemId), "new");
    }
}
