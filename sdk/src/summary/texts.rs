//! Texts as numbers, so that rows compare and hash numbers.
//!
//! A bill may have a resource for every other row, so texts lie one after another in large chunks, which are never moved,
//! and their hashes in the table: growing it looks at no text.

use super::slots::Slots;
use crate::intern::{hash, same};
use arrow_array::{Array as _, StringArray};
use std::cmp::Ordering;

/// The number of "no text": null and empty text are the same.
pub const NONE: u32 = 0;

/// Bytes of the first chunk and of the largest; a longer text has a chunk of its own.
const CHUNKS: (usize, usize) = (16 << 10, 1 << 20);
/// Texts that are looked up together.
const BLOCK: usize = 128;

/// Texts, each with a number of its own from 1 on.
#[derive(Debug)]
pub struct Interner {
    slots: Slots,
    /// By number.
    places: Vec<Place>,
    chunks: Vec<String>,
}

/// Where a text lies.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    chunk: u32,
    start: u32,
    end: u32,
}

impl Default for Interner {
    fn default() -> Self {
        Interner::new()
    }
}

impl Interner {
    /// No text.
    #[must_use]
    pub fn new() -> Interner {
        Interner { slots: Slots::default(), places: vec![Place::default()], chunks: vec![String::new()] }
    }

    /// The number of a text; [`NONE`] for empty text.
    pub fn id(&mut self, text: &str) -> u32 {
        if text.is_empty() { NONE } else { self.hashed(text, hash(text.as_bytes()) as u32) }
    }

    /// The numbers of many texts; null is [`NONE`].
    pub fn ids(&mut self, texts: &StringArray) -> Vec<u32> {
        let mut ids = Vec::with_capacity(texts.len());
        let text = |row: usize| if texts.is_valid(row) { texts.value(row) } else { "" };
        self.ids_of(texts.len(), text, &mut ids);
        ids
    }

    /// The numbers of texts that stand one after another and have these lengths, after a [`NONE`]; `None` when a length ends
    /// within a letter.
    pub(super) fn ids_of_run(&mut self, run: &str, lengths: &[u32]) -> Option<Vec<u32>> {
        let mut texts = Vec::with_capacity(lengths.len());
        let mut rest = run;
        for length in lengths {
            let (text, after) = rest.split_at_checked(*length as usize)?;
            texts.push(text);
            rest = after;
        }
        let mut ids = Vec::with_capacity(texts.len() + 1);
        ids.push(NONE);
        self.ids_of(texts.len(), |row| texts.get(row).copied().unwrap_or_default(), &mut ids);
        Some(ids)
    }

    /// With very many texts each step of a look-up - to the slot, to the place, to the bytes - waits for memory. Here
    /// each is done for a block of texts before the next one, so that they wait at the same time.
    fn ids_of<'a>(&mut self, rows: usize, text: impl Fn(usize) -> &'a str, ids: &mut Vec<u32>) {
        let mut guesses = Vec::with_capacity(BLOCK);
        for from in (0..rows).step_by(BLOCK) {
            let block = from..rows.min(from + BLOCK);
            guesses.clear();
            guesses.extend(block.clone().map(|row| (hash(text(row).as_bytes()) as u32, NONE, Place::default())));
            guesses
                .iter_mut()
                .for_each(|(hash, id, _)| *id = self.slots.first(*hash).map_or(NONE, |number| number + 1));
            guesses.iter_mut().for_each(|(_, id, place)| *place = self.place(*id));
            for (row, (hash, id, place)) in block.zip(&guesses) {
                let text = text(row);
                ids.push(match *id {
                    _ if text.is_empty() => NONE,
                    id if id != NONE && same(at(&self.chunks, *place).as_bytes(), text.as_bytes()) => id,
                    _ => self.hashed(text, *hash),
                });
            }
        }
    }

    fn hashed(&mut self, text: &str, hash: u32) -> u32 {
        // Memory ends long before four billion texts.
        let next = u32::try_from(self.len()).unwrap_or(u32::MAX - 1);
        let (places, chunks) = (&self.places, &self.chunks);
        let is = |number: u32| {
            let place = places.get(number as usize + 1).copied().unwrap_or_default();
            same(at(chunks, place).as_bytes(), text.as_bytes())
        };
        let number = self.slots.find_or_add(hash, next, is);
        if number == next {
            self.add(text);
        }
        number + 1
    }

    #[inline(never)]
    fn add(&mut self, text: &str) {
        if self.chunks.last().is_none_or(|chunk| chunk.capacity() - chunk.len() < text.len()) {
            let room = self.chunks.last().map_or(0, String::capacity) * 2;
            self.chunks.push(String::with_capacity(room.clamp(CHUNKS.0, CHUNKS.1).max(text.len())));
        }
        let number = (self.chunks.len() - 1) as u32;
        let Some(chunk) = self.chunks.last_mut() else { return };
        let start = chunk.len() as u32;
        chunk.push_str(text);
        self.places.push(Place { chunk: number, start, end: chunk.len() as u32 });
    }

    #[inline]
    fn place(&self, id: u32) -> Place {
        self.places.get(id as usize).copied().unwrap_or_default()
    }

    /// The text of a number; `None` for [`NONE`].
    #[must_use]
    #[inline]
    pub fn text(&self, id: u32) -> Option<&str> {
        if id == NONE || id as usize >= self.places.len() { None } else { Some(at(&self.chunks, self.place(id))) }
    }

    /// How many texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len() - 1
    }

    /// Whether there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How the texts of two numbers compare by their bytes; no text comes first.
    #[must_use]
    pub fn compare(&self, a: u32, b: u32) -> Ordering {
        if a == b {
            return Ordering::Equal;
        }
        by_words(at(&self.chunks, self.place(a)).as_bytes(), at(&self.chunks, self.place(b)).as_bytes())
    }

    /// Numbers by number: the place of their text among the texts of these numbers, from 1 on in byte order. No text, and
    /// what is none of these, has 0.
    #[must_use]
    pub fn ranks(&self, ids: impl Iterator<Item = u32>) -> Ranks {
        let mut ranks = vec![0_u32; self.places.len()];
        let mut order = Vec::new();
        for id in ids {
            if let Some(slot) = ranks.get_mut(id as usize).filter(|slot| **slot == 0 && id != NONE) {
                *slot = 1;
                order.push(id);
            }
        }
        order.sort_unstable_by(|a, b| self.compare(*a, *b));
        for (rank, id) in (1_u32..).zip(&order) {
            if let Some(slot) = ranks.get_mut(*id as usize) {
                *slot = rank;
            }
        }
        Ranks { ranks, count: order.len() }
    }
}

