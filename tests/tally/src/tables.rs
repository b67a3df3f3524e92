//! The tables of this plugin: their names, their places in the manifest, and their columns.
//!
//! The host adds columns of its own to each: where rows came from, which bill they belong to, ids of references.

use arrow_schema::{DataType, Field, Schema};
use costhost_sdk::declare::{LookupColumn, json_field};
use costhost_sdk::plan::{amount_type, instant_type, map_type};
use costhost_sdk::rollup::text_list;

/// Index of the lines among the manifest's tables.
pub const LINES: u32 = 0;
/// Index of the daily costs.
pub const DAILY: u32 = 1;
/// Index of the bills.
pub const BILLS: u32 = 2;
/// Index of the keys of labels.
pub const LABEL_KEYS: u32 = 3;
/// Index of the teams, a reference table.
pub const TEAMS: u32 = 4;

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn given(name: &str) -> Field {
    Field::new(name, DataType::Utf8, false)
}

fn amount(name: &str) -> Field {
    Field::new(name, amount_type(), true)
}

/// Columns of the lines: those of a file, typed.
#[must_use]
pub fn lines_schema() -> Schema {
    Schema::new(vec![
        Field::new("day", instant_type(), false),
        text("invoice"),
        text("team"),
        text("department"),
        text("project"),
        text("service"),
        amount("seats"),
        amount("cost"),
        text("currency"),
        Field::new("labels", map_type(), true),
    ])
}

/// Columns of the daily costs: what they are grouped by, the projects, sums, and the team's id, which only a database
/// knows.
#[must_use]
pub fn daily_schema() -> Schema {
    Schema::new(vec![
        Field::new("day", DataType::Date32, false),
        text("team"),
        text("service"),
        json_field("labels", false),
        text("currency"),
        Field::new("projects", text_list(), false),
        amount("seats"),
        amount("cost"),
        team_column().field(),
    ])
}

/// Columns of a bill.
#[must_use]
pub fn bill_schema() -> Schema {
    Schema::new(vec![
        Field::new("period_start", instant_type(), false),
        Field::new("period_end", instant_type(), false),
        Field::new("invoices", text_list(), false),
        Field::new("lines", DataType::Int64, false),
    ])
}

/// Columns of the keys of labels.
#[must_use]
pub fn label_keys_schema() -> Schema {
    Schema::new(vec![given("key")])
}

/// Columns of the teams.
#[must_use]
pub fn teams_schema() -> Schema {
    Schema::new(vec![given("team"), given("department")])
}

/// The column of daily costs and rollups that names a row of the teams.
#[must_use]
pub fn team_column() -> LookupColumn {
    LookupColumn {
        column: "team_id".to_owned(),
        reference: TEAMS,
        on: vec![("team".to_owned(), "team".to_owned())],
        valid: None,
    }
}
