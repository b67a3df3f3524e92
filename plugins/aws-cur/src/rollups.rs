//! The rollups of the daily summary.
//!
//! Table names are those that readers of Koku's database know. Rollups are of the same rows as the reports of the same
//! name, so both take their conditions from [`crate::slices`].

use crate::slices;
use crate::summary::columns::MARKUPS;
use costhost_sdk::contract::IndexMethod;
use costhost_sdk::declare::{LookupColumn, index, money};
use costhost_sdk::rollup::RollupTable;

/// What rollups add up, beside markups.
const COSTS: [&str; 5] =
    ["unblended_cost", "blended_cost", "savingsplan_effective_cost", "calculated_amortized_cost", "amortized_cost"];

/// What every rollup of costs groups by.
const DAY_AND_CURRENCY: [&str; 3] = ["usage_start", "usage_end", "currency_code"];

/// The rollups in the order of their tables. The lookups are for tables that have `usage_account_id`, the name of the
/// account first.
pub(crate) fn rollups(alias: &LookupColumn, organizational_unit: &LookupColumn) -> Vec<RollupTable> {
    let accounts = [alias.clone(), organizational_unit.clone()];
    let by = |name: &str, columns: &[&str]| {
        let rollup = costs(name).by(columns);
        if columns.contains(&"usage_account_id") { rollup.looking_up(&accounts) } else { rollup }
    };
    let compute = |rollup: RollupTable| {
        let rollup = with_usage(rollup).only(slices::compute());
        rollup.members("resource_ids", "resource_ids").count_members("resource_count", "resource_ids")
    };
    let storage = |rollup: RollupTable| with_usage(rollup).only(slices::storage());
    let service = ["usage_account_id", "product_code"];
    let objects = |name: &str, column: &str| {
        let rollup = RollupTable::new(name).exploding(column).by(&["key", "usage_account_id"]);
        rollup.members("values", "value").looking_up(std::slice::from_ref(alias))
    };
    vec![
        by("reporting_aws_cost_summary_p", &[]),
        by("reporting_aws_cost_summary_by_account_p", &["usage_account_id"]),
        by("reporting_aws_cost_summary_by_region_p", &["usage_account_id", "region", "availability_zone"]),
        by("reporting_aws_cost_summary_by_service_p", &["usage_account_id", "product_code", "product_family"]),
        compute(by("reporting_aws_compute_summary_p", &["instance_type"])),
        compute(by("reporting_aws_compute_summary_by_account_p", &["usage_account_id", "instance_type"])),
        storage(by("reporting_aws_storage_summary_p", &["product_family"])),
        storage(by("reporting_aws_storage_summary_by_account_p", &["usage_account_id", "product_family"])),
        with_usage(by("reporting_aws_network_summary_p", &service)).only(slices::network()),
        with_usage(by("reporting_aws_database_summary_p", &service)).only(slices::database()),
        objects("reporting_awstags_summary", "tags"),
        objects("reporting_awscategory_summary", "cost_category"),
    ]
}

fn costs(name: &str) -> RollupTable {
    let costs: Vec<&str> = COSTS.into_iter().chain(MARKUPS.iter().map(|(name, _)| *name)).collect();
    RollupTable::new(name)
        .by(&DAY_AND_CURRENCY)
        .sums(&costs)
        .money(money(&costs, "currency_code", "unblended_cost"))
        .partitioned_by("usage_start")
        .indexed(index(IndexMethod::Btree, &["usage_start"]))
}

fn with_usage(rollup: RollupTable) -> RollupTable {
    rollup.sums(&["usage_amount"]).max("unit")
}
