//! Files of the test data, through the normalizer, as values that are easy to look at.
#![allow(dead_code, reason = "each test file uses its part")]

use arrow_array::cast::AsArray;
use arrow_array::types::Decimal128Type;
use arrow_array::{Array, ArrayRef, Decimal128Array, RecordBatch};
use arrow_schema::DataType;
use aws_cur::normalize::Normalizer;
use costhost_sdk::Rows;
use costhost_sdk::bindings::costhost::provider::types::{Compression, Failure, Form, InputFile, Period, Reject};
use costhost_sdk::bindings::exports::costhost::provider::normalize::Job;
use costhost_sdk::{decimal, ipc};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A file of the shared test data, which lies beside the project.
pub(crate) fn data(path: &str) -> Vec<u8> {
    std::fs::read(data_path(path)).unwrap()
}

/// Where a file or folder of the shared test data lies.
pub(crate) fn data_path(path: &str) -> PathBuf {
    let mut at = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    while at.pop() {
        let file = at.join("shared/data/aws").join(path);
        if file.exists() {
            return file;
        }
    }
    panic!("../shared/data/aws/{path} is not there");
}

/// For files of which the billing period is no matter.
pub(crate) const ALL_TIME: Period = Period { start: i64::MIN, end: i64::MAX };

pub(crate) fn job(form: Form, labels: &[(&str, &str)]) -> Job {
    Job {
        settings: "{}".to_owned(),
        now: 0,
        source: "test".to_owned(),
        revision: "1".to_owned(),
        period: ALL_TIME,
        labels: labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        file: InputFile {
            path: "report.csv".to_owned(),
            compression: Compression::None,
            form,
            dataset: "cur".to_owned(),
            rows: None,
            bytes: None,
        },
    }
}

/// Everything that came out of a file; batches went through IPC on the way.
#[derive(Default, Debug)]
pub(crate) struct Outcome {
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) rows: u64,
    pub(crate) rejects: Vec<Reject>,
    pub(crate) uncounted: u64,
    pub(crate) notes: Vec<String>,
}

impl Outcome {
    pub(crate) fn add(&mut self, out: Rows) {
        for (_, batch) in &out.batches {
            let bytes = ipc::encode(batch).unwrap();
            let back = ipc::decode(&bytes).unwrap();
            assert_eq!(back, std::slice::from_ref(batch));
            self.batches.extend(back);
        }
        self.rows += out.rows;
        self.rejects.extend(out.rejects);
        self.uncounted += out.rejects_uncounted;
        self.notes.extend(out.notes);
    }

    /// Rows that stand.
    pub(crate) fn standing(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The exact sum of a column of amounts, as text.
    pub(crate) fn sum(&self, column: &str) -> String {
        // A batch without a value of the column has it as `Null`.
        let columns = self.batches.iter().filter_map(|b| b.column_by_name(column).unwrap().as_primitive_opt());
        decimal::format(columns.flat_map(|values: &Decimal128Array| values.iter().flatten()).sum())
    }

    /// All values of a column as text; none for a null.
    pub(crate) fn texts(&self, column: &str) -> Vec<Option<String>> {
        self.batches.iter().flat_map(|b| texts(b.column_by_name(column).unwrap())).collect()
    }

    /// All maps of a column; none for a null.
    pub(crate) fn maps(&self, column: &str) -> Vec<Option<BTreeMap<String, String>>> {
        self.batches.iter().flat_map(|b| maps(b.column_by_name(column).unwrap())).collect()
    }
}

pub(crate) fn texts(array: &ArrayRef) -> Vec<Option<String>> {
    match array.data_type() {
        DataType::Null => vec![None; array.len()],
        DataType::Utf8 => array.as_string::<i32>().iter().map(|v| v.map(str::to_owned)).collect(),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let (keys, values) = (dictionary.normalized_keys(), texts(dictionary.values()));
            let value = |(row, key): (usize, &usize)| if array.is_null(row) { None } else { values[*key].clone() };
            keys.iter().enumerate().map(value).collect()
        }
        DataType::Decimal128(..) => {
            array.as_primitive::<Decimal128Type>().iter().map(|v| v.map(decimal::format)).collect()
        }
        DataType::Timestamp(..) => {
            let values = array.as_primitive::<arrow_array::types::TimestampMicrosecondType>();
            values.iter().map(|v| v.map(|v| v.to_string())).collect()
        }
        other => panic!("no text in {other}"),
    }
}

fn maps(array: &ArrayRef) -> Vec<Option<BTreeMap<String, String>>> {
    if array.data_type() == &DataType::Null {
        return vec![None; array.len()];
    }
    let map = array.as_map();
    let (keys, values) = (texts(map.keys()), texts(map.values()));
    let entry = |at: usize| (keys[at].clone().unwrap(), values[at].clone().unwrap());
    let row = |row: usize| {
        let range = map.value_offsets()[row] as usize..map.value_offsets()[row + 1] as usize;
        let entries: BTreeMap<_, _> = range.clone().map(entry).collect();
        assert_eq!(entries.len(), range.len(), "a key comes twice in row {row}");
        assert_eq!(entries.is_empty(), map.is_null(row), "an empty map is null");
        (!map.is_null(row)).then_some(entries)
    };
    (0..map.len()).map(row).collect()
}

/// A CSV file, pushed in pieces of this size.
pub(crate) fn csv(bytes: &[u8], piece: usize) -> Result<Outcome, Failure> {
    csv_with(bytes, piece, &[])
}

pub(crate) fn csv_with(bytes: &[u8], piece: usize, labels: &[(&str, &str)]) -> Result<Outcome, Failure> {
    csv_of(&job(Form::Bytes, labels), bytes, piece)
}

/// A CSV file of this job.
pub(crate) fn csv_of(job: &Job, bytes: &[u8], piece: usize) -> Result<Outcome, Failure> {
    let mut normalizer = Normalizer::open(job)?;
    let mut outcome = Outcome::default();
    for piece in bytes.chunks(piece) {
        outcome.add(normalizer.push(piece)?);
    }
    outcome.add(normalizer.finish()?);
    Ok(outcome)
}

/// Batches as a host decodes them from Parquet.
pub(crate) fn arrow(batches: &[RecordBatch]) -> Result<Outcome, Failure> {
    let mut normalizer = Normalizer::open(&job(Form::Parquet(Vec::new()), &[]))?;
    let mut outcome = Outcome::default();
    for batch in batches {
        outcome.add(normalizer.push(&ipc::encode(batch).unwrap())?);
    }
    outcome.add(normalizer.finish()?);
    Ok(outcome)
}
