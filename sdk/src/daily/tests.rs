use super::*;
use crate::contract::Period;
use crate::plan::instant_type;
use arrow_array::builder::{MapBuilder, MapFieldNames, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type};
use arrow_array::{Array, ArrayRef, Decimal128Array, StringArray, TimestampMicrosecondArray};
use proptest::prelude::*;

#[derive(Debug)]
struct Costs;

impl Daily for Costs {
    const RULE: DailyRule = DailyRule {
        name: "daily",
        input: 0,
        output: 1,
        time: "at",
        group_by: &["service", "currency"],
        labels: Some("labels"),
        costs: &["cost"],
        currency: "currency",
        quantities: &["usage"],
    };
}

type Line = (u8, &'static str, &'static str, Option<&'static str>, Option<i64>, i64);

fn opened(settings: &str) -> DailySums<Costs> {
    let (summary, settings, source) = ("daily".to_owned(), settings.to_owned(), String::new());
    DailySums::open(&Task { summary, settings, now: 0, source, period: Period { start: 0, end: 1 } }).unwrap()
}

fn batch(lines: &[Line]) -> RecordBatch {
    let days = lines.iter().map(|line| Some(i64::from(line.0) * 86_400_000_000 + 5));
    let names = MapFieldNames { entry: "entries".into(), key: "key".into(), value: "value".into() };
    let mut labels = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new());
    for label in lines.iter().map(|line| line.3) {
        for (key, value) in [("team", label), ("env", label.map(|_| "prod"))] {
            if let Some(value) = value {
                labels.keys().append_value(key);
                labels.values().append_value(value);
            }
        }
        labels.append(label.is_some()).unwrap();
    }
    let decimals = |values: Vec<Option<i128>>| -> ArrayRef {
        Arc::new(Decimal128Array::from(values).with_precision_and_scale(38, 18).unwrap())
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(days.collect::<TimestampMicrosecondArray>().with_timezone("UTC")),
        Arc::new(lines.iter().map(|line| Some(line.1)).collect::<StringArray>()),
        Arc::new(lines.iter().map(|line| Some(line.2)).collect::<StringArray>()),
        Arc::new(labels.finish()),
        decimals(lines.iter().map(|line| line.4.map(i128::from)).collect()),
        decimals(lines.iter().map(|line| Some(i128::from(line.5))).collect()),
    ];
    let names = ["at", "service", "currency", "labels", "cost", "usage"];
    let fields: Vec<Field> =
        names.iter().zip(&columns).map(|(name, column)| Field::new(*name, column.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

/// Rows of the result as text.
fn result(mut sums: DailySums<Costs>) -> Vec<String> {
    sums.complete().unwrap();
    let mut rows = Vec::new();
    while let Some((table, batch)) = sums.pull().unwrap() {
        assert_eq!((table, batch.schema_ref().fields()), (1, Costs::RULE.schema().fields()));
        let text = |column: usize, row: usize| {
            let texts = batch.column(column).as_string::<i32>();
            if texts.is_null(row) { "-".to_owned() } else { texts.value(row).to_owned() }
        };
        let number = |column: usize, row: usize| {
            let numbers = batch.column(column).as_primitive::<Decimal128Type>();
            if numbers.is_null(row) { "-".to_owned() } else { numbers.value(row).to_string() }
        };
        let days = batch.column(0).as_primitive::<Date32Type>();
        rows.extend((0..batch.num_rows()).map(|row| {
            let texts = [text(1, row), text(2, row), text(3, row), number(4, row), number(5, row)];
            format!("{} {}", days.value(row), texts.join(" "))
        }));
    }
    rows
}

const LINES: [Line; 5] = [
    (2, "b", "USD", Some("x"), Some(7), 1),
    (1, "a", "USD", None, None, 1),
    (2, "b", "USD", Some("x"), Some(-2), 2),
    (2, "b", "EUR", Some("x"), Some(1), 1),
    (1, "a", "USD", None, None, 4),
];

#[test]
fn rows_are_added_up_by_day_texts_and_labels() {
    let mut sums = opened("");
    sums.fold(0, &batch(&LINES)).unwrap();
    sums.fold(7, &batch(&LINES)).unwrap();
    let labels = r#"{"env":"prod","team":"x"}"#;
    let expected = ["1 a USD {} - 5".to_owned(), format!("2 b EUR {labels} 1 1"), format!("2 b USD {labels} 5 3")];
    assert_eq!(result(sums), expected);
    let mut sums = opened(r#"{"disabled_tag_keys":["team"],"markup_percent":"3"}"#);
    sums.update(&batch(&LINES)).unwrap();
    assert!(result(sums)[1].contains(r#"{"env":"prod"}"#));
}

#[test]
fn what_cannot_be_added_up_is_told() {
    let mut sums = opened("");
    sums.update(&batch(&LINES)).unwrap();
    let mut foreign = opened("");
    assert_eq!(foreign.merge(b"x").unwrap_err().code, "summary.foreign-state");
    assert_eq!(foreign.merge(&ipc::encode(&batch(&LINES)).unwrap()).unwrap_err().code, "summary.foreign-state");
    let task = |name: &str| Task {
        summary: name.to_owned(),
        settings: String::new(),
        now: 0,
        source: String::new(),
        period: Period { start: 0, end: 1 },
    };
    assert_eq!(DailySums::<Costs>::open(&task("other")).unwrap_err().code, "summary.unknown");
    let huge = Decimal128Array::from(vec![10_i128.pow(38) - 1; 2]).with_precision_and_scale(38, 18).unwrap();
    let lines = batch(&[LINES[0], LINES[0]]);
    let mut columns = lines.columns().to_vec();
    columns[4] = Arc::new(huge);
    let lines = RecordBatch::try_new(lines.schema(), columns).unwrap();
    let failure = opened("").update(&lines).unwrap_err();
    assert!(failure.code == "summary.overflow" && failure.message.contains("cost"), "{failure:?}");
}

#[test]
fn the_declarations_fit_what_is_made() {
    let (table, summary) = (Costs::RULE.table().unwrap(), Costs::RULE.summary());
    assert_eq!((table.name.as_str(), summary.outputs.as_slice()), ("daily", &[1][..]));
    assert_eq!(summary.columns, ["at", "service", "currency", "labels", "cost", "usage"]);
    assert!(table.money.len() == 1 && table.money[0].total);
    assert_eq!(batch(&LINES).column_by_name("at").unwrap().data_type(), &instant_type());
}

fn any_line() -> impl Strategy<Value = Line> {
    let one_of = |texts: &'static [&'static str]| prop::sample::select(texts);
    let label = prop::option::of(one_of(&["x", "y"]));
    (0..3_u8, one_of(&["", "a", "b"]), one_of(&["USD", "EUR"]), label, prop::option::of(-9..9_i64), 0..9_i64)
}

proptest! {
    #[test]
    fn alone_is_as_in_parts(lines in prop::collection::vec((any_line(), 0..3_usize), 0..40), backwards: bool) {
        let of = |part: Option<usize>| -> Vec<Line> {
            lines.iter().filter(|(_, at)| part.is_none_or(|part| part == *at)).map(|(line, _)| *line).collect()
        };
        let mut alone = opened("");
        alone.update(&batch(&of(None))).unwrap();
        let mut pieces = Vec::new();
        for part in 0..3 {
            let mut sums = opened("");
            sums.update(&batch(&of(Some(part)))).unwrap();
            pieces.extend(std::iter::from_fn(|| sums.save().unwrap()));
        }
        if backwards {
            pieces.reverse();
        }
        let mut merged = opened("");
        pieces.iter().for_each(|piece| merged.merge(piece).unwrap());
        prop_assert_eq!(result(merged), result(alone));
    }
}
