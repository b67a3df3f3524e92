//! The columns a daily summary reads and writes.

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use costhost_sdk::declare::json_field;
use costhost_sdk::plan::amount_type;
use costhost_sdk::rollup::text_list;
use costhost_sdk::summary::layout::Layout;
use std::sync::{Arc, LazyLock};

/// Name of the summary and of its table; readers of Koku's database know it.
pub const DAILY_SUMMARY: &str = "reporting_azurecostentrylineitem_daily_summary";

/// Text columns that rows of the summary are told apart by.
pub(crate) const KEY_TEXTS: [&str; 8] = [
    "subscription_guid",
    "subscription_name",
    "resource_location",
    "service_name",
    "instance_type",
    "tags",
    "currency",
    "metric",
];

/// The column with the largest unit of a row's line items.
pub(crate) const UNIT: &str = "unit_of_measure";

/// Texts of groups while they are made: the unit last, so that the groups of one row stand beside each other, the largest
/// unit last.
const GROUP_TEXTS: [&str; KEY_TEXTS.len() + 1] = {
    let [subscription, name, location, service, instance, tags, currency, metric] = KEY_TEXTS;
    [subscription, name, location, service, instance, tags, currency, metric, UNIT]
};

/// Columns that are sums, in the order of [`sum`].
pub(crate) const SUMS: [&str; 2] = ["pretax_cost", "usage_quantity"];

/// Indexes into [`SUMS`].
pub(crate) mod sum {
    pub(crate) const PRETAX_COST: usize = 0;
    pub(crate) const USAGE_QUANTITY: usize = 1;
}

/// Markup on the cost.
pub(crate) const MARKUP: &str = "markup_cost";

/// What groups are.
pub(crate) static LAYOUT: Layout<{ GROUP_TEXTS.len() }, { SUMS.len() }, 0> =
    Layout { texts: GROUP_TEXTS, sums: SUMS, maxima: [] };
/// A finished group.
pub(crate) type Group<'a> = costhost_sdk::summary::groups::Group<'a, { GROUP_TEXTS.len() }, { SUMS.len() }, 0>;
/// What rows are folded into.
pub(crate) type Fold = costhost_sdk::summary::fold::Fold<{ GROUP_TEXTS.len() }, { SUMS.len() }, 0>;
/// What rows have in common to be summed.
pub(crate) type GroupKey = costhost_sdk::summary::layout::GroupKey<{ GROUP_TEXTS.len() }>;

/// Every column of `line_items` that a daily summary needs.
pub(crate) const INPUTS: [&str; 17] = [
    "additional_info",
    "billing_account_id",
    "billing_account_name",
    "billing_currency",
    "cost_in_billing_currency",
    "date",
    "invoice_id",
    "meter_category",
    "metric",
    "quantity",
    "resource_id",
    "resource_location",
    "service_name",
    "subscription_id",
    "subscription_name",
    "tags",
    "unit_of_measure",
];

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text =
        |name: &str| if name == "tags" { json_field(name, true) } else { Field::new(name, DataType::Utf8, true) };
    let mut fields =
        vec![Field::new("usage_start", DataType::Date32, false), Field::new("usage_end", DataType::Date32, false)];
    fields.extend(KEY_TEXTS.iter().map(|name| text(name)));
    fields.push(text(UNIT));
    fields.push(Field::new("instance_ids", text_list(), false));
    fields.push(Field::new("instance_count", DataType::Int64, false));
    fields.extend(SUMS.iter().chain([&MARKUP]).map(|name| Field::new(*name, amount_type(), true)));
    Arc::new(Schema::new(fields))
});

/// The logical schema of the daily summary, without the columns that the host adds.
#[must_use]
pub fn daily_summary_schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}
