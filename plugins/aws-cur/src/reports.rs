//! The questions that the daily summary answers, in everyday words.

use crate::slices;
use costhost_sdk::contract::{Clause, Dimension, Measure, ReportDefinition, Unit};
use costhost_sdk::declare;

/// Report definitions over the table with this index.
pub(crate) fn reports(table: u32) -> Vec<ReportDefinition> {
    let report = |name: &str, title: &str, measures, where_: Vec<Clause>| ReportDefinition {
        name: name.to_owned(),
        title: title.to_owned(),
        table,
        time: "usage_start".to_owned(),
        dimensions: dimensions(),
        measures,
        where_,
        tags: Some("tags".to_owned()),
    };
    vec![
        report("costs", "Costs", costs(), vec![]),
        report("instance-types", "Compute by instance type", with_usage(true), slices::compute()),
        report("storage", "Storage", with_usage(false), slices::storage()),
        report("network", "Network", with_usage(false), slices::network()),
        report("database", "Databases", with_usage(false), slices::database()),
    ]
}

fn dimensions() -> Vec<Dimension> {
    declare::dimensions(&[
        ("account", "usage_account_id", "Account"),
        ("service", "product_code", "Service"),
        ("region", "region", "Region"),
        ("az", "availability_zone", "Availability zone"),
        ("family", "product_family", "Product family"),
        ("instance-type", "instance_type", "Instance type"),
        ("unit", "unit", "Unit"),
        ("currency", "currency_code", "Currency"),
        ("cost-category", "cost_category", "Cost categories"),
    ])
}

fn costs() -> Vec<Measure> {
    let costs = [
        ("cost", "unblended_cost", "Unblended cost"),
        ("amortized", "amortized_cost", "Amortized cost"),
        ("calculated-amortized", "calculated_amortized_cost", "Amortized cost (savings plans only)"),
        ("blended", "blended_cost", "Blended cost"),
        ("savings-plan", "savingsplan_effective_cost", "Savings plan effective cost"),
        ("on-demand", "public_on_demand_cost", "Cost at public on-demand prices"),
        ("net", "net_unblended_cost", "Net unblended cost"),
        ("net-amortized", "net_amortized_cost", "Net amortized cost"),
        ("trueup", "trueup_cost", "True-up of amortized fees"),
        ("upfront", "upfront_cost", "Upfront fees"),
        ("markup", "markup_cost", "Markup"),
        ("markup-blended", "markup_cost_blended", "Markup on blended cost"),
        ("markup-savings-plan", "markup_cost_savingsplan", "Markup on savings plan effective cost"),
        ("markup-amortized", "markup_cost_amortized", "Markup on amortized cost (savings plans only)"),
    ];
    declare::costs(&costs, "currency_code")
}

/// Costs and how much was used, and by how many resources.
fn with_usage(resources: bool) -> Vec<Measure> {
    let mut measures = costs();
    measures.push(declare::sum("usage", "usage_amount", "Usage", Unit::Column("unit".to_owned())));
    if resources {
        measures.push(declare::members("resources", "resource_ids", "Resources"));
    }
    measures
}

#[cfg(test)]
mod tests {
    use super::*;
    use costhost_sdk::contract::Condition;
    use std::collections::BTreeSet;

    #[test]
    fn no_name_means_two_things() {
        let reports = reports(0);
        assert_eq!(reports.iter().map(|report| &report.name).collect::<BTreeSet<_>>().len(), reports.len());
        for report in &reports {
            let dimensions = report.dimensions.iter().map(|dimension| &dimension.name);
            let names: Vec<&String> = dimensions.chain(report.measures.iter().map(|measure| &measure.name)).collect();
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{}: {names:?}", report.name);
        }
    }

    /// The rows that the specification's rollups are made of.
    #[test]
    fn conditions_are_those_of_the_rollups() {
        let found = reports(0);
        let of = |name: &str| found.iter().find(|report| report.name == name).unwrap().where_.concat();
        let texts = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect::<Vec<_>>();
        assert!(of("costs").is_empty());
        assert!(matches!(of("instance-types").as_slice(), [Condition::NotNull(column)] if column == "instance_type"));
        let [Condition::Contains(family), Condition::OneOf(unit)] = &of("storage")[..] else { panic!("storage") };
        assert_eq!(family, &("product_family".to_owned(), "Storage".to_owned()));
        assert_eq!(unit, &("unit".to_owned(), texts(&["GB-Mo"])));
        for (name, products) in [
            ("network", &["AmazonVPC", "AmazonCloudFront", "AmazonRoute53", "AmazonAPIGateway"][..]),
            (
                "database",
                &[
                    "AmazonRDS",
                    "AmazonDynamoDB",
                    "AmazonElastiCache",
                    "AmazonNeptune",
                    "AmazonRedshift",
                    "AmazonDocumentDB",
                ],
            ),
        ] {
            let [Condition::OneOf(product)] = &of(name)[..] else { panic!("{name}") };
            assert_eq!(product, &("product_code".to_owned(), texts(products)));
        }
    }
}
