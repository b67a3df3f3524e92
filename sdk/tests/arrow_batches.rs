//! Batches of columns become the rows that the same batches become when every value is written as text.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::result_large_err,
    reason = "tests fail by panicking"
)]

use arrow_array::builder::{MapBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::*;
use arrow_schema::{DataType, Field, Schema};
use costhost_sdk::arrow_rows::Rows;
use costhost_sdk::csv::{Writer, field::unquote};
use costhost_sdk::plan::{Input, Plan, Target, amount_type, instant_type, map_type, schema};
use costhost_sdk::table::{BATCH_ROWS, Output, TableBuilder};
use costhost_sdk::time;
use proptest::prelude::*;
use std::sync::Arc;

/// Columns of the table, in the order of their names.
const COLUMNS: [&str; 11] =
    ["amount", "attributes", "code", "cost", "end", "facts", "id", "labels", "name", "place", "start"];

/// Inputs: what each is called, where it goes and which run it is of. Two feed `name`, two the same key of a map, two the
/// same map with objects.
fn plan(slashed_dates: bool) -> Plan {
    let at = |name: &str| COLUMNS.iter().position(|column| *column == name).unwrap();
    let column = |name: &str| Target::Column(at(name));
    let entry = |key: &str| Target::Entry { column: at("attributes"), key: key.to_owned() };
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
        input("labels", Target::Object(at("labels")), None),
        input("facts", Target::Members(at("facts")), None),
        input("more facts", Target::Object(at("facts")), None),
        input("currency", Target::Skip, None),
    ];
    let schema = schema(&[
        (&["amount", "cost"], amount_type()),
        (&["start", "end"], instant_type()),
        (&["attributes", "facts", "labels"], map_type()),
        (&["code", "id", "name", "place"], DataType::Utf8),
    ]);
    assert!(schema.fields().iter().map(|field| field.name()).eq(COLUMNS));
    Plan { schema, time: 1, amount: 4, currency: Some(16), keys: vec![1, 4], inputs, slashed_dates }
}

/// SplitMix64: a batch is made of one seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }

    /// One in three is none.
    fn maybe<T>(&mut self, value: T) -> Option<T> {
        (self.below(3) > 0).then_some(value)
    }

    fn column<T>(&mut self, rows: usize, mut value: impl FnMut(&mut Random) -> T) -> Vec<Option<T>> {
        // Some columns are full, and some neighbours the same.
        let full = self.below(3) == 0;
        (0..rows)
            .map(|_| {
                let value = value(self);
                if full { Some(value) } else { self.maybe(value) }
            })
            .collect()
    }
}

const TEXTS: [&str; 40] = [
    "",
    "a",
    "b",
    "region",
    "a,b",
    "\"",
    "\"\"",
    "\"a\"",
    "a\"b",
    "\"1\"",
    "line\nfeed",
    "ä",
    " ",
    "0",
    "1",
    "-1.5",
    "0.1",
    "1e3",
    "1E-20",
    "0.1234567890123456789",
    "99999999999999999999",
    "100000000000000000000",
    "NaN",
    "1,5",
    "2025-10-01",
    "2025-10-02T03:04:05Z",
    "2025-10-02 03:04:05.123456",
    "\"2025-10-02\"",
    "10/02/2025",
    "1/13/2025",
    "13/1/2025",
    "2025-13-01",
    "12025-10-01",
    "{}",
    "{\"a\":\"x\",\"b\":\"\"}",
    "\"a\": \"x\", \"c\": \"y\"",
    "{\"a\":\"x\"",
    "[1]",
    "{\"n\":1,\"a\":\"z\"}",
    "nothing at all that is longer than sixteen bytes",
];
const DAYS: [&str; 3] = ["2025-10-01T00:00:00Z", "2025-10-01T01:00:00Z", "2025-10-31T23:00:00Z"];
const COSTS: [&str; 4] = ["0.0116", "0", "-3", "1.25"];

