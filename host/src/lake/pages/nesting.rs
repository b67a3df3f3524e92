//! How values inside of lists and maps belong to rows.
//!
//! A column inside of lists is a sequence of slots: one for each element, and one for each list that is null or empty.
//! Slots come in runs, one for each innermost list, so that a row costs the same whether its list is short or long.

use std::ops::Range;

use arrow::buffer::{NullBuffer, OffsetBuffer};

use super::levels::LevelRuns;

/// Elements of one list, or the slot of one that has none.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// Repetition level of the first slot; the others continue their list.
    first: u8,
    /// `None` for a slot without an element, with its definition level.
    missing: Option<u8>,
    start: usize,
    len: usize,
}

/// The slots of a column.
#[derive(Debug)]
pub(super) struct Slots {
    runs: Vec<Run>,
    /// Repetition level of the slots that are not the first of their run.
    rest: u8,
    /// Definition level of the slots with an element.
    definition: u8,
    /// Whether an element may be null, which takes one level more.
    optional: bool,
    len: usize,
}

impl Slots {
    /// The rows of a column, each one slot.
    pub(super) fn rows(rows: usize) -> Self {
        let run = Run { first: 0, missing: None, start: 0, len: rows };
        Self { runs: vec![run], rest: 0, definition: 0, optional: true, len: rows }
    }

    /// What becomes of the slots where each element is a list: the slots of the lists' elements.
    pub(super) fn enter(&self, offsets: &OffsetBuffer<i32>, nulls: Option<&NullBuffer>, optional: bool) -> Self {
        let mut inner = Self {
            runs: Vec::with_capacity(self.len),
            rest: self.rest + 1,
            definition: self.definition + u8::from(self.optional) + 1,
            optional,
            len: 0,
        };
        let bound = |at: usize| offsets.get(at).map_or(0, |offset| usize::try_from(*offset).unwrap_or(0));
        for run in &self.runs {
            if run.missing.is_some() {
                inner.push(*run);
                continue;
            }
            for (nth, at) in (run.start..run.start + run.len).enumerate() {
                let first = if nth == 0 { run.first } else { self.rest };
                let (start, end) = (bound(at), bound(at + 1));
                let missing = match nulls {
                    Some(nulls) if nulls.is_null(at) => Some(self.definition),
                    _ if start == end => Some(self.definition + u8::from(self.optional)),
                    _ => None,
                };
                let len = if missing.is_some() { 1 } else { end - start };
                inner.push(Run { first, missing, start, len });
            }
        }
        inner
    }

    fn push(&mut self, run: Run) {
        self.len += run.len;
        self.runs.push(run);
    }

    /// Slots, with those that have no element.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The elements that the slots refer to, in order and joined where they follow each other.
    pub(super) fn ranges(&self) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for run in self.runs.iter().filter(|run| run.missing.is_none()) {
            match ranges.last_mut() {
                Some(last) if last.end == run.start => last.end += run.len,
                _ => ranges.push(run.start..run.start + run.len),
            }
        }
        ranges
    }

    /// Appends the levels of a column whose values are the elements. Returns how many slots have no value.
    pub(super) fn put_levels(
        &self,
        nulls: Option<&NullBuffer>,
        repetition: &mut LevelRuns,
        definition: &mut LevelRuns,
    ) -> usize {
        let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
        let there = self.definition + u8::from(self.optional);
        let mut none = 0;
        for run in &self.runs {
            repetition.push(run.first, 1);
            if run.len > 1 {
                repetition.push(self.rest, run.len - 1);
            }
            match (run.missing, nulls) {
                (Some(level), _) => {
                    definition.push(level, 1);
                    none += 1;
                }
                (None, None) => definition.push(there, run.len),
                (None, Some(nulls)) => {
                    for at in run.start..run.start + run.len {
                        let null = nulls.is_null(at);
                        none += usize::from(null);
                        definition.push(if null { self.definition } else { there }, 1);
                    }
                }
            }
        }
        none
    }
}
