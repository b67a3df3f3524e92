//! Parts of the daily summary that have a name of their own: which of its rows are compute, storage, network, databases.

use costhost_sdk::contract::{Clause, Condition};
use costhost_sdk::declare::owned;

const NETWORKS: [&str; 7] =
    ["Virtual Network", "VPN", "DNS", "Traffic Manager", "ExpressRoute", "Load Balancer", "Application Gateway"];
const DATABASES: [&str; 2] = ["Cosmos DB", "Cache for Redis"];

/// Use of machines by the hour.
pub(crate) fn compute() -> Vec<Clause> {
    vec![vec![Condition::NotNull("instance_type".to_owned())], vec![is("unit_of_measure", &["Hrs"])]]
}

/// What is stored, over time.
pub(crate) fn storage() -> Vec<Clause> {
    let storage = Condition::Contains(("service_name".to_owned(), "Storage".to_owned()));
    vec![vec![storage], vec![is("unit_of_measure", &["GB-Mo"])]]
}

/// Network services.
pub(crate) fn network() -> Vec<Clause> {
    vec![vec![is("service_name", &NETWORKS)]]
}

/// Database services: one or the other, of the rows that are asked for.
pub(crate) fn database() -> Vec<Clause> {
    let named = Condition::ContainsInAnyCase(("service_name".to_owned(), "database".to_owned()));
    vec![vec![is("service_name", &DATABASES), named]]
}

fn is(column: &str, values: &[&str]) -> Condition {
    Condition::OneOf((column.to_owned(), owned(values)))
}