/// Texts for a column of this input: mostly such as are right there.
fn some_text(random: &mut Random, input: usize) -> &'static str {
    match input {
        1 if random.below(8) > 0 => random.of(&DAYS),
        4 if random.below(8) > 0 => random.of(&COSTS),
        0 | 10 if random.below(2) > 0 => random.of(&TEXTS[..12]),
        _ => random.of(&TEXTS),
    }
}

fn dictionary<K: ArrowDictionaryKeyType>(random: &mut Random, rows: usize, input: usize) -> ArrayRef
where
    K::Native: TryFrom<usize>,
{
    let count = 1 + random.below(20);
    let values = random.column(count, |random| some_text(random, input));
    let keys = random.column(rows, |random| random.below(count));
    let keys: PrimitiveArray<K> = keys.into_iter().map(|key| key.and_then(|key| key.try_into().ok())).collect();
    Arc::new(DictionaryArray::new(keys, Arc::new(StringArray::from(values))))
}

fn map(random: &mut Random, rows: usize) -> ArrayRef {
    let mut builder = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for _ in 0..rows {
        for _ in 0..random.below(4) {
            builder.keys().append_value(random.of(&["a", "b", "\"c", "d,", ""]));
            let value = random.of(&TEXTS);
            builder.values().append_option(random.maybe(value));
        }
        builder.append(random.below(4) > 0).unwrap();
    }
    Arc::new(builder.finish())
}

fn structs(random: &mut Random, rows: usize) -> ArrayRef {
    let field = |name: &str| Arc::new(Field::new(name, DataType::Utf8, true));
    let mut column = || Arc::new(StringArray::from(random.column(rows, |random| random.of(&TEXTS)))) as ArrayRef;
    Arc::new(StructArray::from(vec![(field("a"), column()), (field("b"), column())]))
}

fn instant(random: &mut Random) -> i64 {
    match random.below(8) {
        0 => random.next() as i64,
        1 => i64::from(random.next() as i32) * 3_600_000_000,
        _ => time::parse(random.of(&DAYS).as_bytes()).unwrap() + 7 * random.below(2) as i64,
    }
}

fn double(random: &mut Random) -> f64 {
    match random.below(4) {
        0 => f64::from_bits(random.next()),
        1 => random.of(&[0.0, -0.0, f64::NAN, f64::INFINITY, 1e20, 1e-19, 2.5e-18, 0.1 + 0.2, -4064.0]),
        _ => random.below(1_000_000) as f64 / 10f64.powi(random.below(12) as i32),
    }
}

fn integer(random: &mut Random) -> i64 {
    if random.below(4) == 0 { random.next() as i64 } else { random.below(20) as i64 - 5 }
}

