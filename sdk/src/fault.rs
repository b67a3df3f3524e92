//! What is wrong with a row or a cell, said as a reject.

use crate::csv::{Row, field::unquote};
use crate::decimal::{self, DecimalError};
use crate::number::amount;
use crate::plan::{Kind, Plan};
use crate::reject::{Position, Reject};

/// Why a row or a cell is set aside.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    Unterminated,
    FieldCount { found: usize, wanted: usize },
    Key(usize),
    Time,
    NoTime,
    Amount(DecimalError),
    Cell { input: usize, kind: Kind },
}

/// Whether the bytes of a field are text.
pub(crate) fn is_text(row: Row<'_>, input: usize) -> bool {
    std::str::from_utf8(row.field(input).unwrap_or_default()).is_ok()
}

impl Fault {
    pub(crate) fn reject(self, plan: &Plan, row: Row<'_>, number: u64) -> Reject {
        let (code, message) = self.text(row);
        let input = match self {
            Fault::Unterminated | Fault::FieldCount { .. } => None,
            Fault::Time | Fault::NoTime => Some(plan.time),
            Fault::Amount(_) => Some(plan.amount),
            Fault::Key(input) | Fault::Cell { input, .. } => Some(input),
        };
        // Without the right number of fields it is not known which of them is the money.
        let shapeless = input.is_none();
        let money = amount(row.field(plan.amount).unwrap_or_default()).ok().flatten();
        let currency = plan.currency.and_then(|input| text(row, input));
        let column = input.and_then(|i| plan.inputs.get(i)).map(|i| i.name.clone());
        Reject {
            code: code.to_owned(),
            message,
            at: Position { row: Some(number), byte: row.byte(), column },
            whole_row: !matches!(self, Fault::Cell { .. }),
            amount: money.filter(|_| !shapeless).map(|money| decimal::format(money.value)),
            currency: currency.filter(|_| !shapeless),
        }
    }

    /// Never the value itself: it may be anything, and logs show this.
    fn text(self, row: Row<'_>) -> (&'static str, String) {
        let plain = |code, text: &str| (code, text.to_owned());
        match self {
            Fault::Unterminated => plain("row.unterminated-quote", "the file ends inside quotes: the row is not whole"),
            Fault::FieldCount { found, wanted } => {
                ("row.field-count", format!("the row has {found} fields and the header has {wanted}"))
            }
            Fault::Key(_) => plain("row.not-utf8", "the cell is not UTF-8 text, and the row does not count without it"),
            Fault::Time => plain("row.not-a-time", "the cell is not a timestamp, so the row belongs to no day"),
            Fault::NoTime => plain("row.no-time", "the cell is empty, so the row belongs to no day"),
            Fault::Amount(error) => ("row.not-an-amount", format!("the cell {error}, so the row cannot be counted")),
            Fault::Cell { kind: Kind::Text, .. } => plain("cell.not-utf8", "the cell is not UTF-8 text"),
            Fault::Cell { kind: Kind::Instant, .. } => plain("cell.not-a-time", "the cell is not a timestamp"),
            Fault::Cell { kind: Kind::Map, .. } => plain("cell.not-an-object", "the cell is not a JSON object"),
            Fault::Cell { kind: Kind::Amount, input } => {
                let error = amount(row.field(input).unwrap_or_default()).err().unwrap_or(DecimalError::NotANumber);
                ("cell.not-an-amount", format!("the cell {error}"))
            }
        }
    }
}

fn text(row: Row<'_>, input: usize) -> Option<String> {
    let mut scratch = Vec::new();
    let text = std::str::from_utf8(unquote(row.field(input)?, &mut scratch)).ok()?;
    if text.is_empty() { None } else { Some(text.to_owned()) }
}
