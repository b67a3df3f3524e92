//! What a normalizer makes of one file.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use sha2::{Digest, Sha256};

use crate::plugin::{
    CallContext, Cancel, Failure, Instance, Limits, NormalizeJob, NormalizerHandle, Outcome, Plugin, PluginError,
    Reject, Usage, encode_ipc,
};

/// What one file came to.
#[derive(Debug, Default)]
pub struct FileOutcome {
    /// Rows by index of their table.
    pub tables: BTreeMap<usize, Vec<RecordBatch>>,
    /// Input rows, rejects among them.
    pub rows: u64,
    /// Rows and cells set aside.
    pub rejects: Vec<Reject>,
    /// How many more there were.
    pub rejects_uncounted: u64,
    /// What the plugin found wrong with the file as a whole. Rows before it do not count.
    pub failure: Option<Failure>,
    /// Remarks for the operator.
    pub notes: Vec<String>,
    /// Digest over all that came back, to the byte.
    pub digest: [u8; 32],
    /// What the instance used.
    pub usage: Usage,
}

impl FileOutcome {
    /// Rows of one table.
    pub fn rows_of(&self, table: usize) -> u64 {
        self.tables.get(&table).into_iter().flatten().map(|batch| batch.num_rows() as u64).sum()
    }

    /// Rows that were left out; `None` when not all of them are known.
    pub fn rows_left_out(&self) -> Option<u64> {
        let whole = self.rejects.iter().filter(|reject| reject.whole_row).count() as u64;
        (self.rejects_uncounted == 0).then_some(whole)
    }
}

/// Runs one file through an instance of its own. A failure that the plugin reports is part of the outcome.
///
/// # Errors
/// A trap, a limit, or a broken rule of the contract.
pub fn normalize(
    plugin: &Arc<Plugin>,
    job: &NormalizeJob,
    pushes: &[Vec<u8>],
    limits: &Limits,
) -> Result<FileOutcome, PluginError> {
    let mut outcome = FileOutcome::default();
    let mut digest = Sha256::new();
    let context = CallContext { run: String::new(), unit: job.file.path.clone() };
    let mut instance = plugin.instance(context, limits, &Cancel::default())?;
    let pushed = instance.open_normalizer(job).and_then(|mut normalizer| {
        each_push(&mut instance, &mut normalizer, pushes, &mut |_, _, pushed| {
            take(&mut outcome, &mut digest, pushed);
            Ok(())
        })
    });
    outcome.failure = failure_of(pushed)?;
    outcome.notes = instance.take_notes();
    outcome.usage = instance.usage();
    outcome.digest = digest.finalize().into();
    Ok(outcome)
}

/// What is done with the outcome of a push.
pub(super) type Taken<'a> = dyn FnMut(&mut Instance, &NormalizerHandle, Outcome) -> Result<(), PluginError> + 'a;

/// Pushes a whole file, and hands on what comes back.
pub(super) fn each_push(
    instance: &mut Instance,
    normalizer: &mut NormalizerHandle,
    pushes: &[Vec<u8>],
    taken: &mut Taken<'_>,
) -> Result<(), PluginError> {
    for push in pushes {
        let outcome = instance.push(normalizer, push)?;
        taken(instance, normalizer, outcome)?;
    }
    let outcome = instance.finish(normalizer)?;
    taken(instance, normalizer, outcome)
}

/// A failure that the plugin reports is an answer; everything else is a defect.
pub(super) fn failure_of(result: Result<(), PluginError>) -> Result<Option<Failure>, PluginError> {
    match result {
        Ok(()) => Ok(None),
        Err(error) => error.failure().cloned().map(Some).ok_or(error),
    }
}

fn take(outcome: &mut FileOutcome, digest: &mut Sha256, pushed: Outcome) {
    outcome.rows += pushed.rows;
    outcome.rejects_uncounted += pushed.rejects_uncounted;
    digest.update(format!("{} {} {:?}", pushed.rows, pushed.rejects_uncounted, pushed.rejects));
    outcome.rejects.extend(pushed.rejects);
    for rows in pushed.outputs {
        for batch in &rows.batches {
            digest.update(rows.table.to_le_bytes());
            // What was read from IPC can be written as IPC.
            digest.update(encode_ipc(&batch.schema(), std::slice::from_ref(batch)).unwrap_or_default());
        }
        outcome.tables.entry(rows.table).or_default().extend(rows.batches);
    }
}
