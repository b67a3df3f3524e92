//! JSON lines: one JSON object a line, pushed as bytes cut anywhere, into batches of a table.
//!
//! Numbers keep the digits they were written with, so money is exact. Invariant: rows and rejects do not depend on where
//! the bytes were cut, and every line that is not blank is either a row or a reject.
//!
//! ```
//! # use costhost_sdk::contract::{Compression, Form, InputFile, Job, Period};
//! # let file = InputFile { path: "bill.jsonl".into(), compression: Compression::None, form: Form::Bytes,
//! #     dataset: String::new(), rows: None, bytes: None };
//! # let job = Job { settings: String::new(), now: 0, source: String::new(), revision: "1".into(),
//! #     period: Period { start: 0, end: 1 }, labels: Vec::new(), file };
//! use costhost_sdk::arrow_schema::{Field, Schema};
//! use costhost_sdk::json_lines::JsonLines;
//! use costhost_sdk::mapping::Mapping;
//! use costhost_sdk::plan::{amount_type, instant_type};
//!
//! let columns = vec![Field::new("at", instant_type(), false), Field::new("cost", amount_type(), true)];
//! let mapping = Mapping::new(Schema::new(columns)).time("at", "at").amount("net.amount", "cost");
//!
//! let mut lines = JsonLines::new(&job, &mapping)?;
//! lines.push(b"{\"at\":\"2025-10-01\",\"net\":{\"amount\":0.1")?;
//! lines.push(b"0}}\nnot json\n")?;
//! lines.finish()?;
//! let output = lines.take();
//! assert_eq!((output.rows, output.batches[0].num_rows(), output.rejects.len()), (2, 1, 1));
//! # Ok::<(), costhost_sdk::contract::Failure>(())
//! ```

use crate::contract::{Failure, Job, Position};
use crate::csv::{MAX_ROW, Writer};
use crate::failure::{Place, abort, skip_report};
use crate::json_line::{Mapped, Members, object_of, text_of};
use crate::mapping::Mapping;
use crate::plan::Plan;
use crate::reject::{Reject, Rejects};
use crate::table::{Output, TableBuilder};
use std::collections::BTreeSet;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// Bytes of rows that are turned at once.
const WRITER_ROOM: usize = 1 << 20;
/// Names of unmapped fields that are remembered for the operator.
const MOST_UNKNOWN: usize = 50;

/// Turns one file of JSON lines into rows of a table.
#[derive(Debug)]
pub struct JsonLines {
    path: String,
    plan: Plan,
    keeps_rest: bool,
    /// The line in progress, and where it begins in the file.
    line: Vec<u8>,
    offset: u64,
    started: bool,
    /// Lines that were not blank, so far.
    lines: u64,
    table: TableBuilder,
    writer: Writer,
    /// Bytes that wait in the writer.
    waiting: usize,
    /// Line and offset of the table's rows since the last [`JsonLines::take`], and how many came before.
    places: Vec<(u64, u64)>,
    before: u64,
    /// Lines that are no JSON object.
    broken: Rejects,
    broken_rows: u64,
    unknown: BTreeSet<String>,
}

impl JsonLines {
    /// Starts on a file.
    ///
    /// # Errors
    /// When the mapping does not fit its table: a bug of the plugin.
    pub fn new(job: &Job, mapping: &Mapping) -> Result<JsonLines, Failure> {
        let plan = mapping.for_named_fields()?;
        Ok(JsonLines {
            path: job.file.path.clone(),
            table: TableBuilder::new(plan.clone()),
            plan,
            keeps_rest: mapping.keeps_rest(),
            line: Vec::new(),
            offset: 0,
            started: false,
            lines: 0,
            writer: Writer::new(),
            waiting: 0,
            places: Vec::new(),
            before: 0,
            broken: Rejects::default(),
            broken_rows: 0,
            unknown: BTreeSet::new(),
        })
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// When a line is too long to read.
    pub fn push(&mut self, data: &[u8]) -> Result<(), Failure> {
        let mut rest = data;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (head, tail) = rest.split_at(end);
            rest = tail.get(1..).unwrap_or_default();
            self.line.extend_from_slice(head);
            self.check_length()?;
            self.end_line(1)?;
        }
        self.line.extend_from_slice(rest);
        self.check_length()?;
        self.hand_over()
    }

    /// The file has ended: its last line need not end in a line feed.
    ///
    /// # Errors
    /// As [`JsonLines::push`].
    pub fn finish(&mut self) -> Result<(), Failure> {
        self.end_line(0)?;
        self.hand_over()?;
        self.table.finish().map_err(|error| bug(&error).in_file(&self.path))
    }

