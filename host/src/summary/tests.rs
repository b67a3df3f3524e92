use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Decimal128Array, DictionaryArray, ListBuilder, RecordBatch, StringArray,
    StringBuilder, UInt8Array,
};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Field, Int64Type, Schema, SchemaRef};
use proptest::prelude::*;

use super::*;
use crate::plugin::manifest::{Clause, Condition, Manifest, Rollup, RollupAggregate, RollupColumn, Table, TableRole};

const AMOUNT: DataType = DataType::Decimal128(38, 18);

fn input_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("day", DataType::Date32, false),
        Field::new("service", DataType::Utf8, true),
        Field::new("unit", DataType::Utf8, true),
        Field::new("cost", AMOUNT, true),
        Field::new("ids", DataType::new_list(DataType::Utf8, true), false),
        Field::new("tags", DataType::Utf8, true),
    ]))
}

fn table(name: &str, role: TableRole, schema: SchemaRef) -> Table {
    Table {
        name: name.to_owned(),
        role,
        schema,
        money: Vec::new(),
        invoice: None,
        key: Vec::new(),
        partition_by: None,
        indexes: Vec::new(),
    }
}

fn manifest(output: Vec<Field>, rollup: Rollup) -> Manifest {
    Manifest {
        id: "p".to_owned(),
        provider: "p".to_owned(),
        title: String::new(),
        version: "1.0.0".to_owned(),
        settings_schema: "{}".to_owned(),
        tables: vec![
            table("daily", TableRole::Summary, input_schema()),
            table("rollup", TableRole::Rollup, Arc::new(Schema::new(output))),
        ],
        summaries: Vec::new(),
        rollups: vec![rollup],
        lookups: Vec::new(),
        reports: Vec::new(),
    }
}

#[derive(Debug, Clone)]
struct Line {
    day: i32,
    service: Option<&'static str>,
    unit: Option<&'static str>,
    cost: Option<i128>,
    ids: Vec<&'static str>,
    tags: Option<&'static str>,
}

fn line(day: i32, service: Option<&'static str>, cost: i128, ids: &[&'static str]) -> Line {
    Line { day, service, unit: Some("GB"), cost: Some(cost), ids: ids.to_vec(), tags: None }
}

/// `coded` sends texts as dictionaries, as plugins may.
fn batch(lines: &[Line], coded: bool) -> RecordBatch {
    let mut ids = ListBuilder::new(StringBuilder::new());
    for line in lines {
        line.ids.iter().for_each(|id| ids.values().append_value(id));
        ids.append(true);
    }
    let text = |of: fn(&Line) -> Option<&'static str>| -> ArrayRef {
        let plain: StringArray = lines.iter().map(of).collect();
        if !coded {
            return Arc::new(plain);
        }
        let keys: UInt8Array = (0..lines.len()).map(|row| plain.is_valid(row).then_some(row as u8)).collect();
        Arc::new(DictionaryArray::new(keys, Arc::new(plain)))
    };
    let costs: Decimal128Array = lines.iter().map(|line| line.cost).collect();
    RecordBatch::try_from_iter_with_nullable([
        ("day", Arc::new(Date32Array::from_iter_values(lines.iter().map(|line| line.day))) as ArrayRef, false),
        ("service", text(|line| line.service), true),
        ("unit", text(|line| line.unit), true),
        ("cost", Arc::new(costs.with_precision_and_scale(38, 18).unwrap()), true),
        ("ids", Arc::new(ids.finish()), false),
        ("tags", text(|line| line.tags), true),
    ])
    .unwrap()
}

fn column(name: &str, aggregate: RollupAggregate, of: &str) -> RollupColumn {
    RollupColumn { name: name.to_owned(), aggregate, of: of.to_owned() }
}

fn by_service(clauses: Vec<Clause>) -> Manifest {
    let rollup = Rollup {
        output: 1,
        input: 0,
        group_by: vec!["day".to_owned(), "service".to_owned()],
        columns: vec![
            column("cost", RollupAggregate::Sum, "cost"),
            column("unit", RollupAggregate::Max, "unit"),
            column("ids", RollupAggregate::Members, "ids"),
            column("id_count", RollupAggregate::CountMembers, "ids"),
        ],
        clauses,
        explode: None,
    };
    let output = vec![
        Field::new("day", DataType::Date32, false),
        Field::new("service", DataType::Utf8, true),
        Field::new("cost", AMOUNT, true),
        Field::new("unit", DataType::Utf8, true),
        Field::new("ids", DataType::new_list(DataType::Utf8, true), false),
        Field::new("id_count", DataType::Int64, false),
        Field::new("looked_up", DataType::Int64, true),
    ];
    manifest(output, rollup)
}

