//! Runs of neighbouring columns whose values repeat together.
//!
//! The attributes of a product fill 60 to 100 columns and are the same for every row of that product. The bytes of such
//! a run are looked up as one key; its values and map entries are worked out once per key. Runs, and the dictionaries
//! that their codes stand for, are kept from batch to batch while they are few: every batch carries its dictionaries
//! whole, so many of them would cost more to send than to look up again.

use crate::csv::field::unquote;
use crate::intern::{Interner, Predictions};
use crate::json;
use crate::map::{Entry, MapColumn, Part};
use crate::text::{BAD, NULL, SAMPLE, TextColumn, Trial};
use arrow_array::ArrayRef;
use arrow_schema::ArrowError;

pub(crate) mod columns;

/// Runs, and the values of each dictionary they fill, are kept while there are this many rows a batch for each.
const ROWS_EACH: usize = 4;

/// What one column of a run is.
#[derive(Debug, Clone)]
pub(crate) enum Member {
    /// Text of a column of its own: its index among the run's columns.
    Column(usize),
    /// An entry of the run's map.
    Entry(String),
    /// A JSON object with entries of the run's map.
    Object {
        /// Whether its outer braces have to be there.
        whole: bool,
    },
    Skip,
}

/// A run of columns.
#[derive(Debug)]
pub(crate) struct Span {
    /// Its first input column.
    pub(crate) first: usize,
    pub(crate) members: Vec<Member>,
    /// Columns of the table that its members fill.
    pub(crate) columns: Vec<usize>,
    /// Of these, by place, the ones that another input fills too: they are written block by block, so that the first
    /// input that is not empty stands. The others are made at once when the batch is full.
    pub(crate) shared: Vec<usize>,
    /// The map column that its members fill.
    pub(crate) map: Option<usize>,
    /// Spans that fill a column or map in common have the same number: they are kept or forgotten together.
    pub(crate) family: usize,
    runs: Interner,
    predictions: Predictions,
    /// Runs of earlier batches.
    kept: usize,
    repeats: bool,
    trial: Trial,
    /// By run: where its entries end.
    entry_ends: Vec<u32>,
    entries: Vec<Entry>,
    /// By run, then by column.
    codes: Vec<u32>,
    /// Cells that could not be read: run and input column.
    bad: Vec<(u32, usize)>,
    /// By row of the batch: its run.
    ids: Vec<u32>,
    /// Rows of the batch before the block.
    before: usize,
    scratch: Vec<u8>,
}

impl Span {
    pub(crate) fn new(first: usize, map: Option<usize>) -> Span {
        Span {
            first,
            members: Vec::new(),
            columns: Vec::new(),
            shared: Vec::new(),
            map,
            family: first,
            runs: Interner::default(),
            predictions: Predictions::default(),
            kept: 0,
            repeats: true,
            trial: Trial::default(),
            entry_ends: Vec::new(),
            entries: Vec::new(),
            codes: Vec::new(),
            bad: Vec::new(),
            ids: Vec::new(),
            before: 0,
            scratch: Vec::new(),
        }
    }

    /// Looks up the runs of the rows whose positions begin at `bases`; `rows` of the batch came before.
    #[inline(never)]
    pub(crate) fn look_up(
        &mut self,
        (data, positions): (&[u8], &[u32]),
        bases: &[u32],
        rows: usize,
        columns: &mut [TextColumn],
        map: &mut MapColumn,
    ) {
        if self.repeats && self.trial.fails(rows, self.runs.len() - self.kept) {
            self.repeats = false;
        }
        self.before = self.ids.len();
        let block = Runs { data, positions, first: self.first, width: self.members.len() };
        if self.repeats && !block.mostly_same(bases) {
            self.look_up_many(&block, bases, columns, map);
        } else {
            self.look_up_each(&block, bases, columns, map);
        }
    }

