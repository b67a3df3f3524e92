//! Azure cost exports, as a user runs them: every number of the rollups and of what reports show, against Python's
//! computation from the same text.

use std::collections::BTreeMap;
use std::path::Path;

use costhost_bench::aws::month::Month;
use costhost_bench::azure::{Dates, Metric, Settings, generate};
use costhost_tests::azurite::Azurite;
use costhost_tests::postgres::Cluster;
use costhost_tests::program::{Costhost, expected, plugin, shared};
use serde_json::Value;

/// Sources of the files whose numbers were computed, and their months.
const FILES: [(&str, &str, &str); 7] = [
    ("azure_azure_version_2.csv", "azure/azure_azure_version_2", "09"),
    ("azure_ea_actual_small_ftk.csv", "azure/azure_ea_actual_small_ftk", "09"),
    ("azure_ea_amortized_small_ftk.csv", "azure/azure_ea_amortized_small_ftk", "09"),
    ("azure_ea_focusconv_sample.csv", "azure/azure_ea_focusconv_sample", "09"),
    ("headersets_Enterprise.csv", "azure/headersets_Enterprise", "05"),
    (
        "nise/costs/export/20251001-20251031/costreport_939d61dc-6eb1-48e2-839a-a6b004e77af5.csv",
        "azure/nise-costs-export-5cf4409c",
        "10",
    ),
    (
        "nise/costs/export/20251101-20251130/costreport_f275418c-da2f-466e-9fdf-e1685f53f26c.csv",
        "azure/nise-costs-export-5cf4409c",
        "11",
    ),
];

fn run(costhost: &Costhost, args: &[&str]) -> costhost_tests::program::Ended {
    let plugin = plugin("azure-export");
    let mut all = vec!["run", "--json", "--plugin", plugin.as_str()];
    all.extend_from_slice(args);
    costhost.call(&all)
}

/// A row with its source and month, and without what the host numbers.
fn comparable(mut row: Value) -> String {
    let columns = row.as_object_mut().unwrap();
    for column in ["year", "source_uuid", "cost_entry_bill_id"] {
        columns.remove(column);
    }
    if let Some(count) = columns.get_mut("instance_count") {
        *count = Value::from(count.to_string().trim_matches('"').parse::<u64>().unwrap());
    }
    let sorted: BTreeMap<&String, &Value> = columns.iter().collect();
    serde_json::to_string(&sorted).unwrap()
}

#[test]
fn every_column_of_summary_and_rollups_is_exact_for_every_real_export() {
    let costhost = super::costhost();
    let ended = run(&costhost, &[&shared("azure"), "--markup", "10"]);
    // Four files cannot be loaded, and say so; the others are.
    assert_eq!(ended.code, 1, "{}", ended.err);
    for code in ["report.no-period", "input.legacy-schema"] {
        assert!(ended.err.contains(code), "{}", ended.err);
    }
    let mut wanted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (file, daily) in [("azure_rollups.jsonl", false), ("azure_daily_summary.jsonl", true)] {
        for line in expected(file).lines() {
            let mut row: Value = serde_json::from_str(line).unwrap();
            let columns = row.as_object_mut().unwrap();
            let file = columns.remove("file").unwrap();
            let (_, source, month) = FILES.iter().find(|known| file == known.0).unwrap();
            columns.insert("source".to_owned(), (*source).into());
            columns.insert("month".to_owned(), (*month).into());
            let table = match columns.remove("table") {
                Some(Value::String(table)) if !daily => table,
                _ => "reporting_azurecostentrylineitem_daily_summary".to_owned(),
            };
            wanted.entry(table).or_default().push(comparable(row));
        }
    }
    assert_eq!(wanted.len(), 10);
    for (table, mut wanted) in wanted {
        let mut ours: Vec<String> =
            costhost.sql(&format!("select * from {table}")).into_iter().map(comparable).collect();
        wanted.sort_unstable();
        ours.sort_unstable();
        assert_eq!(ours, wanted, "{table}");
    }
}

#[test]
fn actual_and_amortized_costs_are_reported_apart() {
    let costhost = super::costhost();
    run(&costhost, &[&shared("azure"), "--from", "2023-09", "--to", "2023-10"]);
    let total = |report: &str| {
        let ended = costhost.call(&["report", "azure", report, "--output", "json"]);
        assert_eq!(ended.code, 0, "{}", ended.err);
        ended.out
    };
    let (actual, amortized) = (total("costs"), total("amortized-costs"));
    assert!(actual.contains("8.5450077867419368"), "{actual}");
    assert!(!actual.contains("16.29693213663664462") && amortized.contains("16.296932136636644627"), "{amortized}");
    assert!(!amortized.contains("CAD"), "{amortized}");
}

/// Two months of an actual and an amortized export.
fn generated(out: &Path) -> Settings {
    Settings {
        out: out.to_owned(),
        export: "costs".to_owned(),
        months: Month::parse_range("2025-10..2025-11").unwrap(),
        rows: 3_000,
        files: 2,
        seed: 11,
        subscriptions: 4,
        currency: "EUR".to_owned(),
        metrics: vec![Metric::Actual, Metric::Amortized],
        dates: Dates::MonthFirst,
        gzip: true,
        manifest: true,
    }
}

