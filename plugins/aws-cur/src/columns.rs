//! The one shape of AWS line items: CUR 2.0's columns, typed.

use arrow_schema::{DataType, SchemaRef};
use costhost_sdk::plan::{self, amount_type, instant_type, map_type};
use std::sync::{Arc, LazyLock};

/// Columns that hold amounts, quantities, rates, fees and counts.
const AMOUNTS: &[&str] = &[
    "discount_bundled_discount",
    "discount_total_discount",
    "line_item_blended_cost",
    "line_item_blended_rate",
    "line_item_net_unblended_cost",
    "line_item_net_unblended_rate",
    "line_item_normalization_factor",
    "line_item_normalized_usage_amount",
    "line_item_unblended_cost",
    "line_item_unblended_rate",
    "line_item_usage_amount",
    "pricing_public_on_demand_cost",
    "pricing_public_on_demand_rate",
    "reservation_amortized_upfront_cost_for_usage",
    "reservation_amortized_upfront_fee_for_billing_period",
    "reservation_effective_cost",
    "reservation_net_amortized_upfront_cost_for_usage",
    "reservation_net_amortized_upfront_fee_for_billing_period",
    "reservation_net_effective_cost",
    "reservation_net_recurring_fee_for_usage",
    "reservation_net_unused_amortized_upfront_fee_for_billing_period",
    "reservation_net_unused_recurring_fee",
    "reservation_net_upfront_value",
    "reservation_normalized_units_per_reservation",
    "reservation_number_of_reservations",
    "reservation_recurring_fee_for_usage",
    "reservation_total_reserved_normalized_units",
    "reservation_total_reserved_units",
    "reservation_units_per_reservation",
    "reservation_unused_amortized_upfront_fee_for_billing_period",
    "reservation_unused_normalized_unit_quantity",
    "reservation_unused_quantity",
    "reservation_unused_recurring_fee",
    "reservation_upfront_value",
    "savings_plan_amortized_upfront_commitment_for_billing_period",
    "savings_plan_net_recurring_commitment_for_billing_period",
    "savings_plan_net_savings_plan_effective_cost",
    "savings_plan_recurring_commitment_for_billing_period",
    "savings_plan_savings_plan_effective_cost",
    "savings_plan_savings_plan_rate",
    "savings_plan_total_commitment_to_date",
    "savings_plan_used_commitment",
    // AWS's name, one underscore shorter by AWS's own rule for names that are too long: ours end at 63 letters.
    "savingsplan_net_amortized_upfront_commitment_for_billing_period",
    "split_line_item_actual_usage",
    "split_line_item_net_split_cost",
    "split_line_item_net_unused_cost",
    "split_line_item_public_on_demand_split_cost",
    "split_line_item_public_on_demand_unused_cost",
    "split_line_item_reserved_usage",
    "split_line_item_split_cost",
    "split_line_item_split_usage",
    "split_line_item_split_usage_ratio",
    "split_line_item_unused_cost",
];

/// Columns that hold instants.
const INSTANTS: &[&str] = &[
    "bill_billing_period_end_date",
    "bill_billing_period_start_date",
    "line_item_usage_end_date",
    "line_item_usage_start_date",
    "reservation_end_time",
    "reservation_start_time",
    "savings_plan_end_time",
    "savings_plan_start_time",
];

/// Columns that hold maps. `extra` is ours: what is in no list.
const MAPS: &[&str] = &[COST_CATEGORY, DISCOUNT, EXTRA, PRODUCT, RESOURCE_TAGS];

/// The map of cost categories.
pub(crate) const COST_CATEGORY: &str = "cost_category";
/// The map of discounts.
pub(crate) const DISCOUNT: &str = "discount";
/// The map of columns that are in no list, by their name in the input.
pub(crate) const EXTRA: &str = "extra";
/// The map of product attributes that have no column.
pub(crate) const PRODUCT: &str = "product";
/// The map of tags.
pub(crate) const RESOURCE_TAGS: &str = "resource_tags";

/// Columns that hold text.
const TEXTS: &[&str] = &[
    "bill_bill_type",
    "bill_billing_entity",
    "bill_invoice_id",
    "bill_invoicing_entity",
    "bill_payer_account_id",
    "bill_payer_account_name",
    "identity_line_item_id",
    "identity_time_interval",
    "line_item_availability_zone",
    "line_item_currency_code",
    "line_item_legal_entity",
    "line_item_line_item_description",
    "line_item_line_item_type",
    "line_item_operation",
    "line_item_product_code",
    "line_item_resource_id",
    "line_item_tax_type",
    "line_item_usage_account_id",
    "line_item_usage_account_name",
    "line_item_usage_type",
    "pricing_currency",
    "pricing_lease_contract_length",
    "pricing_offering_class",
    "pricing_purchase_option",
    "pricing_rate_code",
    "pricing_rate_id",
    "pricing_term",
    "pricing_unit",
    "product_comment",
    "product_fee_code",
    "product_fee_description",
    "product_from_location",
    "product_from_location_type",
    "product_from_region_code",
    "product_instance_family",
    "product_instance_type",
    "product_instancesku",
    "product_location",
    "product_location_type",
    "product_operation",
    "product_pricing_unit",
    "product_product_family",
    "product_region_code",
    "product_servicecode",
    "product_sku",
    "product_to_location",
    "product_to_location_type",
    "product_to_region_code",
    "product_usagetype",
    "reservation_availability_zone",
    "reservation_modification_status",
    "reservation_reservation_a_r_n",
    "reservation_subscription_id",
    "savings_plan_instance_type_family",
    "savings_plan_offering_type",
    "savings_plan_payment_option",
    "savings_plan_purchase_term",
    "savings_plan_region",
    "savings_plan_savings_plan_a_r_n",
    "split_line_item_parent_resource_id",
];

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    plan::schema(&[(AMOUNTS, amount_type()), (INSTANTS, instant_type()), (MAPS, map_type()), (TEXTS, DataType::Utf8)])
});

/// The logical schema of line items: CUR 2.0's columns and `extra`, by name. Every column may be null.
#[must_use]
pub fn line_items_schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_each_column_of_cur_2_once() {
        let schema = line_items_schema();
        // CUR 2.0's full select list and `extra`.
        assert_eq!(schema.fields().len(), 125 + 1);
        let mut names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        assert!(names.is_sorted());
        names.dedup();
        assert_eq!(names.len(), 125 + 1);
    }

    #[test]
    fn what_is_named_like_an_amount_is_one() {
        let words = ["cost", "fee", "rate", "amount", "commitment", "factor", "quantity", "units", "discount"];
        // Codes, descriptions, and the two maps of that name.
        let others = [
            "cost_category",
            "discount",
            "pricing_rate_code",
            "pricing_rate_id",
            "product_fee_code",
            "product_fee_description",
        ];
        let schema = line_items_schema();
        let mut seen = 0;
        for field in schema.fields() {
            let name = field.name().as_str();
            let amount = name.split('_').any(|word| words.contains(&word)) && !others.contains(&name);
            if amount {
                assert_eq!(field.data_type(), &amount_type(), "{name}");
                seen += 1;
            }
        }
        assert!(seen > 40, "{seen}");
        assert!(others.iter().all(|name| schema.field_with_name(name).unwrap().data_type() != &amount_type()));
    }
}
