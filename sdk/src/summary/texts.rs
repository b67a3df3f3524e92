//! Texts as numbers, so that rows compare and hash numbers.

use super::hash::FastMap;
use std::rc::Rc;

/// The number of "no text": null and empty text are the same.
pub const NONE: u32 = 0;

/// Texts, each with a number of its own from 1 on.
#[derive(Debug)]
pub struct Interner {
    ids: FastMap<Rc<str>, u32>,
    texts: Vec<Rc<str>>,
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
        Interner { ids: FastMap::default(), texts: vec![Rc::from("")] }
    }

    /// The number of a text; [`NONE`] for empty text.
    pub fn id(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return NONE;
        }
        if let Some(&id) = self.ids.get(text) {
            return id;
        }
        // Memory ends long before four billion texts.
        let id = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        let text: Rc<str> = Rc::from(text);
        self.texts.push(Rc::clone(&text));
        self.ids.insert(text, id);
        id
    }

    /// The text of a number; `None` for [`NONE`].
    #[must_use]
    pub fn text(&self, id: u32) -> Option<&str> {
        if id == NONE { None } else { self.texts.get(id as usize).map(|text| &**text) }
    }

    /// How many texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.texts.len() - 1
    }

    /// Whether there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// By number: the text's place among all texts in byte order, no text first.
    #[must_use]
    pub fn ranks(&self) -> Vec<u32> {
        let mut order: Vec<usize> = (0..self.texts.len()).collect();
        order.sort_unstable_by_key(|&id| self.texts.get(id));
        let mut ranks = vec![0; self.texts.len()];
        for (rank, id) in (0_u32..).zip(order) {
            if let Some(slot) = ranks.get_mut(id) {
                *slot = rank;
            }
        }
        ranks
    }
}
