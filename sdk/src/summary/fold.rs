//! What rows are folded into, and how it leaves: as saved pieces, in shares of which one is kept, or as a result.

use super::facts::Facts;
use super::groups::{Group, Groups, Selected};
use super::layout::{GroupKey, Layout};
use super::shares::Cut;
use super::state::Pieces;
use super::texts::Interner;
use super::{state, state_facts};
use crate::contract::Failure;
use crate::failure::abort;
use arrow_array::RecordBatch;

/// Rows of one batch of the result.
const ROWS: usize = 32 * 1024;
/// Resource ids of one batch, beyond which no further group is taken in.
const RESOURCES: usize = 256 * 1024;

/// Resource ids of one saved piece; a group with more is saved as several.
pub const PIECE_RESOURCES: usize = state::RESOURCES;

/// Groups and facts so far; then, once asked for, what of them still has to leave.
#[derive(Debug)]
pub struct Fold<const TEXTS: usize, const SUMS: usize, const MAXIMA: usize> {
    layout: &'static Layout<TEXTS, SUMS, MAXIMA>,
    /// The groups.
    pub groups: Groups<TEXTS, SUMS, MAXIMA>,
    /// The facts.
    pub facts: Facts,
    /// Bits of the sums that accumulators knew whose pieces were merged.
    merged_known: u32,
    given: Given,
    leaving: Option<Leaving>,
    pieces: Pieces,
    /// Pieces of facts that wait to be saved.
    saved_facts: std::vec::IntoIter<Vec<u8>>,
    /// Rows of other tables that wait to be pulled.
    others: std::vec::IntoIter<(u32, RecordBatch)>,
}

/// Shares that were saved for other accumulators.
#[derive(Debug, Default)]
struct Given {
    cut: Option<Cut>,
    shares: Vec<u32>,
}

impl Given {
    fn is_ours(&self, day: i32) -> bool {
        self.cut.is_none_or(|cut| !self.shares.contains(&cut.share_of(day)))
    }
}

/// Groups on their way out.
#[derive(Debug, Default)]
struct Leaving {
    /// The share they are; none when they are all that is left.
    share: Option<u32>,
    groups: Selected,
    /// How many of them have left, and how many resources of the next one have.
    gone: usize,
    resources_gone: usize,
    /// Which sums are known, and whether a piece has told it.
    known: u32,
    told: bool,
}

/// What the result goes on with.
#[derive(Debug)]
pub enum Next<'a, const TEXTS: usize, const SUMS: usize, const MAXIMA: usize> {
    /// Rows of another table than the summary's own.
    Other(u32, RecordBatch),
    /// Groups for one batch of the summary, and their texts.
    Groups(Vec<Group<'a, TEXTS, SUMS, MAXIMA>>, &'a Interner),
}

impl<const TEXTS: usize, const SUMS: usize, const MAXIMA: usize> Fold<TEXTS, SUMS, MAXIMA> {
    /// Nothing yet.
    #[must_use]
    pub fn new(layout: &'static Layout<TEXTS, SUMS, MAXIMA>) -> Self {
        Fold {
            layout,
            groups: Groups::new(),
            facts: Facts::default(),
            merged_known: 0,
            given: Given::default(),
            leaving: None,
            pieces: Pieces::default(),
            saved_facts: Vec::new().into_iter(),
            others: Vec::new().into_iter(),
        }
    }

