//! One file, as bytes of CSV or as the host's Arrow batches, into batches of a table.
//!
//! Every form of a report goes through the same plan and becomes the same rows: text row by row, Parquet column by column.

use crate::contract::{Failure, Form, Job, Position};
use crate::csv::{Block, Reader, RowTooLong, field::unquote};
use crate::failure::{Place, abort, skip_report};
use crate::plan::Plan;
use crate::table::{Output, TableBuilder};
use crate::{arrow_rows, ipc};

/// Turns one file into rows of a table, by a plan that is made of its header.
#[derive(Debug)]
pub struct FileRows {
    path: String,
    input: Input,
    table: Option<TableBuilder>,
}

#[derive(Debug)]
enum Input {
    Csv(Reader),
    Arrow,
}

impl FileRows {
    /// Starts on a file.
    #[must_use]
    pub fn new(job: &Job) -> FileRows {
        let input = match job.file.form {
            Form::Bytes => Input::Csv(Reader::new()),
            Form::Parquet(_) => Input::Arrow,
        };
        FileRows { path: job.file.path.clone(), input, table: None }
    }

    /// Takes the next piece: bytes of CSV cut anywhere, or one IPC stream of the Parquet file's own columns. `plan` is
    /// asked once, with the names of the file's columns.
    ///
    /// # Errors
    /// When there is no plan, or a row is too long to read.
    pub fn push(
        &mut self,
        data: &[u8],
        plan: &mut dyn FnMut(&[String]) -> Result<Plan, Failure>,
    ) -> Result<(), Failure> {
        let table = &mut self.table;
        let taken = match &mut self.input {
            Input::Csv(reader) => reader.push(data, |block| take_block(block, table, plan)),
            Input::Arrow => take_stream(data, table, plan),
        };
        self.place(taken)
    }

    /// The file has ended.
    ///
    /// # Errors
    /// When it has no header, or as [`FileRows::push`].
    pub fn finish(&mut self, plan: &mut dyn FnMut(&[String]) -> Result<Plan, Failure>) -> Result<(), Failure> {
        let ended = self.end(plan);
        self.place(ended)
    }

    fn end(&mut self, plan: &mut dyn FnMut(&[String]) -> Result<Plan, Failure>) -> Result<(), Stop> {
        let table = &mut self.table;
        if let Input::Csv(reader) = &mut self.input {
            reader.finish(|block| take_block(block, table, plan))?;
        }
        match (table, &self.input) {
            (Some(table), _) => Ok(table.finish().map_err(|error| bug(&error))?),
            // A Parquet file without rows sends no batch.
            (None, Input::Arrow) => Ok(()),
            (None, Input::Csv(_)) => Err(Stop(skip_report(
                "input.wrong-header",
                "the file is empty: it has no header. Check whether its delivery is complete",
            ))),
        }
    }

    /// The table, once the header is known.
    #[must_use]
    pub fn table(&self) -> Option<&TableBuilder> {
        self.table.as_ref()
    }

    /// What has become of the rows since the last call.
    pub fn take(&mut self) -> Output {
        self.table.as_mut().map(TableBuilder::take).unwrap_or_default()
    }

    /// What the operator should know of amounts once the file has ended.
    #[must_use]
    pub fn rounded_note(&self) -> Option<String> {
        let rounded = self.table.as_ref().map_or(0, TableBuilder::rounded);
        (rounded > 0).then(|| format!("{rounded} amounts have more than 18 decimals and were rounded half-even"))
    }

    /// A failure, with the file's path.
    #[must_use]
    pub fn here(&self, failure: Failure) -> Failure {
        failure.in_file(&self.path)
    }

    fn place<T>(&self, result: Result<T, Stop>) -> Result<T, Failure> {
        result.map_err(|Stop(failure)| self.here(failure))
    }
}

/// A failure on its way out.
struct Stop(Failure);

impl From<RowTooLong> for Stop {
    fn from(error: RowTooLong) -> Self {
        let at = Position { row: error.row.checked_sub(1), byte: Some(error.byte), column: None };
        let message = format!("{error}: a quote may be missing. Check the file with the provider");
        Stop(skip_report("input.row-too-long", message).at(at))
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop(failure)
    }
}

fn bug(error: &arrow_schema::ArrowError) -> Failure {
    let message =
        format!("line items could not be put together ({error}): this is a bug of the plugin, please report it");
    abort("plugin.bug", message)
}

fn bad_arrow(error: &arrow_schema::ArrowError) -> Failure {
    skip_report("input.not-arrow", format!("the columns of the Parquet file cannot be read ({error}): export it again"))
}

fn take_block(
    block: Block<'_>,
    table: &mut Option<TableBuilder>,
    plan: &mut dyn FnMut(&[String]) -> Result<Plan, Failure>,
) -> Result<(), Stop> {
    if let Some(table) = table {
        return table.append(block).map_err(|error| Stop(bug(&error)));
    }
    let Some(header) = block.row(0) else { return Ok(()) };
    let mut scratch = Vec::new();
    let names: Vec<String> = (0..header.fields())
        .map(|at| String::from_utf8_lossy(unquote(header.field(at).unwrap_or_default(), &mut scratch)).into_owned())
        .collect();
    let table = table.insert(TableBuilder::new(plan(&names)?));
    table.append(block.skip(1)).map_err(|error| Stop(bug(&error)))
}

fn take_stream(
    data: &[u8],
    table: &mut Option<TableBuilder>,
    plan: &mut dyn FnMut(&[String]) -> Result<Plan, Failure>,
) -> Result<(), Stop> {
    for batch in ipc::decode(data).map_err(|error| bad_arrow(&error))? {
        let table = match table {
            Some(table) => table,
            None => {
                let names: Vec<String> = batch.schema().fields().iter().map(|f| f.name().clone()).collect();
                table.insert(TableBuilder::new(plan(&names)?))
            }
        };
        arrow_rows::Rows::new(&batch).map_err(|error| bad_arrow(&error))?;
        table.append_batch(&batch).map_err(|error| bug(&error))?;
    }
    Ok(())
}
