//! Tags and cost categories of a row, as the text of a JSON object; and which keys there are.

use super::columns::Maps;
use super::hash::{FastMap, FastSet};
use super::texts::{Interner, NONE};

/// Objects seen so far. Rows share few of them, so each is written once.
#[derive(Debug)]
pub struct Objects {
    /// (key, value) pairs as they came, each pair in one number, to the number of the object's text.
    known: FastMap<Box<[u64]>, u32>,
    pairs: Vec<u64>,
    last: Vec<u64>,
    last_id: u32,
    others: Others,
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
        Objects {
            known: FastMap::default(),
            pairs: Vec::new(),
            last: Vec::new(),
            last_id: interner.id("{}"),
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
        let mut keys: FastSet<u32> =
            self.known.keys().flat_map(|pairs| pairs.iter().map(|&pair| (pair >> 32) as u32)).collect();
        let others = (0_u32..).zip(&self.others.seen).filter(|(_, seen)| **seen);
        keys.extend(others.filter_map(|(number, _)| Some(interner.id(self.others.keys.text(number)?))));
        keys
    }

    /// The number of the text of a row's object. Entries without a key or a value are left out.
    #[inline]
    pub fn id(&mut self, maps: &Maps<'_>, row: usize, interner: &mut Interner) -> u32 {
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
        if self.pairs == self.last {
            return self.last_id;
        }
        let id = match self.known.get(self.pairs.as_slice()) {
            Some(&id) => id,
            None => {
                let text = object(&self.pairs, interner);
                let id = interner.id(&text);
                self.known.insert(self.pairs.as_slice().into(), id);
                id
            }
        };
        std::mem::swap(&mut self.last, &mut self.pairs);
        self.last_id = id;
        id
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
