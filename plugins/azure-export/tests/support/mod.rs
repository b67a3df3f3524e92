//! Exports through the plugin as a host would put them, as values that are easy to look at.
#![allow(dead_code, reason = "each test file uses its part")]

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use azure_export::manifest::{BILLS, DAILY, KEYS};
use azure_export::summary::DailySummary;
use azure_export::summary::columns::DAILY_SUMMARY;
use azure_export::{AzureExport, LineItems};
use costhost_sdk::contract::{
    Compression, Failure, Findings, Form, InputFile, Job, Label, Period, Reject, Report, Request, Task,
};
use costhost_sdk::testing::DirStorage;
use costhost_sdk::{Accumulate, Normalize, Plugin, decimal, ipc, time};
use serde_json::{Map, Value};
use std::io::Read as _;
use std::path::PathBuf;

/// Where the shared test data lies, beside the project.
pub(crate) fn data() -> PathBuf {
    let mut at = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    while at.pop() {
        let folder = at.join("shared/data/azure");
        if folder.exists() {
            return folder;
        }
    }
    panic!("../shared/data/azure is not there");
}

/// A file of what was computed independently.
pub(crate) fn expected(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/expected").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What lies below a folder.
pub(crate) fn find(storage: &DirStorage, settings: &str, now: &str) -> Findings {
    let now = time::parse(now.as_bytes()).unwrap() / 1_000_000;
    AzureExport::discover(storage, &Request { settings: settings.to_owned(), window: None, now }).unwrap()
}

/// For files of which the billing period is no matter.
pub(crate) const ALL_TIME: Period = Period { start: -100_000_000_000, end: 100_000_000_000 };

pub(crate) fn job(form: Form, period: Period, labels: &[(&str, &str)]) -> Job {
    let file = InputFile {
        path: "export.csv".to_owned(),
        compression: Compression::None,
        form,
        dataset: "costs".to_owned(),
        rows: None,
        bytes: None,
    };
    let labels: Vec<Label> = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Job { settings: "{}".to_owned(), now: 0, source: "test".to_owned(), revision: "1".to_owned(), period, labels, file }
}

/// Everything that came out of files; batches went through IPC on the way.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) rows: u64,
    pub(crate) rejects: Vec<Reject>,
    pub(crate) notes: Vec<String>,
}

impl Outcome {
    fn add(&mut self, rows: costhost_sdk::Rows) {
        for (table, batch) in rows.batches {
            assert_eq!(table, 0);
            self.batches.extend(ipc::decode(&ipc::encode(&batch).unwrap()).unwrap());
        }
        self.rows += rows.rows;
        self.rejects.extend(rows.rejects);
        self.notes.extend(rows.notes);
    }

    /// The values of a column as text.
    pub(crate) fn texts(&self, column: &str) -> Vec<Value> {
        let values = self.batches.iter().map(|batch| values(batch.column_by_name(column).unwrap()));
        values.flatten().collect()
    }
}

/// Pushes bytes in pieces of `size`.
pub(crate) fn csv(job: &Job, bytes: &[u8], size: usize) -> Result<Outcome, Failure> {
    pushed(job, bytes.chunks(size))
}

pub(crate) fn pushed<'a>(job: &Job, pieces: impl Iterator<Item = &'a [u8]>) -> Result<Outcome, Failure> {
    let (mut outcome, mut file) = (Outcome::default(), LineItems::open(job)?);
    for piece in pieces {
        outcome.add(file.push(piece)?);
    }
    outcome.add(file.finish()?);
    Ok(outcome)
}

/// Every file of a report, each by a normalizer of its own.
pub(crate) fn read(storage: &DirStorage, report: &Report, settings: &str, size: usize) -> Result<Outcome, Failure> {
    let mut all = Outcome::default();
    for file in &report.files {
        let bytes = std::fs::read(storage.root().join(&file.path)).unwrap();
        assert!(file.bytes.is_none_or(|promised| promised == bytes.len() as u64));
        let bytes = match file.compression {
            Compression::Gzip => {
                let mut text = Vec::new();
                flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut text).unwrap();
                text
            }
            _ => bytes,
        };
        let job = Job {
            settings: settings.to_owned(),
            source: report.source.clone(),
            labels: report.labels.clone(),
            file: file.clone(),
            ..job(file.form.clone(), report.period, &[])
        };
        let outcome = csv(&job, &bytes, size)?;
        assert!(file.rows.is_none_or(|promised| promised == outcome.rows));
        all.batches.extend(outcome.batches);
        all.rejects.extend(outcome.rejects);
        all.notes.extend(outcome.notes);
        all.rows += outcome.rows;
    }
    Ok(all)
}

pub(crate) fn accumulator(settings: &str, period: Period) -> DailySummary {
    let summary = DAILY_SUMMARY.to_owned();
    let task = Task { summary, settings: settings.to_owned(), now: 0, source: "test".to_owned(), period };
    DailySummary::open(&task).unwrap()
}

/// The result: rows of the daily summary, of the bill and of tag keys.
pub(crate) fn pulled(mut accumulator: DailySummary) -> [Vec<Map<String, Value>>; 3] {
    accumulator.complete().unwrap();
    let mut tables: [Vec<Map<String, Value>>; 3] = Default::default();
    while let Some((table, batch)) = accumulator.pull().unwrap() {
        let place = [DAILY, BILLS, KEYS].iter().position(|known| *known == table).unwrap();
        tables[place].extend(objects(&batch));
    }
    tables
}

pub(crate) fn summary(outcome: &Outcome, settings: &str) -> [Vec<Map<String, Value>>; 3] {
    let mut accumulator = accumulator(settings, Period { start: 0, end: 86_400 });
    outcome.batches.iter().for_each(|batch| accumulator.update(batch).unwrap());
    pulled(accumulator)
}

/// Rows as JSON objects.
pub(crate) fn objects(batch: &RecordBatch) -> Vec<Map<String, Value>> {
    let schema = batch.schema();
    let columns: Vec<(String, Vec<Value>)> = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| (field.name().clone(), values(column)))
        .collect();
    let row = |at: usize| columns.iter().map(|(name, values)| (name.clone(), values[at].clone())).collect();
    (0..batch.num_rows()).map(row).collect()
}

fn values(array: &ArrayRef) -> Vec<Value> {
    let nulls = array.logical_nulls();
    let is_null = |at: usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(at));
    (0..array.len()).map(|at| if is_null(at) { Value::Null } else { value(array, at) }).collect()
}

fn value(array: &ArrayRef, at: usize) -> Value {
    let instant = |micros: i64| {
        let mut text = String::new();
        time::format(micros, &mut text);
        Value::from(text.split_once('T').unwrap().0)
    };
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(at).into(),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            value(dictionary.values(), dictionary.normalized_keys()[at])
        }
        DataType::Decimal128(38, 18) => decimal::format(array.as_primitive::<Decimal128Type>().value(at)).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(at).into(),
        DataType::Date32 => instant(i64::from(array.as_primitive::<Date32Type>().value(at)) * 86_400_000_000),
        DataType::Timestamp(..) => {
            instant(array.as_primitive::<arrow_array::types::TimestampMicrosecondType>().value(at))
        }
        DataType::List(_) => Value::Array(values(&array.as_list::<i32>().value(at))),
        DataType::Map(..) => {
            let entries = array.as_map().value(at);
            let texts = |column| values(entries.column(column)).into_iter();
            let key = |key: Value| key.as_str().unwrap().to_owned();
            Value::Object(texts(0).zip(texts(1)).map(|(k, v)| (key(k), v)).collect())
        }
        other => panic!("no column has the type {other}"),
    }
}