type Made = Vec<(i32, Option<String>, Option<i128>, Option<String>, Vec<String>, i64)>;

fn run(manifest: &Manifest, batches: &[RecordBatch]) -> Made {
    let made = rollup(manifest, &manifest.rollups[0], batches).unwrap();
    let text = |column: &ArrayRef, row: usize| {
        let column = column.as_string::<i32>();
        column.is_valid(row).then(|| column.value(row).to_owned())
    };
    let mut rows = Vec::new();
    for batch in &made {
        assert_eq!(batch.schema(), manifest.tables[1].schema);
        assert_eq!(batch.column_by_name("looked_up").unwrap().null_count(), batch.num_rows());
        for row in 0..batch.num_rows() {
            let costs = batch.column(2).as_primitive::<Decimal128Type>();
            let ids = batch.column(4).as_list::<i32>().value(row);
            rows.push((
                batch.column(0).as_primitive::<Date32Type>().value(row),
                text(batch.column(1), row),
                costs.is_valid(row).then(|| costs.value(row)),
                text(batch.column(3), row),
                ids.as_string::<i32>().iter().map(|id| id.unwrap().to_owned()).collect(),
                batch.column(5).as_primitive::<Int64Type>().value(row),
            ));
        }
    }
    rows
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn groups_are_summed_and_their_members_united() {
    let lines = [
        line(2, Some("b"), 5, &["y", "x"]),
        line(1, Some("b"), 7, &["z"]),
        line(2, Some("b"), -2, &["x"]),
        Line { unit: Some("h"), cost: None, ..line(2, None, 0, &[]) },
        Line { unit: None, ..line(2, None, 4, &["q"]) },
    ];
    let b = |text: &str| Some(text.to_owned());
    let expected = vec![
        (1, b("b"), Some(7), b("GB"), owned(&["z"]), 1),
        (2, None, Some(4), b("h"), owned(&["q"]), 1),
        (2, b("b"), Some(3), b("GB"), owned(&["x", "y"]), 2),
    ];
    let manifest = by_service(Vec::new());
    assert_eq!(run(&manifest, &[batch(&lines, false)]), expected);
    assert_eq!(run(&manifest, &[batch(&lines[..2], true), batch(&lines[2..], true)]), expected);
    assert_eq!(run(&manifest, &[]), Made::new());
}

#[test]
fn a_sum_of_nothing_is_null_and_one_that_is_too_large_an_error() {
    let manifest = by_service(Vec::new());
    let none = [Line { cost: None, ..line(1, Some("a"), 0, &[]) }];
    assert_eq!(run(&manifest, &[batch(&none, false)])[0].2, None);
    let most = 10_i128.pow(38) - 1;
    let lines = [line(1, Some("a"), most, &[]), line(1, Some("a"), 1, &[])];
    let error = rollup(&manifest, &manifest.rollups[0], &[batch(&lines, false)]).unwrap_err();
    assert!(matches!(&error, RollupError::Overflow { column } if column == "cost"), "{error}");
    // What comes back into range on the way is no overflow of the sum, unless 128 bits were left.
    let back = [line(1, Some("a"), most, &[]), line(1, Some("a"), 1, &[]), line(1, Some("a"), -1, &[])];
    assert_eq!(run(&manifest, &[batch(&back, false)])[0].2, Some(most));
}

#[test]
fn all_clauses_hold_and_of_each_at_least_one_condition() {
    let or = vec![
        Condition::OneOf("service".to_owned(), owned(&["Cosmos DB"])),
        Condition::ContainsInAnyCase("service".to_owned(), "DataBase".to_owned()),
    ];
    let and = vec![Condition::Contains("unit".to_owned(), "G".to_owned())];
    let known = vec![Condition::NotNull("service".to_owned())];
    let lines = [
        line(1, Some("Cosmos DB"), 1, &[]),
        line(2, Some("SQL database"), 2, &[]),
        line(3, Some("Cosmos"), 4, &[]),
        line(4, None, 8, &[]),
        Line { unit: Some("h"), ..line(5, Some("Cosmos DB"), 16, &[]) },
        Line { unit: None, ..line(6, Some("Cosmos DB"), 32, &[]) },
    ];
    let days = |clauses: Vec<Clause>| -> Vec<i32> {
        [false, true]
            .map(|coded| run(&by_service(clauses.clone()), &[batch(&lines, coded)]).iter().map(|row| row.0).collect())
            .into_iter()
            .reduce(|plain: Vec<i32>, coded| {
                assert_eq!(plain, coded);
                plain
            })
            .unwrap()
    };
    assert_eq!(days(vec![or.clone(), and]), [1, 2]);
    assert_eq!(days(vec![or]), [1, 2, 5, 6]);
    assert_eq!(days(vec![known]), [1, 2, 3, 5, 6]);
}

#[test]
fn objects_are_exploded_into_their_members() {
    let rollup_of_tags = Rollup {
        output: 1,
        input: 0,
        group_by: vec!["key".to_owned()],
        columns: vec![
            column("values", RollupAggregate::Members, "value"),
            column("cost", RollupAggregate::Sum, "cost"),
        ],
        clauses: Vec::new(),
        explode: Some("tags".to_owned()),
    };
    let output = vec![
        Field::new("key", DataType::Utf8, true),
        Field::new("values", DataType::new_list(DataType::Utf8, true), false),
        Field::new("cost", AMOUNT, true),
    ];
    let manifest = manifest(output, rollup_of_tags);
    let tagged = |tags, cost| Line { tags, ..line(1, None, cost, &[]) };
    let lines = [
        tagged(Some(r#"{"team":"b","app":"x"}"#), 1),
        tagged(Some("{}"), 2),
        tagged(None, 4),
        tagged(Some(r#"{"team":"a","n":1,"none":null}"#), 8),
    ];
    for coded in [false, true] {
        let made = rollup(&manifest, &manifest.rollups[0], &[batch(&lines, coded)]).unwrap();
        let keys: Vec<&str> = made[0].column(0).as_string::<i32>().iter().flatten().collect();
        assert_eq!(keys, ["app", "n", "team"]);
        let values = made[0].column(1).as_list::<i32>();
        let team: Vec<String> = values.value(2).as_string::<i32>().iter().flatten().map(str::to_owned).collect();
        assert_eq!(team, ["a", "b"]);
        assert_eq!(made[0].column(2).as_primitive::<Decimal128Type>().values(), &[1, 8, 9]);
    }
    let broken = [tagged(Some("[1]"), 1)];
    assert!(rollup(&manifest, &manifest.rollups[0], &[batch(&broken, false)]).is_err());
}

fn any_line() -> impl Strategy<Value = Line> {
    let text = prop::sample::select(vec![None, Some("a"), Some("b"), Some("c")]);
    let ids = prop::collection::vec(prop::sample::select(vec!["i", "j", "k"]), 0..3);
    (0..3_i32, text, prop::option::of(-9..9_i128), ids)
        .prop_map(|(day, service, cost, ids)| Line { cost, ..line(day, service, 0, &ids) })
}

proptest! {
    /// However rows are cut into batches, encoded and ordered, and as a plain map would have it.
    #[test]
    fn cuts_encodings_and_order_do_not_show(
        lines in prop::collection::vec(any_line(), 0..40), cut in 0..40_usize, turn in 0..40_usize
    ) {
        let manifest = by_service(Vec::new());
        let mut sums: BTreeMap<(i32, Option<&str>), Option<i128>> = BTreeMap::new();
        for line in &lines {
            let sum = sums.entry((line.day, line.service)).or_default();
            *sum = line.cost.map_or(*sum, |cost| Some(sum.unwrap_or(0) + cost));
        }
        let (whole, mut turned) = (run(&manifest, &[batch(&lines, false)]), lines.clone());
        let found: Vec<_> = whole.iter().map(|row| ((row.0, row.1.as_deref()), row.2)).collect();
        prop_assert_eq!(found, sums.into_iter().collect::<Vec<_>>());
        turned.rotate_left(turn.min(lines.len()));
        let (a, b) = turned.split_at(cut.min(lines.len()));
        prop_assert_eq!(run(&manifest, &[batch(a, true), batch(b, false)]), whole);
    }
}
