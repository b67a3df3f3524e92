//! An instance's summaries: accumulators, their states in pieces and shares, and their rows.

use super::super::abi::v0_1::{summarize, types};
use super::super::call::Calls;
use super::super::error::PluginError;
use super::super::types::{SummaryTask, TableRows};
use super::{AccumulatorHandle, Instance, NormalizerHandle};

/// What a piece of state or result counts for at least, in bytes: empty ones without end cost the host, too.
const LEAST_PIECE: u64 = 1024;

impl Instance {
    /// Opens an accumulator for one summary.
    ///
    /// # Errors
    /// [`PluginError::NoRole`] when the plugin makes no summaries, [`PluginError::Contract`] when it declares no summary of
    /// this name, and as [`Instance::open_normalizer`].
    pub fn open_accumulator(&mut self, task: &SummaryTask) -> Result<AccumulatorHandle, PluginError> {
        let declared = self.plugin.manifest().summaries.iter().find(|summary| summary.name == task.summary);
        let Some(outputs) = declared.map(|summary| summary.outputs.clone()) else {
            let problem = format!("it declares no summary named `{}`", task.summary);
            return Err(PluginError::Contract { place: Box::new(self.calls.place()), problem });
        };
        let guest = summaries(&self.summarize, &self.calls)?.accumulator();
        let task = summarize::Task::from(task);
        let opened = self.calls.run(|store| guest.call_open(store, &task))?;
        let resource = opened.map_err(|failure| self.calls.failure(failure))?;
        Ok(AccumulatorHandle { instance: self.id, resource, outputs })
    }

    /// Folds the rows that the normalizer's last push or finish put out, without their crossing to the host.
    ///
    /// # Errors
    /// [`PluginError::NoRole`] when the plugin does not offer this, and as [`Instance::open_normalizer`].
    pub fn fold(&mut self, rows: &NormalizerHandle, into: &AccumulatorHandle) -> Result<(), PluginError> {
        self.own(rows.instance)?;
        self.own(into.instance)?;
        let Some(guest) = &self.fold else {
            return Err(PluginError::NoRole { place: Box::new(self.calls.place()), role: "fold" });
        };
        let done = self.calls.run(|store| guest.call_fold(store, rows.resource, into.resource))?;
        self.done(done)
    }

    /// Gives the accumulator more rows: an Arrow IPC stream of the columns the summary declares.
    ///
    /// # Errors
    /// As [`Instance::open_normalizer`].
    pub fn update(&mut self, accumulator: &AccumulatorHandle, data: Vec<u8>) -> Result<(), PluginError> {
        self.own(accumulator.instance)?;
        self.calls.pushed += data.len() as u64;
        let guest = summaries(&self.summarize, &self.calls)?.accumulator();
        let done = self.calls.run(|store| guest.call_update(store, accumulator.resource, &data))?;
        self.done(done)
    }

    /// The next piece of the accumulator's state, for [`Instance::merge`] of the same plugin digest; none at the end.
    ///
    /// # Errors
    /// As [`Instance::open_normalizer`], and when all pieces together are more than the instance may return.
    pub fn save(&mut self, accumulator: &AccumulatorHandle) -> Result<Option<Vec<u8>>, PluginError> {
        self.own(accumulator.instance)?;
        let guest = summaries(&self.summarize, &self.calls)?.accumulator();
        let piece = self.calls.run(|store| guest.call_save(store, accumulator.resource))?;
        self.saved(piece)
    }

    /// Whether the accumulator's state falls into shares.
    ///
    /// # Errors
    /// As [`Instance::drop_accumulator`].
    pub fn has_shares(&mut self, accumulator: &AccumulatorHandle) -> Result<bool, PluginError> {
        self.own(accumulator.instance)?;
        let Some(guest) = &self.shares else { return Ok(false) };
        self.calls.run(|store| guest.call_has_shares(store, accumulator.resource))
    }

