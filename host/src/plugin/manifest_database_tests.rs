use arrow::datatypes::{Field, Schema};

use super::super::intake::encode_ipc;
use super::super::manifest::Manifest;
use super::super::manifest_check::check;
use super::*;

fn schema(fields: &[(&str, DataType)]) -> Vec<u8> {
    let fields: Vec<Field> = fields.iter().map(|(name, held)| Field::new(*name, held.clone(), true)).collect();
    encode_ipc(&Schema::new(fields), &[]).unwrap()
}

fn table(name: &str, role: wit::TableRole, fields: &[(&str, DataType)]) -> wit::Table {
    wit::Table {
        name: name.to_owned(),
        role,
        schema: schema(fields),
        money: Vec::new(),
        invoice: None,
        key: Vec::new(),
        partition_by: None,
        indexes: Vec::new(),
    }
}

const AMOUNT: DataType = DataType::Decimal128(38, 18);

fn texts() -> DataType {
    DataType::new_list(DataType::Utf8, true)
}

/// Line items, a daily summary, accounts, tag keys, a bill and one rollup.
fn manifest() -> wit::Manifest {
    let daily = [
        ("day", DataType::Date32),
        ("account", DataType::Utf8),
        ("cost", AMOUNT),
        ("ids", texts()),
        ("tags", DataType::Utf8),
        ("account_id", DataType::Int64),
    ];
    let by_account = [
        ("day", DataType::Date32),
        ("account", DataType::Utf8),
        ("total", AMOUNT),
        ("id_count", DataType::Int64),
        ("account_id", DataType::Int64),
    ];
    let accounts = [("account", DataType::Utf8), ("since", DataType::Date32), ("until", DataType::Date32)];
    let lookup = |table| wit::Lookup {
        table,
        column: "account_id".to_owned(),
        reference: 2,
        on: vec![("account".to_owned(), "account".to_owned())],
        valid: Some(wit::Validity { at: "day".to_owned(), from: "since".to_owned(), until: "until".to_owned() }),
    };
    wit::Manifest {
        id: "shop".to_owned(),
        provider: "shop".to_owned(),
        title: "Shop".to_owned(),
        version: "1.0.0".to_owned(),
        settings_schema: "{}".to_owned(),
        tables: vec![
            table("line_items", wit::TableRole::LineItems, &[("day", DataType::Date32), ("cost", AMOUNT)]),
            wit::Table {
                partition_by: Some("day".to_owned()),
                indexes: vec![wit::Index { columns: vec!["account".to_owned()], method: wit::IndexMethod::Btree }],
                ..table("daily", wit::TableRole::Summary, &daily)
            },
            wit::Table { key: vec!["account".to_owned()], ..table("accounts", wit::TableRole::Reference, &accounts) },
            wit::Table {
                key: vec!["key".to_owned()],
                ..table("keys", wit::TableRole::TagKeys, &[("key", DataType::Utf8)])
            },
            table("bill", wit::TableRole::Bill, &[("payer", DataType::Utf8)]),
            table("by_account", wit::TableRole::Rollup, &by_account),
        ],
        summaries: vec![wit::Summary {
            name: "daily".to_owned(),
            outputs: vec![1, 3, 4],
            input: 0,
            columns: vec!["cost".to_owned()],
            identities: Vec::new(),
        }],
        rollups: vec![wit::Rollup {
            output: 5,
            input: 1,
            group_by: vec!["day".to_owned(), "account".to_owned()],
            columns: vec![
                made("total", wit::RollupAggregate::Sum, "cost"),
                made("id_count", wit::RollupAggregate::CountMembers, "ids"),
            ],
            where_: vec![vec![wit::Condition::NotNull("account".to_owned())]],
            explode: None,
        }],
        lookups: vec![lookup(1), lookup(5)],
        reports: Vec::new(),
        labels: Vec::new(),
    }
}

fn made(name: &str, aggregate: wit::RollupAggregate, of: &str) -> wit::RollupColumn {
    wit::RollupColumn { name: name.to_owned(), aggregate, of: of.to_owned() }
}

fn checked(change: impl FnOnce(&mut wit::Manifest)) -> Result<Manifest, String> {
    let mut manifest = manifest();
    change(&mut manifest);
    check(manifest, true)
}

#[test]
fn a_good_manifest_keeps_its_meaning() {
    let manifest = checked(|_| {}).unwrap();
    assert_eq!(manifest.summaries[0].outputs, [1, 3, 4]);
    assert_eq!(manifest.rollups[0].columns[0].aggregate, RollupAggregate::Sum);
    assert_eq!(manifest.lookups[1].valid.as_ref().unwrap().until, "until");
    assert_eq!(manifest.tables[1].indexes[0].method, IndexMethod::Btree);
}

