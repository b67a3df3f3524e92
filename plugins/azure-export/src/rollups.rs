//! The rollups of the daily summary.
//!
//! Table names are those that readers of Koku's database know. Rollups are of the same rows as the reports of the same
//! name, so both take their conditions from [`crate::slices`]. All of them keep actual and amortized costs apart.

use crate::slices;
use crate::summary::columns::MARKUP;
use costhost_sdk::contract::IndexMethod;
use costhost_sdk::declare::{index, money};
use costhost_sdk::rollup::RollupTable;

/// What rollups add up.
const COSTS: [&str; 2] = ["pretax_cost", MARKUP];

/// What every rollup of costs groups by.
const DAY_AND_CURRENCY: [&str; 4] = ["usage_start", "usage_end", "currency", "metric"];

const SUBSCRIPTION: [&str; 2] = ["subscription_guid", "subscription_name"];

/// The rollups in the order of their tables.
pub(crate) fn rollups() -> Vec<RollupTable> {
    let by = |name: &str, columns: &[&str]| costs(name).by(&SUBSCRIPTION).by(columns);
    let compute = by("reporting_azure_compute_summary_p", &["instance_type"])
        .members("instance_ids", "instance_ids")
        .count_members("instance_count", "instance_ids");
    let service = ["service_name"];
    vec![
        costs("reporting_azure_cost_summary_p"),
        by("reporting_azure_cost_summary_by_account_p", &[]),
        by("reporting_azure_cost_summary_by_location_p", &["resource_location"]),
        by("reporting_azure_cost_summary_by_service_p", &service),
        with_usage(compute).only(slices::compute()),
        with_usage(by("reporting_azure_storage_summary_p", &service)).only(slices::storage()),
        with_usage(by("reporting_azure_network_summary_p", &service)).only(slices::network()),
        with_usage(by("reporting_azure_database_summary_p", &service)).only(slices::database()),
        RollupTable::new("reporting_azuretags_summary")
            .exploding("tags")
            .by(&["key", "subscription_guid"])
            .members("values", "value"),
    ]
}

fn costs(name: &str) -> RollupTable {
    RollupTable::new(name)
        .by(&DAY_AND_CURRENCY)
        .sums(&COSTS)
        .money(money(&COSTS, "currency", "pretax_cost"))
        .partitioned_by("usage_start")
        .indexed(index(IndexMethod::Btree, &["usage_start"]))
}

fn with_usage(rollup: RollupTable) -> RollupTable {
    rollup.sums(&["usage_quantity"]).max("unit_of_measure")
}
