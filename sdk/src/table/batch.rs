//! Batches of columns, as a host decodes them from Parquet, into a table's columns.
//!
//! Invariant: rows, and what is set aside, are those that [`TableBuilder::append`] makes of the same rows written by
//! [`arrow_rows::Rows`]. Here a column is turned as a whole: its dictionary's values once each, its numbers without text.

use super::{BATCH_ROWS, TableBuilder};
use crate::arrow_numbers::{each_bad_amount, each_instant};
use crate::arrow_rows::Rows;
use crate::arrow_texts::{Coded, each_window, is_void};
use crate::columns::Single;
use crate::csv::Writer;
use crate::fault::Fault;
use crate::plan::{Kind, Target};
use crate::span::columns::Filled;
use arrow_array::{ArrayRef, BooleanArray, RecordBatch};
use arrow_schema::ArrowError;
use arrow_select::filter::filter_record_batch;

impl TableBuilder {
    /// Takes the rows of a batch, whose columns are the plan's inputs. A builder takes rows in one form only: blocks or
    /// batches.
    ///
    /// # Errors
    /// When a column has a type that no report has, or Arrow refuses a finished batch.
    pub fn append_batch(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        self.of_columns = true;
        let mut from = 0;
        while from < batch.num_rows() {
            let count = (batch.num_rows() - from).min(BATCH_ROWS - self.rows);
            self.append_part(&batch.slice(from, count))?;
            from += count;
            if self.rows == BATCH_ROWS {
                self.close_batch()?;
            }
        }
        Ok(())
    }

    fn append_part(&mut self, part: &RecordBatch) -> Result<(), ArrowError> {
        let faults = self.row_faults(part)?;
        self.set_aside(part, &faults)?;
        self.numbers.clear();
        if faults.is_empty() {
            self.append_columns(part, part)?;
        } else if faults.len() < part.num_rows() {
            let mut stands = vec![true; part.num_rows()];
            for (row, _) in &faults {
                if let Some(stands) = stands.get_mut(*row as usize) {
                    *stands = false;
                }
            }
            self.numbers.extend((0..).zip(&stands).filter(|(_, stands)| **stands).map(|(row, _)| row));
            self.append_columns(part, &filter_record_batch(part, &BooleanArray::from(stands))?)?;
        }
        self.seen += part.num_rows() as u64;
        Ok(())
    }

    /// The rows that do not stand, in their order.
    fn row_faults(&mut self, part: &RecordBatch) -> Result<Vec<(u32, Fault)>, ArrowError> {
        let (found, wanted) = (part.num_columns(), self.plan.inputs.len());
        let rows = 0..part.num_rows() as u32;
        if found != wanted {
            return Ok(rows.map(|row| (row, Fault::FieldCount { found, wanted })).collect());
        }
        let mut faults: Vec<Option<Fault>> = vec![Some(Fault::NoTime); part.num_rows()];
        each_instant(part.column(self.plan.time), &mut self.clock, |row, time| {
            if let Some(fault) = faults.get_mut(row) {
                *fault = time.err().map(|_| Fault::Time);
            }
        })?;
        each_bad_amount(part.column(self.plan.amount), |row, error| {
            if let Some(fault) = faults.get_mut(row) {
                fault.get_or_insert(Fault::Amount(error));
            }
        })?;
        Ok(rows.zip(faults).filter_map(|(row, fault)| Some((row, fault?))).collect())
    }

    /// Sets rows or cells of a part aside. Only here values are written as text, to tell of them what is told of a field.
    fn set_aside(&mut self, part: &RecordBatch, faults: &[(u32, Fault)]) -> Result<(), ArrowError> {
        if faults.is_empty() {
            return Ok(());
        }
        let (rows, mut writer) = (Rows::new(part)?, Writer::new());
        for (row, fault) in faults {
            writer.clear();
            if !self.rejects.is_full() {
                rows.write(*row as usize, &mut writer)?;
            }
            let (plan, number) = (&self.plan, self.seen + u64::from(*row));
            match writer.block().row(0) {
                Some(row) => self.rejects.add(|| fault.reject(plan, row, number)),
                None => self.rejects.count_one(),
            }
        }
        Ok(())
    }

