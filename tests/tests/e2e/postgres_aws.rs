//! What AWS reports become in PostgreSQL: every column of every table, against SQL over the text of the same files.
//!
//! Markup is a percentage with many decimals, so that it has to be rounded; accounts have names but for one, and one moves
//! from a unit to another within a month; one month is delivered anew; a tag key is disabled. The months differ in their
//! columns: November has private discounts, December lacks columns and returns savings plans.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use costhost_bench::aws::month::Month;
use costhost_bench::aws::{Compression, Headers, Layout, Settings, generate};
use costhost_tests::bucket::{edit_gzip, files};
use costhost_tests::postgres::Cluster;
use costhost_tests::program::{Costhost, plugin};
use costhost_tests::recomputed::{Bills, Recomputed};
use serde_json::Value;

const TENANT: &str = "org1234567";
const MARKUP: &str = "3.3333333333333333";
const DAILY: &str = "reporting_awscostentrylineitem_daily_summary";
const BILLS: Bills = Bills { table: "reporting_awscostentrybill", start: "billing_period_start" };
const TABLES: [&str; 15] = [
    DAILY,
    "reporting_awscostentrybill",
    "reporting_enabledtagkeys",
    "reporting_aws_cost_summary_p",
    "reporting_aws_cost_summary_by_account_p",
    "reporting_aws_cost_summary_by_region_p",
    "reporting_aws_cost_summary_by_service_p",
    "reporting_aws_compute_summary_p",
    "reporting_aws_compute_summary_by_account_p",
    "reporting_aws_storage_summary_p",
    "reporting_aws_storage_summary_by_account_p",
    "reporting_aws_network_summary_p",
    "reporting_aws_database_summary_p",
    "reporting_awstags_summary",
    "reporting_awscategory_summary",
];

/// Three months of 3,000 lines in two currencies. A restated month lies there in both deliveries.
fn deliver(bucket: &Path, restated: &str) {
    let months = |range: &str| if range.is_empty() { Vec::new() } else { Month::parse_range(range).unwrap() };
    let settings = Settings {
        months: months("2025-10..2025-12"),
        out: bucket.to_owned(),
        prefix: "cur".to_owned(),
        report: "acme-cur".to_owned(),
        bucket: "acme-billing".to_owned(),
        rows: 3_000,
        files: 2,
        seed: 11,
        accounts: 4,
        currencies: vec!["USD".to_owned(), "EUR".to_owned()],
        layout: Layout::CreateNew,
        compression: Compression::Gzip,
        headers: Headers::Slash,
        restate: months(restated),
    };
    generate(&settings).unwrap();
    drift(&bucket.join("cur/acme-cur/20251101-20251201"), discounted);
    drift(&bucket.join("cur/acme-cur/20251201-20260101"), without_columns);
}

/// Rewrites the lines of a month's files; `change` is given their cells by column, and how many lines stand before.
fn drift(month: &Path, change: fn(&mut BTreeMap<String, String>, usize)) {
    for file in files(month, ".csv.gz") {
        edit_gzip(&file, |text| {
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            let mut lines: Vec<BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
            lines.iter_mut().enumerate().for_each(|(number, line)| change(line, number));
            let columns: BTreeSet<String> = lines.iter().flat_map(|line| line.keys().cloned()).collect();
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(&columns).unwrap();
            for line in &lines {
                writer.write_record(columns.iter().map(|column| line.get(column).map_or("", String::as_str))).unwrap();
            }
            String::from_utf8(writer.into_inner().unwrap()).unwrap()
        });
    }
}

/// Net costs, where a line has the cost that they are the net of; every seventh line has no discount.
fn discounted(line: &mut BTreeMap<String, String>, number: usize) {
    for (gross, net) in [
        ("lineItem/UnblendedCost", "lineItem/NetUnblendedCost"),
        ("savingsPlan/SavingsPlanEffectiveCost", "savingsPlan/NetSavingsPlanEffectiveCost"),
        ("reservation/EffectiveCost", "reservation/NetEffectiveCost"),
        (
            "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod",
            "reservation/NetUnusedAmortizedUpfrontFeeForBillingPeriod",
        ),
        ("reservation/UnusedRecurringFee", "reservation/NetUnusedRecurringFee"),
    ] {
        let discount = |cost: &String| {
            if cost.is_empty() || number.is_multiple_of(7) { String::new() } else { format!("{number}e-5") }
        };
        let net_cost = discount(&line[gross]);
        line.insert(net.to_owned(), net_cost);
    }
}

