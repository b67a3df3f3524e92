//! What this plugin is: its tables, its summary and what is made of it, its settings.

use crate::columns::line_items_schema;
use crate::reports;
use crate::rollups::rollups;
use crate::summary::columns::{DAILY_SUMMARY, FACT_INPUTS, INPUTS, MARKUPS, NET_INPUTS, SUMS, daily_summary_schema};
use crate::tables::{
    ALIAS_KEY, ALIASES, BILL, ORGANIZATIONAL_UNIT_KEY, ORGANIZATIONAL_UNITS, alias_column, aliases_schema, bill_schema,
    organizational_unit_column, organizational_units_schema,
};
use arrow_schema::Schema;
use costhost_sdk::contract::{Identity, IndexMethod, Manifest, Summary, Table, TableRole};
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
/// Index of the accounts' names.
pub const ACCOUNTS: u32 = 4;
/// Index of the organizational units.
pub const UNITS: u32 = 5;

/// Money columns of the line items, the first of which goes into receipts.
const LINE_ITEM_MONEY: [&str; 3] =
    ["line_item_unblended_cost", "line_item_blended_cost", "line_item_net_unblended_cost"];

/// The plugin's declarations.
#[must_use]
pub fn manifest() -> Manifest {
    let mut manifest = Manifest {
        id: "aws-cur".to_owned(),
        provider: "aws".to_owned(),
        title: "AWS Cost and Usage Reports".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        settings_schema: include_str!("settings-schema.json").to_owned(),
        tables: vec![line_items(), daily_summary(), bills(), tag_keys(), aliases(), organizational_units()],
        summaries: vec![daily()],
        rollups: Vec::new(),
        lookups: vec![alias_column(ACCOUNTS).of_table(DAILY), organizational_unit_column(UNITS).of_table(DAILY)],
        reports: reports::reports(DAILY),
        labels: Vec::new(),
    };
    add_rollups(&mut manifest);
    manifest
}

#[expect(clippy::expect_used, reason = "rollups are constants of this plugin, and a test makes them")]
fn add_rollups(manifest: &mut Manifest) {
    let rollups = rollups(&alias_column(ACCOUNTS), &organizational_unit_column(UNITS));
    rollup::declare(manifest, rollups, DAILY, &daily_summary_schema()).expect("a constant rollup fits its summary");
}

fn line_items() -> Table {
    Table {
        money: money(&LINE_ITEM_MONEY, "line_item_currency_code", "line_item_unblended_cost"),
        invoice: Some("bill_invoice_id".to_owned()),
        ..table("line_items", TableRole::LineItems, &line_items_schema())
    }
}

