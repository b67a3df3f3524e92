//! The law of summaries: however rows are split and in whatever order their pieces are merged, the result is the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::error::ArrowError;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use super::normalized::each_push;
use super::rows::{difference, difference_in_any_order, json_rows};
use crate::plugin::manifest::Summary;
use crate::plugin::{
    AccumulatorHandle, CallContext, Cancel, Instance, Limits, NormalizeJob, Plugin, PluginError, SummaryTask,
    encode_ipc,
};

/// How often rows are split anew.
const SPLITS: usize = 12;
/// Parts rows are split into, at most.
const PARTS: usize = 5;

/// Rows by index of their table.
pub(super) type Made = BTreeMap<usize, Vec<RecordBatch>>;

/// A summary of one unit could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum SummaryError {
    #[error(transparent)]
    Plugin(#[from] PluginError),
    #[error("rows cannot be put together: {0}")]
    Arrow(#[from] ArrowError),
}

/// One summary of one unit, and the rows it folds.
pub(super) struct SummaryCase<'a> {
    pub(super) plugin: &'a Arc<Plugin>,
    pub(super) summary: &'a Summary,
    pub(super) task: SummaryTask,
    /// Rows of its input table, by file.
    pub(super) rows: Vec<RecordBatch>,
    pub(super) limits: &'a Limits,
}

/// A file as it is pushed.
pub(super) type PushedFile = (NormalizeJob, Vec<Vec<u8>>);

