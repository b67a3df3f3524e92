//! Rows that an instance returned, until they are checked.
//!
//! Checking needs nothing of the guest, so it may be done on another thread while the guest goes on. Rows can be got out
//! of here in no other way than through [`super::intake`].

use std::sync::Arc;

use super::error::{Place, PluginError};
use super::intake::Intake;
use super::loaded::Plugin;
use super::types::{Outcome, Reject, TableRows};

/// What one push or finish of a normalizer gave, its rows not checked yet.
#[derive(Debug)]
pub struct Unchecked {
    pub(super) outputs: Vec<UncheckedRows>,
    pub(super) rows: u64,
    pub(super) rejects: Vec<Reject>,
    pub(super) rejects_uncounted: u64,
}

impl Unchecked {
    /// Whether there are rows to write or to fold.
    pub fn has_rows(&self) -> bool {
        !self.outputs.is_empty()
    }
}

/// An IPC value for a table that was declared.
#[derive(Debug)]
pub(super) struct UncheckedRows {
    pub(super) table: usize,
    pub(super) data: Vec<u8>,
}

/// Checks the rows of one instance.
#[derive(Debug)]
pub struct RowReader {
    plugin: Arc<Plugin>,
    place: Place,
    intake: Intake,
}

impl RowReader {
    pub(super) fn new(plugin: Arc<Plugin>, place: Place) -> Self {
        Self { plugin, place, intake: Intake::default() }
    }

    /// The outcome with its rows, every one checked. After an error nothing more of this instance is to be used.
    ///
    /// # Errors
    /// [`PluginError::BadRows`] when rows are not what was declared.
    pub fn read(&mut self, unchecked: Unchecked) -> Result<Outcome, PluginError> {
        let outputs = unchecked.outputs.into_iter().map(|rows| self.read_rows(rows)).collect::<Result<_, _>>()?;
        let Unchecked { rows, rejects, rejects_uncounted, .. } = unchecked;
        Ok(Outcome { outputs, rows, rejects, rejects_uncounted })
    }

    pub(super) fn read_rows(&mut self, rows: UncheckedRows) -> Result<TableRows, PluginError> {
        let index = rows.table;
        let place = || Box::new(self.place.clone());
        let Some(table) = self.plugin.manifest().tables.get(index) else {
            let problem = format!("it returned rows for table {index}, which it did not declare");
            return Err(PluginError::Contract { place: place(), problem });
        };
        let batches = self.intake.read(rows.data, &table.schema);
        let bad = |problem| PluginError::BadRows { place: place(), table: table.name.clone(), problem };
        Ok(TableRows { table: index, batches: batches.map_err(bad)? })
    }
}
