//! A look into a file whose place does not say all.

use crate::columns::canonical;
use crate::columns::line_items_schema;
use crate::normalize::header::{Kind, TIME, kind, refusal};
use costhost_sdk::calendar::Month;
use costhost_sdk::contract::Failure;
use costhost_sdk::date_order::{self, DateOrder};
use costhost_sdk::delivery::head::{Records, of_file};
use costhost_sdk::storage::{Object, Storage};
use costhost_sdk::time;

const PERIOD: &str = "billing_period_start_date";
const DAY_MICROS: i64 = 86_400_000_000;

/// What a file's first lines say.
pub(crate) enum Told {
    /// The month of the first row's billing period, or of its day.
    Month(Month),
    /// It has no row that names one.
    Nothing,
    Focus,
    /// It is none of ours.
    Refused(Failure),
}

/// Reads a file's first lines.
///
/// # Errors
/// Why they were not read, as a sentence.
pub(crate) fn look(storage: &dyn Storage, object: &Object) -> Result<Told, String> {
    if object.size == 0 {
        return Ok(Told::Nothing);
    }
    Ok(told(&of_file(storage, object)?))
}

fn told(text: &str) -> Told {
    let mut records = Records(text);
    let header = records.next().unwrap_or_default();
    match kind(&header) {
        Kind::Focus => return Told::Focus,
        other => {
            if let Some(failure) = refusal(other, &header) {
                return Told::Refused(failure);
            }
        }
    }
    let row = records.next().unwrap_or_default();
    let month = |name: &str| {
        let column = line_items_schema().index_of(name).ok()?;
        let at = header.iter().position(|spelled| canonical(spelled) == Some(column))?;
        month_of(row.get(at)?)
    };
    month(PERIOD).or_else(|| month(TIME)).map_or(Told::Nothing, Told::Month)
}

/// The month of a date; one with slashes is read month first, which is checked when the file is read.
fn month_of(text: &str) -> Option<Month> {
    let micros =
        time::parse(text.as_bytes()).or_else(|| date_order::parse(text.as_bytes(), &mut DateOrder::default()))?;
    Month::of_day(micros.div_euclid(DAY_MICROS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(text: &str) -> Option<Month> {
        match told(text) {
            Told::Month(month) => Some(month),
            Told::Nothing | Told::Focus | Told::Refused(_) => None,
        }
    }

    #[test]
    fn the_first_row_says_the_month() {
        let header = "Date,Cost,BillingCurrency,BillingPeriodStartDate\r\n";
        assert_eq!(month(&format!("{header}09/21/2023,1,USD,09/01/2023\r\n")), Month::new(2023, 9));
        assert_eq!(month(&format!("{header}2023-09-21,1,USD,2023-10-01\n")), Month::new(2023, 10));
        assert_eq!(month(&format!("{header}9/2/2023,1,USD,\n")), Month::new(2023, 9));
        assert_eq!(month(header), None);
        assert!(matches!(told("BilledCost,ChargePeriodStart\n"), Told::Focus));
        assert!(matches!(told("UsageDateTime,PreTaxCost\n"), Told::Refused(_)));
    }
}
