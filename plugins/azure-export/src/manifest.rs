//! What this plugin is: its tables, its summary and what is made of it, its settings.

use crate::columns::line_items_schema;
use crate::reports;
use crate::rollups::rollups;
use crate::summary::columns::{DAILY_SUMMARY, INPUTS, MARKUP, daily_summary_schema};
use crate::tables::{BILL, bill_schema};
use arrow_schema::Schema;
use costhost_sdk::contract::{IndexMethod, Manifest, Money, Summary, Table, TableRole};
use costhost_sdk::declare::{self, index, money, owned};
use costhost_sdk::rollup;
use costhost_sdk::tag_keys;

/// Index of the line items among the manifest's tables.
pub const LINE_ITEMS: u32 = 0;
/// Index of the daily summary.
pub const DAILY: u32 = 1;
/// Index of the bill.
pub const BILLS: u32 = 2;
/// Index of the tag keys.
pub const KEYS: u32 = 3;

/// The plugin's declarations.
#[must_use]
pub fn manifest() -> Manifest {
    let mut manifest = Manifest {
        id: "azure-export".to_owned(),
        provider: "azure".to_owned(),
        title: "Azure cost exports".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        settings_schema: include_str!("settings-schema.json").to_owned(),
        tables: vec![line_items(), daily_summary(), bills(), tag_keys()],
        summaries: vec![daily()],
        rollups: Vec::new(),
        lookups: Vec::new(),
        reports: reports::reports(DAILY),
        labels: Vec::new(),
    };
    add_rollups(&mut manifest);
    manifest
}

#[expect(clippy::expect_used, reason = "rollups are constants of this plugin, and a test makes them")]
fn add_rollups(manifest: &mut Manifest) {
    let rollups = rollups();
    rollup::declare(manifest, rollups, DAILY, &daily_summary_schema()).expect("a constant rollup fits its summary");
}

fn line_items() -> Table {
    let billed = ["cost_in_billing_currency", "payg_cost_in_billing_currency"];
    let priced =
        Money { column: "cost_in_pricing_currency".to_owned(), currency: "pricing_currency".to_owned(), total: false };
    let money = money(&billed, "billing_currency", "cost_in_billing_currency");
    Table {
        money: money.into_iter().chain([priced]).collect(),
        invoice: Some("invoice_id".to_owned()),
        ..table("line_items", TableRole::LineItems, &line_items_schema())
    }
}

fn daily_summary() -> Table {
    let ordered = ["usage_start", "resource_location", "subscription_guid", "instance_type", "subscription_name"];
    let ordered = ordered.iter().map(|column| index(IndexMethod::Btree, &[column]));
    let searched = [index(IndexMethod::Gin, &["tags"]), index(IndexMethod::TrigramUpper, &["service_name"])];
    Table {
        money: money(&["pretax_cost", MARKUP], "currency", "pretax_cost"),
        partition_by: Some("usage_start".to_owned()),
        indexes: ordered.chain(searched).collect(),
        ..table(DAILY_SUMMARY, TableRole::Summary, &daily_summary_schema())
    }
}

fn bills() -> Table {
    table(BILL, TableRole::Bill, &bill_schema())
}

#[expect(clippy::expect_used, reason = "the schema is a constant, and a test encodes it")]
fn tag_keys() -> Table {
    tag_keys::table().expect("a constant schema is encodable")
}

#[expect(clippy::expect_used, reason = "the schemas are constants of this plugin, and a test encodes them")]
fn table(name: &str, role: TableRole, schema: &Schema) -> Table {
    declare::table(name, role, schema).expect("a constant schema is encodable")
}

