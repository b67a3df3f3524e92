//! The daily summary: line items added up by day, account, product, place, tags and currency; and what they say beside:
//! of their bill, of tags, and of accounts' names.
//!
//! Law: however rows are split among accumulators and in whatever order their pieces are merged, the result is the same
//! to the last digit. Sums are of integers, groups are told apart by text and come out in the order of their texts; the
//! rest is sets.

mod arrays;
pub mod columns;
mod daily_rows;
mod fact_rows;
mod facts;
mod formula;
mod groups;
mod hash;
mod input;
mod intern;
mod key;
mod markup;
mod measures;
mod rows;
mod state;
mod state_facts;
mod tags;
#[cfg(test)]
mod tests;

use crate::manifest::{DAILY, LINE_ITEMS};
use crate::settings::Settings;
use arrow_array::RecordBatch;
use costhost_sdk::Accumulate;
use costhost_sdk::contract::{Failure, Period, Task};
use costhost_sdk::failure::abort;
use groups::Group;
use rows::Fold;

/// Folds line items into the daily summary.
#[derive(Debug)]
pub struct DailySummary {
    settings: Settings,
    fold: Fold,
    period: Period,
    /// Groups that wait to be saved or pulled, the next one first; none before `save` or `complete`.
    waiting: Option<std::vec::IntoIter<Group>>,
    /// Pieces of facts that wait to be saved.
    pieces: std::vec::IntoIter<Vec<u8>>,
    /// Rows of other tables that wait to be pulled.
    others: std::vec::IntoIter<(u32, RecordBatch)>,
}

impl DailySummary {
    /// The next groups that fit one piece.
    fn next(&mut self, rows: usize, resources: usize) -> Option<Vec<Group>> {
        let waiting = self.waiting.as_mut()?;
        let count = daily_rows::fitting(waiting.as_slice(), rows, resources);
        if count == 0 { None } else { Some(waiting.take(count).collect()) }
    }
}

impl Accumulate for DailySummary {
    fn open(task: &Task) -> Result<DailySummary, Failure> {
        if task.summary != columns::DAILY_SUMMARY {
            let message = format!("aws-cur makes no summary {}; this is a bug of the host", task.summary);
            return Err(abort("summary.unknown", message));
        }
        Ok(DailySummary {
            settings: Settings::parse(&task.settings)?,
            fold: Fold::new(),
            period: task.period,
            waiting: None,
            pieces: Vec::new().into_iter(),
            others: Vec::new().into_iter(),
        })
    }

    fn update(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        self.fold.add(batch, &self.settings)
    }

    fn fold(&mut self, table: u32, batch: &RecordBatch) -> Result<(), Failure> {
        if table == LINE_ITEMS { self.update(batch) } else { Ok(()) }
    }

    fn save(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        if self.waiting.is_none() {
            self.waiting = Some(state::cut(self.fold.groups.sorted()?, state::RESOURCES).into_iter());
            self.pieces = state_facts::save(&self.fold.sorted_facts())?.into_iter();
        }
        if let Some(piece) = self.pieces.next() {
            return Ok(Some(piece));
        }
        let piece = self.next(state::ROWS, state::RESOURCES);
        piece.map(|groups| state::save(&groups, &self.fold.groups.interner)).transpose()
    }

    fn merge(&mut self, piece: &[u8]) -> Result<(), Failure> {
        state::merge(piece, &mut self.fold.groups, &mut self.fold.facts)
    }

    fn complete(&mut self) -> Result<(), Failure> {
        let mut groups = self.fold.groups.sorted()?;
        // A report has net columns or it has not. Where it has, rows without a net value cost what they cost gross, in
        // every group: sums of net costs must not depend on which rows share a group.
        let net = groups.iter().any(|group| group.measures.has_net());
        groups.iter_mut().for_each(|group| group.measures.show_net(net));
        self.waiting = Some(groups.into_iter());
        self.others = fact_rows::tables(&self.fold.sorted_facts(), self.period)?.into_iter();
        Ok(())
    }

    fn pull(&mut self) -> Result<Option<(u32, RecordBatch)>, Failure> {
        if let Some(other) = self.others.next() {
            return Ok(Some(other));
        }
        let Some(groups) = self.next(daily_rows::ROWS, daily_rows::RESOURCES) else { return Ok(None) };
        let batch = daily_rows::batch(&groups, &self.fold.groups.interner, self.settings.markup_percent)?;
        Ok(Some((DAILY, batch)))
    }
}
