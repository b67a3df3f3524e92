//! One file into lines: a header that may have its columns in any order, then one row for each charge.

use crate::tables::{LINES, lines_schema};
use arrow_schema::ArrowError;
use costhost_sdk::contract::{Failure, Job};
use costhost_sdk::csv::{Block, Reader, RowTooLong, field::unquote};
use costhost_sdk::failure::{Place, abort, skip_report};
use costhost_sdk::plan::{Input, Plan, Target};
use costhost_sdk::table::TableBuilder;
use costhost_sdk::{Normalize, Rows};
use std::sync::Arc;

/// Turns one file into lines.
#[derive(Debug)]
pub struct Normalizer {
    path: String,
    reader: Reader,
    /// Once the header is known.
    table: Option<TableBuilder>,
    notes: Vec<String>,
}

impl Normalize for Normalizer {
    fn open(job: &Job) -> Result<Normalizer, Failure> {
        Ok(Normalizer { path: job.file.path.clone(), reader: Reader::new(), table: None, notes: Vec::new() })
    }

    fn push(&mut self, data: &[u8]) -> Result<Rows, Failure> {
        let (table, notes) = (&mut self.table, &mut self.notes);
        let taken = self.reader.push(data, |block| take(block, table, notes));
        taken.map_err(|Stop(failure)| failure.in_file(&self.path))?;
        Ok(self.rows())
    }

    fn finish(&mut self) -> Result<Rows, Failure> {
        let (table, notes) = (&mut self.table, &mut self.notes);
        let taken = self.reader.finish(|block| take(block, table, notes));
        taken.map_err(|Stop(failure)| failure.in_file(&self.path))?;
        let Some(table) = &mut self.table else {
            let message = "the file is empty: it has no header. Check whether its delivery is complete";
            return Err(skip_report("input.wrong-header", message).in_file(&self.path));
        };
        table.finish().map_err(|error| bug(&error))?;
        Ok(self.rows())
    }
}

impl Normalizer {
    /// What has become of the input since the last call.
    fn rows(&mut self) -> Rows {
        let Some(table) = &mut self.table else { return Rows::default() };
        let output = table.take();
        Rows {
            batches: output.batches.into_iter().map(|batch| (LINES, batch)).collect(),
            rows: output.rows,
            rejects: output.rejects,
            rejects_uncounted: output.rejects_uncounted,
            notes: std::mem::take(&mut self.notes),
        }
    }
}

/// A failure on its way out of the reader.
struct Stop(Failure);

impl From<RowTooLong> for Stop {
    fn from(error: RowTooLong) -> Stop {
        Stop(skip_report("input.row-too-long", format!("{error}: a quote may be missing. Check the file with Tally")))
    }
}

fn take(block: Block<'_>, table: &mut Option<TableBuilder>, notes: &mut Vec<String>) -> Result<(), Stop> {
    if let Some(table) = table {
        return table.append(block).map_err(|error| Stop(bug(&error)));
    }
    let Some(header) = block.row(0) else { return Ok(()) };
    let mut scratch = Vec::new();
    let names: Vec<String> = (0..header.fields())
        .map(|at| String::from_utf8_lossy(unquote(header.field(at).unwrap_or_default(), &mut scratch)).into_owned())
        .collect();
    let table = table.insert(TableBuilder::new(plan(&names, notes).map_err(Stop)?));
    table.append(block.skip(1)).map_err(|error| Stop(bug(&error)))
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

fn bug(error: &ArrowError) -> Failure {
    abort("plugin.bug", format!("lines could not be put together ({error}): this is a bug of the plugin"))
}
