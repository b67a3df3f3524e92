//! What rows are folded into, and how it leaves: as saved pieces, or as a result.

use super::facts::Facts;
use super::groups::{Group, Groups};
use super::layout::Layout;
use super::{state, state_facts};
use crate::contract::Failure;
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
    /// Groups that wait to be saved or pulled, the next one first; none before that was asked for.
    waiting: Option<std::vec::IntoIter<Group<TEXTS, SUMS, MAXIMA>>>,
    /// Pieces of facts that wait to be saved.
    pieces: std::vec::IntoIter<Vec<u8>>,
    /// Rows of other tables that wait to be pulled.
    others: std::vec::IntoIter<(u32, RecordBatch)>,
}

/// What the result goes on with.
#[derive(Debug)]
pub enum Next<const TEXTS: usize, const SUMS: usize, const MAXIMA: usize> {
    /// Rows of another table than the summary's own.
    Other(u32, RecordBatch),
    /// Groups for one batch of the summary.
    Groups(Vec<Group<TEXTS, SUMS, MAXIMA>>),
}

impl<const TEXTS: usize, const SUMS: usize, const MAXIMA: usize> Fold<TEXTS, SUMS, MAXIMA> {
    /// Nothing yet.
    #[must_use]
    pub fn new(layout: &'static Layout<TEXTS, SUMS, MAXIMA>) -> Self {
        Fold {
            layout,
            groups: Groups::new(),
            facts: Facts::default(),
            waiting: None,
            pieces: Vec::new().into_iter(),
            others: Vec::new().into_iter(),
        }
    }

    /// The groups in the order of their keys' texts.
    ///
    /// # Errors
    /// When a sum does not fit its column.
    pub fn sorted(&self) -> Result<Vec<Group<TEXTS, SUMS, MAXIMA>>, Failure> {
        self.groups.sorted().map_err(|overflow| self.layout.overflow(overflow))
    }

    /// Whether the first piece has been asked for: from then on no row is taken in.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.waiting.is_some()
    }

    /// The next saved piece.
    ///
    /// # Errors
    /// When a sum does not fit its column, or Arrow refuses a piece.
    pub fn save(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        if self.waiting.is_none() {
            let groups = self.groups.by_number().map_err(|overflow| self.layout.overflow(overflow))?;
            self.waiting = Some(state::cut(groups, state::RESOURCES).into_iter());
            self.pieces = state_facts::save(&self.facts.sorted(&self.groups.interner))?.into_iter();
        }
        if let Some(piece) = self.pieces.next() {
            return Ok(Some(piece));
        }
        let piece = self.next_groups(state::ROWS, state::RESOURCES);
        piece.map(|groups| state::save(&groups, self.layout, &self.groups.interner)).transpose()
    }

    /// Takes in a piece that another fold of the same layout saved.
    ///
    /// # Errors
    /// When it is not such a piece, or a sum is too large.
    pub fn merge(&mut self, piece: &[u8]) -> Result<(), Failure> {
        state::merge(piece, self.layout, &mut self.groups, &mut self.facts)
    }

    /// Nothing more will come: these groups, in this order, and the rows of other tables are the result.
    pub fn complete(&mut self, groups: Vec<Group<TEXTS, SUMS, MAXIMA>>, others: Vec<(u32, RecordBatch)>) {
        self.waiting = Some(groups.into_iter());
        self.others = others.into_iter();
    }

    /// What the result goes on with, other tables first.
    pub fn pull(&mut self) -> Option<Next<TEXTS, SUMS, MAXIMA>> {
        if let Some((table, rows)) = self.others.next() {
            return Some(Next::Other(table, rows));
        }
        self.next_groups(ROWS, RESOURCES).map(Next::Groups)
    }

    fn next_groups(&mut self, rows: usize, resources: usize) -> Option<Vec<Group<TEXTS, SUMS, MAXIMA>>> {
        let waiting = self.waiting.as_mut()?;
        let count = fitting(waiting.as_slice(), rows, resources);
        if count == 0 { None } else { Some(waiting.take(count).collect()) }
    }
}

/// How many of these groups fit one batch; at least one.
fn fitting<const T: usize, const S: usize, const M: usize>(
    groups: &[Group<T, S, M>],
    rows: usize,
    most: usize,
) -> usize {
    let mut resources = 0;
    let fits = |group: &&Group<T, S, M>| {
        resources += group.resources.len();
        resources <= most
    };
    groups.iter().take(rows).take_while(fits).count().max(1).min(groups.len())
}
