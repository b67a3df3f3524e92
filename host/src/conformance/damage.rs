//! Files that are cut off or have flipped bits: nothing traps, and no row is lost without a word.
//!
//! What a damaged file means is the plugin's to say. Whatever it says, each input row it counts must have become a row or
//! a reject, and the rows before the place where a file was cut off must be those of the whole file.

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use super::input::{Input, Pieces};
use super::normalized::{FileOutcome, normalize};
use super::rows::{difference, json_rows};
use crate::plugin::{Limits, NormalizeJob, Plugin};

/// Lengths a file is cut off at, besides a few fixed ones.
const CUTS: usize = 12;
/// Damaged copies of a file.
const FLIPS: usize = 40;
/// Of a larger file only this much is damaged.
const MOST: usize = 1 << 20;

/// One file and what it came to when it was whole.
pub(super) struct Whole<'a> {
    pub(super) plugin: &'a Arc<Plugin>,
    pub(super) job: &'a NormalizeJob,
    pub(super) input: &'a Input,
    pub(super) outcome: &'a FileOutcome,
    pub(super) limits: &'a Limits,
}

impl Whole<'_> {
    /// An empty file fails or has no rows.
    pub(super) fn check_empty(&self) -> Result<String, Vec<String>> {
        let found = self.run(&[]).map_err(|problem| vec![problem])?;
        match &found.failure {
            Some(failure) => Ok(format!("fails with {}", failure.code)),
            None if self.standing(&found) == 0 => Ok("no rows".to_owned()),
            None => Err(vec![format!("an empty file has {} rows", self.standing(&found))]),
        }
    }

    /// The file cut off at several lengths.
    pub(super) fn check_cut_off(&self, seed: u64) -> Result<String, Vec<String>> {
        let length = self.input.len().min(MOST);
        let mut random = StdRng::seed_from_u64(seed);
        let mut lengths = vec![1, length / 2, length.saturating_sub(1)];
        lengths.extend((0..CUTS).map(|_| random.random_range(0..=length)));
        let (mut problems, mut failed) = (Vec::new(), 0);
        for length in &lengths {
            let pushes = match self.cut_at(*length) {
                Ok(pushes) => pushes,
                Err(error) => return Err(vec![error.to_string()]),
            };
            let judged = self.run(&pushes).and_then(|found| {
                failed += usize::from(found.failure.is_some());
                self.accounted(&found)?;
                self.is_beginning(&found)
            });
            problems.extend(judged.err().map(|problem| format!("cut off after {length} {}: {problem}", self.unit())));
        }
        if problems.is_empty() { Ok(format!("{} lengths, {failed} refused", lengths.len())) } else { Err(problems) }
    }

    /// The file with flipped bits. Files that the host decodes are not damaged: their decoder is the host's.
    pub(super) fn check_flipped(&self, seed: u64) -> Option<Result<String, Vec<String>>> {
        let Input::Bytes(bytes) = self.input else { return None };
        let bytes = bytes.get(..bytes.len().min(MOST)).unwrap_or_default();
        if bytes.is_empty() {
            return None;
        }
        let mut random = StdRng::seed_from_u64(seed);
        let (mut problems, mut failed) = (Vec::new(), 0);
        for trial in 0..FLIPS {
            let mut damaged = bytes.to_vec();
            let mut places = Vec::new();
            // Mostly one bit; sometimes several.
            for _ in 0..if trial % 8 == 7 { 5 } else { 1 } {
                let (at, bit) = (random.random_range(0..damaged.len()), random.random_range(0..8));
                if let Some(byte) = damaged.get_mut(at) {
                    *byte ^= 1 << bit;
                }
                places.push(format!("bit {bit} of byte {at}"));
            }
            let judged = self.run(&[damaged]).and_then(|found| {
                failed += usize::from(found.failure.is_some());
                self.accounted(&found)
            });
            problems.extend(judged.err().map(|problem| format!("{} flipped: {problem}", places.join(", "))));
        }
        Some(if problems.is_empty() { Ok(format!("{FLIPS} copies, {failed} refused")) } else { Err(problems) })
    }

    /// Whether each row of the whole file became one row or one reject, so that rows can be counted at all.
    pub(super) fn is_one_to_one(&self) -> bool {
        self.outcome.rows_left_out().is_some_and(|left_out| self.standing(self.outcome) + left_out == self.outcome.rows)
    }

    /// Each input row is a row or a reject.
    fn accounted(&self, found: &FileOutcome) -> Result<(), String> {
        let (Some(left_out), None, true) = (found.rows_left_out(), &found.failure, self.is_one_to_one()) else {
            return Ok(());
        };
        let standing = self.standing(found);
        if standing + left_out == found.rows {
            return Ok(());
        }
        Err(format!(
            "{} input rows were counted, and {standing} rows and {left_out} rejected rows came out: the others are lost \
             without a word",
            found.rows
        ))
    }

    /// The rows are the first of the whole file; the last may have been cut off itself.
    fn is_beginning(&self, found: &FileOutcome) -> Result<(), String> {
        if found.failure.is_some() {
            return Ok(());
        }
        for (&table, batches) in &found.tables {
            let mut rows: Vec<Value> = json_rows(batches);
            rows.pop();
            let whole = self.outcome.tables.get(&table).map(|batches| json_rows(batches)).unwrap_or_default();
            let expected = whole.get(..rows.len().min(whole.len())).unwrap_or_default();
            if let Some(problem) = difference(&self.table_name(table), expected, &rows) {
                return Err(problem);
            }
        }
        Ok(())
    }

    fn run(&self, pushes: &[Vec<u8>]) -> Result<FileOutcome, String> {
        normalize(self.plugin, self.job, pushes, self.limits).map_err(|error| error.to_string())
    }

    fn cut_at(&self, length: usize) -> Result<Vec<Vec<u8>>, arrow::error::ArrowError> {
        let cut = match self.input {
            Input::Bytes(bytes) => Input::Bytes(bytes.get(..length).unwrap_or(bytes).to_vec()),
            Input::Rows(batches) => {
                let mut left = length;
                let slices = batches.iter().map(|batch| {
                    let rows = left.min(batch.num_rows());
                    left -= rows;
                    batch.slice(0, rows)
                });
                Input::Rows(slices.collect())
            }
        };
        cut.cut(Pieces::Blocks)
    }

    /// Rows in all tables that a normalizer fills with charges or use.
    fn standing(&self, outcome: &FileOutcome) -> u64 {
        let tables = self.plugin.manifest().tables.iter().enumerate();
        tables.filter(|(_, table)| table.role.is_normalized()).map(|(index, _)| outcome.rows_of(index)).sum()
    }

    fn table_name(&self, table: usize) -> String {
        self.plugin.manifest().tables.get(table).map_or_else(|| table.to_string(), |table| table.name.clone())
    }

    fn unit(&self) -> &'static str {
        match self.input {
            Input::Bytes(_) => "bytes",
            Input::Rows(_) => "rows",
        }
    }
}