/// Fewer columns; and refunds of savings plans, of which those that came within seven days return the plan. Some amounts
/// have more decimals than are held, and some cells that should be numbers are none.
fn without_columns(line: &mut BTreeMap<String, String>, number: usize) {
    for column in
        ["product/region", "lineItem/NormalizationFactor", "savingsPlan/UsedCommitment", "resourceTags/user:app"]
    {
        line.remove(column);
    }
    let mut set = |column: &str, value: &str| line.insert(column.to_owned(), value.to_owned());
    if number % 10 == 3 {
        let bought = ["2025-12-01T00:00:00Z", "2025-11-27T06:00:00Z", "2025-06-01T00:00:00Z", ""];
        set("lineItem/LineItemType", "Refund");
        set("savingsPlan/StartTime", bought[number / 10 % 4]);
        set("savingsPlan/SavingsPlanARN", if number % 50 == 3 { "" } else { "arn:aws:savingsplans::1:savingsplan/x" });
    }
    match number % 40 {
        5 => set("lineItem/UnblendedCost", "0.1234567890123456785"),
        6 => set("lineItem/UnblendedCost", "-0.1234567890123456775"),
        7 => set("lineItem/UsageAmount", "about 3"),
        8 => set("lineItem/UnblendedCost", "see contract"),
        _ => None,
    };
}

/// The files that the newest manifest of each month lists, with the first day of the month.
fn current(bucket: &Path) -> Vec<(String, Vec<PathBuf>)> {
    let mut months = Vec::new();
    for period in std::fs::read_dir(bucket.join("cur/acme-cur")).unwrap() {
        let period = period.unwrap().path();
        let manifest: Value =
            serde_json::from_slice(&std::fs::read(period.join("acme-cur-Manifest.json")).unwrap()).unwrap();
        let keys = manifest["reportKeys"].as_array().unwrap();
        let start = manifest["billingPeriod"]["start"].as_str().unwrap();
        let start = format!("{}-{}-{}", &start[..4], &start[4..6], &start[6..8]);
        months.push((start, keys.iter().map(|key| bucket.join(key.as_str().unwrap())).collect()));
    }
    months.sort();
    assert_eq!(months.len(), 3);
    months
}

/// Loads the current files. What is made of them is made by [`recompute`], once reference rows are there.
fn load<'a>(cluster: &'a Cluster, database: &str, bucket: &Path) -> Recomputed<'a> {
    let recomputed = Recomputed::new(cluster, database, TENANT, MARKUP);
    for (start, files) in current(bucket) {
        files.iter().for_each(|file| recomputed.load(&start, file));
    }
    recomputed.file("aws_lines.sql");
    recomputed
}

fn recompute(recomputed: &Recomputed<'_>) {
    for file in ["aws_daily_summary.sql", "aws_bill.sql", "aws_rollups.sql", "aws_lookups.sql"] {
        recomputed.file(file);
    }
}

/// Names for all accounts but the last, and units: the first account moves in November, the second leaves in it.
fn name_accounts(recomputed: &Recomputed<'_>) {
    recomputed.sql(&format!(
        "CREATE TEMPORARY TABLE account AS SELECT usage_account_id AS id, row_number() OVER (ORDER BY usage_account_id) \
         AS number FROM (SELECT DISTINCT usage_account_id FROM expected.aws_line) AS found; \
         INSERT INTO {TENANT}.reporting_awsaccountalias (account_id, account_alias) \
         SELECT id, 'Account ' || number FROM account WHERE number < 4; \
         INSERT INTO {TENANT}.reporting_awsorganizationalunit \
         (org_unit_name, org_unit_id, level, account_alias_id, created_timestamp, deleted_timestamp) \
         SELECT unit.name, unit.name, 1, alias.id, unit.joined, unit.gone \
         FROM (VALUES (1, 'ou-first', date '2025-01-01', NULL::date), (1, 'ou-second', '2025-11-10', NULL), \
         (2, 'ou-left', '2025-10-15', '2025-11-10')) AS unit (number, name, joined, gone) \
         JOIN account USING (number) JOIN {TENANT}.reporting_awsaccountalias AS alias ON alias.account_id = account.id"
    ));
}

/// Every table, or a list of everything that differs.
fn assert_all_equal(recomputed: &Recomputed<'_>) {
    let compared: Vec<_> = TABLES.iter().map(|table| recomputed.compare(table, BILLS)).collect();
    let wrong: Vec<&String> = compared.iter().filter_map(|result| result.as_ref().err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.iter().map(|text| text.as_str()).collect::<Vec<_>>().join("\n\n"));
    let empty: Vec<_> = TABLES.iter().zip(&compared).filter(|(_, rows)| **rows == Ok(0)).collect();
    assert!(empty.is_empty(), "nothing was compared of {empty:?}");
}

/// `costhost run` on the bucket, into the database.
fn run(costhost: &Costhost, bucket: &Path, url: &str) {
    let bucket = bucket.display().to_string();
    let ended = costhost.run(&[&bucket, "--postgres", url, "--tenant", TENANT, "--markup", MARKUP]);
    assert_eq!(ended.code, 0, "{}\n{}", ended.err, ended.out);
}

