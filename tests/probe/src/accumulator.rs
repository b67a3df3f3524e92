//! Totals by account.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::types::Decimal128Type;
use arrow_array::{Array, ArrayRef};
use arrow_ipc::reader::StreamReader;
use costhost_sdk::bindings::costhost::provider::types::{Failure, Output};
use costhost_sdk::bindings::exports::costhost::provider::summarize::{Accumulator, GuestAccumulator, Task};

use crate::mischief::{Mischief, failure};
use crate::rows::{self, Line};

/// The accumulator.
#[derive(Default)]
pub(crate) struct Totals {
    by_account: RefCell<BTreeMap<String, i128>>,
    done: Cell<bool>,
    mischief: Mischief,
}

impl Totals {
    /// Adds lines.
    pub(crate) fn add<'a>(&self, lines: impl Iterator<Item = &'a Line>) {
        if self.mischief.does_not_fold() {
            return;
        }
        lines.for_each(|line| self.add_one(&line.account, line.amount));
    }

    fn add_one(&self, account: &str, amount: i128) {
        *self.by_account.borrow_mut().entry(account.to_owned()).or_default() += amount;
    }
}

/// Texts of a column, plain or as a dictionary: the host passes on what the normalizer sent.
fn texts(column: &ArrayRef) -> Option<Vec<String>> {
    let plain = |values: &ArrayRef| -> Option<Vec<String>> {
        let values = values.as_string_opt::<i32>()?;
        Some(values.iter().map(|text| text.unwrap_or_default().to_owned()).collect())
    };
    if column.is_empty() {
        return Some(Vec::new());
    }
    match column.as_any_dictionary_opt() {
        None => plain(column),
        Some(dictionary) => {
            let values = plain(dictionary.values())?;
            Some(
                dictionary
                    .normalized_keys()
                    .into_iter()
                    .map(|key| values.get(key).cloned().unwrap_or_default())
                    .collect(),
            )
        }
    }
}

impl GuestAccumulator for Totals {
    fn open(task: Task) -> Result<Accumulator, Failure> {
        Ok(Accumulator::new(Self { mischief: Mischief::of(&task.settings), ..Self::default() }))
    }

    fn update(&self, data: Vec<u8>) -> Result<(), Failure> {
        let reader = StreamReader::try_new(data.as_slice(), None).map_err(|error| failure(&error.to_string()))?;
        for batch in reader {
            let batch = batch.map_err(|error| failure(&error.to_string()))?;
            let (Some(accounts), Some(amounts)) = (batch.column_by_name("account"), batch.column_by_name("amount"))
            else {
                return Err(failure("the columns are missing"));
            };
            let accounts = texts(accounts).ok_or_else(|| failure("accounts are not text"))?;
            let amounts =
                amounts.as_primitive_opt::<Decimal128Type>().ok_or_else(|| failure("amounts are not decimals"))?;
            accounts.iter().zip(amounts).for_each(|(account, amount)| {
                self.add_one(account, amount.unwrap_or_default());
            });
        }
        Ok(())
    }

    /// One line of text per account.
    fn save(&self) -> Result<Option<Vec<u8>>, Failure> {
        if let Some(piece) = self.mischief.endless_state() {
            return Ok(Some(piece));
        }
        if self.done.replace(true) {
            return Ok(None);
        }
        let totals = self.by_account.borrow();
        Ok(Some(
            totals.iter().map(|(account, amount)| format!("{account},{amount}\n")).collect::<String>().into_bytes(),
        ))
    }

    fn merge(&self, state: Vec<u8>) -> Result<(), Failure> {
        if self.mischief.forgets_on_merge() {
            self.by_account.borrow_mut().clear();
        }
        for line in String::from_utf8_lossy(&state).lines() {
            let parsed = line.split_once(',').and_then(|(account, amount)| Some((account, amount.parse().ok()?)));
            let (account, amount) = parsed.ok_or_else(|| failure("not a saved state"))?;
            self.add_one(account, amount);
        }
        Ok(())
    }

    fn complete(&self) -> Result<(), Failure> {
        Ok(())
    }

    fn pull(&self) -> Result<Option<Output>, Failure> {
        if self.done.replace(true) && !self.mischief.never_ends() {
            return Ok(None);
        }
        Ok(Some(Output { table: 1, data: rows::totals(self.by_account.borrow().iter()) }))
    }
}
