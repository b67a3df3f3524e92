//! The daily summary: line items added up by day, subscription, place, service, tags and currency; and what they say
//! beside: of their bill and of tags.
//!
//! Law: however rows are split among accumulators and in whatever order their pieces are merged, the result is the same
//! to the last digit. Usage is rounded row by row, and only where a quantity times its unit has more than 18 decimals.

pub mod columns;
mod daily_rows;
mod fact_rows;
mod facts;
mod rows;
mod unit;

use crate::manifest::{DAILY, LINE_ITEMS};
use crate::settings::Settings;
use arrow_array::RecordBatch;
use costhost_sdk::Accumulate;
use costhost_sdk::contract::{Failure, Period, Task};
use costhost_sdk::failure::abort;
use costhost_sdk::summary::fold::Next;
use costhost_sdk::summary::shares::Days;
use rows::LineItems;

/// Folds line items into the daily summary.
#[derive(Debug)]
pub struct DailySummary {
    settings: Settings,
    rows: LineItems,
    period: Period,
    days: Days,
}

impl Accumulate for DailySummary {
    fn open(task: &Task) -> Result<DailySummary, Failure> {
        if task.summary != columns::DAILY_SUMMARY {
            let message = format!("azure-export makes no summary {}; this is a bug of the host", task.summary);
            return Err(abort("summary.unknown", message));
        }
        Ok(DailySummary {
            settings: Settings::parse(&task.settings)?,
            rows: LineItems::new(),
            period: task.period,
            days: Days::of(task),
        })
    }

    fn update(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        self.rows.add(batch, &self.settings)
    }

    fn fold(&mut self, table: u32, batch: &RecordBatch) -> Result<(), Failure> {
        if table == LINE_ITEMS { self.update(batch) } else { Ok(()) }
    }

    fn save(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        if !self.rows.fold.is_leaving() {
            self.rows.note_tag_keys();
        }
        self.rows.fold.save()
    }

    fn has_shares(&self) -> bool {
        true
    }

    fn save_share(&mut self, share: u32, shares: u32) -> Result<Option<Vec<u8>>, Failure> {
        if !self.rows.fold.is_leaving() {
            self.rows.note_tag_keys();
        }
        self.rows.fold.save_share(self.days.cut(shares), share)
    }

    fn merge(&mut self, piece: &[u8]) -> Result<(), Failure> {
        self.rows.fold.merge(piece)
    }

    fn complete(&mut self) -> Result<(), Failure> {
        self.rows.note_tag_keys();
        let fold = &mut self.rows.fold;
        fold.sort()?;
        fold.join(daily_rows::are_one_row)?;
        fold.complete(fact_rows::tables(&fold.facts.sorted(&fold.groups.interner), self.period)?);
        Ok(())
    }

    fn pull(&mut self) -> Result<Option<(u32, RecordBatch)>, Failure> {
        match self.rows.fold.pull() {
            None => Ok(None),
            Some(Next::Other(table, rows)) => Ok(Some((table, rows))),
            Some(Next::Groups(groups, interner)) => {
                Ok(Some((DAILY, daily_rows::batch(&groups, interner, self.settings.markup_percent)?)))
            }
        }
    }
}
