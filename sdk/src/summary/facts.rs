//! What rows say beside what is added up, such as of their bill, of tags, or of accounts' names.
//!
//! A set, so that rows may come in any order and in any number of parts. Only what rows really have counts: a dictionary
//! may hold texts that none of its rows has.

use super::columns::Texts;
use super::hash::FastSet;
use super::texts::{Interner, NONE};

/// What a fact is about, in a plugin's own numbers.
pub type Topic = u8;

/// One fact, in texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact<'a> {
    /// What it is about.
    pub topic: Topic,
    /// What it says something of; empty where that is the bill or the report.
    pub subject: &'a str,
    /// What it says.
    pub text: &'a str,
}

/// Facts so far: topic, subject and text, the latter two as numbers of the interner that rows are folded with.
#[derive(Debug, Default)]
pub struct Facts(FastSet<(Topic, u32, u32)>);

impl Facts {
    /// Notes every text of a column. Neighbouring rows mostly say the same, so only what differs from the row before is
    /// looked up.
    pub fn column(&mut self, topic: Topic, texts: &Texts<'_>, rows: usize) {
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

    /// Notes what one column says of another. Rows without a subject say nothing.
    pub fn pairs(&mut self, topic: Topic, subjects: &Texts<'_>, texts: &Texts<'_>, rows: usize) {
        let mut last = (NONE, NONE);
        for row in 0..rows {
            let (subject, text) = (subjects.id(row), texts.id(row));
            if (subject, text) != last && subject != NONE {
                self.note(topic, subject, text);
            }
            last = (subject, text);
        }
    }

    /// Notes one fact. Without a text there is none.
    pub fn note(&mut self, topic: Topic, subject: u32, text: u32) {
        if text != NONE {
            self.0.insert((topic, subject, text));
        }
    }

    /// All facts by topic, subject and text.
    #[must_use]
    pub fn sorted<'a>(&self, interner: &'a Interner) -> Vec<Fact<'a>> {
        let text = |id: u32| interner.text(id).unwrap_or_default();
        let fact = |&(topic, subject, of): &(Topic, u32, u32)| Fact { topic, subject: text(subject), text: text(of) };
        let mut facts: Vec<Fact<'a>> = self.0.iter().map(fact).collect();
        facts.sort_unstable();
        facts
    }
}