#[test]
fn every_column_of_every_table_is_what_sql_makes_of_the_files() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let url = cluster.url(&database);
    let costhost = super::costhost();
    let bucket = costhost.folder().join("bucket");
    deliver(&bucket, "");
    assert_eq!(files(&bucket, ".csv.gz").len(), 6);

    let recomputed = load(&cluster, &database, &bucket);
    let migrated =
        costhost.call(&["db", "migrate", "--plugin", &plugin("aws-cur"), "--postgres", &url, "--tenant", TENANT]);
    assert_eq!(migrated.code, 0, "{}", migrated.err);
    name_accounts(&recomputed);
    run(&costhost, &bucket, &url);
    recompute(&recomputed);
    assert_all_equal(&recomputed);
    let looked_up = recomputed.sql(&format!(
        "SELECT count(DISTINCT account_alias_id), count(DISTINCT organizational_unit_id), \
         bool_or(account_alias_id IS NULL) FROM {TENANT}.{DAILY}"
    ));
    assert_eq!(looked_up, "3|3|t");
    // What makes the months differ is there.
    let kinds = recomputed.sql(
        "SELECT bool_or(has_net), bool_or(line_type = 'Refund' AND accounting = 'upfront'), \
         bool_or(line_type = 'Refund' AND accounting = 'as billed' AND plan_arn IS NOT NULL) FROM expected.aws_line",
    );
    assert_eq!(kinds, "t|t|t");

    // A month that is delivered anew takes the place of what was there.
    deliver(&bucket, "2025-11..2025-11");
    let recomputed = load(&cluster, &database, &bucket);
    recompute(&recomputed);
    let stale = recomputed.compare(DAILY, BILLS).unwrap_err();
    assert!(stale.contains("are missing"), "{stale}");
    run(&costhost, &bucket, &url);
    assert_all_equal(&recomputed);

    recomputed.sql(&format!("UPDATE {TENANT}.reporting_enabledtagkeys SET enabled = false WHERE key = 'CostCenter'"));
    std::fs::remove_dir_all(&bucket).unwrap();
    summarize(&costhost, &url);
    recompute_without(&recomputed, "CostCenter");
    assert_all_equal(&recomputed);
}

/// `costhost summarize`, which reads no report.
fn summarize(costhost: &Costhost, url: &str) {
    let plugin = plugin("aws-cur");
    let ended =
        costhost.call(&["summarize", "--plugin", &plugin, "--postgres", url, "--tenant", TENANT, "--markup", MARKUP]);
    assert_eq!(ended.code, 0, "{}\n{}", ended.err, ended.out);
}

/// Makes everything anew without tags of a key that has been disabled. It leaves the tags of all months; the bills, and the
/// keys that were found, stay what they were.
fn recompute_without(recomputed: &Recomputed<'_>, key: &str) {
    let tagged = |schema: &str| recomputed.sql(&format!("SELECT count(*) FROM {schema}.{DAILY} WHERE tags ? '{key}'"));
    assert_ne!(tagged("expected"), "0");
    assert_eq!(tagged(TENANT), "0");
    recomputed.disable_tag_keys(&[key]);
    for table in TABLES.iter().filter(|table| ![BILLS.table, "reporting_enabledtagkeys"].contains(table)) {
        recomputed.sql(&format!("DROP TABLE expected.{table}"));
    }
    for file in ["aws_daily_summary.sql", "aws_rollups.sql", "aws_lookups.sql"] {
        recomputed.file(file);
    }
}

/// The comparison itself sees the last digit, a row too many and a row too few.
#[test]
fn a_difference_in_the_last_digit_is_told() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let url = cluster.url(&database);
    let costhost = super::costhost();
    let bucket = costhost.folder().join("bucket");
    deliver(&bucket, "");
    let recomputed = load(&cluster, &database, &bucket);
    run(&costhost, &bucket, &url);
    recompute(&recomputed);
    assert_all_equal(&recomputed);

    let table = "reporting_aws_compute_summary_p";
    let key = "(usage_start, currency_code, instance_type)";
    let changed = |statement: &str| {
        let one =
            format!("{key} = (SELECT usage_start, currency_code, instance_type FROM TABLE ORDER BY {key} LIMIT 1)");
        recomputed.sql(&format!("{statement} WHERE {one}").replace("TABLE", &format!("{TENANT}.{table}")));
        recomputed.compare(table, BILLS)
    };
    let off = changed("UPDATE TABLE SET markup_cost = markup_cost + 1e-18").unwrap_err();
    assert!(off.contains("1 are missing, 1 are not expected") && off.contains("\n  markup_cost: "), "{off}");
    assert_eq!(off.matches(" is expected, ").count(), 1, "{off}");
    changed("UPDATE TABLE SET markup_cost = markup_cost - 1e-18").unwrap();
    let twice = changed("INSERT INTO TABLE SELECT * FROM TABLE").unwrap_err();
    assert!(twice.contains("0 are missing, 1 are not expected"), "{twice}");
    let gone = changed("DELETE FROM TABLE").unwrap_err();
    assert!(gone.contains("1 are missing, 0 are not expected"), "{gone}");
}
