//! The columns a daily summary reads and writes.

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use costhost_sdk::declare::json_field;
use costhost_sdk::plan::amount_type;
use costhost_sdk::rollup::text_list;
use costhost_sdk::summary::layout::Layout;
use std::sync::{Arc, LazyLock};

/// Name of the summary and of its table; readers of Koku's database know it.
pub const DAILY_SUMMARY: &str = "reporting_awscostentrylineitem_daily_summary";

/// Text columns of the group key, that groups are told apart by.
pub(crate) const KEY_TEXTS: [&str; 10] = [
    "usage_account_id",
    "product_code",
    "product_family",
    "availability_zone",
    "region",
    "instance_type",
    "unit",
    "tags",
    "cost_category",
    "currency_code",
];

/// Columns that are sums, in the order of [`sum`].
pub(crate) const SUMS: [&str; 12] = [
    "usage_amount",
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
];

/// Indexes into [`SUMS`].
pub(crate) mod sum {
    pub(crate) const USAGE: usize = 0;
    pub(crate) const NORMALIZED_USAGE: usize = 1;
    pub(crate) const UNBLENDED: usize = 2;
    pub(crate) const BLENDED: usize = 3;
    pub(crate) const PLAN_EFFECTIVE: usize = 4;
    pub(crate) const ON_DEMAND: usize = 5;
    pub(crate) const CALCULATED: usize = 6;
    pub(crate) const AMORTIZED: usize = 7;
    pub(crate) const TRUEUP: usize = 8;
    pub(crate) const UPFRONT: usize = 9;
    pub(crate) const NET_UNBLENDED: usize = 10;
    pub(crate) const NET_AMORTIZED: usize = 11;
}

/// Columns that are the largest value of their group.
pub(crate) const MAXIMA: [&str; 4] =
    ["normalization_factor", "unblended_rate", "blended_rate", "public_on_demand_rate"];

/// Markup columns, each with the sum it is of.
pub(crate) const MARKUPS: [(&str, &str); 4] = [
    ("markup_cost", "unblended_cost"),
    ("markup_cost_blended", "blended_cost"),
    ("markup_cost_savingsplan", "savingsplan_effective_cost"),
    ("markup_cost_amortized", "calculated_amortized_cost"),
];

/// Key texts that hold JSON.
const JSON: [&str; 2] = ["tags", "cost_category"];

/// Columns that a database looks up in reference tables. This plugin leaves them null.
pub(crate) const REFERENCES: [&str; 2] = ["account_alias_id", "organizational_unit_id"];

/// Every column of `line_items` that a daily summary may need.
pub(crate) const INPUTS: [&str; 37] = [
    "bill_billing_entity",
    "line_item_usage_start_date",
    "line_item_usage_account_id",
    "line_item_line_item_type",
    "line_item_operation",
    "line_item_product_code",
    "line_item_availability_zone",
    "line_item_resource_id",
    "line_item_usage_amount",
    "line_item_normalization_factor",
    "line_item_normalized_usage_amount",
    "line_item_currency_code",
    "line_item_unblended_rate",
    "line_item_unblended_cost",
    "line_item_blended_rate",
    "line_item_blended_cost",
    "line_item_net_unblended_cost",
    "pricing_public_on_demand_cost",
    "pricing_public_on_demand_rate",
    "pricing_unit",
    "product",
    "product_instance_type",
    "product_product_family",
    "product_region_code",
    "resource_tags",
    "cost_category",
    "reservation_reservation_a_r_n",
    "reservation_effective_cost",
    "reservation_amortized_upfront_fee_for_billing_period",
    "reservation_unused_amortized_upfront_fee_for_billing_period",
    "reservation_unused_recurring_fee",
    "savings_plan_savings_plan_a_r_n",
    "savings_plan_start_time",
    "savings_plan_savings_plan_effective_cost",
    "savings_plan_total_commitment_to_date",
    "savings_plan_used_commitment",
    "savings_plan_amortized_upfront_commitment_for_billing_period",
];

/// Net columns of `line_items`: only reports of accounts with private discounts have values in them.
pub(crate) const NET_INPUTS: [&str; 4] = [
    "reservation_net_effective_cost",
    "reservation_net_unused_amortized_upfront_fee_for_billing_period",
    "reservation_net_unused_recurring_fee",
    "savings_plan_net_savings_plan_effective_cost",
];

/// Columns of `line_items` that say something of the bill, of tags or of accounts, and nothing of costs.
pub(crate) const FACT_INPUTS: [&str; 5] = [
    "bill_bill_type",
    "bill_invoice_id",
    "bill_payer_account_id",
    "bill_payer_account_name",
    "line_item_usage_account_name",
];

/// What groups are.
pub(crate) static LAYOUT: Layout<{ KEY_TEXTS.len() }, { SUMS.len() }, { MAXIMA.len() }> =
    Layout { texts: KEY_TEXTS, sums: SUMS, maxima: MAXIMA };

/// Sums and largest values of one group.
pub(crate) type Measures = costhost_sdk::summary::measures::Measures<{ SUMS.len() }, { MAXIMA.len() }>;
/// A finished group.
pub(crate) type Group<'a> =
    costhost_sdk::summary::groups::Group<'a, { KEY_TEXTS.len() }, { SUMS.len() }, { MAXIMA.len() }>;
/// What rows are folded into.
pub(crate) type Fold = costhost_sdk::summary::fold::Fold<{ KEY_TEXTS.len() }, { SUMS.len() }, { MAXIMA.len() }>;
/// What rows have in common to be summed.
pub(crate) type GroupKey = costhost_sdk::summary::layout::GroupKey<{ KEY_TEXTS.len() }>;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text = |name: &str| {
        if JSON.contains(&name) { json_field(name, true) } else { Field::new(name, DataType::Utf8, true) }
    };
    let amount = |name: &str| Field::new(name, amount_type(), true);
    let mut fields =
        vec![Field::new("usage_start", DataType::Date32, false), Field::new("usage_end", DataType::Date32, false)];
    fields.extend(KEY_TEXTS.iter().map(|name| text(name)));
    fields.push(Field::new("resource_ids", text_list(), false));
    fields.push(Field::new("resource_count", DataType::Int64, false));
    fields.extend(MAXIMA.iter().map(|name| amount(name)));
    fields.extend(SUMS.iter().map(|name| amount(name)));
    fields.extend(MARKUPS.iter().map(|(name, _)| amount(name)));
    fields.extend(REFERENCES.iter().map(|name| Field::new(*name, DataType::Int64, true)));
    Arc::new(Schema::new(fields))
});

/// The logical schema of the daily summary, without the columns that the host adds.
#[must_use]
pub fn daily_summary_schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}
