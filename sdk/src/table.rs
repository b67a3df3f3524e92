//! From rows of fields to batches of typed columns.
//!
//! A block of rows is turned column by column. Rows that cannot count (no time, unreadable money, wrong shape) are set
//! aside before any column is touched, so every column of a batch has the same rows.

mod batch;
mod layout;

use crate::arrow_runs::Runs;
use crate::columns::{self, Single, Standing, Stretch};
use crate::csv::Block;
use crate::date_order::DateOrder;
use crate::fault::Fault;
use crate::map::MapColumn;
use crate::number::{Clock, Decimals, Times, amount};
use crate::plan::{Kind, Plan, Target, kind};
use crate::reject::{Reject, Rejects};
use crate::span::{self, Span};
use crate::text::{Cell, TextColumn};
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, Field, Schema};
use std::sync::Arc;

/// Rows of a full batch.
pub const BATCH_ROWS: usize = 32_768;
/// Rows that are turned at once: their positions stay in the fast caches.
const BLOCK_ROWS: usize = 256;

/// Builds batches of a table from rows of an input.
#[derive(Debug)]
pub struct TableBuilder {
    plan: Plan,
    /// Inputs with a column of their own, without the time and the amount.
    singles: Vec<Single>,
    /// Neighbours among them.
    stretches: Vec<Stretch>,
    /// Runs of inputs.
    spans: Vec<Span>,
    /// Map columns and the runs that fill them.
    map_spans: Vec<(usize, Vec<usize>)>,
    /// By column of the table: the run that alone fills it, and its place there.
    filled_by: Vec<Option<(usize, usize)>>,
    time: Option<usize>,
    amount: Option<usize>,
    // One of each per column of the table; only that of the column's kind is used.
    texts: Vec<TextColumn>,
    amounts: Vec<Decimals>,
    times: Vec<Times>,
    maps: Vec<MapColumn>,
    /// Rows of the batch in progress.
    rows: usize,
    /// Rows of the input so far.
    seen: u64,
    taken: u64,
    batches: Vec<RecordBatch>,
    rejects: Rejects,
    cells: Vec<Cell>,
    /// Rows of the block that stand; of these, those with any field in the stretch at hand.
    standing: Vec<Standing>,
    given: Vec<Standing>,
    /// Rows of the block that stand: where their positions begin, and which row of the block they are.
    bases: Vec<u32>,
    numbers: Vec<u32>,
    bad: Vec<u32>,
    /// Reads the times of rows.
    clock: Clock,
    /// Whether rows come as batches of columns; then the codes of the column at hand, and what numbers runs.
    of_columns: bool,
    codes: Vec<u32>,
    runs: Runs,
}

/// What has become of the input since the last time.
#[derive(Debug, Default)]
pub struct Output {
    /// Finished batches.
    pub batches: Vec<RecordBatch>,
    /// Input rows, those left out among them.
    pub rows: u64,
    /// Rows and cells set aside.
    pub rejects: Vec<Reject>,
    /// How many more were set aside.
    pub rejects_uncounted: u64,
}

impl TableBuilder {
    /// A builder for one input.
    #[must_use]
    pub fn new(plan: Plan) -> TableBuilder {
        let width = plan.schema.fields().len();
        let column_of = |input: usize| match plan.inputs.get(input).map(|i| &i.target) {
            Some(Target::Column(column)) => Some(*column),
            _ => None,
        };
        let mut builder = TableBuilder {
            time: column_of(plan.time),
            amount: column_of(plan.amount),
            singles: Vec::new(),
            stretches: Vec::new(),
            spans: Vec::new(),
            map_spans: Vec::new(),
            filled_by: vec![None; width],
            texts: std::iter::repeat_with(TextColumn::default).take(width).collect(),
            amounts: std::iter::repeat_with(Decimals::default).take(width).collect(),
            times: std::iter::repeat_with(|| Times::new(plan.slashed_dates)).take(width).collect(),
            maps: std::iter::repeat_with(MapColumn::default).take(width).collect(),
            rows: 0,
            seen: 0,
            taken: 0,
            batches: Vec::new(),
            rejects: Rejects::default(),
            cells: Vec::with_capacity(BLOCK_ROWS),
            standing: Vec::with_capacity(BLOCK_ROWS),
            given: Vec::with_capacity(BLOCK_ROWS),
            bases: Vec::with_capacity(BLOCK_ROWS),
            numbers: Vec::with_capacity(BLOCK_ROWS),
            bad: Vec::new(),
            clock: Clock::new(plan.slashed_dates),
            of_columns: false,
            codes: Vec::new(),
            runs: Runs::default(),
            plan,
        };
        builder.lay_out();
        builder
    }

