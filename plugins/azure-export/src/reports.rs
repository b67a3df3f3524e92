//! The questions that the daily summary answers, in everyday words.
//!
//! Each is asked of actual or of amortized costs, never of both: who exports both has every charge twice.

use crate::metric::Metric;
use crate::slices;
use costhost_sdk::contract::{Clause, Condition, Dimension, Measure, ReportDefinition, Unit};
use costhost_sdk::declare;

/// Report definitions over the table with this index: of actual costs under plain names, of amortized costs under names
/// that say so.
pub(crate) fn reports(table: u32) -> Vec<ReportDefinition> {
    Metric::ALL.into_iter().flat_map(|metric| of_metric(table, metric)).collect()
}

fn of_metric(table: u32, metric: Metric) -> Vec<ReportDefinition> {
    let report = |name: &str, title: &str, measures, slice: Vec<Clause>| ReportDefinition {
        name: if metric == Metric::Actual { name.to_owned() } else { format!("{}-{name}", metric.name()) },
        title: if metric == Metric::Actual { title.to_owned() } else { format!("{title}, amortized") },
        table,
        time: "usage_start".to_owned(),
        dimensions: dimensions(),
        measures,
        where_: std::iter::once(is(metric)).chain(slice).collect(),
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

fn is(metric: Metric) -> Clause {
    vec![Condition::OneOf(("metric".to_owned(), vec![metric.name().to_owned()]))]
}

fn dimensions() -> Vec<Dimension> {
    declare::dimensions(&[
        ("account", "subscription_guid", "Subscription"),
        ("subscription", "subscription_name", "Subscription name"),
        ("service", "service_name", "Service"),
        ("region", "resource_location", "Location"),
        ("instance-type", "instance_type", "Instance type"),
        ("unit", "unit_of_measure", "Unit"),
        ("currency", "currency", "Currency"),
    ])
}

fn costs() -> Vec<Measure> {
    declare::costs(&[("cost", "pretax_cost", "Cost before tax"), ("markup", "markup_cost", "Markup")], "currency")
}

/// Costs and how much was used, and by how many resources.
fn with_usage(resources: bool) -> Vec<Measure> {
    let mut measures = costs();
    measures.push(declare::sum("usage", "usage_quantity", "Usage", Unit::Column("unit_of_measure".to_owned())));
    if resources {
        measures.push(declare::members("resources", "instance_ids", "Resources"));
    }
    measures
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_name_means_two_things_and_no_report_adds_both_metrics() {
        let reports = reports(0);
        assert_eq!(reports.iter().map(|report| &report.name).collect::<BTreeSet<_>>().len(), 10);
        for report in &reports {
            let dimensions = report.dimensions.iter().map(|dimension| &dimension.name);
            let names: Vec<&String> = dimensions.chain(report.measures.iter().map(|measure| &measure.name)).collect();
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{}: {names:?}", report.name);
            let want = if report.name.starts_with("amortized-") { "amortized" } else { "actual" };
            let [Condition::OneOf((column, values))] = &report.where_[0][..] else { panic!("{}", report.name) };
            assert_eq!((column.as_str(), values.as_slice()), ("metric", &[want.to_owned()][..]));
        }
    }
}
