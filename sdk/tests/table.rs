//! Columns made block by block, with dictionaries, runs and remembered values, against one value at a time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::result_large_err,
    reason = "tests fail by panicking"
)]

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int32Type, TimestampMicrosecondType, UInt8Type, UInt16Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use costhost_sdk::csv::{Reader, RowTooLong, field::quote};
use costhost_sdk::plan::{Input, Plan, Target, amount_type, instant_type, map_type, schema};
use costhost_sdk::table::{BATCH_ROWS, Output, TableBuilder};
use costhost_sdk::{decimal, time};
use proptest::prelude::*;

/// Columns of the table, in the order of their names.
const COLUMNS: [&str; 10] = ["amount", "attributes", "code", "cost", "end", "id", "labels", "name", "place", "start"];

/// Inputs: what each is called, where it goes and which run it is of. Two feed `name`, two the same key of `attributes`;
/// `labels` is filled by two runs.
fn plan() -> Plan {
    let column = |name: &str| Target::Column(COLUMNS.iter().position(|column| *column == name).unwrap());
    let entry = |key: &str| Target::Entry { column: 1, key: key.to_owned() };
    let label = |key: &str| Target::Entry { column: 6, key: key.to_owned() };
    let input = |name: &str, target: Target, run: Option<u32>| Input { name: name.to_owned(), target, run };
    let inputs = vec![
        input("id", column("id"), None),
        input("start", column("start"), None),
        input("code", column("code"), Some(1)),
        input("place", column("place"), Some(1)),
        input("cost", column("cost"), None),
        input("amount", column("amount"), None),
        input("end", column("end"), None),
        input("name", column("name"), None),
        input("name2", column("name"), None),
        input("skipped", Target::Skip, None),
        input("a", entry("a"), Some(2)),
        input("b", entry("b"), Some(2)),
        input("a2", entry("a"), Some(2)),
        input("x", label("x"), Some(3)),
        input("y", label("y"), Some(3)),
        input("skipped2", Target::Skip, None),
        input("z", label("z"), Some(3)),
    ];
    let schema = schema(&[
        (&["amount", "cost"], amount_type()),
        (&["start", "end"], instant_type()),
        (&["attributes", "labels"], map_type()),
        (&["code", "id", "name", "place"], DataType::Utf8),
    ]);
    assert!(schema.fields().iter().map(|field| field.name()).eq(COLUMNS));
    Plan { schema, time: 1, amount: 4, currency: None, keys: vec![1, 4], inputs, slashed_dates: false }
}

/// What the fast path made: by row, the columns as texts; and how many rows and cells were set aside.
fn fast(rows: &[Vec<Vec<u8>>], cut: usize) -> (Vec<Vec<Option<String>>>, u64) {
    let mut bytes = Vec::new();
    for row in rows {
        for (at, value) in row.iter().enumerate() {
            if at > 0 {
                bytes.push(b',');
            }
            quote(value, &mut bytes);
        }
        bytes.push(b'\n');
    }
    let (mut table, mut reader) = (TableBuilder::new(plan()), Reader::new());
    let mut outputs = Vec::new();
    for piece in bytes.chunks(cut) {
        reader.push(piece, |block| -> Result<(), RowTooLong> { table.append(block).map_err(|_| panic!()) }).unwrap();
        outputs.push(table.take());
    }
    reader.finish(|block| table.append(block)).unwrap();
    table.finish().unwrap();
    outputs.push(table.take());
    let aside = outputs.iter().map(|output| output.rejects.len() as u64 + output.rejects_uncounted).sum();
    assert_eq!(outputs.iter().map(|output| output.rows).sum::<u64>(), rows.len() as u64);
    (outputs.iter().flat_map(rows_of).collect(), aside)
}

fn rows_of(output: &Output) -> Vec<Vec<Option<String>>> {
    output.batches.iter().flat_map(batch_rows).collect()
}

fn batch_rows(batch: &RecordBatch) -> Vec<Vec<Option<String>>> {
    assert!(batch.num_rows() <= BATCH_ROWS);
    (0..batch.num_rows()).map(|row| batch.columns().iter().map(|column| shown(column, row)).collect()).collect()
}

/// A value as text, whatever its encoding.
fn shown(array: &ArrayRef, row: usize) -> Option<String> {
    if array.is_null(row) || array.data_type() == &DataType::Null {
        return None;
    }
    let at = |values: &ArrayRef, key: usize| shown(values, key);
    match array.data_type() {
        DataType::Utf8 => Some(array.as_string::<i32>().value(row).to_owned()),
        DataType::Decimal128(38, 18) => Some(array.as_primitive::<Decimal128Type>().value(row).to_string()),
        DataType::Timestamp(..) => Some(array.as_primitive::<TimestampMicrosecondType>().value(row).to_string()),
        DataType::Dictionary(key, _) => match **key {
            DataType::UInt8 => {
                let array = array.as_dictionary::<UInt8Type>();
                at(array.values(), array.keys().value(row).into())
            }
            DataType::UInt16 => {
                let array = array.as_dictionary::<UInt16Type>();
                at(array.values(), array.keys().value(row).into())
            }
            _ => {
                let array = array.as_dictionary::<Int32Type>();
                at(array.values(), array.keys().value(row) as usize)
            }
        },
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let entry =
                |at| format!("{}={}", shown(entries.column(0), at).unwrap(), shown(entries.column(1), at).unwrap());
            Some((0..entries.len()).map(entry).collect::<Vec<_>>().join(";"))
        }
        other => panic!("{other}"),
    }
}