    /// Takes some rows.
    ///
    /// # Errors
    /// When Arrow refuses a finished batch; a bug.
    pub fn append(&mut self, block: Block<'_>) -> Result<(), ArrowError> {
        let utf8 = block.ascii || std::str::from_utf8(block.used()).is_ok();
        let mut rest = block;
        while !rest.is_empty() {
            let count = rest.len().min(BLOCK_ROWS).min(BATCH_ROWS - self.rows);
            self.append_few(rest.first(count), utf8);
            rest = rest.skip(count);
            if self.rows == BATCH_ROWS {
                self.close_batch()?;
            }
        }
        Ok(())
    }

    fn append_few(&mut self, block: Block<'_>, utf8: bool) {
        self.select(block, utf8);
        for at in 0..self.stretches.len() {
            self.append_stretch(block, utf8, at);
        }
        for at in 0..self.spans.len() {
            self.append_span(block, at);
        }
        self.rows += self.bases.len();
        self.seen += block.len() as u64;
    }

    /// Finds the rows that stand, and takes their times and amounts.
    #[inline(never)]
    fn select(&mut self, block: Block<'_>, utf8: bool) {
        self.bases.clear();
        self.standing.clear();
        self.numbers.clear();
        for at in 0..block.len() {
            let Some(row) = block.row(at) else { continue };
            let fault = if block.is_unterminated(at) {
                Fault::Unterminated
            } else if row.fields() != self.plan.inputs.len() {
                Fault::FieldCount { found: row.fields(), wanted: self.plan.inputs.len() }
            } else if let Some(key) =
                if utf8 { None } else { self.plan.keys.iter().find(|k| !crate::fault::is_text(row, **k)) }
            {
                Fault::Key(*key)
            } else {
                let time = self.clock.instant(row.field(self.plan.time).unwrap_or_default());
                let money = amount(row.field(self.plan.amount).unwrap_or_default());
                match (time, money) {
                    (Ok(Some(time)), Ok(money)) => {
                        let row_of_batch = self.rows + self.bases.len();
                        if let Some(times) = self.time.and_then(|c| self.times.get_mut(c)) {
                            times.put(row_of_batch, time);
                        }
                        if let (Some(money), Some(amounts)) = (money, self.amount.and_then(|c| self.amounts.get_mut(c)))
                        {
                            amounts.put(row_of_batch, money);
                        }
                        self.standing.push(Standing { row: self.bases.len() as u32, base: row.base() });
                        self.bases.push(row.base());
                        self.numbers.push(at as u32);
                        continue;
                    }
                    (Ok(None), _) => Fault::NoTime,
                    (Err(_), _) => Fault::Time,
                    (_, Err(error)) => Fault::Amount(error),
                }
            };
            let (plan, seen) = (&self.plan, self.seen);
            self.rejects.add(|| fault.reject(plan, row, seen + at as u64));
        }
    }

    fn append_stretch(&mut self, block: Block<'_>, utf8: bool, at: usize) {
        let Some(stretch) = self.stretches.get_mut(at) else { return };
        let sparse = stretch.find_given(block.positions, &self.standing, self.rows, &mut self.given);
        for at in stretch.singles.clone() {
            let Some(single) = self.singles.get(at).copied() else { continue };
            let rows = if sparse { &self.given } else { &self.standing };
            columns::collect(&mut self.cells, block.positions, rows, single.input);
            if !self.cells.is_empty() {
                self.append_single(block, utf8, single);
            }
        }
    }

    /// Takes the cells of one input.
    fn append_single(&mut self, block: Block<'_>, utf8: bool, Single { input, column, kind }: Single) {
        let (rows, data) = (self.rows, block.data);
        let (cells, bad) = (&self.cells, &mut self.bad);
        match kind {
            Kind::Text => {
                if let Some(texts) = self.texts.get_mut(column) {
                    texts.extend(rows, data, utf8, cells, bad);
                }
            }
            Kind::Amount => {
                if let Some(amounts) = self.amounts.get_mut(column) {
                    amounts.extend(rows, data, cells, bad);
                }
            }
            Kind::Instant => {
                if let Some(times) = self.times.get_mut(column) {
                    times.extend(rows, data, cells, bad);
                }
            }
            Kind::Map => {}
        }
        for row in std::mem::take(&mut self.bad) {
            self.reject_cell(block, row, input, kind);
        }
    }

