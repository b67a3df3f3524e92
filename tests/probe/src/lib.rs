//! A plugin that keeps or breaks the contract as its settings tell it to, to test the host with.
//!
//! Its input is text: one `account,amount` per line, the amount a whole number. Lines cut by a push are kept for the
//! next one. The word in the settings (`{"do":"spin"}`) picks what it does wrong; without one it behaves.
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only the component has exports"))]
#![allow(unsafe_code, reason = "the export macro makes the symbols that the host calls")]
#![allow(clippy::result_large_err, reason = "the contract's own type, returned once per call")]

mod accumulator;
mod mischief;
mod rows;

use costhost_sdk::bindings::costhost::provider::storage::Bucket;
use costhost_sdk::bindings::costhost::provider::types::{
    Compression, Failure, Form, InputFile, Output, Period, Position, Reject, Remedy,
};
use costhost_sdk::bindings::exports::costhost::provider::describe::{
    Aggregate, Dimension, Identity, Manifest, Measure, Money, Report, Summary, Table, TableRole, Unit,
};
use costhost_sdk::bindings::exports::costhost::provider::discover::{self, Findings, Request};
use costhost_sdk::bindings::exports::costhost::provider::fold::AccumulatorBorrow;
use costhost_sdk::bindings::exports::costhost::provider::normalize::{
    self, GuestNormalizer, Job, Normalizer, NormalizerBorrow, Outcome,
};
use costhost_sdk::bindings::exports::costhost::provider::{describe, fold, shares, summarize};
use std::cell::RefCell;

use accumulator::Totals;
use mischief::Mischief;
use rows::Line;

struct Probe;

#[cfg(target_arch = "wasm32")]
costhost_sdk::bindings::export_world!(Probe with_types_in costhost_sdk::bindings);

impl describe::Guest for Probe {
    fn describe() -> Manifest {
        let money = vec![Money { column: "amount".into(), currency: "currency".into(), total: true }];
        let table = |name: &str, role, schema| Table {
            name: name.into(),
            role,
            schema,
            money: money.clone(),
            invoice: None,
            key: Vec::new(),
            partition_by: None,
            indexes: Vec::new(),
        };
        Manifest {
            id: "probe".into(),
            provider: "probe".into(),
            title: "Probe".into(),
            version: "0.1.0".into(),
            settings_schema: r#"{"type":"object"}"#.into(),
            tables: vec![
                table("lines", TableRole::LineItems, rows::empty(&rows::line_schema())),
                table("totals", TableRole::Summary, rows::empty(&rows::total_schema())),
            ],
            summaries: vec![Summary {
                name: "by_account".into(),
                outputs: vec![1],
                input: 0,
                columns: vec!["account".into(), "amount".into()],
                identities: vec![Identity {
                    name: "amount".into(),
                    total: "amount".into(),
                    parts: vec!["amount".into()],
                    tolerance: "0.0000001".into(),
                    currency: "currency".into(),
                }],
            }],
            rollups: Vec::new(),
            lookups: Vec::new(),
            reports: vec![Report {
                name: "costs".into(),
                title: "Costs".into(),
                table: 0,
                time: "at".into(),
                dimensions: vec![Dimension {
                    name: "account".into(),
                    column: "account".into(),
                    title: "Account".into(),
                }],
                measures: vec![Measure {
                    name: "cost".into(),
                    column: "amount".into(),
                    title: "Cost".into(),
                    aggregate: Aggregate::Sum,
                    unit: Unit::Currency("currency".into()),
                }],
                where_: vec![],
                tags: None,
            }],
            labels: vec![],
        }
    }
}