    /// Looks up runs of which neighbours are often the same, or takes each as it is if runs do not repeat.
    #[inline(never)]
    fn look_up_each(&mut self, block: &Runs<'_>, bases: &[u32], columns: &mut [TextColumn], map: &mut MapColumn) {
        let (mut last, mut last_id): (&[u8], u32) = (&[], u32::MAX);
        for &base in bases {
            let run = block.run(base);
            if last_id == u32::MAX || !self.repeats || !crate::intern::same(run, last) {
                let new = if self.repeats {
                    let (id, new) = self.runs.intern(run);
                    last_id = id;
                    new
                } else {
                    last_id = self.entry_ends.len() as u32;
                    true
                };
                if new {
                    self.work_out(block.data, block.marks(base), last_id, columns, map);
                }
                last = run;
            }
            self.ids.push(last_id);
        }
    }

    /// Looks up runs of which neighbours differ.
    #[inline(never)]
    fn look_up_many(&mut self, block: &Runs<'_>, bases: &[u32], columns: &mut [TextColumn], map: &mut MapColumn) {
        let (ids, mut news) = (&mut self.ids, Vec::new());
        self.runs.intern_long(
            bases,
            |base| block.run(base),
            &mut self.predictions,
            |base, id, new| {
                ids.push(id);
                if new {
                    news.push((base, id));
                }
            },
        );
        for (base, id) in news {
            self.work_out(block.data, block.marks(base), id, columns, map);
        }
    }

    #[inline(never)]
    fn work_out(&mut self, data: &[u8], marks: &[u32], id: u32, columns: &mut [TextColumn], map: &mut MapColumn) {
        let codes_from = self.codes.len();
        self.codes.resize(codes_from + self.columns.len(), NULL);
        for ((at, member), pair) in self.members.iter().enumerate().zip(marks.windows(2)) {
            let [before, end] = pair else { continue };
            let Some(raw) = data.get(before.wrapping_add(1) as usize..*end as usize) else { continue };
            if raw.is_empty() {
                continue;
            }
            let good = match member {
                Member::Column(column) => {
                    let code =
                        self.columns.get(*column).and_then(|c| columns.get_mut(*c)).map_or(NULL, |c| c.code(raw));
                    if let Some(slot) = self.codes.get_mut(codes_from + column)
                        && code != BAD
                    {
                        *slot = code;
                    }
                    code != BAD
                }
                Member::Entry(key) => {
                    let code = map.values.code(raw);
                    if code != BAD && code != NULL {
                        self.entries.push((map.keys.value_code(key), code));
                    }
                    code != BAD
                }
                Member::Object { whole } => object(unquote(raw, &mut self.scratch), *whole, map, &mut self.entries),
                Member::Skip => true,
            };
            if !good {
                self.bad.push((id, self.first + at));
            }
        }
        self.entry_ends.push(self.entries.len() as u32);
    }

    /// Writes the codes of the run's shared columns for the block that was looked up.
    pub(crate) fn fill(&self, rows: usize, columns: &mut [TextColumn]) {
        let (width, ids) = (self.columns.len(), self.ids_of_block());
        for at in &self.shared {
            let Some(column) = self.columns.get(*at).and_then(|column| columns.get_mut(*column)) else { continue };
            let codes = self.codes.get(*at..).unwrap_or_default();
            for (slot, id) in column.slots(rows, ids.len()).iter_mut().zip(ids) {
                if *slot == NULL {
                    *slot = codes.get(*id as usize * width).copied().unwrap_or(NULL);
                }
            }
        }
    }

    /// The column at this place of the run's columns, for all rows of the batch. No other input fills it.
    #[inline(never)]
    pub(crate) fn column(&self, at: usize, column: &TextColumn) -> Result<ArrayRef, ArrowError> {
        let codes: Vec<u32> = self.codes.iter().skip(at).step_by(self.columns.len().max(1)).copied().collect();
        column.finish_by_number(&codes, &self.ids)
    }

    fn ids_of_block(&self) -> &[u32] {
        self.ids.get(self.before..).unwrap_or_default()
    }

