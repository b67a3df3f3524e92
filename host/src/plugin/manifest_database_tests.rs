use arrow::datatypes::{Field, Schema};

use super::super::intake::encode_ipc;
use super::super::manifest::Manifest;
use super::super::manifest_check::check;
use super::*;

fn schema(fields: &[(&str, DataType)]) -> Vec<u8> {
    // Partitions are by the day, so it may not be absent.
    let field = |(name, held): &(&str, DataType)| Field::new(*name, held.clone(), *name != "day");
    let fields: Vec<Field> = fields.iter().map(field).collect();
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

/// A lookup of the account's id, as it was on that day.
fn looking(table: u32) -> wit::Lookup {
    wit::Lookup {
        table,
        column: "account_id".to_owned(),
        reference: 2,
        on: vec![("account".to_owned(), "account".to_owned())],
        valid: Some(wit::Validity { at: "day".to_owned(), from: "since".to_owned(), until: "until".to_owned() }),
    }
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
        lookups: vec![looking(1), looking(5)],
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
    for (index, name) in
        [(4, "id"), (4, "summary_data_updated_datetime"), (2, "origin"), (2, "reported"), (3, "enabled")]
    {
        let found = checked(|manifest| {
            let table = &mut manifest.tables[index];
            table.schema = schema(&[("key", DataType::Utf8), ("account", DataType::Utf8), (name, DataType::Int64)]);
        });
        assert!(found.unwrap_err().contains("host adds itself"), "{name}");
    }
}

/// A schema of `daily` with one column more.
fn daily_with(name: &str, held: DataType) -> Vec<u8> {
    schema(&[
        ("day", DataType::Date32),
        ("account", DataType::Utf8),
        ("cost", AMOUNT),
        ("ids", texts()),
        ("tags", DataType::Utf8),
        ("account_id", DataType::Int64),
        (name, held),
    ])
}

#[test]
fn names_of_the_host_and_of_databases_are_refused() {
    for name in ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid", "costhost_place", "costhost_"] {
        let found = checked(|manifest| manifest.tables[1].schema = daily_with(name, DataType::Utf8));
        assert!(found.unwrap_err().contains("keep for themselves"), "{name}");
    }
    for name in ["costhost_publications", "costhost_x", "loads"] {
        let found = checked(|manifest| manifest.tables[5].name = name.to_owned()).unwrap_err();
        assert!(found.contains("of its own"), "{name}: {found}");
    }
    checked(|manifest| manifest.tables[5].name = "costhosts".to_owned()).unwrap();
}

#[test]
fn names_of_partitions_are_refused() {
    for name in ["daily_2025_01", "daily_0000_99"] {
        let found = checked(|manifest| manifest.tables[5].name = name.to_owned()).unwrap_err();
        assert!(found.contains("the name of a partition of table daily"), "{name}: {found}");
    }
    // `bill` has no partitions, and these are no months.
    for name in ["bill_2025_01", "daily_2025_1", "daily_25_01", "daily_2025_ab", "daily_2025"] {
        checked(|manifest| manifest.tables[5].name = name.to_owned()).unwrap();
    }
}

#[test]
fn partitions_are_by_a_column_without_nulls() {
    let nullable = [Field::new("account", DataType::Utf8, true), Field::new("day", DataType::Date32, true)];
    let found =
        checked(|manifest| manifest.tables[1].schema = encode_ipc(&Schema::new(nullable.to_vec()), &[]).unwrap());
    assert!(found.unwrap_err().contains("a row without `day` belongs to no month"));
}

#[test]
fn lookups_compare_what_can_be_compared() {
    let by = |held: DataType| {
        checked(|manifest| {
            manifest.tables[1].schema = daily_with("by", held.clone());
            manifest.tables[2].schema = schema(&[
                ("account", DataType::Utf8),
                ("since", DataType::Date32),
                ("until", DataType::Date32),
                ("by", held),
            ]);
            manifest.lookups[0].on[0] = ("by".to_owned(), "by".to_owned());
        })
    };
    for held in [DataType::Utf8, AMOUNT, DataType::Int32, DataType::Int64, DataType::Boolean, DataType::Date32] {
        by(held).unwrap();
    }
    for held in [DataType::Float64, DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, Some("UTC".into()))] {
        assert!(by(held).unwrap_err().contains("rows are looked up by"));
    }
    let json = [("ARROW:extension:name".to_owned(), "arrow.json".to_owned())];
    let fields = [
        Field::new("day", DataType::Date32, false),
        Field::new("account", DataType::Utf8, true).with_metadata(json.into()),
        Field::new("account_id", DataType::Int64, true),
    ];
    let json_account = |manifest: &mut wit::Manifest| {
        manifest.tables[1].schema = encode_ipc(&Schema::new(fields.to_vec()), &[]).unwrap();
    };
    let found = checked(|manifest| {
        json_account(manifest);
        manifest.tables[1].indexes.clear();
    });
    assert!(found.unwrap_err().contains("rows are looked up by text that is not JSON"));
    let found = checked(|manifest| {
        json_account(manifest);
        manifest.tables[1].indexes[0].method = wit::IndexMethod::TrigramUpper;
    });
    assert!(found.unwrap_err().contains("holds JSON, whose index is of the method gin"));
}

#[test]
fn lookups_are_done_in_their_order_and_once() {
    let second = |column: &str, on: &str, theirs: &str| wit::Lookup {
        column: column.to_owned(),
        on: vec![(on.to_owned(), theirs.to_owned())],
        ..looking(1)
    };
    let chained = |order: fn(&mut Vec<wit::Lookup>)| {
        checked(|manifest| {
            manifest.tables[1].schema = daily_with("unit_id", DataType::Int64);
            manifest.lookups.insert(1, second("unit_id", "account_id", "id"));
            order(&mut manifest.lookups);
        })
    };
    chained(|_| {}).unwrap();
    assert!(chained(|lookups| lookups.swap(0, 1)).unwrap_err().contains("which it or a later lookup fills"));
    let itself = checked(|manifest| manifest.lookups[0] = second("account_id", "account_id", "id"));
    assert!(itself.unwrap_err().contains("which it or a later lookup fills"));
    let twice = checked(|manifest| manifest.lookups.push(looking(1)));
    assert!(twice.unwrap_err().contains("two lookups fill daily.account_id"));
}

#[test]
fn rollups_are_not_made_of_what_only_the_database_has() {
    let grouped = checked(|manifest| {
        manifest.lookups.truncate(1);
        manifest.rollups[0].group_by.push("account_id".to_owned());
    });
    assert!(grouped.unwrap_err().contains("which only the database fills"));
    let made = checked(|manifest| {
        manifest.lookups.truncate(1);
        manifest.rollups[0].columns.push(made("account_id", wit::RollupAggregate::Max, "account_id"));
    });
    assert!(made.unwrap_err().contains("which only the database fills"));
}

#[test]
fn json_is_told_by_the_extension_type() {
    let json = [("ARROW:extension:name".to_owned(), "arrow.json".to_owned())].into();
    let field = Field::new("tags", DataType::Utf8, true);
    assert!(!is_json(Some(&field)));
    assert!(is_json(Some(&field.with_metadata(json))));
}