impl discover::Guest for Probe {
    /// Every object below the prefix is a report of its own, named after its path.
    fn discover(bucket: &Bucket, request: Request) -> Result<Findings, Failure> {
        Mischief::of(&request.settings).during_discovery(bucket)?;
        let mut reports = Vec::new();
        let mut next = None;
        loop {
            let page =
                bucket.list("", true, next.as_deref()).map_err(|error| mischief::failure(&format!("{error:?}")))?;
            for object in page.objects {
                reports.push(discover::Report {
                    source: String::new(),
                    revision: object.etag.clone().unwrap_or_default(),
                    delivered: object.modified,
                    period: Period { start: 0, end: 2_678_400 },
                    closed: false,
                    files: vec![InputFile {
                        path: object.path,
                        compression: Compression::None,
                        form: Form::Bytes,
                        dataset: "lines".into(),
                        rows: None,
                        bytes: None,
                    }],
                    labels: vec![],
                });
            }
            next = page.next;
            if next.is_none() {
                return Ok(Findings { reports, problems: vec![] });
            }
        }
    }
}

/// One file being read.
struct Reader {
    mischief: Mischief,
    rest: Vec<u8>,
    taken: u64,
    /// What the last call put out, for `fold`.
    last: Vec<Line>,
}

/// A normalizer as the world wants it: methods that take `&self`.
struct ReaderCell(RefCell<Reader>);

impl Reader {
    fn take(&mut self, data: &[u8], last: bool) -> Result<Outcome, Failure> {
        self.rest.extend_from_slice(data);
        let end = if last {
            self.rest.len()
        } else {
            self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
        };
        let whole: Vec<u8> = self.rest.drain(..end).collect();
        let text = String::from_utf8_lossy(&whole).into_owned();
        let mut rejects = Vec::new();
        self.last.clear();
        let before = self.taken;
        for line in text.lines() {
            match Line::parse(line) {
                Some(line) => self.last.push(line),
                None => rejects.push(Reject {
                    code: "input.bad-line".into(),
                    message: "the line is not `account,amount`".into(),
                    at: Position { row: Some(self.taken), byte: None, column: None },
                    whole_row: true,
                    amount: None,
                    currency: None,
                }),
            }
            self.taken += 1;
        }
        self.mischief.with_lines(&mut self.last, &mut rejects);
        let outputs =
            if self.last.is_empty() { vec![] } else { vec![Output { table: 0, data: rows::lines(&self.last) }] };
        self.mischief.outcome(Outcome { outputs, rows: self.taken - before, rejects, rejects_uncounted: 0 })
    }
}

impl normalize::Guest for Probe {
    type Normalizer = ReaderCell;
}

impl GuestNormalizer for ReaderCell {
    fn open(job: Job) -> Result<Normalizer, Failure> {
        let mischief = Mischief::of(&job.settings);
        mischief.on_open()?;
        let reader = Reader { mischief, rest: Vec::new(), taken: 0, last: Vec::new() };
        Ok(Normalizer::new(Self(RefCell::new(reader))))
    }

    fn push(&self, data: Vec<u8>) -> Result<Outcome, Failure> {
        self.0.borrow_mut().take(&data, false)
    }

    fn finish(&self) -> Result<Outcome, Failure> {
        self.0.borrow_mut().take(&[], true)
    }
}

impl summarize::Guest for Probe {
    type Accumulator = Totals;
}

impl fold::Guest for Probe {
    fn fold(rows: NormalizerBorrow<'_>, into: AccumulatorBorrow<'_>) -> Result<(), Failure> {
        let reader = rows.get::<ReaderCell>().0.borrow();
        into.get::<Totals>().add(reader.last.iter());
        Ok(())
    }
}

impl shares::Guest for Probe {
    fn has_shares(_of: shares::AccumulatorBorrow<'_>) -> bool {
        false
    }

    fn save_share(_of: shares::AccumulatorBorrow<'_>, _share: u32, _shares: u32) -> Result<Option<Vec<u8>>, Failure> {
        Ok(None)
    }
}

/// A failure of the plugin's own.
fn refuse(remedy: Remedy, code: &str, message: &str) -> Failure {
    Failure { remedy, code: code.into(), message: message.into(), path: Some("a.csv".into()), at: None }
}
