//! What line items say beside costs: of their bill and of tags.

use arrow_array::RecordBatch;
use costhost_sdk::contract::Failure;
use costhost_sdk::summary::columns::Texts;
use costhost_sdk::summary::facts::Facts;
use costhost_sdk::summary::texts::Interner;

/// What a fact is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// A billing account that lines are charged to.
    BillingAccount,
    /// Its name.
    BillingAccountName,
    /// Whether costs are actual or amortized.
    Metric,
    /// An invoice that lines are on.
    Invoice,
    /// A key of a tag.
    TagKey,
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
    for (topic, column) in [
        (Topic::BillingAccount, "billing_account_id"),
        (Topic::BillingAccountName, "billing_account_name"),
        (Topic::Metric, "metric"),
        (Topic::Invoice, "invoice_id"),
    ] {
        facts.column(topic.number(), &Texts::new(batch, column, interner)?, batch.num_rows());
    }
    Ok(())
}