    /// Whether the first piece has been asked for: from then on no row is taken in.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.leaving.is_some()
    }

    /// Bits of the sums, then of the maxima, that are known in any group of the unit: of this accumulator's and of those
    /// whose pieces it merged, groups that were given away among them.
    #[must_use]
    pub fn known(&mut self) -> u32 {
        self.groups.all_measures().fold(self.merged_known, |known, measures| known | measures.present)
    }

    /// Bits that count as known, or no longer do, in every group.
    pub fn show(&mut self, bits: u32, shown: bool) {
        for measures in self.groups.all_measures() {
            measures.present = if shown { measures.present | bits } else { measures.present & !bits };
        }
    }

    /// The next saved piece.
    ///
    /// # Errors
    /// When a sum does not fit its column, or Arrow refuses a piece.
    pub fn save(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        if self.leaving.is_none() {
            self.leave(None, true)?;
        }
        Ok(self.next_piece())
    }

    /// The next saved piece of one share. Facts are of the first share.
    ///
    /// # Errors
    /// As [`Fold::save`], and when the cut is another one than before.
    pub fn save_share(&mut self, cut: Cut, share: u32) -> Result<Option<Vec<u8>>, Failure> {
        if self.given.cut.is_some_and(|other| other != cut) || share >= cut.shares() {
            return Err(abort(
                "summary.wrong-share",
                "the shares asked for do not fit together; this is a bug of the host",
            ));
        }
        if self.leaving.as_ref().is_none_or(|leaving| leaving.share != Some(share)) {
            if self.given.shares.contains(&share) {
                return Ok(None);
            }
            self.leave(Some((cut, share)), share == 0)?;
            self.given.cut = Some(cut);
            self.given.shares.push(share);
        }
        Ok(self.next_piece())
    }

    fn leave(&mut self, share: Option<(Cut, u32)>, facts: bool) -> Result<(), Failure> {
        let is_of_it = |day: i32| share.is_none_or(|(cut, share)| cut.share_of(day) == share);
        let groups = self.groups.unsorted(is_of_it).map_err(|overflow| self.layout.overflow(overflow))?;
        if facts {
            self.saved_facts = state_facts::save(&self.facts.sorted(&self.groups.interner))?.into_iter();
        }
        let known = self.known();
        self.leaving = Some(Leaving { share: share.map(|(_, share)| share), groups, known, ..Leaving::default() });
        Ok(())
    }

    fn next_piece(&mut self) -> Option<Vec<u8>> {
        if let Some(piece) = self.saved_facts.next() {
            return Some(piece);
        }
        let leaving = self.leaving.as_mut()?;
        if leaving.gone == leaving.groups.order.len() && (leaving.told || leaving.known == 0) {
            return None;
        }
        leaving.told = true;
        while let Some(group) = leaving.groups.order.get(leaving.gone).filter(|_| !self.pieces.is_full()) {
            let Some(group) = self.groups.get(*group, &leaving.groups.members) else { break };
            let gone = self.pieces.add(&group, leaving.resources_gone, &self.groups.interner);
            let whole = gone == group.resources.len();
            leaving.resources_gone = if whole { 0 } else { gone };
            leaving.gone += usize::from(whole);
        }
        Some(self.pieces.take(leaving.known, &self.groups.interner))
    }

    /// Takes in a piece that another fold of the same layout saved.
    ///
    /// # Errors
    /// When it is not such a piece, is of a share that was given away, or a sum is too large.
    pub fn merge(&mut self, piece: &[u8]) -> Result<(), Failure> {
        if state::is_of_groups(piece) {
            let given = &self.given;
            self.merged_known |= state::merge(piece, self.layout, &mut self.groups, |day| given.is_ours(day))?;
            return Ok(());
        }
        state_facts::merge(piece, &mut self.facts, &mut self.groups.interner)
    }

    /// Puts the groups that were not given away in the order of their keys' texts.
    ///
    /// # Errors
    /// When a sum does not fit its column.
    pub fn sort(&mut self) -> Result<(), Failure> {
        let given = &self.given;
        let groups = self.groups.sorted(|day| given.is_ours(day)).map_err(|overflow| self.layout.overflow(overflow))?;
        self.leaving = Some(Leaving { groups, ..Leaving::default() });
        Ok(())
    }

    /// Joins sorted groups that stand beside each other and of which `are_one` says so, into the last of them.
    ///
    /// # Errors
    /// When a sum is too large.
    pub fn join(&mut self, are_one: impl Fn(&GroupKey<TEXTS>, &GroupKey<TEXTS>) -> bool) -> Result<(), Failure> {
        let Some(leaving) = &mut self.leaving else { return Ok(()) };
        self.groups.join(&mut leaving.groups, are_one).map_err(|overflow| self.layout.overflow(overflow))
    }

    /// Nothing more will come: the sorted groups and the rows of other tables are the result. The latter are made of facts;
    /// where these were given away, so were the rows.
    pub fn complete(&mut self, others: Vec<(u32, RecordBatch)>) {
        let others = if self.given.shares.contains(&0) { Vec::new() } else { others };
        self.others = others.into_iter();
    }

    /// What the result goes on with, other tables first.
    pub fn pull(&mut self) -> Option<Next<'_, TEXTS, SUMS, MAXIMA>> {
        if let Some((table, rows)) = self.others.next() {
            return Some(Next::Other(table, rows));
        }
        let leaving = self.leaving.as_mut()?;
        let rest = leaving.groups.order.get(leaving.gone..).unwrap_or_default().iter();
        let mut resources = 0;
        let mut groups: Vec<Group<'_, TEXTS, SUMS, MAXIMA>> = Vec::with_capacity(rest.len().min(ROWS));
        for group in rest.take(ROWS).filter_map(|group| self.groups.get(*group, &leaving.groups.members)) {
            resources += group.resources.len();
            if resources > RESOURCES && !groups.is_empty() {
                break;
            }
            groups.push(group);
        }
        leaving.gone += groups.len();
        if groups.is_empty() { None } else { Some(Next::Groups(groups, &self.groups.interner)) }
    }
}