    /// Takes the rows that stand. `part` is what they were of, for what is told of cells.
    fn append_columns(&mut self, part: &RecordBatch, standing: &RecordBatch) -> Result<(), ArrowError> {
        let own = |column: Option<usize>, input, kind| column.map(|column| Single { input, column, kind });
        let time = own(self.time, self.plan.time, Kind::Instant);
        let amount = own(self.amount, self.plan.amount, Kind::Amount);
        for single in time.into_iter().chain(amount) {
            self.append_column(part, standing, single)?;
        }
        for at in 0..self.singles.len() {
            if let Some(single) = self.singles.get(at).copied() {
                self.append_column(part, standing, single)?;
            }
        }
        for at in 0..self.spans.len() {
            self.append_span_columns(part, standing, at)?;
        }
        self.rows += standing.num_rows();
        Ok(())
    }

    fn append_column(
        &mut self,
        part: &RecordBatch,
        standing: &RecordBatch,
        Single { input, column, kind }: Single,
    ) -> Result<(), ArrowError> {
        let values = standing.column(input);
        if is_void(values) {
            return Ok(());
        }
        let (rows, end) = (self.rows, self.rows + standing.num_rows());
        let mut bad = std::mem::take(&mut self.bad);
        match kind {
            Kind::Text => self.append_texts(values, column, &mut bad)?,
            Kind::Amount => {
                let Some(amounts) = self.amounts.get_mut(column) else { return Ok(()) };
                amounts.extend_column(rows, end, values, &mut bad)?;
            }
            Kind::Instant => {
                let Some(times) = self.times.get_mut(column) else { return Ok(()) };
                times.extend_column(rows, end, values, &mut bad)?;
            }
            Kind::Map => {}
        }
        let faults: Vec<(u32, Fault)> = bad.drain(..).map(|row| (row, Fault::Cell { input, kind })).collect();
        self.bad = bad;
        self.set_cells_aside(part, faults)
    }

    fn append_texts(&mut self, values: &ArrayRef, column: usize, bad: &mut Vec<u32>) -> Result<(), ArrowError> {
        let (rows, Some(texts)) = (self.rows, self.texts.get_mut(column)) else { return Ok(()) };
        match Coded::of_dictionary(values)? {
            Some(coded) => {
                coded.codes(&mut self.codes);
                texts.extend_coded(rows, &self.codes, coded.count(), |code| coded.text(code));
                Ok(())
            }
            None => each_window(values, |before, data, cells| texts.extend(rows + before, data, true, cells, bad)),
        }
    }

    fn append_span_columns(&mut self, part: &RecordBatch, standing: &RecordBatch, at: usize) -> Result<(), ArrowError> {
        let Some(span) = self.spans.get_mut(at) else { return Ok(()) };
        let Some(map) = self.maps.get_mut(span.map.unwrap_or(0)) else { return Ok(()) };
        let columns = standing.columns().iter().skip(span.first).take(span.members.len());
        let members: Vec<Option<Coded>> = columns
            .map(|column| if is_void(column) { Ok(None) } else { Coded::of(column).map(Some) })
            .collect::<Result<_, _>>()?;
        let mut filled = Filled { texts: &mut self.texts, map };
        span.look_up_columns(&members, standing.num_rows(), &mut self.runs, &mut filled);
        span.fill(self.rows, &mut self.texts);
        let bad: Vec<(u32, usize)> = span.bad_cells().collect();
        let faults = bad.into_iter().map(|(row, input)| {
            let target = self.plan.inputs.get(input).map(|input| &input.target);
            let object = matches!(target, Some(Target::Object(_) | Target::Members(_)));
            (row, Fault::Cell { input, kind: if object { Kind::Map } else { Kind::Text } })
        });
        let faults = faults.collect();
        self.set_cells_aside(part, faults)
    }

    /// Sets cells aside. Their rows are counted among those that stand.
    fn set_cells_aside(&mut self, part: &RecordBatch, mut faults: Vec<(u32, Fault)>) -> Result<(), ArrowError> {
        if !self.numbers.is_empty() {
            for (row, _) in &mut faults {
                *row = self.numbers.get(*row as usize).copied().unwrap_or(*row);
            }
        }
        self.set_aside(part, &faults)
    }
}
