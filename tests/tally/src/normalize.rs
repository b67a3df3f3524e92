//! One file into lines: a header that may have its columns in any order, then one row for each charge.

use crate::tables::{LINES, lines_schema};
use costhost_sdk::contract::{Failure, Job};
use costhost_sdk::failure::skip_report;
use costhost_sdk::file_rows::FileRows;
use costhost_sdk::plan::{Input, Plan, Target};
use costhost_sdk::{Normalize, Rows};
use std::sync::Arc;

/// Turns one file into lines.
#[derive(Debug)]
pub struct Normalizer {
    rows: FileRows,
    notes: Vec<String>,
}

impl Normalize for Normalizer {
    fn open(job: &Job) -> Result<Normalizer, Failure> {
        Ok(Normalizer { rows: FileRows::new(job), notes: Vec::new() })
    }

    fn push(&mut self, data: &[u8]) -> Result<Rows, Failure> {
        let notes = &mut self.notes;
        self.rows.push(data, &mut |names| plan(names, notes))?;
        Ok(self.rows())
    }

    fn finish(&mut self) -> Result<Rows, Failure> {
        let notes = &mut self.notes;
        self.rows.finish(&mut |names| plan(names, notes))?;
        Ok(self.rows())
    }
}

impl Normalizer {
    /// What has become of the input since the last call.
    fn rows(&mut self) -> Rows {
        Rows::of(LINES, self.rows.take(), std::mem::take(&mut self.notes))
    }
}

/// Which column of the file becomes which of the table.
fn plan(names: &[String], notes: &mut Vec<String>) -> Result<Plan, Failure> {
    let schema = Arc::new(lines_schema());
    let find = |name: &str| {
        names.iter().position(|found| found == name).ok_or_else(|| {
            let message =
                format!("the file has no column {name}: it is not a usage report of Tally, or not a whole one");
            skip_report("input.wrong-header", message)
        })
    };
    let (time, amount, currency) = (find("day")?, find("cost")?, find("currency")?);
    let target = |name: &String| match (name.as_str(), schema.index_of(name)) {
        ("labels", Ok(column)) => Target::Object(column),
        (_, Ok(column)) => Target::Column(column),
        (_, Err(_)) => Target::Skip,
    };
    let input = |name| Input { name: String::clone(name), target: target(name), run: None };
    let inputs: Vec<Input> = names.iter().map(input).collect();
    let unknown: Vec<&str> =
        inputs.iter().filter(|input| input.target == Target::Skip).map(|input| input.name.as_str()).collect();
    if !unknown.is_empty() {
        notes.push(format!("columns that tally does not know are left out: {}", unknown.join(", ")));
    }
    Ok(Plan {
        schema: Arc::clone(&schema),
        inputs,
        time,
        amount,
        currency: Some(currency),
        keys: vec![time, currency],
        slashed_dates: false,
    })
}
