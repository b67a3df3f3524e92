//! Rows that belong to another billing period than the file they came in.
//!
//! Rows stand in place of all earlier rows of their source and period, so a row under the wrong month would be counted
//! there, and would be lost with the next delivery of that month. Where only a name or a folder told the month, such a row
//! ends the file. A manifest's word stands: what it lists is replaced as a whole, and the operator is told.

use crate::contract::{Failure, Job, Position};
use crate::failure::{Place, skip_report};
use crate::plan::{Plan, Target};
use crate::table::Output;
use crate::time;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, PrimitiveArray, RecordBatch};

const MICROS: i64 = 1_000_000;
/// Rows left out whose places are remembered, to tell the place of a row in the file.
const REMEMBERED: usize = 10_000;

/// The billing period of a file, and how many of its rows were looked at.
#[derive(Debug)]
pub struct BillingPeriod {
    /// The column that says of which billing period a row is.
    column: &'static str,
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
    /// The period of a job. `column` of its rows says of which billing period they are; `certain` is whether a manifest
    /// told the file's.
    #[must_use]
    pub fn new(job: &Job, column: &'static str, certain: bool) -> BillingPeriod {
        let micros = |seconds: i64| seconds.saturating_mul(MICROS);
        BillingPeriod {
            column,
            from: micros(job.period.start),
            to: micros(job.period.end),
            standing: 0,
            left_out: Vec::new(),
            exact: true,
            certain,
            others: 0,
            first_start: None,
        }
    }

    /// Looks at finished rows of this plan.
    ///
    /// # Errors
    /// When one of them is of another billing period, and no manifest told the file's. Rows that name none are taken as
    /// they are.
    pub fn check(&mut self, output: &Output, plan: &Plan) -> Result<(), Failure> {
        let rejects = output.rejects.iter().filter(|reject| reject.whole_row);
        self.left_out.extend(rejects.filter_map(|reject| reject.at.row));
        self.exact &= output.rejects_uncounted == 0 && self.left_out.len() <= REMEMBERED;
        if !self.exact {
            self.left_out = Vec::new();
        }
        for batch in &output.batches {
            if let Some((index, start)) = self.first_other(batch) {
                if !self.certain {
                    return Err(self.other(self.standing + index as u64, start, plan));
                }
                self.others += self.others_of(batch);
                self.first_start.get_or_insert(start);
            }
            self.standing += batch.num_rows() as u64;
        }
        Ok(())
    }

    /// What the operator should know once the file has ended.
    #[must_use]
    pub fn note(&self) -> Option<String> {
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
        let starts = self.starts(batch)?;
        if starts.null_count() == 0 && !starts.values().iter().any(|&start| self.is_other(start)) {
            return None;
        }
        let rows = starts.iter().enumerate();
        rows.filter_map(|(row, start)| Some((row, start?))).find(|(_, start)| self.is_other(*start))
    }

    fn others_of(&self, batch: &RecordBatch) -> u64 {
        let others = |starts: &PrimitiveArray<_>| starts.iter().flatten().filter(|&start| self.is_other(start)).count();
        self.starts(batch).map_or(0, others) as u64
    }

    fn starts<'a>(&self, batch: &'a RecordBatch) -> Option<&'a PrimitiveArray<TimestampMicrosecondType>> {
        batch.column_by_name(self.column)?.as_primitive_opt()
    }

    fn is_other(&self, start: i64) -> bool {
        !(self.from..self.to).contains(&start)
    }

    fn other(&self, standing: u64, start: i64, plan: &Plan) -> Failure {
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
        let column = Some(spelling(plan, self.column).unwrap_or(self.column).to_owned());
        skip_report("input.other-period", message).at(Position { row, byte: None, column })
    }
}

/// How an input spells the column of this name.
fn spelling<'a>(plan: &'a Plan, name: &str) -> Option<&'a str> {
    let column = plan.schema.index_of(name).ok()?;
    plan.inputs.iter().find(|input| input.target == Target::Column(column)).map(|input| input.name.as_str())
}

fn day(micros: i64) -> String {
    let mut text = String::new();
    time::format(micros, &mut text);
    text.split_once('T').map_or_else(String::new, |(day, _)| day.to_owned())
}