    fn append_span(&mut self, block: Block<'_>, at: usize) {
        let Some(span) = self.spans.get_mut(at) else { return };
        let Some(map) = self.maps.get_mut(span.map.unwrap_or(0)) else { return };
        span.look_up((block.data, block.positions), &self.bases, self.rows, &mut self.texts, map);
        span.fill(self.rows, &mut self.texts);
        let bad: Vec<(u32, usize)> = span.bad_cells().collect();
        for (row, input) in bad {
            let object =
                matches!(self.plan.inputs.get(input).map(|i| &i.target), Some(Target::Object(_) | Target::Members(_)));
            self.reject_cell(block, row, input, if object { Kind::Map } else { Kind::Text });
        }
    }

    fn reject_cell(&mut self, block: Block<'_>, row: u32, input: usize, kind: Kind) {
        let number = self.numbers.get(row as usize).copied().unwrap_or(0);
        let Some(row) = block.row(number as usize) else { return };
        let (plan, seen) = (&self.plan, self.seen);
        self.rejects.add(|| Fault::Cell { input, kind }.reject(plan, row, seen + u64::from(number)));
    }

    /// The input has ended: closes the batch in progress.
    ///
    /// # Errors
    /// When Arrow refuses the batch; a bug.
    pub fn finish(&mut self) -> Result<(), ArrowError> {
        if self.rows > 0 { self.close_batch() } else { Ok(()) }
    }

    fn close_batch(&mut self) -> Result<(), ArrowError> {
        let rows = std::mem::take(&mut self.rows);
        let schema = Arc::clone(&self.plan.schema);
        let (mut fields, mut arrays) = (Vec::new(), Vec::new());
        let parts = self.texts.iter_mut().zip(&mut self.amounts).zip(&mut self.times).zip(&self.maps);
        for ((column, field), (((text, amount), time), map)) in schema.fields().iter().enumerate().zip(parts) {
            let array = match kind(&schema, column) {
                Kind::Text => {
                    let filled_by = self.filled_by.get(column).copied().flatten();
                    match filled_by.and_then(|(span, place)| Some((self.spans.get(span)?, place))) {
                        Some((span, place)) => span.column(place, text)?,
                        None => text.finish(rows)?,
                    }
                }
                Kind::Amount => amount.finish(rows)?,
                Kind::Instant => time.finish(rows)?,
                Kind::Map => {
                    let filling = self.map_spans.iter().find(|(map, _)| *map == column);
                    let spans = filling.map_or(&[][..], |(_, spans)| spans);
                    let spans: Vec<&Span> = spans.iter().filter_map(|span| self.spans.get(*span)).collect();
                    map.finish(rows, &spans)?
                }
            };
            fields.push(Field::new(field.name(), array.data_type().clone(), true));
            arrays.push(array);
        }
        if self.of_columns {
            span::columns::end_batch(&mut self.spans, &mut self.texts, &mut self.maps);
        } else {
            span::end_batch(&mut self.spans, rows, &mut self.texts, &mut self.maps);
        }
        self.batches.push(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?);
        Ok(())
    }

    /// What has become of the rows since the last call.
    pub fn take(&mut self) -> Output {
        let (rejects, rejects_uncounted) = self.rejects.take();
        let rows = self.seen - std::mem::replace(&mut self.taken, self.seen);
        Output { batches: std::mem::take(&mut self.batches), rows, rejects, rejects_uncounted }
    }

    /// Amounts whose 19th decimal was rounded away so far.
    #[must_use]
    pub fn rounded(&self) -> u64 {
        self.amounts.iter().map(|a| a.rounded).sum()
    }

    /// What the times of rows say of how dates are written.
    #[must_use]
    pub fn time_order(&self) -> DateOrder {
        self.clock.order
    }

    /// What all columns of times together say of how dates are written.
    #[must_use]
    pub fn date_order(&self) -> DateOrder {
        let mut order = self.clock.order;
        self.times.iter().for_each(|times| order.merge(times.clock.order));
        order
    }

    /// The plan it works by.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
}