/// The same, one value at a time.
fn plain(rows: &[Vec<Vec<u8>>]) -> (Vec<Vec<Option<String>>>, u64) {
    let (mut out, mut aside) = (Vec::new(), 0);
    for row in rows {
        let fields: Vec<&str> = row.iter().map(|value| std::str::from_utf8(value).unwrap()).collect();
        let cost = decimal::parse(fields[4].as_bytes());
        let start = time::parse(fields[1].as_bytes());
        if fields.len() != 17 || start.is_none() || (cost.is_err() && !fields[4].is_empty()) {
            aside += 1;
            continue;
        }
        let mut cell = |text: &str, value: Option<String>| {
            aside += u64::from(!text.is_empty() && value.is_none());
            value
        };
        let amount = cell(fields[5], decimal::parse(fields[5].as_bytes()).ok().map(|d| d.value.to_string()));
        let end = cell(fields[6], time::parse(fields[6].as_bytes()).map(|t| t.to_string()));
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let mut entries: Vec<String> = Vec::new();
        for (key, at) in [("a", 10), ("b", 11), ("a", 12)] {
            if !fields[at].is_empty() && !entries.iter().any(|entry| entry.starts_with(key)) {
                entries.push(format!("{key}={}", fields[at]));
            }
        }
        let labels = [("x", 13), ("y", 14), ("z", 16)].map(|(key, at)| (key, fields[at]));
        let labels = labels.iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| format!("{key}={value}"));
        let labels: Vec<String> = labels.collect();
        out.push(vec![
            amount,
            given(&entries.join(";")),
            given(fields[2]),
            cost.ok().map(|d| d.value.to_string()),
            end,
            given(fields[0]),
            given(&labels.join(";")),
            given(fields[7]).or(given(fields[8])),
            given(fields[3]),
            start.map(|t| t.to_string()),
        ]);
    }
    (out, aside)
}

fn amount() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just(String::new()),
        2 => Just("0.0000000000".to_owned()),
        4 => "-?[0-9]{1,4}\\.[0-9]{10}",
        2 => "[0-9]{0,9}\\.?[0-9]{1,12}",
        1 => "[0-9]{1,2}e-?[0-9]",
        1 => "[0-9x.]{1,12}",
    ]
}

fn instant() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (1..29, 0..24).prop_map(|(day, hour)| format!("2026-10-{day:02}T{hour:02}:00:00Z")),
        1 => "2026-1[0-3]-0[0-9] [0-2][0-9]:00",
        1 => "[0-9-]{1,9}",
    ]
}

fn row() -> impl Strategy<Value = Vec<String>> {
    let word = || prop_oneof![3 => Just(String::new()), 5 => "[ab]{1,2}", 1 => "[a\",\n]{1,9}", 1 => "é{1,20}x{0,30}"];
    let end = prop_oneof![1 => Just(String::new()), 1 => instant()];
    let first = ("[a-z0-9]{0,12}", instant(), word(), word(), amount(), amount());
    let rest = (end, word(), word(), word(), word(), word(), word());
    let labels = (word(), word(), word(), word());
    (first, rest, labels)
        .prop_map(|(f, r, l)| vec![f.0, f.1, f.2, f.3, f.4, f.5, r.0, r.1, r.2, r.3, r.4, r.5, r.6, l.0, l.1, l.2, l.3])
}

fn bytes(rows: Vec<Vec<String>>) -> Vec<Vec<Vec<u8>>> {
    rows.into_iter().map(|row| row.into_iter().map(String::into_bytes).collect()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn columns_are_those_of_single_values(rows in proptest::collection::vec(row(), 0..600), cut in 1usize..9000) {
        let rows = bytes(rows);
        prop_assert_eq!(fast(&rows, cut), plain(&rows));
    }
}

/// Rows for several batches: texts that repeat at first and do not later, or the other way round, change how a column is
/// kept in the middle of a batch and between batches.
#[test]
fn batches_are_those_of_single_values() {
    let mut state = 7u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for unique in [false, true] {
        let mut rows = Vec::new();
        for row in 0..3 * BATCH_ROWS as u64 / 2 {
            let many = (row < BATCH_ROWS as u64 / 2) == unique;
            let text = if many { format!("{row}-{}", random(9)) } else { format!("w{}", random(300)) };
            let sparse = if random(50) == 0 { format!("{}.5", random(99)) } else { String::new() };
            rows.push(vec![
                text.clone(),
                format!("2026-10-{:02}T{:02}:00:00Z", 1 + random(28), random(24)),
                text.clone(),
                if many { text.clone() } else { String::new() },
                format!("{}.{:010}", random(3), random(4)),
                sparse.clone(),
                String::new(),
                if random(9) == 0 { "\"x\"".to_owned() } else { sparse },
                text.clone(),
                String::new(),
                format!("{}", random(70_000)),
                if random(2) == 0 { text } else { String::new() },
                "z".to_owned(),
                format!("{}", random(5)),
                if random(3) == 0 { format!("{}", random(500)) } else { String::new() },
                String::new(),
                if many { String::new() } else { format!("{}", random(40_000)) },
            ]);
        }
        let rows = bytes(rows);
        let (fast, plain) = (fast(&rows, 1 << 20), plain(&rows));
        assert_eq!(fast.1, plain.1);
        assert_eq!(fast.0.len(), plain.0.len());
        for (at, (fast, plain)) in fast.0.iter().zip(&plain.0).enumerate() {
            assert_eq!(fast, plain, "row {at}");
        }
    }
}
