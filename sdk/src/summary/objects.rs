//! Tags and cost categories of a row, as the text of a JSON object; and which keys there are.

use super::columns::Maps;
use super::hash::{FastHasher, FastSet};
use super::slots::Slots;
use super::texts::{Interner, NONE};
use std::hash::Hasher as _;

/// Objects seen so far. Rows share few of them, so each is written once.
#[derive(Debug)]
pub struct Objects {
    known: Known,
    pairs: Vec<u64>,
    /// The row's pairs as its batch codes them.
    coded: Vec<u64>,
    others: Others,
}

/// The numbers of objects' texts by their (key, value) pairs as they came, each pair in one number. A table of its own, as
/// it is asked for every row: comparing slices is a call in a guest, and the pairs of all objects lie side by side here.
#[derive(Debug, Default)]
pub(super) struct Known {
    pairs: Vec<u64>,
    /// By object: where its pairs end, and the number of its text.
    objects: Vec<(usize, u32)>,
    slots: Slots,
}

impl Known {
    #[inline]
    fn find_or_add(&mut self, pairs: &[u64], number: impl FnOnce(&[u64]) -> u32) -> u32 {
        let mut hasher = FastHasher::default();
        pairs.iter().for_each(|pair| hasher.write_u64(*pair));
        let (all, objects, next) = (&self.pairs, &self.objects, self.objects.len() as u32);
        let object = self.slots.find_or_add(hasher.finish() as u32, next, |object| holds(all, objects, object, pairs));
        if let Some((_, text)) = self.objects.get(object as usize) {
            return *text;
        }
        let text = number(pairs);
        self.pairs.extend_from_slice(pairs);
        self.objects.push((self.pairs.len(), text));
        text
    }
}

/// Whether these are the pairs of an object.
#[inline]
fn holds(all: &[u64], objects: &[(usize, u32)], object: u32, pairs: &[u64]) -> bool {
    let end = |object: usize| objects.get(object).map(|object| object.0);
    let begin = (object as usize).checked_sub(1).and_then(end).unwrap_or(0);
    let Some(own) = end(object as usize).and_then(|end| all.get(begin..end)) else { return false };
    let differ = own.iter().zip(pairs).fold(0, |differ, (own, pair)| differ | (own ^ pair));
    own.len() == pairs.len() && differ == 0
}

/// Set in the numbers of keys that are left out of objects.
const LEFT_OUT: u32 = 1 << 31;

/// Keys that are left out of objects, by numbers of their own: summaries hold nothing else of them.
#[derive(Debug)]
struct Others {
    keys: Interner,
    /// By number: whether a row has had a value for it.
    seen: Vec<bool>,
}

impl Others {
    /// Notes a key, unless the entry has no value.
    #[inline]
    fn note(&mut self, key: u32, entry: usize, maps: &Maps<'_>) {
        let slot = self.seen.get_mut((key & !LEFT_OUT) as usize);
        if let Some(seen) = slot.filter(|seen| !**seen) {
            *seen = maps.values.is_given(entry);
        }
    }
}

impl Objects {
    /// With no object seen.
    pub fn new(interner: &mut Interner) -> Objects {
        let mut known = Known::default();
        known.find_or_add(&[], |_| interner.id("{}"));
        Objects {
            known,
            pairs: Vec::new(),
            coded: Vec::new(),
            others: Others { keys: Interner::new(), seen: Vec::new() },
        }
    }

    /// The number that the keys of [`Maps`] give to a key that is left out of objects, but counts as found.
    pub fn left_out(&mut self, key: &str) -> u32 {
        match self.others.keys.id(key) {
            NONE => NONE,
            number => {
                let length = self.others.seen.len().max(number as usize + 1);
                self.others.seen.resize(length, false);
                number | LEFT_OUT
            }
        }
    }

    /// The numbers of all keys of rows that had a value, those that are left out of objects among them.
    pub fn keys(&self, interner: &mut Interner) -> FastSet<u32> {
        let mut keys: FastSet<u32> = self.known.pairs.iter().map(|&pair| (pair >> 32) as u32).collect();
        let others = (0_u32..).zip(&self.others.seen).filter(|(_, seen)| **seen);
        keys.extend(others.filter_map(|(number, _)| Some(interner.id(self.others.keys.text(number)?))));
        keys
    }

    /// The number of the text of a row's object. Entries without a key or a value are left out.
    ///
    /// Rows of a batch whose entries have the same codes have the same object, so entries are looked at once a batch.
    #[inline]
    pub fn id(&mut self, maps: &Maps<'_>, row: usize, interner: &mut Interner) -> u32 {
        let mut coded = std::mem::take(&mut self.coded);
        let number = if maps.coded_pairs(row, &mut coded) {
            maps.objects.borrow_mut().find_or_add(&coded, |_| self.number(maps, row, interner))
        } else {
            self.number(maps, row, interner)
        };
        self.coded = coded;
        number
    }

    #[inline(never)]
    fn number(&mut self, maps: &Maps<'_>, row: usize, interner: &mut Interner) -> u32 {
        self.pairs.clear();
        for entry in maps.entries(row) {
            let key = maps.keys.id(entry);
            if key == NONE {
                continue;
            }
            if key & LEFT_OUT != 0 {
                self.others.note(key, entry, maps);
                continue;
            }
            let value = maps.values.id(entry, interner);
            if value != NONE {
                self.pairs.push(u64::from(key) << 32 | u64::from(value));
            }
        }
        self.known.find_or_add(&self.pairs, |pairs| {
            let text = object(pairs, interner);
            interner.id(&text)
        })
    }
}

/// A JSON object with its keys sorted and no spaces.
fn object(pairs: &[u64], interner: &Interner) -> String {
    let text = |id: u64| interner.text(id as u32).unwrap_or_default();
    let mut entries: Vec<(&str, &str)> =
        pairs.iter().map(|&pair| (text(pair >> 32), text(pair & 0xffff_ffff))).collect();
    entries.sort_unstable();
    entries.dedup_by_key(|(key, _)| *key);
    let entries: Vec<String> =
        entries.iter().map(|(key, value)| format!("{}:{}", quoted(key), quoted(value))).collect();
    format!("{{{}}}", entries.join(","))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
