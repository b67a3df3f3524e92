//! Azure cost exports, as a user runs them: every number of the rollups and of what reports show, against Python's
//! computation from the same text.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use costhost_bench::aws::month::Month;
use costhost_bench::azure::{Dates, Metric, Settings, generate};
use costhost_tests::azurite::Azurite;
use costhost_tests::postgres::Cluster;
use costhost_tests::program::{Costhost, expected, plugin, shared};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
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

/// Azure's manifests count the bytes of a compressed part, and Microsoft does not say whether as stored or unpacked: either
/// count is accepted, and no other.
#[test]
fn bytes_that_a_manifest_promises_are_those_of_the_file_or_those_in_it() {
    let costhost = super::costhost();
    let container = costhost.folder().join("container");
    generate(&Settings { metrics: vec![Metric::Actual], ..generated(&container) }).unwrap();
    let run_folder =
        std::fs::read_dir(container.join("costs/20251001-20251031")).unwrap().next().unwrap().unwrap().path();
    let part = run_folder.join("part_0_0001.csv.gz");
    let stored = std::fs::metadata(&part).unwrap().len();
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(&part).unwrap()).read_to_end(&mut text).unwrap();
    let manifest = run_folder.join("manifest.json");
    let mut json: Value = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
    assert_eq!(json["blobs"][0]["byteCount"], stored);
    let mut load = |bytes: u64, id: &str| {
        json["blobs"][0]["byteCount"] = bytes.into();
        json["runInfo"]["runId"] = id.into();
        std::fs::write(&manifest, json.to_string()).unwrap();
        run(&costhost, &[container.to_str().unwrap(), "--from", "2025-10", "--to", "2025-10"])
    };
    let unpacked = text.len() as u64;
    for (bytes, id) in [(stored, "a"), (unpacked, "b")] {
        let ended = load(bytes, id);
        assert!(ended.code == 0 && ended.out.contains("\"loaded\""), "{bytes}: {}{}", ended.out, ended.err);
    }
    for bytes in [stored - 1, unpacked + 1] {
        let ended = load(bytes, "c");
        assert_eq!(ended.code, 1, "{bytes}: {}", ended.out);
        assert!(ended.err.contains(&format!("promises {bytes}")), "{}", ended.err);
    }
    // What is cut off is told whatever was promised.
    std::fs::write(&part, &std::fs::read(&part).unwrap()[..stored as usize / 2]).unwrap();
    assert_eq!(load(unpacked, "d").code, 1);
}

/// A partition as Azure writes it in Parquet, with snappy, is the same rows as the text.
#[test]
fn parquet_partitions_give_what_their_text_does() {
    let (text, parquet) = (super::costhost(), super::costhost());
    let container = text.folder().join("exports");
    let settings = Settings {
        metrics: vec![Metric::Actual],
        gzip: false,
        manifest: false,
        dates: Dates::Iso,
        ..generated(&container)
    };
    generate(&settings).unwrap();
    assert_eq!(run(&text, &[container.to_str().unwrap()]).code, 0);
    let other = parquet.folder().join("exports");
    for month in std::fs::read_dir(container.join("costs")).unwrap() {
        let run_folder = std::fs::read_dir(month.unwrap().path()).unwrap().next().unwrap().unwrap().path();
        for part in std::fs::read_dir(&run_folder).unwrap() {
            let part = part.unwrap().path();
            let place = other.join(part.strip_prefix(&container).unwrap()).with_extension("snappy.parquet");
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            to_parquet(&part, &place);
        }
    }
    let ended = run(&parquet, &[other.to_str().unwrap()]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let rows = "select source, month, usage_start, service_name, resource_location, instance_type, tags, subscription_guid, \
                pretax_cost, usage_quantity, unit_of_measure, instance_ids from \
                reporting_azurecostentrylineitem_daily_summary order by 1, 2, 3, 4, 5, 6, 7, 8";
    let (of_text, of_parquet) = (text.sql(rows), parquet.sql(rows));
    assert!(of_text.len() > 1_000, "{}", of_text.len());
    assert_eq!(of_text, of_parquet);
}

/// Rows of a CSV file as a Parquet file: days as dates, quantities as doubles, costs as decimals, the rest as text.
fn to_parquet(csv: &Path, place: &Path) {
    let text = std::fs::read_to_string(csv).unwrap();
    let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let names = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let column = |(at, name): (usize, &str)| -> (String, ArrayRef) {
        let cells = || rows.iter().map(|row| Some(&row[at]).filter(|cell| !cell.is_empty()));
        let array: ArrayRef = match name {
            "Date" | "BillingPeriodStartDate" | "BillingPeriodEndDate" => {
                cast(&StringArray::from_iter(cells()), &DataType::Date32).unwrap()
            }
            "Quantity" => cast(&StringArray::from_iter(cells()), &DataType::Float64).unwrap(),
            "CostInBillingCurrency" => cast(&StringArray::from_iter(cells()), &DataType::Decimal128(30, 12)).unwrap(),
            _ => Arc::new(StringArray::from_iter(cells())),
        };
        (name.to_owned(), array)
    };
    let batch = RecordBatch::try_from_iter(names.iter().enumerate().map(column)).unwrap();
    let snappy = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(place).unwrap(), batch.schema(), Some(snappy)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
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
