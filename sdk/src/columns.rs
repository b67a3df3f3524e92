//! Which fields of a block have anything in them, one column at a time.
//!
//! Most fields of a report are empty, and empty ones are neighbours: what only reservations have, what only savings plans
//! have. So rows without any field in a stretch of columns are sorted out once for all of its columns.

use crate::plan::Kind;
use crate::text::Cell;
use std::ops::Range;

/// Inputs of a stretch, at most: with many, hardly a row has none of them.
const WIDEST: usize = 12;
/// Inputs of a stretch for which it pays to sort rows out first.
const WIDE: usize = 3;

/// An input with a column of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Single {
    pub(crate) input: usize,
    pub(crate) column: usize,
    pub(crate) kind: Kind,
}

/// A row of a block: its number there among the rows that stand, and where its positions begin.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Standing {
    pub(crate) row: u32,
    pub(crate) base: u32,
}

/// Inputs side by side, each with a column of its own.
#[derive(Debug)]
pub(crate) struct Stretch {
    /// Its inputs, as indexes of singles.
    pub(crate) singles: Range<usize>,
    first: usize,
    /// Whether most rows had no field in it at the start of the batch.
    sparse: bool,
}

/// Singles in the order of their inputs, as stretches.
pub(crate) fn stretches(singles: &[Single]) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for (at, single) in singles.iter().enumerate() {
        match stretches.last_mut() {
            Some(last) if single.input == last.first + last.singles.len() && last.singles.len() < WIDEST => {
                last.singles.end = at + 1;
            }
            _ => stretches.push(Stretch { singles: at..at + 1, first: single.input, sparse: false }),
        }
    }
    stretches
}

impl Stretch {
    /// Finds the rows with any field in it, if that is worth it: whether it has. `rows` of the batch came before.
    #[expect(clippy::indexing_slicing, reason = "rows that stand have a position for every input")]
    pub(crate) fn find_given(
        &mut self,
        positions: &[u32],
        standing: &[Standing],
        rows: usize,
        given: &mut Vec<Standing>,
    ) -> bool {
        let width = self.singles.len();
        if width < WIDE || (rows > 0 && !self.sparse) {
            return false;
        }
        given.resize(standing.len(), Standing::default());
        let mut count = 0;
        for &row in standing {
            let from = row.base as usize + self.first;
            let (begin, end) = (positions[from], positions[from + width]);
            given[count] = row;
            // Empty fields are one byte each, their separator.
            count += usize::from(end.wrapping_sub(begin) != width as u32);
        }
        given.truncate(count);
        self.sparse = count * 2 <= standing.len();
        self.sparse
    }
}

/// The fields of one input that are not empty. Without a branch: whether a field is empty cannot be foretold.
#[inline(never)]
#[expect(clippy::indexing_slicing, reason = "rows that stand have a position for every input")]
pub(crate) fn collect(cells: &mut Vec<Cell>, positions: &[u32], rows: &[Standing], input: usize) {
    cells.resize(rows.len(), Cell::default());
    let mut count = 0;
    for row in rows {
        let at = row.base as usize + input;
        let (start, end) = (positions[at].wrapping_add(1), positions[at + 1]);
        cells[count] = Cell { row: row.row, start, end };
        count += usize::from(start != end);
    }
    cells.truncate(count);
}