fn daily_summary() -> Table {
    let costs: Vec<&str> =
        SUMS.iter().chain(MARKUPS.iter().map(|(name, _)| name)).copied().filter(|name| name.contains("cost")).collect();
    let ordered = ["usage_start", "usage_account_id", "product_code"];
    let ordered = ordered.iter().map(|column| index(IndexMethod::Btree, &[column]));
    Table {
        money: money(&costs, "currency_code", "unblended_cost"),
        partition_by: Some("usage_start".to_owned()),
        indexes: ordered.chain([index(IndexMethod::Gin, &["tags"])]).collect(),
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

fn aliases() -> Table {
    Table { key: owned(&ALIAS_KEY), ..table(ALIASES, TableRole::Reference, &aliases_schema()) }
}

fn organizational_units() -> Table {
    let schema = organizational_units_schema();
    Table { key: owned(&ORGANIZATIONAL_UNIT_KEY), ..table(ORGANIZATIONAL_UNITS, TableRole::Reference, &schema) }
}

#[expect(clippy::expect_used, reason = "the schemas are constants of this plugin, and a test encodes them")]
fn table(name: &str, role: TableRole, schema: &Schema) -> Table {
    declare::table(name, role, schema).expect("a constant schema is encodable")
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
        outputs: vec![DAILY, BILLS, KEYS, ACCOUNTS],
        input: LINE_ITEMS,
        columns: INPUTS.iter().chain(&NET_INPUTS).chain(&FACT_INPUTS).map(|&name| name.to_owned()).collect(),
        identities: vec![identity],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::{DataType, SchemaRef};
    use costhost_sdk::contract::{Condition, RollupAggregate, Unit};
    use std::sync::Arc;

    fn schema(table: u32) -> SchemaRef {
        let schemas =
            [line_items_schema(), daily_summary_schema(), bill_schema(), tag_keys::schema(), aliases_schema()];
        let mut schemas = schemas.to_vec();
        schemas.push(organizational_units_schema());
        for rollup in rollups(&alias_column(ACCOUNTS), &organizational_unit_column(UNITS)) {
            schemas.push(Arc::new(rollup.schema(&daily_summary_schema()).unwrap()));
        }
        Arc::clone(&schemas[table as usize])
    }

    fn names(table: u32) -> Vec<String> {
        schema(table).fields().iter().map(|field| field.name().clone()).collect()
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
            assert_eq!(table.schema, costhost_sdk::ipc::encode_schema(&schema).unwrap(), "{}", table.name);
            let has_money = schema.field_with_name("currency_code").is_ok() || table.role == TableRole::LineItems;
            assert_eq!(table.money.iter().filter(|money| money.total).count(), usize::from(has_money));
            let indexed = table.indexes.iter().flat_map(|index| &index.columns);
            for column in table.key.iter().chain(&table.partition_by).chain(&table.invoice).chain(indexed) {
                assert!(schema.field_with_name(column).is_ok(), "{}: {column}", table.name);
            }
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
    fn tables_have_the_places_that_they_are_named_by() {
        let manifest = manifest();
        let place = |name: &str| manifest.tables.iter().position(|table| table.name == name).map(|place| place as u32);
        let places = [(DAILY_SUMMARY, DAILY), (BILL, BILLS), (tag_keys::TABLE, KEYS), (ALIASES, ACCOUNTS)];
        for (name, expected) in places.into_iter().chain([(ORGANIZATIONAL_UNITS, UNITS)]) {
            assert_eq!(place(name), Some(expected), "{name}");
        }
        assert_eq!(place("reporting_aws_cost_summary_p"), Some(6));
        for rollup in &manifest.rollups {
            assert_eq!(manifest.tables[rollup.output as usize].role, TableRole::Rollup);
            assert_eq!(rollup.input, DAILY);
        }
    }

    /// Table, what it groups by beside day and currency, and the name of the report of the same rows.
    const ROLLUPS: [(&str, &[&str], &str); 10] = [
        ("reporting_aws_cost_summary_p", &[], "costs"),
        ("reporting_aws_cost_summary_by_account_p", &["usage_account_id"], "costs"),
        ("reporting_aws_cost_summary_by_region_p", &["usage_account_id", "region", "availability_zone"], "costs"),
        ("reporting_aws_cost_summary_by_service_p", &["usage_account_id", "product_code", "product_family"], "costs"),
        ("reporting_aws_compute_summary_p", &["instance_type"], "instance-types"),
        ("reporting_aws_compute_summary_by_account_p", &["usage_account_id", "instance_type"], "instance-types"),
        ("reporting_aws_storage_summary_p", &["product_family"], "storage"),
        ("reporting_aws_storage_summary_by_account_p", &["usage_account_id", "product_family"], "storage"),
        ("reporting_aws_network_summary_p", &["usage_account_id", "product_code"], "network"),
        ("reporting_aws_database_summary_p", &["usage_account_id", "product_code"], "database"),
    ];

    #[test]
    fn rollups_are_those_of_the_specification() {
        let manifest = manifest();
        let costs = [
            "unblended_cost",
            "blended_cost",
            "savingsplan_effective_cost",
            "calculated_amortized_cost",
            "amortized_cost",
            "markup_cost",
            "markup_cost_blended",
            "markup_cost_savingsplan",
            "markup_cost_amortized",
        ];
        assert_eq!(manifest.rollups.len(), ROLLUPS.len() + 2);
        for (rollup, (name, by, report)) in manifest.rollups.iter().zip(ROLLUPS) {
            assert_eq!(manifest.tables[rollup.output as usize].name, name);
            let report = manifest.reports.iter().find(|other| other.name == report).unwrap();
            assert_eq!(rollup.where_, report.where_, "{name}");
            let mut expected: Vec<&str> = vec!["usage_start", "usage_end", "currency_code"];
            expected.extend(by);
            assert_eq!(rollup.group_by, expected, "{name}");
            expected.extend(costs);
            if report.name != "costs" {
                expected.extend(["usage_amount", "unit"]);
            }
            if name.contains("compute") {
                expected.extend(["resource_ids", "resource_count"]);
            }
            if by.contains(&"usage_account_id") {
                expected.extend(["account_alias_id", "organizational_unit_id"]);
            }
            assert_eq!(names(rollup.output), expected, "{name}");
            for column in &rollup.columns {
                let aggregate = match column.name.as_str() {
                    "unit" => RollupAggregate::Max,
                    "resource_ids" => RollupAggregate::Members,
                    "resource_count" => RollupAggregate::CountMembers,
                    _ => RollupAggregate::Sum,
                };
                assert_eq!(column.aggregate, aggregate, "{name}: {}", column.name);
            }
        }
        for (rollup, (name, of)) in manifest.rollups[ROLLUPS.len()..]
            .iter()
            .zip([("reporting_awstags_summary", "tags"), ("reporting_awscategory_summary", "cost_category")])
        {
            assert_eq!(manifest.tables[rollup.output as usize].name, name);
            assert_eq!(rollup.explode.as_deref(), Some(of));
            assert_eq!(names(rollup.output), ["key", "usage_account_id", "values", "account_alias_id"]);
        }
    }

    /// An account's name is looked up before its organizational unit, which is found by the name's id.
    #[test]
    fn every_table_with_accounts_looks_them_up() {
        let manifest = manifest();
        for table in [DAILY].into_iter().chain(manifest.rollups.iter().map(|rollup| rollup.output)) {
            let own: Vec<_> = manifest.lookups.iter().filter(|lookup| lookup.table == table).collect();
            let columns: Vec<&str> = own.iter().map(|lookup| lookup.column.as_str()).collect();
            let has = |column: &str| names(table).iter().any(|name| name == column);
            let expected: &[&str] = match (has("usage_account_id"), has("usage_start")) {
                (true, true) => &["account_alias_id", "organizational_unit_id"],
                (true, false) => &["account_alias_id"],
                (false, _) => &[],
            };
            assert_eq!(columns, expected);
            for lookup in own {
                let field = schema(table).field_with_name(&lookup.column).unwrap().clone();
                assert_eq!((field.data_type(), field.is_nullable()), (&DataType::Int64, true));
                for (ours, theirs) in &lookup.on {
                    let kind =
                        |table: u32, column: &str| schema(table).field_with_name(column).unwrap().data_type().clone();
                    assert_eq!(kind(table, ours), kind(lookup.reference, theirs));
                }
            }
        }
    }

    #[test]
    fn the_settings_schema_is_json() {
        let schema: serde_json::Value = serde_json::from_str(&manifest().settings_schema).unwrap();
        assert_eq!(schema["additionalProperties"], false);
    }
}
