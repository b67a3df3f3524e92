//! What the rows of a unit are folded into: an accumulator per summary, in one instance.

use super::error::IngestError;
use super::summaries::SummaryUnit;
use crate::plugin::{AccumulatorHandle, Instance, TableRows};

/// What the rows that one instance saw were folded into.
#[derive(Debug)]
pub enum Summarized {
    /// Saved pieces of each summary's state, in the plugin's order, to be merged with those of other instances.
    InParts(Vec<Vec<Vec<u8>>>),
    /// The rows of each summary, in the plugin's order: it saw all rows of the unit.
    Alone(Vec<Vec<TableRows>>),
    /// States that are still in their instance, which takes part in merging them.
    Held(Box<Held>),
}

/// States that fall into shares, with the instance they are in.
#[derive(Debug)]
pub struct Held {
    pub(super) instance: Instance,
    pub(super) accumulators: Accumulators,
}

impl Held {
    /// The whole states, by summary and piece.
    pub(super) fn save(&mut self) -> Result<Vec<Vec<Vec<u8>>>, IngestError> {
        self.accumulators.save(&mut self.instance)
    }
}

/// One accumulator per summary of the plugin, in its order.
#[derive(Debug)]
pub(super) struct Accumulators(Vec<AccumulatorHandle>);

impl Accumulators {
    pub(super) fn open(instance: &mut Instance, unit: &SummaryUnit<'_>) -> Result<Self, IngestError> {
        let summaries = unit.plugin.manifest().summaries.iter();
        let opened = summaries.map(|summary| instance.open_accumulator(&unit.task(summary)));
        Ok(Self(opened.collect::<Result<_, _>>()?))
    }

    /// The accumulators, in the order of the plugin's summaries.
    pub(super) fn iter(&self) -> impl Iterator<Item = &AccumulatorHandle> {
        self.0.iter()
    }

    /// Ends the folding; `all` when these were all rows of the unit. `None` when the instance is to be [`Held`].
    pub(super) fn conclude(&self, instance: &mut Instance, all: bool) -> Result<Option<Summarized>, IngestError> {
        if all {
            return Ok(Some(Summarized::Alone(self.complete(instance)?)));
        }
        if self.0.is_empty() {
            return Ok(Some(Summarized::InParts(Vec::new())));
        }
        for accumulator in self.iter() {
            if !instance.has_shares(accumulator)? {
                return Ok(Some(Summarized::InParts(self.save(instance)?)));
            }
        }
        Ok(None)
    }

    fn save(&self, instance: &mut Instance) -> Result<Vec<Vec<Vec<u8>>>, IngestError> {
        let saved = self.iter().map(|accumulator| {
            let pieces = std::iter::from_fn(|| instance.save(accumulator).transpose());
            pieces.collect::<Result<Vec<_>, _>>()
        });
        Ok(saved.collect::<Result<_, _>>()?)
    }

    /// The rows of each summary.
    pub(super) fn complete(&self, instance: &mut Instance) -> Result<Vec<Vec<TableRows>>, IngestError> {
        let completed = self.iter().map(|accumulator| {
            instance.complete(accumulator)?;
            let pieces = std::iter::from_fn(|| instance.pull(accumulator).transpose());
            pieces.collect::<Result<Vec<_>, _>>()
        });
        Ok(completed.collect::<Result<_, _>>()?)
    }
}
