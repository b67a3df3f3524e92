use arrow::datatypes::{Field, TimeUnit};

use super::*;
use crate::plugin::intake::encode_ipc;

fn line_items(fields: Vec<Field>) -> wit::Table {
    wit::Table {
        name: "line_items".to_owned(),
        role: wit::TableRole::LineItems,
        schema: encode_ipc(&Schema::new(fields), &[]).unwrap(),
        money: Vec::new(),
        invoice: None,
        key: Vec::new(),
        partition_by: None,
        indexes: Vec::new(),
    }
}

fn money_fields() -> Vec<Field> {
    vec![
        Field::new("account", DataType::Utf8, true),
        Field::new("cost", DataType::Decimal128(38, 18), false),
        Field::new("currency", DataType::Utf8, false),
        Field::new("day", DataType::Date32, false),
    ]
}

fn summary_table() -> wit::Table {
    wit::Table { name: "daily".to_owned(), role: wit::TableRole::Summary, ..line_items(money_fields()) }
}

fn daily() -> wit::Summary {
    wit::Summary {
        name: "daily".to_owned(),
        outputs: vec![1],
        input: 0,
        columns: vec!["cost".to_owned()],
        identities: vec![wit::Identity {
            name: "cost".to_owned(),
            total: "cost".to_owned(),
            parts: vec!["cost".to_owned()],
            tolerance: "0.01".to_owned(),
            currency: "currency".to_owned(),
        }],
    }
}

fn costs() -> wit::Report {
    wit::Report {
        name: "costs-by-day".to_owned(),
        title: "Costs".to_owned(),
        table: 0,
        time: "day".to_owned(),
        dimensions: vec![wit::Dimension {
            name: "account".to_owned(),
            column: "account".to_owned(),
            title: "Account".to_owned(),
        }],
        measures: vec![wit::Measure {
            name: "cost".to_owned(),
            column: "cost".to_owned(),
            title: "Cost".to_owned(),
            aggregate: wit::Aggregate::Sum,
            unit: wit::Unit::Currency("currency".to_owned()),
        }],
        where_: vec![vec![wit::Condition::OneOf(("account".to_owned(), vec!["1".to_owned()]))]],
        tags: None,
    }
}

fn manifest() -> wit::Manifest {
    wit::Manifest {
        id: "aws-cur".to_owned(),
        provider: "aws".to_owned(),
        title: "AWS".to_owned(),
        version: "1.0.0-rc.1".to_owned(),
        settings_schema: "{}".to_owned(),
        tables: vec![line_items(money_fields()), summary_table()],
        summaries: vec![daily()],
        rollups: Vec::new(),
        lookups: Vec::new(),
        reports: vec![costs()],
        labels: Vec::new(),
    }
}

/// The problem found after one change to a good manifest.
fn problem(change: impl FnOnce(&mut wit::Manifest)) -> String {
    let mut manifest = manifest();
    change(&mut manifest);
    check(manifest, true).unwrap_err()
}

#[test]
fn a_good_manifest_keeps_its_meaning() {
    let checked = check(manifest(), true).unwrap();
    assert_eq!(checked.tables[1].name, "daily");
    assert_eq!(checked.summaries[0].identities[0].tolerance, 10_000_000_000_000_000);
    assert_eq!(checked.reports[0].table, "line_items");
    assert_eq!(checked.reports[0].measures[0].unit, super::super::manifest::Unit::Currency("currency".to_owned()));
}

#[test]
fn names_of_tables_and_columns_have_a_narrow_alphabet() {
    for bad in ["", "Line", "line-items", "1x", "a b", "a;drop table", "../x", &"a".repeat(64)] {
        assert!(problem(|manifest| manifest.tables[0].name = bad.to_owned()).contains("table name"), "{bad}");
        let field = Field::new(bad, DataType::Utf8, true);
        assert!(problem(|manifest| manifest.tables[0] = line_items(vec![field])).contains("column name"), "{bad}");
        assert!(problem(|manifest| manifest.provider = bad.to_owned()).contains("provider name"), "{bad}");
    }
    assert!(problem(|manifest| manifest.id = "aws_cur".to_owned()).contains("the id `aws_cur`"));
}

#[test]
fn columns_of_the_host_are_refused() {
    for name in RESERVED {
        let field = Field::new(name, DataType::Utf8, true);
        assert!(
            problem(|manifest| manifest.tables[0] = line_items(vec![field])).contains("host adds itself"),
            "{name}"
        );
    }
}

#[test]
fn tables_of_the_host_are_refused() {
    assert_eq!(RESERVED_TABLES, [crate::lake::LOADS_TABLE, crate::lake::REJECTS_TABLE]);
    for name in RESERVED_TABLES {
        let found = problem(|manifest| manifest.tables[0].name = name.to_owned());
        assert!(found.contains(&format!("keeps a table `{name}` of its own")), "{found}");
    }
}

