//! What line items say beside costs: of their bill, of tags, and of accounts' names.

use arrow_array::RecordBatch;
use costhost_sdk::contract::Failure;
use costhost_sdk::summary::columns::Texts;
use costhost_sdk::summary::facts::Facts;
use costhost_sdk::summary::texts::Interner;

/// What a fact is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Topic {
    /// A type of bill that lines are of.
    BillType,
    /// An account that pays.
    Payer,
    /// An invoice that lines are on.
    Invoice,
    /// A key of a user's tag, without its prefix.
    TagKey,
    /// A name of an account, which is the subject.
    AccountName,
}

impl Topic {
    /// The number it is noted under.
    pub(crate) fn number(self) -> u8 {
        self as u8
    }
}

/// Takes in what the rows of a batch of line items say.
///
/// # Errors
/// When a column is absent or of another type.
pub(crate) fn add(batch: &RecordBatch, facts: &mut Facts, interner: &mut Interner) -> Result<(), Failure> {
    let rows = batch.num_rows();
    let payer = Texts::new(batch, "bill_payer_account_id", interner)?;
    facts.column(Topic::Payer.number(), &payer, rows);
    facts.column(Topic::BillType.number(), &Texts::new(batch, "bill_bill_type", interner)?, rows);
    facts.column(Topic::Invoice.number(), &Texts::new(batch, "bill_invoice_id", interner)?, rows);
    // Only CUR 2.0 names accounts.
    let payer_name = Texts::new(batch, "bill_payer_account_name", interner)?;
    if !payer_name.is_void() {
        facts.pairs(Topic::AccountName.number(), &payer, &payer_name, rows);
    }
    let name = Texts::new(batch, "line_item_usage_account_name", interner)?;
    if !name.is_void() {
        let account = Texts::new(batch, "line_item_usage_account_id", interner)?;
        facts.pairs(Topic::AccountName.number(), &account, &name, rows);
    }
    Ok(())
}
