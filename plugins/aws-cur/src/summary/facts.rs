//! What line items say beside costs: of their bill, of tags, and of accounts' names.
//!
//! A set, so that rows may come in any order and in any number of parts. Only what rows really have counts: a dictionary
//! may hold texts that none of its rows has.

use super::hash::FastSet;
use super::input::Texts;
use super::intern::{Interner, NONE};
use arrow_array::RecordBatch;
use costhost_sdk::contract::Failure;

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
    /// All topics, each at the place of its number.
    const ALL: [Topic; 5] = [Topic::BillType, Topic::Payer, Topic::Invoice, Topic::TagKey, Topic::AccountName];

    /// The number it is saved as.
    pub(crate) fn number(self) -> u8 {
        self as u8
    }

    /// The topic of a number.
    pub(crate) fn of_number(number: u8) -> Option<Topic> {
        Topic::ALL.get(usize::from(number)).copied()
    }
}

/// One fact, in texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fact<'a> {
    pub(crate) topic: Topic,
    /// What it says something of; empty where that is the bill or the report.
    pub(crate) subject: &'a str,
    pub(crate) text: &'a str,
}

/// Facts so far: topic, subject and text, the latter two as numbers of the interner that rows are folded with.
#[derive(Debug, Default)]
pub(crate) struct Facts(FastSet<(Topic, u32, u32)>);

impl Facts {
    /// Takes in the rows of a batch of line items.
    ///
    /// # Errors
    /// When a column is absent or of another type.
    pub(crate) fn add(&mut self, batch: &RecordBatch, interner: &mut Interner) -> Result<(), Failure> {
        let rows = batch.num_rows();
        let payer = Texts::new(batch, "bill_payer_account_id", interner)?;
        self.column(Topic::Payer, &payer, rows);
        self.column(Topic::BillType, &Texts::new(batch, "bill_bill_type", interner)?, rows);
        self.column(Topic::Invoice, &Texts::new(batch, "bill_invoice_id", interner)?, rows);
        // Only CUR 2.0 names accounts.
        let payer_name = Texts::new(batch, "bill_payer_account_name", interner)?;
        if !payer_name.is_void() {
            self.names(&payer, &payer_name, rows);
        }
        let name = Texts::new(batch, "line_item_usage_account_name", interner)?;
        if !name.is_void() {
            self.names(&Texts::new(batch, "line_item_usage_account_id", interner)?, &name, rows);
        }
        Ok(())
    }

    /// Neighbouring rows mostly say the same, so only what differs from the row before is looked up.
    fn column(&mut self, topic: Topic, texts: &Texts<'_>, rows: usize) {
        if texts.is_void() {
            return;
        }
        let mut last = NONE;
        for row in 0..rows {
            let text = texts.id(row);
            if text != last {
                self.note(topic, NONE, text);
                last = text;
            }
        }
    }

    fn names(&mut self, accounts: &Texts<'_>, names: &Texts<'_>, rows: usize) {
        let mut last = (NONE, NONE);
        for row in 0..rows {
            let (account, name) = (accounts.id(row), names.id(row));
            if (account, name) != last && account != NONE {
                self.note(Topic::AccountName, account, name);
            }
            last = (account, name);
        }
    }

    /// Notes one fact. Without a text there is none.
    pub(crate) fn note(&mut self, topic: Topic, subject: u32, text: u32) {
        if text != NONE {
            self.0.insert((topic, subject, text));
        }
    }

    /// All facts by topic, subject and text.
    pub(crate) fn sorted<'a>(&self, interner: &'a Interner) -> Vec<Fact<'a>> {
        let text = |id: u32| interner.text(id).unwrap_or_default();
        let fact = |&(topic, subject, of): &(Topic, u32, u32)| Fact { topic, subject: text(subject), text: text(of) };
        let mut facts: Vec<Fact<'a>> = self.0.iter().map(fact).collect();
        facts.sort_unstable();
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_survives_its_number() {
        for topic in Topic::ALL {
            assert_eq!(Topic::of_number(topic.number()), Some(topic));
        }
        assert_eq!(Topic::of_number(Topic::ALL.len() as u8), None);
    }
}
