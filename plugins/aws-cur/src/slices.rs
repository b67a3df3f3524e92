//! Parts of the daily summary that have a name of their own: which of its rows are compute, storage, network, databases.

use costhost_sdk::contract::{Clause, Condition};
use costhost_sdk::declare::owned;

const DATABASES: [&str; 6] =
    ["AmazonRDS", "AmazonDynamoDB", "AmazonElastiCache", "AmazonNeptune", "AmazonRedshift", "AmazonDocumentDB"];
const NETWORKS: [&str; 4] = ["AmazonVPC", "AmazonCloudFront", "AmazonRoute53", "AmazonAPIGateway"];

/// Use of instances.
pub(crate) fn compute() -> Vec<Clause> {
    vec![vec![Condition::NotNull("instance_type".to_owned())]]
}

/// What is stored, over time.
pub(crate) fn storage() -> Vec<Clause> {
    vec![vec![Condition::Contains(("product_family".to_owned(), "Storage".to_owned()))], vec![is("unit", &["GB-Mo"])]]
}

/// Network services.
pub(crate) fn network() -> Vec<Clause> {
    vec![vec![is("product_code", &NETWORKS)]]
}

/// Database services.
pub(crate) fn database() -> Vec<Clause> {
    vec![vec![is("product_code", &DATABASES)]]
}

fn is(column: &str, values: &[&str]) -> Condition {
    Condition::OneOf((column.to_owned(), owned(values)))
}
