//! How fast a summary is published, against `psql \copy` of the same rows into the same table:
//! `cargo run --release --example publish_speed [ROWS]`.
#![expect(clippy::expect_used, clippy::print_stdout, reason = "a benchmark: failures end it, and it prints figures")]

use std::convert::Infallible;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
};
use costhost::plugin::manifest::{Index, IndexMethod, TableRole};
use costhost::postgres::definition::{ColumnKind, DatabaseColumn, DatabaseDefinition, DatabaseTable};
use costhost::postgres::{Database, Unit, UnitRows};
use costhost_tests::postgres::Cluster;

/// How often each way is timed; the best counts.
const TIMES: usize = 3;
/// Rows of one batch, as the lake's files are read.
const BATCH: usize = 8192;
/// 2025-01-01.
const JANUARY: i32 = 20_089;

const TEXTS: &[(&str, usize)] = &[
    ("usage_account_id", 200),
    ("product_code", 40),
    ("product_family", 25),
    ("availability_zone", 12),
    ("region", 8),
    ("instance_type", 60),
    ("unit", 6),
    ("currency_code", 1),
    ("operation", 90),
    ("usage_type", 400),
    ("purchase_option", 4),
    ("invoice_id", 30),
    ("billing_entity", 2),
    ("legal_entity", 3),
    ("line_item_type", 9),
];
const AMOUNTS: &[&str] = &[
    "usage_amount",
    "normalization_factor",
    "unblended_rate",
    "blended_rate",
    "public_on_demand_rate",
    "normalized_usage_amount",
    "unblended_cost",
    "blended_cost",
    "savingsplan_effective_cost",
    "public_on_demand_cost",
    "calculated_amortized_cost",
    "amortized_cost",
    "trueup_cost",
    "upfront_cost",
    "net_unblended_cost",
    "net_amortized_cost",
    "markup_cost",
    "markup_cost_blended",
    "markup_cost_savingsplan",
    "markup_cost_amortized",
];

#[tokio::main]
async fn main() {
    let rows = std::env::args().nth(1).map_or(500_000, |rows| rows.parse().expect("a number of rows"));
    let cluster = Cluster::start();
    let name = cluster.database();
    let database = Database::connect(&cluster.url(&name), "default").await.expect("the server answers");
    let definition = definition();
    database.migrate(&definition).await.expect("tables are made");
    let batches: Vec<RecordBatch> =
        (0..rows).step_by(BATCH).map(|start| batch(start, BATCH.min(rows - start))).collect();
    let table = definition.tables.first().expect("one table");
    println!("{rows} rows of {} columns", table.columns.len());

    let (file, ways) = (tempfile::NamedTempFile::new().expect("a temporary file"), ["with indexes", "without indexes"]);
    let path = file.path().display();
    let mut times = Vec::new();
    for way in ways {
        let published = best(&cluster, &name, || publish(&database, &definition, &batches)).await;
        print(&format!("publish, {way}"), rows, published);
        meta(&cluster, &name, &format!("\\copy (SELECT * FROM daily_summary) TO '{path}' CSV"));
        let copy = || async { meta(&cluster, &name, &format!("\\copy daily_summary FROM '{path}' CSV")) };
        let copied = best(&cluster, &name, copy).await;
        print(&format!("psql \\copy of CSV, {way}"), rows, copied);
        times.push((published, copied));
        let drop =
            "SELECT 'DROP INDEX ' || indexrelid::regclass FROM pg_index WHERE indrelid = 'daily_summary'::regclass";
        for statement in cluster.sql(&name, drop).lines() {
            cluster.sql(&name, statement);
        }
    }
    let [(indexed, copied_indexed), (bare, copied)] = times.as_slice() else { return };
    let share = |time: &Duration, copied: &Duration| 100.0 * copied.as_secs_f64() / time.as_secs_f64();
    println!("without indexes publish reaches {:.0} % of psql \\copy", share(bare, copied));
    println!("with indexes it reaches {:.0} % of psql \\copy with them", share(indexed, copied_indexed));
    println!("with indexes it reaches {:.0} % of psql \\copy without", share(indexed, copied));
}

/// The best time of some runs, each on an empty table.
async fn best<R: Future<Output = ()>>(cluster: &Cluster, name: &str, run: impl Fn() -> R) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..TIMES {
        cluster.sql(name, "TRUNCATE daily_summary; TRUNCATE costhost_publications");
        cluster.sql(name, "CHECKPOINT");
        let start = Instant::now();
        run().await;
        best = best.min(start.elapsed());
    }
    best
}

async fn publish(database: &Database, definition: &DatabaseDefinition, batches: &[RecordBatch]) {
    let unit = Unit {
        provider: "cloud".into(),
        source: "north".into(),
        source_uuid: uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, b"north"),
        period_start: i64::from(JANUARY) * 86_400,
        bill_id: 1,
    };
    let read = || async {
        Ok::<_, Infallible>(UnitRows {
            load_id: "l".into(),
            plugin: "cloud-bills".into(),
            plugin_version: "1.0.0".into(),
            tables: vec![("daily_summary".into(), batches.to_vec())],
        })
    };
    database.publish(definition, &unit, read).await.expect("rows are published");
}

