//! The tables beside line items and the daily summary: the bill, tag keys, and the reference tables.
//!
//! Table and column names are those that readers of Koku's database know. The host adds ids and where rows came from.

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use costhost_sdk::contract::Validity;
use costhost_sdk::declare::LookupColumn;
use costhost_sdk::plan::instant_type;
use costhost_sdk::rollup::text_list;
use std::sync::{Arc, LazyLock};

/// Name of the table of bills.
pub(crate) const BILL: &str = "reporting_awscostentrybill";
/// Name of the table of accounts' names.
pub(crate) const ALIASES: &str = "reporting_awsaccountalias";
/// Name of the table of organizational units.
pub(crate) const ORGANIZATIONAL_UNITS: &str = "reporting_awsorganizationalunit";

/// What tells accounts' names apart.
pub(crate) const ALIAS_KEY: [&str; 1] = ["account_id"];
/// What tells organizational units apart. A unit has a row for each of its accounts, and one without an account if it has
/// none; moved or renamed, it gets new rows from that day on.
pub(crate) const ORGANIZATIONAL_UNIT_KEY: [&str; 3] = ["org_unit_id", "account_alias_id", "created_timestamp"];

/// The value of `provider_type` in every tag key of this plugin.
pub(crate) const PROVIDER_TYPE: &str = "AWS";

static BILL_SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        text("bill_type"),
        text("payer_account_id"),
        Field::new("billing_period_start", instant_type(), false),
        Field::new("billing_period_end", instant_type(), false),
        Field::new("invoice_ids", text_list(), false),
    ]))
});

static ALIASES_SCHEMA: LazyLock<SchemaRef> =
    LazyLock::new(|| Arc::new(Schema::new(vec![known_text("account_id"), known_text("account_alias")])));

static ORGANIZATIONAL_UNITS_SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        text("org_unit_name"),
        known_text("org_unit_id"),
        text("org_unit_path"),
        Field::new("level", DataType::Int64, true),
        Field::new("account_alias_id", DataType::Int64, true),
        Field::new("created_timestamp", DataType::Date32, false),
        Field::new("deleted_timestamp", DataType::Date32, true),
    ]))
});

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn known_text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, false)
}

/// The logical schema of the bill, without the columns that the host adds.
#[must_use]
pub fn bill_schema() -> SchemaRef {
    Arc::clone(&BILL_SCHEMA)
}

/// The logical schema of accounts' names, without the columns that the host adds.
#[must_use]
pub fn aliases_schema() -> SchemaRef {
    Arc::clone(&ALIASES_SCHEMA)
}

/// The logical schema of organizational units, without the columns that the host adds.
#[must_use]
pub fn organizational_units_schema() -> SchemaRef {
    Arc::clone(&ORGANIZATIONAL_UNITS_SCHEMA)
}

/// The column with the account's name, of tables that have `usage_account_id`; `aliases` is the index of their table.
pub(crate) fn alias_column(aliases: u32) -> LookupColumn {
    LookupColumn {
        column: "account_alias_id".to_owned(),
        reference: aliases,
        on: vec![("usage_account_id".to_owned(), "account_id".to_owned())],
        valid: None,
    }
}

/// The column with the unit that the account belonged to on that day, of tables that have [`alias_column`] and a day;
/// `units` is the index of their table.
pub(crate) fn organizational_unit_column(units: u32) -> LookupColumn {
    LookupColumn {
        column: "organizational_unit_id".to_owned(),
        reference: units,
        on: vec![("account_alias_id".to_owned(), "account_alias_id".to_owned())],
        valid: Some(Validity {
            at: "usage_start".to_owned(),
            from: "created_timestamp".to_owned(),
            until: "deleted_timestamp".to_owned(),
        }),
    }
}