    /// The next piece of one of so many shares of the accumulator's state, for [`Instance::merge`] in the instance that keeps
    /// this share; none at the end.
    ///
    /// # Errors
    /// As [`Instance::save`], and [`PluginError::NoRole`] when the plugin does not offer this.
    pub fn save_share(
        &mut self,
        accumulator: &AccumulatorHandle,
        share: u32,
        shares: u32,
    ) -> Result<Option<Vec<u8>>, PluginError> {
        self.own(accumulator.instance)?;
        let Some(guest) = &self.shares else {
            return Err(PluginError::NoRole { place: Box::new(self.calls.place()), role: "shares" });
        };
        let piece = self.calls.run(|store| guest.call_save_share(store, accumulator.resource, share, shares))?;
        self.saved(piece)
    }

    /// Gives the accumulator a piece that another instance saved.
    ///
    /// # Errors
    /// As [`Instance::open_normalizer`].
    pub fn merge(&mut self, accumulator: &AccumulatorHandle, state: &[u8]) -> Result<(), PluginError> {
        self.own(accumulator.instance)?;
        self.calls.pushed += state.len() as u64;
        let guest = summaries(&self.summarize, &self.calls)?.accumulator();
        let done = self.calls.run(|store| guest.call_merge(store, accumulator.resource, state))?;
        self.done(done)
    }

    /// Tells the accumulator that nothing more will come.
    ///
    /// # Errors
    /// As [`Instance::open_normalizer`].
    pub fn complete(&mut self, accumulator: &AccumulatorHandle) -> Result<(), PluginError> {
        self.own(accumulator.instance)?;
        let guest = summaries(&self.summarize, &self.calls)?.accumulator();
        let done = self.calls.run(|store| guest.call_complete(store, accumulator.resource))?;
        self.done(done)
    }

    /// The next piece of the result; none at the end.
    ///
    /// # Errors
    /// As [`Instance::push`], and when all pieces together are more than the instance may return.
    pub fn pull(&mut self, accumulator: &AccumulatorHandle) -> Result<Option<TableRows>, PluginError> {
        self.own(accumulator.instance)?;
        let guest = summaries(&self.summarize, &self.calls)?.accumulator();
        let piece = self.calls.run(|store| guest.call_pull(store, accumulator.resource))?;
        let Some(output) = piece.map_err(|failure| self.calls.failure(failure))? else { return Ok(None) };
        self.drain(output.data.len() as u64)?;
        if !accumulator.outputs.contains(&(output.table as usize)) {
            let problem = format!("a summary returned rows for table {}, which is none of its own", output.table);
            return Err(self.calls.contract(problem));
        }
        self.rows(output).map(Some)
    }

    /// Drops an accumulator and what the guest holds for it.
    ///
    /// # Errors
    /// As [`Instance::drop_normalizer`].
    pub fn drop_accumulator(&mut self, accumulator: AccumulatorHandle) -> Result<(), PluginError> {
        self.own(accumulator.instance)?;
        self.calls.run(|store| accumulator.resource.resource_drop(store))
    }

    /// Charges a piece of state or result: the host asks for more until the guest says that there is none.
    fn drain(&mut self, bytes: u64) -> Result<(), PluginError> {
        self.returned += bytes;
        self.drained = self.drained.saturating_add(bytes.max(LEAST_PIECE));
        self.within_output(self.drained, self.calls.pushed)
    }

    fn saved(&mut self, piece: Result<Option<Vec<u8>>, types::Failure>) -> Result<Option<Vec<u8>>, PluginError> {
        let piece = piece.map_err(|failure| self.calls.failure(failure))?;
        if let Some(piece) = &piece {
            self.drain(piece.len() as u64)?;
        }
        Ok(piece)
    }

    fn done(&self, result: Result<(), types::Failure>) -> Result<(), PluginError> {
        result.map_err(|failure| self.calls.failure(failure))
    }
}

fn summaries<'a>(guest: &'a Option<summarize::Guest>, calls: &Calls) -> Result<&'a summarize::Guest, PluginError> {
    guest.as_ref().ok_or_else(|| PluginError::NoRole { place: Box::new(calls.place()), role: "summarize" })
}
