//! Saved pieces: groups as bytes, to be merged into another accumulator.
//!
//! Every piece stands alone: it begins with the texts of its groups, each once, and groups name them by their place among
//! these. Numbers are little-endian. A sum that is zero is left out, and `present` has a bit for each sum that is known.
//! A group with very many resources is saved as several, all but the first without amounts; merging adds them up.

use super::groups::{Group, Groups};
use super::layout::{GroupKey, Layout};
use super::measures::{Measures, Overflow};
use super::texts::{Interner, NONE};
use crate::contract::Failure;
use crate::failure::abort;

/// What a piece of groups begins with. One of facts is an Arrow stream, which begins otherwise.
const MAGIC: [u8; 4] = *b"grp1";
/// Groups of one piece: with some 150 bytes for each below 2 MiB.
const ROWS: usize = 12 * 1024;
/// Resource ids of one piece: with some 60 bytes for each at most 2 MiB.
pub(super) const RESOURCES: usize = 32 * 1024;
/// Bytes of texts after which no further group is taken in.
const TEXT_BYTES: usize = 1 << 20;

/// Writes pieces; keeps what it needs from one to the next.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// By number of a text: its place in the piece that is being written, from 1 on.
    places: Vec<u32>,
    /// Texts of the piece.
    used: Vec<u32>,
    text_bytes: usize,
    resources: usize,
    groups: u32,
    /// The groups of the piece.
    body: Vec<u8>,
}

impl Pieces {
    /// Puts a group into the piece, but for its first resources, as many as are `done`. Returns how many are done now; those
    /// that are left want another piece.
    pub(super) fn add<const T: usize, const S: usize, const M: usize>(
        &mut self,
        group: &Group<'_, T, S, M>,
        done: usize,
        interner: &Interner,
    ) -> usize {
        let rest = group.resources.get(done..).unwrap_or_default();
        let own = rest.get(..rest.len().min(RESOURCES - self.resources)).unwrap_or_default();
        let nothing = Measures::default();
        let measures = if done == 0 { group.measures } else { &nothing };
        self.number(group.key.day.cast_unsigned());
        for id in group.key.texts {
            let place = self.place(id, interner);
            self.number(place);
        }
        self.number(measures.present);
        let amounts = || measures.sums.iter().chain(&measures.maxima);
        let filled = amounts().enumerate().fold(0, |filled, (at, amount)| filled | u32::from(*amount != 0) << at);
        self.number(filled);
        for amount in amounts().filter(|amount| **amount != 0) {
            self.body.extend_from_slice(&amount.to_le_bytes());
        }
        self.number(own.len() as u32);
        for id in own {
            let place = self.place(*id, interner);
            self.number(place);
        }
        self.resources += own.len();
        self.groups += 1;
        done + own.len()
    }

    fn number(&mut self, number: u32) {
        self.body.extend_from_slice(&number.to_le_bytes());
    }

    fn place(&mut self, id: u32, interner: &Interner) -> u32 {
        if id == NONE {
            return 0;
        }
        if self.places.len() <= interner.len() {
            self.places.resize(interner.len() + 1, 0);
        }
        let Some(place) = self.places.get_mut(id as usize) else { return 0 };
        if *place == 0 {
            self.used.push(id);
            *place = self.used.len() as u32;
            self.text_bytes += interner.text(id).map_or(0, str::len);
        }
        *place
    }

    /// Whether the piece wants no further group.
    pub(super) fn is_full(&self) -> bool {
        self.groups as usize >= ROWS || self.resources >= RESOURCES || self.text_bytes >= TEXT_BYTES
    }

    /// The piece. `known` are bits of all sums that the accumulator knows in
    /// any group.
    pub(super) fn take(&mut self, known: u32, interner: &Interner) -> Vec<u8> {
        let mut piece = Vec::with_capacity(20 + self.used.len() * 4 + self.text_bytes + self.body.len());
        piece.extend_from_slice(&MAGIC);
        for number in [known, self.used.len() as u32, self.groups] {
            piece.extend_from_slice(&number.to_le_bytes());
        }
        let texts = || self.used.iter().map(|id| interner.text(*id).unwrap_or_default());
        texts().for_each(|text| piece.extend_from_slice(&(text.len() as u32).to_le_bytes()));
        texts().for_each(|text| piece.extend_from_slice(text.as_bytes()));
        piece.append(&mut self.body);
        for id in self.used.drain(..) {
            if let Some(place) = self.places.get_mut(id as usize) {
                *place = 0;
            }
        }
        (self.text_bytes, self.resources, self.groups) = (0, 0, 0);
        piece
    }
}