#[test]
fn types_the_lake_does_not_hold_are_refused() {
    let refused = [
        DataType::UInt64,
        DataType::Int8,
        DataType::Float32,
        DataType::Struct(vec![Field::new("a", DataType::Utf8, true)].into()),
        DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
        DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Decimal128(38, -2),
        DataType::Null,
        DataType::new_list(DataType::LargeUtf8, true),
    ];
    for data_type in refused {
        let field = Field::new("x", data_type.clone(), true);
        assert!(
            problem(|manifest| manifest.tables[0] = line_items(vec![field])).contains("do not hold"),
            "{data_type}"
        );
    }
}

#[test]
fn every_index_and_column_points_at_something() {
    type Change = fn(&mut wit::Manifest);
    let cases: [(&str, Change); 9] = [
        ("points at table 9", |manifest| manifest.summaries[0].outputs = vec![9]),
        ("to a summary table", |manifest| manifest.summaries[0].outputs = vec![0]),
        ("`nothing`", |manifest| manifest.summaries[0].columns = vec!["nothing".to_owned()]),
        ("needs decimal columns", |manifest| manifest.summaries[0].identities[0].total = "account".to_owned()),
        ("points at table 5", |manifest| manifest.reports[0].table = 5),
        ("date or timestamp", |manifest| manifest.reports[0].time = "account".to_owned()),
        ("column of numbers", |manifest| manifest.reports[0].measures[0].column = "account".to_owned()),
        ("has no measure", |manifest| manifest.reports[0].measures.clear()),
        ("map or text column", |manifest| manifest.reports[0].tags = Some("cost".to_owned())),
    ];
    for (expected, change) in cases {
        let found = problem(change);
        assert!(found.contains(expected), "{expected}: {found}");
    }
}

#[test]
fn a_report_names_only_columns_its_table_has() {
    type Change = fn(&mut wit::Report);
    let places: [(&str, Change); 9] = [
        ("report costs-by-day", |report| report.time = "absent".to_owned()),
        ("dimension account", |report| report.dimensions[0].column = "absent".to_owned()),
        ("measure cost", |report| report.measures[0].column = "absent".to_owned()),
        ("measure cost", |report| report.measures[0].unit = wit::Unit::Currency("absent".to_owned())),
        ("measure cost", |report| report.measures[0].unit = wit::Unit::Column("absent".to_owned())),
        ("condition", |report| report.where_ = vec![vec![wit::Condition::NotNull("absent".to_owned())]]),
        ("condition", |report| report.where_ = vec![vec![wit::Condition::OneOf(("absent".to_owned(), Vec::new()))]]),
        ("condition", |report| {
            report.where_ = vec![vec![wit::Condition::Contains(("absent".to_owned(), String::new()))]]
        }),
        ("report costs-by-day", |report| report.tags = Some("absent".to_owned())),
    ];
    for (place, change) in places {
        let found = problem(|manifest| change(&mut manifest.reports[0]));
        let expected = format!("{place} names the column `absent`, which table line_items does not have");
        assert!(found.ends_with(&expected), "{found}");
    }
}

#[test]
fn names_are_not_used_twice() {
    assert!(problem(|manifest| manifest.tables[1].name = "line_items".to_owned()).contains("two of its table names"));
    assert!(problem(|manifest| manifest.reports.push(costs())).contains("two of its report names"));
    let clash = problem(|manifest| manifest.reports[0].dimensions[0].name = "cost".to_owned());
    assert!(clash.contains("dimension and measure"), "{clash}");
}

#[test]
fn summaries_need_the_interface_that_makes_them() {
    assert!(check(manifest(), false).unwrap_err().contains("does not export `summarize`"));
}

#[test]
fn versions_and_tolerances_are_exact() {
    for bad in ["1", "1.2", "01.2.3", "1.2.3-", "v1.2.3", "1.2.3 4"] {
        assert!(problem(|manifest| manifest.version = bad.to_owned()).contains("semantic version"), "{bad}");
    }
    assert_eq!(tolerance("0.000000000000000001"), Some(1));
    assert_eq!(tolerance("2"), Some(2_000_000_000_000_000_000));
    for bad in ["", "-1", "1e-3", ".5", "0.0000000000000000001", "99999999999999999999999999999999999999"] {
        assert_eq!(tolerance(bad), None, "{bad}");
    }
}

#[test]
fn a_schema_with_rows_or_rubbish_is_refused() {
    assert!(problem(|manifest| manifest.tables[0].schema = b"rubbish".to_vec()).contains("schema of table line_items"));
    assert!(problem(|manifest| manifest.settings_schema = "[]".to_owned()).contains("not a JSON object"));
}