/// A column of `rows` rows for an input, of any type that a report may have.
fn column(random: &mut Random, rows: usize, input: usize) -> ArrayRef {
    let shape = match (input, random.below(3)) {
        (1, 0) => 9 + random.below(5),
        (4, 0) => 14 + random.below(3),
        (1 | 4, 1) => random.below(5),
        _ => random.below(26),
    };
    match shape {
        0 | 1 => Arc::new(StringArray::from(random.column(rows, |random| some_text(random, input)))),
        2 => Arc::new(LargeStringArray::from(random.column(rows, |random| some_text(random, input)))),
        3 => Arc::new(StringViewArray::from(random.column(rows, |random| some_text(random, input)))),
        4 => dictionary::<Int32Type>(random, rows, input),
        5 => dictionary::<UInt8Type>(random, rows, input),
        6 => dictionary::<UInt16Type>(random, rows, input),
        7 => dictionary::<Int8Type>(random, rows, input),
        8 => dictionary::<UInt64Type>(random, rows, input),
        9 => Arc::new(TimestampMicrosecondArray::from(random.column(rows, instant)).with_timezone("UTC")),
        10 => Arc::new(TimestampMillisecondArray::from(random.column(rows, |random| instant(random) / 1_000))),
        11 => Arc::new(TimestampSecondArray::from(random.column(rows, |random| instant(random) / 1_000_000))),
        12 => Arc::new(TimestampNanosecondArray::from(random.column(rows, |random| instant(random).wrapping_mul(999)))),
        13 => Arc::new(Date32Array::from(random.column(rows, |random| (instant(random) / 86_400_000_000) as i32))),
        14 => Arc::new(Float64Array::from(random.column(rows, double))),
        15 => Arc::new(Int64Array::from(random.column(rows, integer))),
        16 => {
            let scale = random.below(30) as i8 - 4;
            let values = random.column(rows, |random| match random.below(4) {
                0 => i128::from(random.next() as i64) * i128::from(random.next() >> 8),
                _ => i128::from(integer(random)),
            });
            Arc::new(Decimal128Array::from(values).with_precision_and_scale(38, scale).unwrap())
        }
        17 => Arc::new(Float32Array::from(random.column(rows, |random| double(random) as f32))),
        18 => Arc::new(Int32Array::from(random.column(rows, |random| integer(random) as i32))),
        19 => Arc::new(UInt64Array::from(random.column(rows, Random::next))),
        20 => Arc::new(BooleanArray::from(random.column(rows, |random| random.below(2) == 0))),
        21 => {
            let values = Arc::new(Int64Array::from(random.column(9, integer)));
            let keys = random.column(rows, |random| random.below(9) as i32);
            Arc::new(DictionaryArray::<Int32Type>::new(keys.into_iter().collect(), values))
        }
        22 | 23 => map(random, rows),
        24 => structs(random, rows),
        _ => Arc::new(NullArray::new(rows)),
    }
}