    /// What has become of the lines since the last call.
    pub fn take(&mut self) -> Output {
        let mut output = self.table.take();
        for reject in &mut output.rejects {
            let index = reject.at.row.and_then(|row| row.checked_sub(self.before));
            let place = index.and_then(|index| self.places.get(usize::try_from(index).ok()?));
            if let Some((line, byte)) = place {
                (reject.at.row, reject.at.byte) = (Some(*line), Some(*byte));
            }
        }
        self.before += output.rows;
        self.places.clear();
        let (broken, uncounted) = self.broken.take();
        output.rows += std::mem::take(&mut self.broken_rows);
        output.rejects.extend(broken);
        output.rejects.sort_by_key(|reject| reject.at.row);
        output.rejects_uncounted += uncounted;
        output
    }

    /// What the operator should know once the file has ended: fields that are not mapped and not kept, and amounts that
    /// were rounded.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.unknown.is_empty() {
            let names: Vec<&str> = self.unknown.iter().map(String::as_str).collect();
            notes.push(format!("fields that the plugin does not know are left out: {}", names.join(", ")));
        }
        if self.table.rounded() > 0 {
            notes.push(format!(
                "{} amounts have more than 18 decimals and were rounded half-even",
                self.table.rounded()
            ));
        }
        notes
    }

    fn check_length(&self) -> Result<(), Failure> {
        if self.line.len() <= MAX_ROW {
            return Ok(());
        }
        let message = format!("the line that begins at byte {} is longer than {} MiB", self.offset, MAX_ROW >> 20);
        let at = Position { row: Some(self.lines), byte: Some(self.offset), column: None };
        Err(skip_report("input.row-too-long", message).at(at).in_file(&self.path))
    }

    fn end_line(&mut self, line_feed: u64) -> Result<(), Failure> {
        let mut line = std::mem::take(&mut self.line);
        let begin = self.offset;
        self.offset += line.len() as u64 + line_feed;
        let mut text = line.as_slice();
        if !std::mem::replace(&mut self.started, true) {
            text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        }
        let text = text.trim_ascii();
        if !text.is_empty() {
            self.row(text, begin);
            self.lines += 1;
        }
        line.clear();
        self.line = line;
        if self.waiting >= WRITER_ROOM { self.hand_over() } else { Ok(()) }
    }

    fn row(&mut self, text: &[u8], byte: u64) {
        let Ok(members) = Members::of(text) else {
            let at = Position { row: Some(self.lines), byte: Some(byte), column: None };
            self.broken.add(|| Reject {
                code: "row.not-json".to_owned(),
                message: "the line is not one JSON object, so the row cannot be counted".to_owned(),
                at,
                whole_row: true,
                amount: None,
                currency: None,
            });
            self.broken_rows += 1;
            return;
        };
        let fields = self.plan.inputs.len() - usize::from(self.keeps_rest);
        for input in self.plan.inputs.iter().take(fields) {
            let value = members.find(&input.name);
            self.writer.field(value.map(text_of).unwrap_or_default().as_bytes());
        }
        let unmapped = members.unmapped(&|path| mapped(&self.plan, fields, path));
        if self.keeps_rest {
            self.writer.field(object_of(&unmapped).as_bytes());
        } else {
            for (name, _) in unmapped {
                if self.unknown.len() < MOST_UNKNOWN {
                    self.unknown.insert(name);
                }
            }
        }
        self.waiting = self.writer.end_row();
        self.places.push((self.lines, byte));
    }

    /// Gives the table the rows that wait.
    fn hand_over(&mut self) -> Result<(), Failure> {
        if self.waiting > 0 {
            self.table.append(self.writer.block()).map_err(|error| bug(&error).in_file(&self.path))?;
            self.writer.clear();
            self.waiting = 0;
        }
        Ok(())
    }
}

/// Whether one of the plan's first inputs is this member, or a member of it.
fn mapped(plan: &Plan, fields: usize, path: &str) -> Mapped {
    let mut found = Mapped::Not;
    for input in plan.inputs.iter().take(fields) {
        match input.name.strip_prefix(path) {
            Some("") => return Mapped::Whole,
            Some(rest) if rest.starts_with('.') => found = Mapped::InPart,
            _ => {}
        }
    }
    found
}

