//! Rows that belong to another billing period than the file they came in.
//!
//! Rows stand in place of all earlier rows of their source and period, so a row under the wrong month would be counted
//! there, and would be lost with the next delivery of that month. Where only a name or a folder told the month, such a row
//! ends the file. A manifest's word stands: what it lists is replaced as a whole, and the operator is told.

use super::MANIFEST_LABEL;
use super::header::failure;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, PrimitiveArray, RecordBatch};
use costhost_sdk::bindings::costhost::provider::types::{Failure, Position};
use costhost_sdk::bindings::exports::costhost::provider::normalize::Job;
use costhost_sdk::table::Output;
use costhost_sdk::time;

/// The column that says of which billing period a row is.
pub(super) const COLUMN: &str = "bill_billing_period_start_date";
const MICROS: i64 = 1_000_000;
/// Rows left out whose places are remembered, to tell the place of a row in the file.
const REMEMBERED: usize = 10_000;

/// The billing period of a file, and how many of its rows were looked at.
#[derive(Debug)]
pub(super) struct BillingPeriod {
    /// Microseconds, half-open.
    from: i64,
    to: i64,
    /// Rows that stand, so far.
    standing: u64,
    left_out: Vec<u64>,
    /// Whether all rows that were left out are known.
    exact: bool,
    /// Whether a manifest told the period.
    certain: bool,
    /// Rows of other periods, and the start of the first one's.
    others: u64,
    first_start: Option<i64>,
}

impl BillingPeriod {
    pub(super) fn new(job: &Job) -> BillingPeriod {
        let micros = |seconds: i64| seconds.saturating_mul(MICROS);
        BillingPeriod {
            from: micros(job.period.start),
            to: micros(job.period.end),
            standing: 0,
            left_out: Vec::new(),
            exact: true,
            certain: job.labels.iter().any(|(name, _)| name == MANIFEST_LABEL),
            others: 0,
            first_start: None,
        }
    }

    /// Looks at finished rows. `spelled` is how the input spells the column.
    ///
    /// # Errors
    /// When one of them is of another billing period, and no manifest told the file's. Rows that name none are taken as
    /// they are.
    pub(super) fn check(&mut self, output: &Output, spelled: Option<&str>) -> Result<(), Failure> {
        let rejects = output.rejects.iter().filter(|reject| reject.whole_row);
        self.left_out.extend(rejects.filter_map(|reject| reject.at.row));
        self.exact &= output.rejects_uncounted == 0 && self.left_out.len() <= REMEMBERED;
        if !self.exact {
            self.left_out = Vec::new();
        }
        for batch in &output.batches {
            if let Some((index, start)) = self.first_other(batch) {
                if !self.certain {
                    return Err(self.other(self.standing + index as u64, start, spelled));
                }
                self.others += self.others_of(batch);
                self.first_start.get_or_insert(start);
            }
            self.standing += batch.num_rows() as u64;
        }
        Ok(())
    }

    /// What the operator should know once the file has ended.
    pub(super) fn note(&self) -> Option<String> {
        let start = self.first_start?;
        Some(format!(
            "{} rows are of other billing periods than the one that starts on {}, as its manifest says: the first is of \
             the one that starts on {}. They are counted with their manifest's; check that no other report has them too",
            self.others,
            day(self.from),
            day(start)
        ))
    }

    /// The first row of another period: its index, and the start of its period.
    fn first_other(&self, batch: &RecordBatch) -> Option<(usize, i64)> {
        let starts = starts(batch)?;
        if starts.null_count() == 0 && !starts.values().iter().any(|&start| self.is_other(start)) {
            return None;
        }
        let rows = starts.iter().enumerate();
        rows.filter_map(|(row, start)| Some((row, start?))).find(|(_, start)| self.is_other(*start))
    }

    fn others_of(&self, batch: &RecordBatch) -> u64 {
        let others = |starts: &PrimitiveArray<_>| starts.iter().flatten().filter(|&start| self.is_other(start)).count();
        starts(batch).map_or(0, others) as u64
    }

    fn is_other(&self, start: i64) -> bool {
        !(self.from..self.to).contains(&start)
    }

    fn other(&self, standing: u64, start: i64, spelled: Option<&str>) -> Failure {
        let row = self.exact.then(|| {
            let mut left_out = self.left_out.clone();
            left_out.sort_unstable();
            left_out.into_iter().fold(standing, |row, left_out| if left_out <= row { row + 1 } else { row })
        });
        let place = row.map_or_else(String::new, |row| format!(" (row {} after the header)", row + 1));
        let message = format!(
            "the file is taken for the billing period that starts on {}, and a row in it{place} is of the one that \
             starts on {}: put the rows of each month into a file of their own, named after the month or in a folder \
             such as 2025-01",
            day(self.from),
            day(start)
        );
        let column = Some(spelled.unwrap_or(COLUMN).to_owned());
        Failure { at: Some(Position { row, byte: None, column }), ..failure("input.other-period", message) }
    }
}

fn starts(batch: &RecordBatch) -> Option<&PrimitiveArray<TimestampMicrosecondType>> {
    batch.column_by_name(COLUMN)?.as_primitive_opt()
}

fn day(micros: i64) -> String {
    let mut text = String::new();
    time::format(micros, &mut text);
    text.split_once('T').map_or_else(String::new, |(day, _)| day.to_owned())
}