fn batch(seed: u64, rows: usize) -> RecordBatch {
    let (mut random, plan) = (Random(seed), plan(false));
    let columns: Vec<ArrayRef> = (0..plan.inputs.len()).map(|input| column(&mut random, rows, input)).collect();
    let names = plan.inputs.iter().map(|input| &input.name).zip(&columns);
    let fields: Vec<Field> = names.map(|(name, column)| Field::new(name, column.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

/// A table's rows as text, what was set aside in the order of rows, and what else a builder knows.
#[derive(Debug, PartialEq)]
struct Made {
    rows: Vec<Vec<String>>,
    valid: Vec<usize>,
    taken: u64,
    aside: Vec<String>,
    uncounted: u64,
    known: String,
}

fn texts(batch: &RecordBatch) -> Vec<Vec<String>> {
    let (rows, mut writer, mut scratch) = (Rows::new(batch).unwrap(), Writer::new(), Vec::new());
    let mut texts = Vec::new();
    for row in 0..batch.num_rows() {
        rows.write(row, &mut writer).unwrap();
        let block = writer.block();
        let row = block.row(0).unwrap();
        let text = |at| String::from_utf8(unquote(row.field(at).unwrap(), &mut scratch).to_vec()).unwrap();
        texts.push((0..row.fields()).map(text).collect());
        writer.clear();
    }
    texts
}

fn made(mut table: TableBuilder, outputs: Vec<Output>) -> Made {
    table.finish().unwrap();
    let outputs: Vec<Output> = outputs.into_iter().chain([table.take()]).collect();
    let batches: Vec<&RecordBatch> = outputs.iter().flat_map(|output| &output.batches).collect();
    let (last, full) = batches.split_last().map_or((None, &[][..]), |(last, full)| (Some(last), full));
    assert!(full.iter().all(|batch| batch.num_rows() == BATCH_ROWS) && last.is_none_or(|last| last.num_rows() > 0));
    let mut valid = vec![0; COLUMNS.len()];
    for batch in &batches {
        for (valid, column) in valid.iter_mut().zip(batch.columns()) {
            *valid += column.len() - column.logical_null_count();
        }
    }
    let rejects = outputs.iter().flat_map(|output| &output.rejects);
    let mut aside: Vec<String> = rejects.map(|reject| format!("{:?} {reject:?}", reject.at.row)).collect();
    aside.sort_unstable();
    Made {
        rows: batches.iter().flat_map(|batch| texts(batch)).collect(),
        valid,
        taken: outputs.iter().map(|output| output.rows).sum(),
        aside,
        uncounted: outputs.iter().map(|output| output.rejects_uncounted).sum(),
        known: format!("{} {:?} {:?}", table.rounded(), table.time_order(), table.date_order()),
    }
}

/// By way of text: the reference.
fn by_text(batches: &[RecordBatch], slashed_dates: bool) -> Made {
    let (mut table, mut outputs) = (TableBuilder::new(plan(slashed_dates)), Vec::new());
    for batch in batches {
        let (rows, mut writer) = (Rows::new(batch).unwrap(), Writer::new());
        for row in 0..batch.num_rows() {
            rows.write(row, &mut writer).unwrap();
        }
        table.append(writer.block()).unwrap();
        outputs.push(table.take());
    }
    made(table, outputs)
}

fn by_column(batches: &[RecordBatch], slashed_dates: bool) -> Made {
    let (mut table, mut outputs) = (TableBuilder::new(plan(slashed_dates)), Vec::new());
    for batch in batches {
        table.append_batch(batch).unwrap();
        outputs.push(table.take());
    }
    made(table, outputs)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn columns_become_the_rows_that_their_text_becomes(
        seeds in proptest::collection::vec((any::<u64>(), 0usize..150, 0usize..20), 1..4), slashed_dates: bool
    ) {
        // Batches that are slices of others, as readers hand them out.
        let batches: Vec<RecordBatch> =
            seeds.iter().map(|(seed, rows, cut)| batch(*seed, *rows).slice(*cut.min(rows), rows - cut.min(rows))).collect();
        prop_assert_eq!(by_column(&batches, slashed_dates), by_text(&batches, slashed_dates));
    }
}

/// Batches of the table end within batches of the file; ids leave their dictionary, and rejects their list.
#[test]
fn many_rows_become_the_rows_that_their_text_becomes() {
    let mut kept = 0;
    for seed in 0..3 {
        let batches: Vec<RecordBatch> =
            [30_000, 30_000, 9_000].iter().zip(seed..).map(|(rows, s)| batch(s, *rows)).collect();
        let (mut columns, mut text) = (by_column(&batches, false), by_text(&batches, false));
        assert_eq!(columns.aside.len() as u64 + columns.uncounted, text.aside.len() as u64 + text.uncounted);
        if columns.uncounted > 0 {
            // Which of them have room depends on how many rows are turned at once.
            (columns.aside, columns.uncounted) = (Vec::new(), 0);
            (text.aside, text.uncounted) = (Vec::new(), 0);
        }
        assert!(columns == text, "seed {seed}");
        kept += columns.rows.len();
    }
    assert!(kept > BATCH_ROWS, "too few rows stand to tell: {kept}");
}

#[test]
fn distinct_texts_leave_their_dictionary() {
    let rows = BATCH_ROWS + 5_000;
    let column = |input: usize| -> ArrayRef {
        match input {
            1 => Arc::new(TimestampMicrosecondArray::from(vec![1; rows])),
            0 => Arc::new(StringArray::from_iter_values((0..rows).map(|row| format!("id {row}")))),
            _ => Arc::new(NullArray::new(rows)),
        }
    };
    let columns = plan(false).inputs.into_iter().enumerate().map(|(at, input)| (input.name, column(at)));
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut table = TableBuilder::new(plan(false));
    table.append_batch(&batch).unwrap();
    let first = &table.take().batches[0];
    let ids = first.column_by_name("id").unwrap().as_string::<i32>();
    assert_eq!((ids.value(0), ids.value(BATCH_ROWS - 1)), ("id 0", "id 32767"));
}

#[test]
fn another_number_of_columns_is_a_fault_of_every_row() {
    let batch = batch(1, 5).project(&[0, 1, 2]).unwrap();
    assert_eq!(by_column(std::slice::from_ref(&batch), false), by_text(&[batch], false));
}
