//! Whether the dates of a file were read in the right order.
//!
//! Azure writes `MM/DD/YYYY`, with or without leading zeros, or ISO dates. Programs that saved an export again may have
//! turned the former into `DD/MM/YYYY`. Dates are read month first, as they come, and what the whole file says of that is
//! judged when it has ended: a day beyond the 12th proves the order, as the end of every billing period does; without one,
//! the billing period that the file's place names does, where only one order puts days into it. A file that proves neither
//! is refused: its rows would stand on days that were guessed. Nothing of a refused file is kept.

use super::header::TIME;
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use costhost_sdk::contract::{Failure, Period};
use costhost_sdk::date_order::DateOrder;
use costhost_sdk::failure::skip_report;
use costhost_sdk::time;

const MICROS_PER_DAY: i64 = 86_400_000_000;
const DAY: i64 = 86_400;

/// What is known of the order of a file's dates.
#[derive(Debug)]
pub(crate) struct Dates {
    /// The billing period, where it was told by something else than dates of the file.
    period: Option<Period>,
    /// Days of rows that lie in the period if the month stands first, and those that do if the day does.
    month_first: u64,
    day_first: u64,
}

impl Dates {
    pub(crate) fn new(period: Option<Period>) -> Dates {
        Dates { period, month_first: 0, day_first: 0 }
    }

    /// Looks at finished rows. `time` is what the dates of rows said so far, `all` what all dates did.
    ///
    /// # Errors
    /// When some dates have the day first, or some rows' dates have slashes and others have not.
    pub(crate) fn check(&mut self, batches: &[RecordBatch], time: DateOrder, all: DateOrder) -> Result<(), Failure> {
        if all.day_first {
            let message = "dates in the file have the day before the month (`DD/MM/YYYY`), which Azure does not write: use \
                           the export as it was delivered, without saving it again in another program";
            return Err(skip_report("input.day-first", message));
        }
        if time.plain && time.slashed {
            let message = "some rows' dates are written like 2025-01-31 and others like 01/31/2025: the file was put \
                           together of others; use the exports as they were delivered";
            return Err(skip_report("input.mixed-dates", message));
        }
        if let Some(period) = self.period.filter(|_| time.slashed && !all.month_first) {
            batches.iter().for_each(|batch| self.weigh(batch, period));
        }
        Ok(())
    }

    fn weigh(&mut self, batch: &RecordBatch, period: Period) {
        let days = batch.column_by_name(TIME).and_then(|days| days.as_primitive_opt::<TimestampMicrosecondType>());
        for micros in days.into_iter().flatten().flatten() {
            let read = micros.div_euclid(MICROS_PER_DAY);
            let (year, month, day) = time::civil(read);
            let Some(other) = time::days(year, day, month).filter(|_| day != month) else { continue };
            let is_in = |day: i64| (period.start..period.end).contains(&day.saturating_mul(DAY));
            self.month_first += u64::from(is_in(read));
            self.day_first += u64::from(is_in(other));
        }
    }

    /// The file has ended; `all` is what all of its dates said.
    ///
    /// # Errors
    /// When it does not say which of the first two numbers of its dates is the month.
    pub(crate) fn settle(&self, all: DateOrder) -> Result<(), Failure> {
        let by_period = self.month_first > 0 && self.day_first == 0;
        if !all.open || all.month_first || by_period {
            return Ok(());
        }
        let message = "the dates of the file can be read as MM/DD/YYYY and as DD/MM/YYYY, and nothing in it tells which: put \
                       it into a folder named by its billing period, such as 20250101-20250131, or export it with the column \
                       BillingPeriodEndDate";
        Err(skip_report("input.ambiguous-dates", message))
    }
}
