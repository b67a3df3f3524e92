//! A made-up provider, a web shop's suppliers, with every kind of table and column.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Int32Type};
use costhost::plugin::manifest::{Index, IndexMethod, TableRole, Validity};
use costhost::postgres::definition::{ColumnKind, DatabaseColumn, DatabaseDefinition, DatabaseLookup, DatabaseTable};
use costhost::postgres::{Database, Published, Unit, UnitRows};
use costhost_tests::postgres::Cluster;
use uuid::Uuid;

/// 2025-01-01.
pub(crate) const JANUARY: i32 = 20_089;

/// A database of its own on the shared server, with the shop's tables.
pub(crate) struct Place {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) name: String,
    pub(crate) database: Database,
}

impl Place {
    pub(crate) async fn empty() -> Self {
        let cluster = Cluster::shared();
        let name = cluster.database();
        let database = Database::connect(&cluster.url(&name), "default").await.unwrap();
        Self { cluster, name, database }
    }

    pub(crate) async fn new() -> Self {
        let place = Self::empty().await;
        let migrated = place.database.migrate(&definition()).await.unwrap();
        assert_eq!(migrated.notes, [""; 0]);
        place
    }

    pub(crate) fn sql(&self, statements: &str) -> String {
        self.cluster.sql(&self.name, statements)
    }

    /// Another connection to the same database, as another host has it.
    pub(crate) async fn another(&self) -> Database {
        Database::connect(&self.cluster.url(&self.name), "default").await.unwrap()
    }
}

pub(crate) fn column(name: &str, kind: ColumnKind) -> DatabaseColumn {
    DatabaseColumn { name: name.into(), kind }
}

fn index(method: IndexMethod, columns: &[&str]) -> Index {
    Index { columns: columns.iter().map(|name| (*name).to_owned()).collect(), method }
}

pub(crate) fn table(name: &str, role: TableRole, columns: &[(&str, ColumnKind)]) -> DatabaseTable {
    let host: &[(&str, ColumnKind)] = match role {
        TableRole::Summary | TableRole::Rollup => {
            &[("source_uuid", ColumnKind::Uuid), ("cost_entry_bill_id", ColumnKind::Int64)]
        }
        TableRole::Bill => &[("source_uuid", ColumnKind::Uuid), ("id", ColumnKind::Int64)],
        _ => &[],
    };
    DatabaseTable {
        name: name.into(),
        role,
        columns: columns.iter().chain(host).map(|(name, kind)| column(name, *kind)).collect(),
        key: vec![],
        partition_by: None,
        indexes: vec![],
        total: None,
    }
}

pub(crate) fn definition() -> DatabaseDefinition {
    use ColumnKind::{Date, Decimal, Int64, Json, Text, TextList};
    let daily = DatabaseTable {
        partition_by: Some("day".into()),
        indexes: vec![
            index(IndexMethod::Btree, &["day"]),
            index(IndexMethod::Gin, &["tags"]),
            index(IndexMethod::TrigramUpper, &["supplier"]),
        ],
        ..table(
            "shop_daily",
            TableRole::Summary,
            &[
                ("day", Date),
                ("supplier", Text),
                ("cost", Decimal),
                ("tags", Json),
                ("articles", TextList),
                ("alias_id", Int64),
                ("unit_id", Int64),
            ],
        )
    };
    let monthly = table("shop_by_supplier", TableRole::Rollup, &[("supplier", Text), ("cost", Decimal)]);
    let bill = table("shop_bill", TableRole::Bill, &[("invoice", Text)]);
    let aliases = DatabaseTable {
        key: vec!["supplier".into()],
        ..table("shop_alias", TableRole::Reference, &[("supplier", Text), ("alias", Text)])
    };
    let units = DatabaseTable {
        key: vec!["alias_id".into(), "since".into()],
        ..table(
            "shop_unit",
            TableRole::Reference,
            &[("alias_id", Int64), ("since", Date), ("until", Date), ("name", Text)],
        )
    };
    let keys = DatabaseTable {
        key: vec!["key".into(), "provider_type".into()],
        ..table("shop_enabledtagkeys", TableRole::TagKeys, &[("key", Text), ("provider_type", Text)])
    };
    let lookup = |column: &str, reference: &str, on: (&str, &str), valid| DatabaseLookup {
        table: "shop_daily".into(),
        column: column.into(),
        reference: reference.into(),
        on: vec![(on.0.into(), on.1.into())],
        valid,
    };
    let valid = Validity { at: "day".into(), from: "since".into(), until: "until".into() };
    DatabaseDefinition {
        provider: "shop".into(),
        plugin: "shop-bills".into(),
        version: "1.0.0".into(),
        tables: vec![daily, monthly, bill, aliases, units, keys],
        rows: Vec::new(),
        lookups: vec![
            lookup("alias_id", "shop_alias", ("supplier", "supplier"), None),
            lookup("unit_id", "shop_unit", ("alias_id", "alias_id"), Some(valid)),
        ],
    }
}

