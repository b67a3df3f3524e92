//! What this plugin is: its tables, its summary, its settings.

use crate::columns::line_items_schema;
use crate::reports;
use crate::summary::columns::{DAILY_SUMMARY, INPUTS, MARKUPS, NET_INPUTS, SUMS, daily_summary_schema};
use costhost_sdk::contract::{Identity, Manifest, Money, Summary, Table, TableRole};
use costhost_sdk::ipc;

/// Index of the line items among the manifest's tables.
pub const LINE_ITEMS: u32 = 0;

/// Index of the daily summary among the manifest's tables.
pub const DAILY: u32 = 1;

/// Money columns of the line items, the first of which goes into receipts.
const LINE_ITEM_MONEY: [&str; 3] =
    ["line_item_unblended_cost", "line_item_blended_cost", "line_item_net_unblended_cost"];

/// The plugin's declarations.
#[must_use]
pub fn manifest() -> Manifest {
    Manifest {
        id: "aws-cur".to_owned(),
        provider: "aws".to_owned(),
        title: "AWS Cost and Usage Reports".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        settings_schema: include_str!("settings-schema.json").to_owned(),
        tables: vec![line_items(), daily_summary()],
        summaries: vec![daily()],
        rollups: Vec::new(),
        lookups: Vec::new(),
        reports: reports::reports(DAILY),
        labels: Vec::new(),
    }
}

fn line_items() -> Table {
    Table {
        name: "line_items".to_owned(),
        role: TableRole::LineItems,
        schema: encoded(&line_items_schema()),
        money: money(&LINE_ITEM_MONEY, "line_item_currency_code", "line_item_unblended_cost"),
        invoice: Some("bill_invoice_id".to_owned()),
        key: Vec::new(),
        partition_by: None,
        indexes: Vec::new(),
    }
}

fn daily_summary() -> Table {
    let costs: Vec<&str> =
        SUMS.iter().chain(MARKUPS.iter().map(|(name, _)| name)).copied().filter(|name| name.contains("cost")).collect();
    Table {
        name: DAILY_SUMMARY.to_owned(),
        role: TableRole::Summary,
        schema: encoded(&daily_summary_schema()),
        money: money(&costs, "currency_code", "unblended_cost"),
        invoice: None,
        key: Vec::new(),
        partition_by: Some("usage_start".to_owned()),
        indexes: Vec::new(),
    }
}

fn daily() -> Summary {
    let identity = Identity {
        name: "unblended = amortized + true-up + upfront".to_owned(),
        total: "unblended_cost".to_owned(),
        parts: ["amortized_cost", "trueup_cost", "upfront_cost"].map(str::to_owned).to_vec(),
        // AWS rounds each amortized line by itself; real months are off by about 0.000005.
        tolerance: "0.01".to_owned(),
        currency: "currency_code".to_owned(),
    };
    Summary {
        name: DAILY_SUMMARY.to_owned(),
        outputs: vec![DAILY],
        input: LINE_ITEMS,
        columns: INPUTS.iter().chain(&NET_INPUTS).map(|&name| name.to_owned()).collect(),
        identities: vec![identity],
    }
}

fn money(columns: &[&str], currency: &str, total: &str) -> Vec<Money> {
    let money =
        |&column: &&str| Money { column: column.to_owned(), currency: currency.to_owned(), total: column == total };
    columns.iter().map(money).collect()
}

#[expect(clippy::expect_used, reason = "the schemas are constants of this plugin, and a test encodes them")]
fn encoded(schema: &arrow_schema::Schema) -> Vec<u8> {
    ipc::encode_schema(schema).expect("a constant schema is encodable")
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::{DataType, SchemaRef};
    use costhost_sdk::contract::{Condition, Unit};

    fn schema(table: u32) -> SchemaRef {
        if table == LINE_ITEMS { line_items_schema() } else { daily_summary_schema() }
    }

    /// What the host accepts.
    fn is_identifier(name: &str) -> bool {
        let letters = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
        name.len() <= 63 && name.bytes().all(letters) && name.starts_with(|c: char| c.is_ascii_lowercase())
    }

    #[test]
    fn every_name_is_an_identifier_and_every_column_exists_with_a_fitting_type() {
        let manifest = manifest();
        for (index, table) in (0_u32..).zip(&manifest.tables) {
            let schema = schema(index);
            assert!(is_identifier(&table.name) && schema.fields().iter().all(|field| is_identifier(field.name())));
            assert_eq!(table.money.iter().filter(|money| money.total).count(), 1);
            for money in &table.money {
                let kind = schema.field_with_name(&money.column).unwrap().data_type();
                assert_eq!(kind, &DataType::Decimal128(38, 18), "{}", money.column);
                assert_eq!(schema.field_with_name(&money.currency).unwrap().data_type(), &DataType::Utf8);
            }
        }
        for summary in &manifest.summaries {
            let (input, output) = (schema(summary.input), schema(summary.outputs[0]));
            assert!(summary.columns.iter().all(|column| input.field_with_name(column).is_ok()));
            let identity = &summary.identities[0];
            let columns = identity.parts.iter().chain([&identity.total, &identity.currency]);
            assert!(columns.into_iter().all(|column| output.field_with_name(column).is_ok()));
        }
        for report in &manifest.reports {
            let schema = schema(report.table);
            let has = |column: &str| assert!(schema.field_with_name(column).is_ok(), "{column}");
            report.dimensions.iter().for_each(|dimension| has(&dimension.column));
            for measure in &report.measures {
                has(&measure.column);
                if let Unit::Column(column) | Unit::Currency(column) = &measure.unit {
                    has(column);
                }
            }
            for condition in report.where_.iter().flatten() {
                match condition {
                    Condition::NotNull(column)
                    | Condition::OneOf((column, _))
                    | Condition::Contains((column, _))
                    | Condition::ContainsInAnyCase((column, _)) => has(column),
                }
            }
            assert_eq!(report.measures[0].name, "cost");
        }
    }

    #[test]
    fn the_settings_schema_is_json() {
        let schema: serde_json::Value = serde_json::from_str(&manifest().settings_schema).unwrap();
        assert_eq!(schema["additionalProperties"], false);
    }
}
