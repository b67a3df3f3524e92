//! The dictionary of one column in one row group: each value once, numbered as they come.

use std::hash::{BuildHasher as _, Hash};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// Texts, kept in the form that the dictionary page has: length in four bytes, then the text.
#[derive(Debug, Default)]
pub(super) struct TextDictionary {
    page: Vec<u8>,
    /// Where each text lies in `page`, without its length.
    places: Vec<(u32, u32)>,
    table: HashTable<u32>,
    hasher: RandomState,
}

impl TextDictionary {
    /// The number of a text, which is new if it was not there.
    #[inline]
    pub(super) fn intern(&mut self, text: &[u8]) -> u32 {
        let (places, page, hasher) = (&self.places, &self.page, &self.hasher);
        let known = |code: &u32| text_at(page, places, *code);
        let entry =
            self.table.entry(hasher.hash_one(text), |code| known(code) == text, |code| hasher.hash_one(known(code)));
        match entry {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let code = number(self.places.len());
                entry.insert(code);
                put_text(text, &mut self.page);
                self.places.push((number(self.page.len() - text.len()), number(self.page.len())));
                code
            }
        }
    }

    pub(super) fn text(&self, code: u32) -> &[u8] {
        text_at(&self.page, &self.places, code)
    }

    /// All texts, in the order of their numbers.
    pub(super) fn texts(&self) -> impl Iterator<Item = &[u8]> {
        (0..number(self.places.len())).map(|code| self.text(code))
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// The content of the dictionary page.
    pub(super) fn page(&self) -> &[u8] {
        &self.page
    }

    /// Forgets all values and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.page.clear();
        self.places.clear();
        self.table.clear();
    }

    pub(super) fn memory(&self) -> usize {
        self.page.capacity() + self.places.capacity() * 8 + self.table.capacity() * 5
    }
}

fn text_at<'a>(page: &'a [u8], places: &[(u32, u32)], code: u32) -> &'a [u8] {
    let place = places.get(code as usize).and_then(|(start, end)| page.get(*start as usize..*end as usize));
    place.unwrap_or_default()
}

/// Appends a text in the PLAIN encoding.
pub(super) fn put_text(text: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&number(text.len()).to_le_bytes());
    out.extend_from_slice(text);
}

/// Numbers of values and offsets in a dictionary: it takes in at most one page's worth beyond its limit, far from 2^32.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Numbers of a fixed width. Equal means equal bits: NaN is one value, and the two zeros are two.
#[derive(Debug)]
pub(super) struct NumberDictionary<N> {
    values: Vec<N>,
    table: HashTable<u32>,
    hasher: RandomState,
}

impl<N> Default for NumberDictionary<N> {
    fn default() -> Self {
        Self { values: Vec::new(), table: HashTable::new(), hasher: RandomState::default() }
    }
}

impl<N: Copy + Eq + Hash> NumberDictionary<N> {
    /// The number of a value, which is new if it was not there.
    #[inline]
    pub(super) fn intern(&mut self, value: N) -> u32 {
        let (values, hasher) = (&self.values, &self.hasher);
        let hash = hasher.hash_one(value);
        let known = |code: &u32| values.get(*code as usize);
        if let Some(code) = self.table.find(hash, |code| known(code) == Some(&value)) {
            return *code;
        }
        let code = number(values.len());
        self.table.insert_unique(hash, code, |code| hasher.hash_one(known(code).unwrap_or(&value)));
        self.values.push(value);
        code
    }

    /// All values, in the order of their numbers.
    pub(super) fn values(&self) -> &[N] {
        &self.values
    }

    /// Forgets all values and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.table.clear();
    }

    pub(super) fn memory(&self) -> usize {
        self.values.capacity() * size_of::<N>() + self.table.capacity() * 5
    }
}