fn bug(error: &arrow_schema::ArrowError) -> Failure {
    abort("plugin.bug", format!("rows could not be put together ({error}): this is a bug of the SDK, please report it"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Compression, Form, InputFile, Period};
    use crate::plan::{amount_type, instant_type, map_type};
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::Decimal128Type;
    use arrow_schema::{DataType, Field, Schema};
    use proptest::prelude::*;

    const FILE: &str = "\u{feff}{\"at\":\"2025-10-01\",\"net\":{\"amount\":1.000000000000000001,\"cur\":\"USD\"},\"new\":\"x\"}\r\n\
\n\
{\"at\":\"2025-10-02\",\"net\":{\"amount\":\"2e-3\",\"cur\":\"EUR\"},\"tags\":{\"a\":\"b\\u00e9\"}}\n\
{broken\n\
{\"at\":null,\"net\":{\"amount\":5,\"cur\":\"USD\"}}\n\
{\"at\":\"2025-10-03\",\"net\":{\"amount\":3,\"cur\":\"USD\"},\"tags\":7}";

    fn job() -> Job {
        let file = InputFile {
            path: "bill.jsonl".to_owned(),
            compression: Compression::None,
            form: Form::Bytes,
            dataset: String::new(),
            rows: None,
            bytes: None,
        };
        let period = Period { start: 0, end: 1 };
        let (settings, source, revision) = (String::new(), String::new(), "1".to_owned());
        Job { settings, now: 0, source, revision, period, labels: Vec::new(), file }
    }

    fn mapping() -> Mapping {
        let schema = Schema::new(vec![
            Field::new("at", instant_type(), true),
            Field::new("cost", amount_type(), true),
            Field::new("currency", DataType::Utf8, true),
            Field::new("tags", map_type(), true),
            Field::new("extra", map_type(), true),
        ]);
        Mapping::new(schema)
            .time("at", "at")
            .amount("net.amount", "cost")
            .currency("net.cur", "currency")
            .object("tags", "tags")
    }

    /// Code, row and byte of a reject.
    type Told = (String, Option<u64>, Option<u64>);

    /// Amounts, rejects, rows and notes.
    fn read(pieces: &[&[u8]], mapping: &Mapping) -> (Vec<i128>, Vec<Told>, u64, Vec<String>) {
        let mut reader = JsonLines::new(&job(), mapping).unwrap();
        let (mut amounts, mut rejects, mut rows) = (Vec::new(), Vec::new(), 0);
        for step in 0..=pieces.len() {
            match pieces.get(step) {
                Some(piece) => reader.push(piece).unwrap(),
                None => reader.finish().unwrap(),
            }
            let output = reader.take();
            rows += output.rows;
            rejects.extend(output.rejects.into_iter().map(|reject| (reject.code, reject.at.row, reject.at.byte)));
            for batch in output.batches {
                amounts.extend(batch.column(1).as_primitive::<Decimal128Type>().values().iter().copied());
            }
        }
        rejects.sort();
        (amounts, rejects, rows, reader.notes())
    }

    #[test]
    fn every_line_is_a_row_or_a_reject_with_its_place() {
        let (amounts, rejects, rows, notes) = read(&[FILE.as_bytes()], &mapping());
        let one = 10_i128.pow(18);
        assert_eq!(amounts, [one + 1, one / 500, 3 * one]);
        assert_eq!(rows, 5);
        let at = |text: &str| FILE.find(text).map(|at| at as u64);
        let lines = [
            ("cell.not-an-object".to_owned(), Some(4), at("{\"at\":\"2025-10-03")),
            ("row.no-time".to_owned(), Some(3), at("{\"at\":null")),
            ("row.not-json".to_owned(), Some(2), at("{broken")),
        ];
        assert_eq!(rejects, lines);
        assert!(notes.len() == 1 && notes[0].contains(": new"), "{notes:?}");
    }

    #[test]
    fn fields_that_are_not_mapped_are_kept_where_asked_for() {
        let mut reader = JsonLines::new(&job(), &mapping().rest("extra")).unwrap();
        reader.push(FILE.as_bytes()).unwrap();
        reader.finish().unwrap();
        let batch = reader.take().batches.remove(0);
        let extra = batch.column(4).as_map();
        assert_eq!((extra.null_count(), extra.value_length(0)), (2, 1));
        assert!(reader.notes().is_empty());
    }

    proptest! {
        #[test]
        fn nothing_depends_on_where_bytes_are_cut(cuts in prop::collection::vec(0..FILE.len(), 0..8)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts.into_iter().chain([FILE.len()]) {
                pieces.push(&FILE.as_bytes()[from..cut]);
                from = cut;
            }
            prop_assert_eq!(read(&pieces, &mapping()), read(&[FILE.as_bytes()], &mapping()));
        }

        #[test]
        fn any_bytes_are_rows_or_rejects(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let (amounts, rejects, rows, _) = read(&[&bytes], &mapping());
            let whole = rejects.iter().filter(|reject| reject.0.starts_with("row.")).count();
            prop_assert_eq!(rows, (amounts.len() + whole) as u64);
        }
    }
}