/// A command of `psql` itself.
fn meta(cluster: &Cluster, name: &str, command: &str) {
    let mut psql: Command = cluster.psql(name);
    let status = psql.args(["-c", command]).status().expect("psql can be run");
    assert!(status.success(), "psql failed");
}

fn print(what: &str, rows: usize, time: Duration) {
    println!("{what:36} {:6.2} s {:9.0} rows/s", time.as_secs_f64(), rows as f64 / time.as_secs_f64());
}

fn definition() -> DatabaseDefinition {
    let column = |name: &str, kind| DatabaseColumn { name: name.into(), kind };
    let index = |method, name: &str| Index { columns: vec![name.into()], method };
    let mut columns = vec![column("usage_start", ColumnKind::Date), column("usage_end", ColumnKind::Date)];
    columns.extend(TEXTS.iter().map(|(name, _)| column(name, ColumnKind::Text)));
    columns.extend(AMOUNTS.iter().map(|name| column(name, ColumnKind::Decimal)));
    columns.extend([
        column("tags", ColumnKind::Json),
        column("cost_category", ColumnKind::Json),
        column("resource_ids", ColumnKind::TextList),
        column("resource_count", ColumnKind::Int64),
        column("account_alias_id", ColumnKind::Int64),
        column("organizational_unit_id", ColumnKind::Int64),
        column("source_uuid", ColumnKind::Uuid),
        column("cost_entry_bill_id", ColumnKind::Int64),
    ]);
    let btrees = ["usage_start", "usage_account_id", "product_code"];
    let mut indexes: Vec<Index> = btrees.iter().map(|name| index(IndexMethod::Btree, name)).collect();
    indexes.push(index(IndexMethod::Gin, "tags"));
    let table = DatabaseTable {
        name: "daily_summary".into(),
        role: TableRole::Summary,
        columns,
        key: vec![],
        partition_by: Some("usage_start".into()),
        indexes,
        total: None,
    };
    DatabaseDefinition {
        provider: "cloud".into(),
        plugin: "cloud-bills".into(),
        version: "1.0.0".into(),
        tables: vec![table],
        lookups: vec![],
        rows: vec![],
    }
}

fn batch(start: usize, count: usize) -> RecordBatch {
    // Scattered, yet the same in every run.
    let mixed = |row: usize, salt: usize| (row * 2_654_435_761 + salt * 40_503) % 1_000_003;
    let rows = || start..start + count;
    let days: ArrayRef =
        Arc::new(Date32Array::from_iter_values(rows().map(|row| JANUARY + (mixed(row, 0) % 31) as i32)));
    let mut columns: Vec<(&str, ArrayRef)> = vec![("usage_start", Arc::clone(&days)), ("usage_end", days)];
    for (salt, (name, distinct)) in TEXTS.iter().enumerate() {
        let texts = StringArray::from_iter_values(rows().map(|row| format!("{name}-{}", mixed(row, salt) % distinct)));
        columns.push((name, Arc::new(texts)));
    }
    for (salt, name) in AMOUNTS.iter().enumerate() {
        // Ten decimals, as bills have them; a third of the amounts is zero.
        let amount = |row: usize| {
            let amount = mixed(row, salt) as i128;
            if amount % 3 == 0 { 0 } else { amount * 123_457 * 100_000_000 }
        };
        let amounts = Decimal128Array::from_iter_values(rows().map(amount));
        columns.push((name, Arc::new(amounts.with_precision_and_scale(38, 18).expect("it fits"))));
    }
    let tags = |row| {
        format!(r#"{{"app":"app-{}","env":"{}","team":"team-{}"}}"#, mixed(row, 1) % 300, row % 4, mixed(row, 2) % 50)
    };
    let mut resources = ListBuilder::new(StringBuilder::new());
    for row in rows() {
        resources.append_value(
            (0..1 + row % 3).map(|n| Some(format!("arn:aws:ec2:eu-west-1:123456789012:instance/i-{row:012x}{n}"))),
        );
    }
    columns.push(("tags", Arc::new(StringArray::from_iter_values(rows().map(tags)))));
    columns.push((
        "cost_category",
        Arc::new(StringArray::from_iter_values(rows().map(|row| format!(r#"{{"unit":"{}"}}"#, row % 20)))),
    ));
    columns.push(("resource_ids", Arc::new(resources.finish())));
    columns.push(("resource_count", Arc::new(Int64Array::from_iter_values(rows().map(|row| 1 + (row % 3) as i64)))));
    RecordBatch::try_from_iter(columns).expect("columns are equally long")
}