/// Whether these are groups.
pub(super) fn is_of_groups(piece: &[u8]) -> bool {
    piece.starts_with(&MAGIC)
}

/// Why a piece could not be merged.
enum Refused {
    /// It is not one of this version's.
    Foreign(&'static str),
    Overflow(Overflow),
}

/// Adds a saved piece of groups to what has been folded. Days for which `is_ours` does not hold are refused. Returns which
/// sums the other accumulator knew.
pub(super) fn merge<const T: usize, const S: usize, const M: usize>(
    piece: &[u8],
    layout: &Layout<T, S, M>,
    groups: &mut Groups<T, S, M>,
    is_ours: impl Fn(i32) -> bool,
) -> Result<u32, Failure> {
    let merged = merge_groups(piece, groups, is_ours);
    merged.map_err(|refused| match refused {
        Refused::Foreign(why) => foreign(why),
        Refused::Overflow(overflow) => layout.overflow(overflow),
    })
}

/// The failure of a saved piece that is none of this version's.
pub(super) fn foreign(why: &str) -> Failure {
    abort("summary.foreign-state", format!("a saved piece was not written by this version of the plugin: {why}"))
}

fn merge_groups<const T: usize, const S: usize, const M: usize>(
    piece: &[u8],
    into: &mut Groups<T, S, M>,
    is_ours: impl Fn(i32) -> bool,
) -> Result<u32, Refused> {
    let mut reader = Reader(piece.get(MAGIC.len()..).unwrap_or_default());
    let (known, texts, groups) = (reader.number()?, reader.number()?, reader.number()?);
    let ids = reader.texts(texts as usize, &mut into.interner)?;
    let id = |place: u32| ids.get(place as usize).copied().ok_or(SHORT);
    for _ in 0..groups {
        let mut key = GroupKey { day: reader.number()?.cast_signed(), texts: [NONE; T] };
        if !is_ours(key.day) {
            return Err(Refused::Foreign("it is of a share that was given away"));
        }
        for text in &mut key.texts {
            *text = id(reader.number()?)?;
        }
        let mut measures = Measures::<S, M> { present: reader.number()?, ..Measures::default() };
        let filled = reader.number()?;
        for (at, amount) in measures.sums.iter_mut().chain(&mut measures.maxima).enumerate() {
            if filled & 1 << at != 0 {
                *amount = reader.amount()?;
            }
        }
        let (group, merged) = into.group(&key);
        if let Some(merged) = merged {
            merged.merge(&measures).map_err(Refused::Overflow)?;
        }
        for _ in 0..reader.number()? {
            into.resource(group, id(reader.number()?)?);
        }
    }
    if reader.0.is_empty() { Ok(known) } else { Err(Refused::Foreign("it is longer than it says")) }
}

const SHORT: Refused = Refused::Foreign("it is cut off, or none at all");

/// What is left of a piece.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    #[inline]
    fn number(&mut self) -> Result<u32, Refused> {
        let (number, rest) = self.0.split_first_chunk().ok_or(SHORT)?;
        self.0 = rest;
        Ok(u32::from_le_bytes(*number))
    }

    #[inline]
    fn amount(&mut self) -> Result<i128, Refused> {
        let (amount, rest) = self.0.split_first_chunk().ok_or(SHORT)?;
        self.0 = rest;
        Ok(i128::from_le_bytes(*amount))
    }

    fn bytes(&mut self, count: usize) -> Result<&'a [u8], Refused> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or(SHORT)?;
        self.0 = rest;
        Ok(bytes)
    }

    /// By place: the texts' numbers in another interner; none at place 0.
    fn texts(&mut self, count: usize, interner: &mut Interner) -> Result<Vec<u32>, Refused> {
        let lengths = Reader(self.bytes(count.checked_mul(4).ok_or(SHORT)?)?).numbers();
        let whole = lengths.iter().try_fold(0_usize, |whole, length| whole.checked_add(*length as usize));
        let texts = std::str::from_utf8(self.bytes(whole.ok_or(SHORT)?)?);
        let texts = texts.map_err(|_| Refused::Foreign("its texts are none"))?;
        interner.ids_of_run(texts, &lengths).ok_or(SHORT)
    }

    fn numbers(&self) -> Vec<u32> {
        self.0.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect()
    }
}