/// The order of some texts.
#[derive(Debug)]
pub struct Ranks {
    ranks: Vec<u32>,
    count: usize,
}

impl Ranks {
    /// The rank of a text's number.
    #[inline]
    #[must_use]
    pub fn of(&self, id: u32) -> u32 {
        self.ranks.get(id as usize).copied().unwrap_or_default()
    }

    /// How many texts were ranked.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }
}

#[inline]
fn at(chunks: &[String], place: Place) -> &str {
    let chunk = chunks.get(place.chunk as usize);
    chunk.and_then(|chunk| chunk.get(place.start as usize..place.end as usize)).unwrap_or_default()
}

/// Compares byte strings by words: in a guest, comparing slices is a call and a loop over bytes, and ids of resources have
/// long beginnings in common.
#[inline]
fn by_words(a: &[u8], b: &[u8]) -> Ordering {
    let ((a_words, _), (b_words, _)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let differ = a_words.iter().zip(b_words).position(|(a, b)| u64::from_le_bytes(*a) != u64::from_le_bytes(*b));
    let from = differ.unwrap_or(a_words.len().min(b_words.len())) * 8;
    a.get(from..).cmp(&b.get(from..))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn texts_keep_their_numbers_however_they_are_asked_for(
            texts in proptest::collection::vec("[ab]{0,12}|é{0,9}|x{2000}[ab]{0,2}", 0..100)) {
            let (mut single, mut many) = (Interner::new(), Interner::new());
            let ids: Vec<u32> = texts.iter().map(|text| single.id(text)).collect();
            prop_assert_eq!(&many.ids(&StringArray::from_iter_values(&texts)), &ids);
            for (text, id) in texts.iter().zip(&ids) {
                prop_assert_eq!(single.text(*id).unwrap_or_default(), text);
                prop_assert_eq!(single.id(text), *id);
            }
            let distinct: std::collections::BTreeSet<&String> = texts.iter().filter(|text| !text.is_empty()).collect();
            prop_assert_eq!(single.len(), distinct.len());
            let ranks = single.ranks(ids.iter().copied());
            prop_assert_eq!(ranks.count(), distinct.len());
            let ranked: Vec<u32> = distinct.into_iter().map(|text| ranks.of(single.id(text))).collect();
            prop_assert_eq!(ranked, (1..=single.len() as u32).collect::<Vec<_>>());
        }

        #[test]
        fn words_compare_as_bytes_do(a in "[ab]{0,20}", b in "[ab]{0,20}") {
            prop_assert_eq!(by_words(a.as_bytes(), b.as_bytes()), a.as_bytes().cmp(b.as_bytes()));
        }
    }
}
