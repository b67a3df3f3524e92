//! What this plugin is: its tables, its summary, and the question they answer.

use costhost_sdk::arrow_schema::{DataType, Field, Schema};
use costhost_sdk::contract::{Manifest, ReportDefinition, Table, TableRole, Unit};
use costhost_sdk::daily::{DAY, Daily, DailyRule};
use costhost_sdk::declare;
use costhost_sdk::plan::{amount_type, instant_type, map_type};

/// Index of the line items among the tables.
pub const LINES: u32 = 0;
/// Index of the daily costs.
pub const DAILY: u32 = 1;

/// The summary: line items added up by day, workspace, product, unit and labels.
#[derive(Debug)]
pub struct DailyCosts;

impl Daily for DailyCosts {
    const RULE: DailyRule = DailyRule {
        name: "lantern_jsonl_daily_costs",
        input: LINES,
        output: DAILY,
        time: "charged_at",
        group_by: &["workspace", "product", "unit", "currency"],
        labels: Some("labels"),
        costs: &["cost"],
        currency: "currency",
        quantities: &["usage"],
    };
}

/// Columns of the line items.
pub fn lines_schema() -> Schema {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    Schema::new(vec![
        Field::new("charged_at", instant_type(), false),
        text("charge"),
        text("workspace"),
        text("workspace_name"),
        text("product"),
        Field::new("usage", amount_type(), true),
        text("unit"),
        Field::new("cost", amount_type(), true),
        text("currency"),
        Field::new("labels", map_type(), true),
        // What Lantern adds to its bills tomorrow is kept here.
        Field::new("extra", map_type(), true),
    ])
}

/// The plugin's declarations.
pub fn manifest() -> Manifest {
    Manifest {
        id: "lantern-jsonl".to_owned(),
        provider: "lantern_jsonl".to_owned(),
        title: "Bills of Lantern".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        settings_schema: r#"{"type": "object"}"#.to_owned(),
        tables: vec![
            lines(),
            DailyCosts::RULE
                .table()
                .expect("a constant schema is encodable"),
        ],
        summaries: vec![DailyCosts::RULE.summary()],
        rollups: Vec::new(),
        lookups: Vec::new(),
        reports: vec![costs()],
        labels: Vec::new(),
    }
}

fn lines() -> Table {
    let table = declare::table("line_items", TableRole::LineItems, &lines_schema());
    Table {
        money: declare::money(&["cost"], "currency", "cost"),
        ..table.expect("a constant schema is encodable")
    }
}

/// `costhost report lantern_jsonl costs`.
fn costs() -> ReportDefinition {
    let mut measures = declare::costs(&[("cost", "cost", "Cost")], "currency");
    measures.push(declare::sum(
        "usage",
        "usage",
        "Usage",
        Unit::Column("unit".to_owned()),
    ));
    ReportDefinition {
        name: "costs".to_owned(),
        title: "Costs".to_owned(),
        table: DAILY,
        time: DAY.to_owned(),
        dimensions: declare::dimensions(&[
            ("workspace", "workspace", "Workspace"),
            ("product", "product", "Product"),
        ]),
        measures,
        where_: Vec::new(),
        tags: Some("labels".to_owned()),
    }
}
