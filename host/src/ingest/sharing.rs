//! The states of several instances, merged in all of them at once: each keeps a share of every state, and gives the others
//! theirs. So nothing waits for one instance to take in everything, and half of the groups of two need not move at all.

use std::sync::{Mutex, PoisonError};

use super::error::IngestError;
use super::folding::Held;
use super::parallel::in_parallel;
use crate::plugin::TableRows;

/// Saved pieces of one summary's share.
type Pieces = Vec<Vec<u8>>;

/// A part, its number, and what it was given: by summary.
struct Part {
    share: usize,
    held: Mutex<Option<Held>>,
    given: Mutex<Vec<Pieces>>,
}

/// The rows of each summary, which all rows of the unit were folded into, part by part: of all shares in their order.
///
/// # Errors
/// When the plugin fails or goes over a limit.
pub(super) fn complete(parts: Vec<Held>, threads: usize) -> Result<Vec<TableRows>, IngestError> {
    let shares = parts.len();
    let part = |(share, held)| Part { share, held: Mutex::new(Some(held)), given: Mutex::default() };
    let parts: Vec<Part> = parts.into_iter().enumerate().map(part).collect();
    for saved in in_parallel(threads, &parts, |part| part.give_away(shares)) {
        for (part, pieces) in parts.iter().zip(saved?) {
            let mut given = lock(&part.given);
            let summaries = given.len().max(pieces.len());
            given.resize_with(summaries, Vec::new);
            given.iter_mut().zip(pieces).for_each(|(given, pieces)| given.extend(pieces));
        }
    }
    let rows = in_parallel(threads, &parts, Part::complete);
    Ok(rows.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

impl Part {
    /// Saves every share but its own. By share, then by summary.
    fn give_away(&self, shares: usize) -> Result<Vec<Vec<Pieces>>, IngestError> {
        let mut held = lock(&self.held);
        let Some(Held { instance, accumulators }) = held.as_mut() else { return Ok(Vec::new()) };
        let share_of = |share: usize| {
            if share == self.share {
                return Ok(Vec::new());
            }
            let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
            let saved = accumulators.iter().map(|accumulator| {
                let next = || instance.save_share(accumulator, number(share), number(shares)).transpose();
                std::iter::from_fn(next).collect::<Result<Pieces, _>>()
            });
            Ok(saved.collect::<Result<Vec<_>, _>>()?)
        };
        (0..shares).map(share_of).collect()
    }

    /// Merges what it was given; its instance ends with the last row.
    fn complete(&self) -> Result<Vec<TableRows>, IngestError> {
        let Some(Held { mut instance, accumulators }) = lock(&self.held).take() else { return Ok(Vec::new()) };
        let given = std::mem::take(&mut *lock(&self.given));
        for (accumulator, pieces) in accumulators.iter().zip(given) {
            for piece in pieces {
                instance.merge(accumulator, &piece)?;
            }
        }
        Ok(accumulators.complete(&mut instance)?.into_iter().flatten().collect())
    }
}

fn lock<T>(held: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