pub(crate) fn unit(source: &str, month: i64) -> Unit {
    Unit {
        provider: "shop".into(),
        source: source.into(),
        source_uuid: Uuid::new_v5(&Uuid::NAMESPACE_OID, source.as_bytes()),
        period_start: (i64::from(JANUARY) + 31 * (month - 1)) * 86_400,
        bill_id: 1000 * i64::from(source.len() as u32) + month,
    }
}

pub(crate) fn decimals(values: impl IntoIterator<Item = i128>) -> ArrayRef {
    Arc::new(values.into_iter().map(Some).collect::<Decimal128Array>().with_precision_and_scale(38, 18).unwrap())
}

pub(crate) const ONE: i128 = 1_000_000_000_000_000_000;

/// `count` rows of the daily summary from `day` on, each of which costs `cost`.
pub(crate) fn daily(day: i32, count: usize, cost: i128) -> RecordBatch {
    let suppliers = (0..count).map(|row| ["acme", "globex", "initech"][row % 3]);
    let suppliers: arrow::array::DictionaryArray<Int32Type> = suppliers.collect();
    let tags: StringArray =
        (0..count).map(|row| Some(format!(r#"{{"aisle":"{}","shop":"north"}}"#, row % 7))).collect();
    let articles = (0..count).map(|row| Some((0..row % 3).map(|n| Some(format!("a{n}"))).collect::<Vec<_>>()));
    let articles: Vec<_> = articles.collect();
    let mut lists = arrow::array::ListBuilder::new(arrow::array::StringBuilder::new());
    for list in articles {
        lists.append_option(list);
    }
    let lists: ListArray = lists.finish();
    RecordBatch::try_from_iter([
        ("day", Arc::new((0..count).map(|row| Some(day + (row % 31) as i32)).collect::<Date32Array>()) as ArrayRef),
        ("supplier", Arc::new(suppliers)),
        ("cost", decimals((0..count).map(|_| cost))),
        ("tags", Arc::new(tags)),
        ("articles", Arc::new(lists)),
        ("alias_id", arrow::array::new_null_array(&DataType::Int64, count)),
    ])
    .unwrap()
}

pub(crate) fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

pub(crate) fn integers(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

/// All rows of a unit that has `count` daily rows.
pub(crate) fn rows(load: &str, day: i32, count: usize, cost: i128) -> UnitRows {
    let by_supplier =
        RecordBatch::try_from_iter([("supplier", texts(&["acme"])), ("cost", decimals([cost * count as i128]))]);
    UnitRows {
        load_id: load.into(),
        plugin: "shop-bills".into(),
        plugin_version: "1.0.0".into(),
        tables: vec![
            ("shop_daily".into(), vec![daily(day, count, cost)]),
            ("shop_by_supplier".into(), vec![by_supplier.unwrap()]),
            ("shop_bill".into(), vec![RecordBatch::try_from_iter([("invoice", texts(&[load]))]).unwrap()]),
        ],
    }
}

/// Adds rows of a further table.
pub(crate) fn with(mut rows: UnitRows, table: &str, columns: &[(&str, ArrayRef)]) -> UnitRows {
    let batch = RecordBatch::try_from_iter(columns.iter().map(|(name, values)| (*name, Arc::clone(values)))).unwrap();
    rows.tables.push((table.into(), vec![batch]));
    rows
}

/// Publishes rows that are at hand.
pub(crate) async fn publish(database: &Database, unit: &Unit, rows: UnitRows) -> Published {
    let rows = || async { Ok::<_, std::convert::Infallible>(rows.clone()) };
    database.publish(&definition(), unit, rows).await.unwrap()
}