/// A container of two exports with manifests, as Azure delivers it: rows and bytes are those that the manifests promise, and
/// costs those that were added up while the rows were written.
#[test]
fn a_generated_container_is_loaded_to_the_last_digit() {
    let costhost = super::costhost();
    let container = costhost.folder().join("container");
    let expected = generate(&generated(&container)).unwrap();
    let ended = run(&costhost, &[container.to_str().unwrap()]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let table = "reporting_azurecostentrylineitem_daily_summary";
    for (export, months) in &expected.exports {
        for (month, totals) in months {
            let month = month.get(5..).unwrap();
            let rows = costhost.sql(&format!(
                "select service_name, sum(pretax_cost) as cost from {table} where source = 'container/{export}' and month = \
                 '{month}' group by service_name order by service_name"
            ));
            let ours: Vec<(&str, &str)> =
                rows.iter().map(|row| (row["service_name"].as_str().unwrap(), row["cost"].as_str().unwrap())).collect();
            let wanted: Vec<(&str, String)> =
                totals.services.iter().map(|(service, share)| (service.as_str(), share.cost.to_string())).collect();
            assert_eq!(ours, wanted.iter().map(|(s, c)| (*s, c.as_str())).collect::<Vec<_>>(), "{export} {month}");
        }
    }
    let lines = costhost.sql("select metric, count(*) as rows from azure.line_items group by metric order by metric");
    let lines: Vec<String> = lines.iter().map(|row| format!("{} {}", row["metric"], row["rows"])).collect();
    assert_eq!(lines, [r#""actual" 6000"#, r#""amortized" 6000"#]);
    let again = run(&costhost, &[container.to_str().unwrap()]);
    assert_eq!(again.code, 0, "{}", again.err);
    assert!(!again.out.contains("\"loaded\""), "nothing is new: {}", again.out);

    // A file that is not what its manifest promises is not loaded.
    let part = std::fs::read_dir(container.join("costs/20251101-20251130")).unwrap().next().unwrap().unwrap().path();
    let manifest = part.join("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap().replace("\"dataRowCount\": 1500", "\"dataRowCount\": 1501");
    std::fs::write(&manifest, text.replace("\"runId\": \"", "\"runId\": \"x")).unwrap();
    let short = run(&costhost, &[container.to_str().unwrap()]);
    assert_eq!(short.code, 1, "{}", short.out);
    assert!(short.err.contains("1501"), "{}", short.err);
}

/// Every table of the plugin in PostgreSQL holds what the lake does, and indexes and partitions are those that were declared.
#[test]
fn every_table_is_published() {
    let (costhost, cluster) = (super::costhost(), Cluster::shared());
    let database = cluster.database();
    let ended = run(&costhost, &[&shared("azure/nise"), "--markup", "10", "--postgres", &cluster.url(&database)]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let ended = costhost.call(&["reconcile", "--postgres", &cluster.url(&database)]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    for (table, column) in [
        ("reporting_azurecostentrylineitem_daily_summary", "pretax_cost"),
        ("reporting_azure_cost_summary_p", "markup_cost"),
        ("reporting_azure_cost_summary_by_account_p", "pretax_cost"),
        ("reporting_azure_cost_summary_by_location_p", "pretax_cost"),
        ("reporting_azure_cost_summary_by_service_p", "pretax_cost"),
        ("reporting_azure_compute_summary_p", "usage_quantity"),
        ("reporting_azure_storage_summary_p", "usage_quantity"),
        ("reporting_azure_network_summary_p", "usage_quantity"),
        ("reporting_azure_database_summary_p", "usage_quantity"),
    ] {
        let lake = costhost.sql(&format!("select count(*) as rows, sum({column}) as total from {table}"));
        let told = cluster.sql(&database, &format!("select count(*) || ' ' || trim_scale(sum({column})) from {table}"));
        let text = |value: &Value| value.to_string().trim_matches('"').to_owned();
        assert_eq!(told.trim(), format!("{} {}", text(&lake[0]["rows"]), text(&lake[0]["total"])), "{table}");
    }
    let count = |table: &str| cluster.sql(&database, &format!("select count(*) from {table}")).trim().to_owned();
    assert_eq!(count("reporting_azurecostentrybill"), "2");
    assert_eq!(count("reporting_enabledtagkeys where provider_type = 'Azure'"), "2");
    let tags = "reporting_azuretags_summary where key = 'environment' and values @> array['prod', 'dev']";
    assert_eq!(count(tags), "2", "one row a month");
    let indexed = "pg_indexes where tablename = 'reporting_azurecostentrylineitem_daily_summary' and indexdef ~ \
         'resource_location|subscription_guid|instance_type|subscription_name|usage_start|tags|service_name'";
    assert_eq!(count(indexed), "7");
}

/// A container in Azure Blob Storage, read with a signature, gives what the same files on disk do.
#[test]
fn a_container_in_azure_gives_what_its_files_do() {
    let (server, local) = (Azurite::start(), super::costhost());
    let folder = local.folder().join("exports");
    generate(&generated(&folder)).unwrap();
    server.upload("exports", Some(&folder));
    let ended = run(&local, &[folder.to_str().unwrap()]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let mut remote = super::costhost();
    for (name, value) in server.environment("AZURE_STORAGE_SAS_KEY", &server.signature("exports")) {
        remote.set(&name, &value);
    }
    let ended = run(&remote, &["az://exports"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let rows = "select source, month, usage_start, service_name, resource_location, instance_type, tags, subscription_guid, \
                pretax_cost, usage_quantity, unit_of_measure, instance_ids from \
                reporting_azurecostentrylineitem_daily_summary order by 1, 2, 3, 4, 5, 6, 7, 8";
    let (here, there) = (local.sql(rows), remote.sql(rows));
    assert!(here.len() > 1_000, "{}", here.len());
    assert_eq!(here, there);
}