    /// The entries of the batch's rows.
    pub(crate) fn part(&self) -> Part<'_> {
        Part { numbers: &self.ids, ends: &self.entry_ends, entries: &self.entries }
    }

    /// Cells of the block that could not be read: row of the block and input column.
    pub(crate) fn bad_cells(&self) -> impl Iterator<Item = (u32, usize)> + '_ {
        let rows = if self.bad.is_empty() { &[][..] } else { self.ids_of_block() };
        rows.iter().enumerate().flat_map(move |(row, id)| {
            let from = self.bad.partition_point(|b| b.0 < *id);
            let bad = self.bad.get(from..).unwrap_or_default();
            bad.iter().take_while(move |b| b.0 == *id).map(move |b| (row as u32, b.1))
        })
    }

    /// Whether its runs, and what they fill, are few enough for a batch of `rows` rows to be kept.
    fn is_small(&self, rows: usize, columns: &[TextColumn], maps: &[MapColumn]) -> bool {
        let few = |count: usize| count * ROWS_EACH <= rows;
        let columns = self.columns.iter().filter_map(|column| columns.get(*column));
        let map = self.map.and_then(|map| maps.get(map));
        self.repeats
            && few(self.runs.len())
            && columns.map(TextColumn::distinct).all(few)
            && map.is_none_or(|map| few(map.values.len()))
    }

    fn forget(&mut self, columns: &mut [TextColumn], maps: &mut [MapColumn]) {
        self.runs.clear();
        self.repeats = true;
        self.entry_ends.clear();
        self.entries.clear();
        self.codes.clear();
        self.bad.clear();
        self.columns.iter().filter_map(|c| columns.get_mut(*c).map(TextColumn::forget)).for_each(drop);
        if let Some(map) = self.map.and_then(|map| maps.get_mut(map)) {
            map.forget();
        }
    }
}

/// Where the runs of a block's rows lie.
struct Runs<'a> {
    data: &'a [u8],
    positions: &'a [u32],
    /// The run's first input, and how many it has.
    first: usize,
    width: usize,
}

impl<'a> Runs<'a> {
    /// The marks around its fields, of the row whose positions begin at `base`.
    fn marks(&self, base: u32) -> &'a [u32] {
        let from = base as usize + self.first;
        self.positions.get(from..=from + self.width).unwrap_or_default()
    }

    #[inline]
    fn run(&self, base: u32) -> &'a [u8] {
        let from = base as usize + self.first;
        let (Some(before), Some(end)) = (self.positions.get(from), self.positions.get(from + self.width)) else {
            return &[];
        };
        self.data.get(before.wrapping_add(1) as usize..*end as usize).unwrap_or_default()
    }

    fn mostly_same(&self, bases: &[u32]) -> bool {
        let first = bases.first().map_or(&[][..], |base| self.run(*base));
        bases.iter().skip(1).step_by(SAMPLE).all(|base| crate::intern::same(self.run(*base), first))
    }
}

/// Gives spans that fill something in common the same family.
pub(crate) fn join_families(spans: &mut [Span]) {
    for at in 1..spans.len() {
        let (earlier, rest) = spans.split_at_mut(at);
        let Some(span) = rest.first_mut() else { continue };
        let shares = |other: &Span| {
            (other.map.is_some() && other.map == span.map) || other.columns.iter().any(|c| span.columns.contains(c))
        };
        let joined: Vec<usize> = earlier.iter().filter(|other| shares(other)).map(|other| other.family).collect();
        for other in earlier.iter_mut().filter(|other| joined.contains(&other.family)) {
            other.family = span.family;
        }
    }
}

/// A batch of `rows` rows is finished: forgets the runs of families that are not small.
pub(crate) fn end_batch(spans: &mut [Span], rows: usize, columns: &mut [TextColumn], maps: &mut [MapColumn]) {
    let large = spans.iter().filter(|span| !span.is_small(rows, columns, maps)).map(|span| span.family);
    let large: Vec<usize> = large.collect();
    for span in spans {
        span.trial = span.trial.next(!span.repeats);
        if large.contains(&span.family) {
            span.forget(columns, maps);
        }
        span.kept = span.runs.len();
        span.ids.clear();
    }
}

fn object(cell: &[u8], whole: bool, map: &mut MapColumn, entries: &mut Vec<Entry>) -> bool {
    if cell.is_empty() {
        return true;
    }
    let Some(members) = std::str::from_utf8(cell)
        .ok()
        .and_then(|text| if whole { json::object(text) } else { json::members(text) }.ok())
    else {
        return false;
    };
    let begin = entries.len();
    for (key, value) in members {
        let key = map.keys.value_code(&key);
        if !value.is_empty() && !entries.get(begin..).unwrap_or_default().iter().any(|e| e.0 == key) {
            entries.push((key, map.values.value_code(&value)));
        }
    }
    true
}