fn daily() -> Summary {
    Summary {
        name: DAILY_SUMMARY.to_owned(),
        outputs: vec![DAILY, BILLS, KEYS],
        input: LINE_ITEMS,
        columns: owned(&INPUTS),
        identities: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::{DataType, SchemaRef};
    use costhost_sdk::contract::{Condition, RollupAggregate, Unit};
    use costhost_sdk::rollup::RollupTable;
    use std::sync::Arc;

    fn schema(table: u32) -> SchemaRef {
        let schemas = [line_items_schema(), daily_summary_schema(), bill_schema(), tag_keys::schema()];
        let of_rollup = |rollup: RollupTable| Arc::new(rollup.schema(&daily_summary_schema()).unwrap());
        let all: Vec<SchemaRef> = schemas.into_iter().chain(rollups().into_iter().map(of_rollup)).collect();
        Arc::clone(&all[table as usize])
    }

    #[test]
    fn every_column_that_is_named_exists_with_a_fitting_type() {
        let manifest = manifest();
        for (index, table) in (0_u32..).zip(&manifest.tables) {
            let schema = schema(index);
            assert_eq!(table.schema, costhost_sdk::ipc::encode_schema(&schema).unwrap(), "{}", table.name);
            let indexed = table.indexes.iter().flat_map(|index| &index.columns);
            for column in table.key.iter().chain(&table.partition_by).chain(&table.invoice).chain(indexed) {
                assert!(schema.field_with_name(column).is_ok(), "{}: {column}", table.name);
            }
            let has_money = !table.money.is_empty();
            assert_eq!(table.money.iter().filter(|money| money.total).count(), usize::from(has_money));
            for money in &table.money {
                let kind = schema.field_with_name(&money.column).unwrap().data_type();
                assert_eq!(kind, &DataType::Decimal128(38, 18), "{}", money.column);
                assert_eq!(schema.field_with_name(&money.currency).unwrap().data_type(), &DataType::Utf8);
            }
            // With a partition's name behind it a table's name is still an identifier.
            assert!(table.name.len() <= if table.partition_by.is_some() { 55 } else { 63 }, "{}", table.name);
        }
        let input = schema(LINE_ITEMS);
        assert!(manifest.summaries[0].columns.iter().all(|column| input.field_with_name(column).is_ok()));
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
        }
    }

    #[test]
    fn tables_have_the_places_that_they_are_named_by() {
        let manifest = manifest();
        let place = |name: &str| manifest.tables.iter().position(|table| table.name == name).map(|place| place as u32);
        for (name, expected) in [(DAILY_SUMMARY, DAILY), (BILL, BILLS), (tag_keys::TABLE, KEYS)] {
            assert_eq!(place(name), Some(expected), "{name}");
        }
        assert_eq!(place("reporting_azure_cost_summary_p"), Some(4));
    }

    /// Table, what it groups by beside day, currency and metric, and the name of the report of the same rows.
    const ROLLUPS: [(&str, &[&str], &str); 8] = [
        ("reporting_azure_cost_summary_p", &[], "costs"),
        ("reporting_azure_cost_summary_by_account_p", &["subscription_guid", "subscription_name"], "costs"),
        (
            "reporting_azure_cost_summary_by_location_p",
            &["subscription_guid", "subscription_name", "resource_location"],
            "costs",
        ),
        (
            "reporting_azure_cost_summary_by_service_p",
            &["subscription_guid", "subscription_name", "service_name"],
            "costs",
        ),
        (
            "reporting_azure_compute_summary_p",
            &["subscription_guid", "subscription_name", "instance_type"],
            "instance-types",
        ),
        ("reporting_azure_storage_summary_p", &["subscription_guid", "subscription_name", "service_name"], "storage"),
        ("reporting_azure_network_summary_p", &["subscription_guid", "subscription_name", "service_name"], "network"),
        ("reporting_azure_database_summary_p", &["subscription_guid", "subscription_name", "service_name"], "database"),
    ];

    #[test]
    fn rollups_are_those_of_the_specification() {
        let manifest = manifest();
        assert_eq!(manifest.rollups.len(), ROLLUPS.len() + 1);
        for (rollup, (name, by, report)) in manifest.rollups.iter().zip(ROLLUPS) {
            assert_eq!(manifest.tables[rollup.output as usize].name, name);
            let report = manifest.reports.iter().find(|other| other.name == report).unwrap();
            // A report is of one metric; a rollup keeps them apart.
            assert_eq!(rollup.where_, report.where_[1..], "{name}");
            let mut group: Vec<&str> = vec!["usage_start", "usage_end", "currency", "metric"];
            group.extend(by);
            assert_eq!(rollup.group_by, group, "{name}");
            let sums = rollup.columns.iter().filter(|column| column.aggregate == RollupAggregate::Sum);
            let sums: Vec<&str> = sums.map(|column| column.name.as_str()).collect();
            let usage: &[&str] = if report.name == "costs" { &[] } else { &["usage_quantity"] };
            assert_eq!(sums, [&["pretax_cost", "markup_cost"], usage].concat(), "{name}");
        }
        let tags = manifest.rollups.last().unwrap();
        assert_eq!(
            (tags.explode.as_deref(), tags.group_by.join(",").as_str()),
            (Some("tags"), "key,subscription_guid")
        );
    }
}