impl SummaryCase<'_> {
    /// All rows in one accumulator.
    pub(super) fn alone(&self) -> Result<Made, SummaryError> {
        let mut instance = self.instance("alone")?;
        let accumulator = instance.open_accumulator(&self.task)?;
        for batch in &self.rows {
            instance.update(&accumulator, self.columns_of(batch)?)?;
        }
        finished(&mut instance, &accumulator)
    }

    /// Twice alone gives the same rows in the same order.
    pub(super) fn check_twice(&self, alone: &Made) -> Result<String, Vec<String>> {
        let again = self.alone().map_err(told)?;
        let problems = self.differences(alone, &again, difference);
        if problems.is_empty() { Ok(self.counted(alone)) } else { Err(problems) }
    }

    /// Rows shuffled, split at random, saved, and merged in any order.
    pub(super) fn check_parts(&self, alone: &Made, seed: u64) -> Result<String, Vec<String>> {
        let mut random = StdRng::seed_from_u64(seed);
        for split in 0..SPLITS {
            let merged = self.in_parts(&mut random).map_err(told)?;
            let mut problems = self.differences(alone, &merged, difference_in_any_order);
            if !problems.is_empty() {
                problems
                    .insert(0, format!("split {split} of seed {seed} gives another result than all rows together:"));
                return Err(problems);
            }
        }
        Ok(format!("{SPLITS} random splits"))
    }

    /// The shortcut from normalizing to summarizing, one instance for each file.
    pub(super) fn check_fold(&self, alone: &Made, files: &[PushedFile]) -> Result<String, Vec<String>> {
        let folded = self.folded(files).map_err(told)?;
        let mut problems = self.differences(alone, &folded, difference_in_any_order);
        if problems.is_empty() {
            return Ok(format!("{} files", files.len()));
        }
        problems.insert(0, "`fold` and `update` give different results:".to_owned());
        Err(problems)
    }

    fn in_parts(&self, random: &mut StdRng) -> Result<Made, SummaryError> {
        let parts = random.random_range(1..=PARTS);
        let mut pieces = Vec::new();
        for batches in self.split(random, parts)? {
            let mut instance = self.instance("in parts")?;
            let accumulator = instance.open_accumulator(&self.task)?;
            for batch in batches {
                // In batches of any size.
                let mut at = 0;
                while at < batch.num_rows() {
                    let size = random.random_range(1..=batch.num_rows()).min(batch.num_rows() - at);
                    instance.update(&accumulator, self.columns_of(&batch.slice(at, size))?)?;
                    at += size;
                }
            }
            while let Some(piece) = instance.save(&accumulator)? {
                pieces.push(piece);
            }
        }
        pieces.shuffle(random);
        self.merged(&pieces)
    }

    /// What the parts of a shared summary return, each for the share it kept; nothing where states do not fall into shares.
    pub(super) fn check_shares(&self, alone: &Made, seed: u64) -> Option<Result<String, Vec<String>>> {
        match self.in_shares(&mut StdRng::seed_from_u64(seed)) {
            Ok(None) => None,
            Ok(Some(shared)) => {
                let problems = self.differences(alone, &shared, difference);
                Some(if problems.is_empty() { Ok(self.counted(&shared)) } else { Err(problems) })
            }
            Err(error) => Some(Err(told(error))),
        }
    }

    fn in_shares(&self, random: &mut StdRng) -> Result<Option<Made>, SummaryError> {
        let mut parts = Vec::new();
        for batches in self.split(random, PARTS)? {
            let mut instance = self.instance("in shares")?;
            let accumulator = instance.open_accumulator(&self.task)?;
            for batch in batches.iter().filter(|batch| batch.num_rows() > 0) {
                instance.update(&accumulator, self.columns_of(batch)?)?;
            }
            // What it says may depend on what it holds.
            if !instance.has_shares(&accumulator)? {
                return Ok(None);
            }
            parts.push((instance, accumulator));
        }
        let mut given: Vec<Vec<Vec<u8>>> = vec![Vec::new(); PARTS];
        for (own, (instance, accumulator)) in parts.iter_mut().enumerate() {
            for (share, pieces) in given.iter_mut().enumerate().filter(|(share, _)| *share != own) {
                while let Some(piece) = instance.save_share(accumulator, share as u32, PARTS as u32)? {
                    pieces.push(piece);
                }
            }
        }
        let mut made = Made::new();
        for ((instance, accumulator), mut pieces) in parts.iter_mut().zip(given) {
            pieces.shuffle(random);
            for piece in pieces {
                instance.merge(accumulator, &piece)?;
            }
            for (table, batches) in finished(instance, accumulator)? {
                made.entry(table).or_default().extend(batches);
            }
        }
        Ok(Some(made))
    }

    /// All rows, each in one of some parts, in any order. A part may have none.
    fn split(&self, random: &mut StdRng, parts: usize) -> Result<Vec<Vec<RecordBatch>>, SummaryError> {
        let mut chosen: Vec<Vec<RecordBatch>> = vec![Vec::new(); parts];
        for batch in &self.rows {
            let mut order: Vec<u32> = (0..u32::try_from(batch.num_rows()).unwrap_or(u32::MAX)).collect();
            order.shuffle(random);
            let mut rows: Vec<Vec<u32>> = vec![Vec::new(); parts];
            for row in order {
                if let Some(part) = rows.get_mut(random.random_range(0..parts)) {
                    part.push(row);
                }
            }
            for (part, rows) in chosen.iter_mut().zip(rows) {
                part.push(take_record_batch(batch, &UInt32Array::from(rows))?);
            }
        }
        chosen.iter_mut().for_each(|batches| batches.shuffle(random));
        Ok(chosen)
    }

    fn folded(&self, files: &[PushedFile]) -> Result<Made, SummaryError> {
        let mut pieces = Vec::new();
        for (job, pushes) in files {
            let mut instance = self.instance(&job.file.path)?;
            let mut normalizer = instance.open_normalizer(job)?;
            let accumulator = instance.open_accumulator(&self.task)?;
            each_push(&mut instance, &mut normalizer, pushes, &mut |instance, normalizer, outcome| {
                if outcome.outputs.is_empty() { Ok(()) } else { instance.fold(normalizer, &accumulator) }
            })?;
            while let Some(piece) = instance.save(&accumulator)? {
                pieces.push(piece);
            }
        }
        self.merged(&pieces)
    }

    fn merged(&self, pieces: &[Vec<u8>]) -> Result<Made, SummaryError> {
        let mut instance = self.instance("merging")?;
        let accumulator = instance.open_accumulator(&self.task)?;
        for piece in pieces {
            instance.merge(&accumulator, piece)?;
        }
        finished(&mut instance, &accumulator)
    }

    fn instance(&self, doing: &str) -> Result<Instance, PluginError> {
        let context = CallContext { run: String::new(), unit: format!("summary {} {doing}", self.summary.name) };
        self.plugin.instance(context, self.limits, &Cancel::default())
    }

    fn columns_of(&self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        let schema = batch.schema();
        let columns =
            self.summary.columns.iter().map(|column| schema.index_of(column)).collect::<Result<Vec<_>, _>>()?;
        let batch = batch.project(&columns)?;
        encode_ipc(&batch.schema(), std::slice::from_ref(&batch))
    }

    /// Where the rows of each table first differ.
    fn differences(
        &self,
        expected: &Made,
        found: &Made,
        compare: fn(&str, &[Value], &[Value]) -> Option<String>,
    ) -> Vec<String> {
        let tables =
            self.summary.outputs.iter().filter_map(|index| Some((index, self.plugin.manifest().tables.get(*index)?)));
        let rows = |made: &Made, index: usize| made.get(&index).map(|batches| json_rows(batches)).unwrap_or_default();
        tables
            .filter_map(|(index, table)| compare(&table.name, &rows(expected, *index), &rows(found, *index)))
            .collect()
    }

    fn counted(&self, made: &Made) -> String {
        let rows: usize = made.values().flatten().map(RecordBatch::num_rows).sum();
        format!("{rows} rows")
    }
}

fn finished(instance: &mut Instance, accumulator: &AccumulatorHandle) -> Result<Made, SummaryError> {
    instance.complete(accumulator)?;
    let mut made = Made::new();
    while let Some(rows) = instance.pull(accumulator)? {
        made.entry(rows.table).or_default().extend(rows.batches);
    }
    Ok(made)
}

fn told(error: SummaryError) -> Vec<String> {
    vec![error.to_string()]
}