#[test]
fn names_that_would_be_sql_are_refused() {
    type Change = fn(&mut wit::Manifest, String);
    let places: [Change; 7] = [
        |manifest, name| manifest.tables[5].name = name,
        |manifest, name| manifest.lookups[0].column = name,
        |manifest, name| manifest.rollups[0].columns[0].name = name,
        |manifest, name| manifest.rollups[0].group_by[0] = name,
        |manifest, name| manifest.tables[1].indexes[0].columns[0] = name,
        |manifest, name| manifest.tables[2].key[0] = name,
        |manifest, name| manifest.provider = name,
    ];
    for place in places {
        for name in [r#"x"; drop table y; --"#, "x'--", "X", "", "a.b", "\u{0}", &"a".repeat(64)] {
            assert!(checked(|manifest| place(manifest, name.to_owned())).is_err(), "{name}");
        }
    }
}

#[test]
fn what_would_fail_in_a_database_is_told_at_load() {
    type Change = fn(&mut wit::Manifest);
    let cases: [(&str, Change); 24] = [
        ("has no key", |manifest| manifest.tables[2].key.clear()),
        ("which only reference", |manifest| manifest.tables[1].key = vec!["account".to_owned()]),
        ("may have 55 letters", |manifest| manifest.tables[1].name = "d".repeat(56)),
        ("needs a date column", |manifest| manifest.tables[1].partition_by = Some("account".to_owned())),
        ("only summaries and rollups", |manifest| manifest.tables[2].partition_by = Some("since".to_owned())),
        ("JSON, list or map", |manifest| manifest.tables[1].indexes[0].method = wit::IndexMethod::Gin),
        ("1 to 16 columns", |manifest| manifest.tables[1].indexes[0].columns.clear()),
        ("two of its index column", |manifest| {
            manifest.tables[1].indexes[0].columns = vec!["account".to_owned(), "account".to_owned()];
        }),
        ("does not make the column `id_count`", |manifest| _ = manifest.rollups[0].columns.pop()),
        ("two of its column names", |manifest| {
            manifest.rollups[0].columns.push(made("total", wit::RollupAggregate::Sum, "cost"));
        }),
        ("only plain values can be grouped", |manifest| manifest.rollups[0].group_by.push("ids".to_owned())),
        ("not a decimal or Int64", |manifest| manifest.rollups[0].columns[0].of = "account".to_owned()),
        ("declares it as", |manifest| manifest.rollups[0].columns[0].of = "account_id".to_owned()),
        ("not text or a list", |manifest| manifest.rollups[0].columns[1].of = "cost".to_owned()),
        ("from a summary to a table of the role rollup", |manifest| manifest.rollups[0].input = 0),
        ("points at table 9", |manifest| manifest.rollups[0].output = 9),
        ("never holds", |manifest| manifest.rollups[0].where_.push(Vec::new())),
        ("text column with JSON", |manifest| manifest.rollups[0].explode = Some("cost".to_owned())),
        ("filled by 2", |manifest| manifest.summaries[0].outputs.push(1)),
        ("filled by 0", |manifest| _ = manifest.summaries[0].outputs.pop()),
        ("has to go from line items", |manifest| manifest.summaries[0].outputs.push(0)),
        ("in a reference table", |manifest| manifest.lookups[0].reference = 1),
        ("which is Int64, with", |manifest| manifest.lookups[0].on[0].0 = "account_id".to_owned()),
        ("an Int64 column", |manifest| manifest.lookups[0].column = "account".to_owned()),
    ];
    for (expected, change) in cases {
        let found = checked(change).unwrap_err();
        assert!(found.contains(expected), "{expected}: {found}");
    }
}

#[test]
fn columns_that_the_host_adds_are_its_own() {
    for (index, name) in [(4, "id"), (4, "summary_data_updated_datetime"), (2, "origin"), (3, "enabled")] {
        let found = checked(|manifest| {
            let table = &mut manifest.tables[index];
            table.schema = schema(&[("key", DataType::Utf8), ("account", DataType::Utf8), (name, DataType::Int64)]);
        });
        assert!(found.unwrap_err().contains("host adds itself"), "{name}");
    }
}

#[test]
fn json_is_told_by_the_extension_type() {
    let json = [("ARROW:extension:name".to_owned(), "arrow.json".to_owned())].into();
    let field = Field::new("tags", DataType::Utf8, true);
    assert!(!is_json(Some(&field)));
    assert!(is_json(Some(&field.with_metadata(json))));
}
