//! Runs that publish: restated, summarized again, interrupted, concurrent; and what users ask of both stores.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use costhost_tests::bucket;
use costhost_tests::postgres::Cluster;
use costhost_tests::program::{Costhost, Ended, ended, plugin};
use serde_json::Value;

use super::lifecycle::generate;

const DAILY: &str = "reporting_awscostentrylineitem_daily_summary";

/// A program with an empty lake and an empty database.
struct Publishing {
    costhost: Costhost,
    cluster: Arc<Cluster>,
    database: String,
}

impl Publishing {
    fn new() -> Self {
        Self::on(Cluster::shared())
    }

    fn on(cluster: Arc<Cluster>) -> Self {
        let (mut costhost, database) = (super::costhost(), cluster.database());
        costhost.set("COSTHOST_POSTGRES", &cluster.url(&database));
        Self { costhost, cluster, database }
    }

    fn bucket(&self, months: &str, rows: u64) -> String {
        let bucket = self.costhost.folder().join("bucket");
        generate(&bucket, months, rows, 1);
        bucket.to_str().unwrap().to_owned()
    }

    fn query(&self, sql: &str) -> String {
        self.cluster.sql(&self.database, sql).trim().to_owned()
    }

    fn call(&self, args: &[&str]) -> Ended {
        self.costhost.call(args)
    }

    /// Runs a command that must succeed.
    fn done(&self, args: &[&str]) -> String {
        let ended = self.call(args);
        assert_eq!(ended.code, 0, "{args:?}: {}{}", ended.out, ended.err);
        ended.out
    }

    /// `costhost summarize` with the AWS plugin.
    fn summarize(&self, args: &[&str]) -> Value {
        let plugin = plugin("aws-cur");
        let all = [&["summarize", "--plugin", &plugin, "--json"], args].concat();
        serde_json::from_str(&self.done(&all)).unwrap()
    }
}

/// No run may read a report any more: the files keep size and time, and hold nothing.
fn blank(bucket: &str) {
    for file in bucket::files(Path::new(bucket), ".csv.gz") {
        let modified = std::fs::metadata(&file).unwrap().modified().unwrap();
        let length = std::fs::metadata(&file).unwrap().len();
        std::fs::write(&file, vec![0_u8; usize::try_from(length).unwrap()]).unwrap();
        std::fs::File::options().write(true).open(&file).unwrap().set_modified(modified).unwrap();
    }
}

#[test]
fn a_restated_month_replaces_its_rows_and_nothing_new_publishes_nothing() {
    let publishing = Publishing::new();
    let bucket = publishing.bucket("2026-01..2026-02", 500);
    let receipt = publishing.costhost.receipt(&[&bucket]);
    assert_eq!(receipt["publications"].as_array().unwrap().len(), 2, "{receipt}");
    let month = |month: &str| {
        publishing.query(&format!(
            "select count(*), sum(unblended_cost) from {DAILY} where cost_entry_bill_id in \
             (select id from reporting_awscostentrybill where billing_period_start = '2026-{month}-01 00:00+00')"
        ))
    };
    let (january, february) = (month("01"), month("02"));
    let created = "select summary_data_creation_datetime from reporting_awscostentrybill order by billing_period_start";
    let first_created = publishing.query(created);
    let again = publishing.costhost.receipt(&[&bucket]);
    assert!(again["publications"].is_null(), "{again}");
    std::fs::remove_dir_all(&bucket).unwrap();
    generate(Path::new(&bucket), "2026-01..2026-01", 700, 1);
    let restated = publishing.costhost.receipt(&[&bucket]);
    assert_eq!(restated["publications"].as_array().unwrap().len(), 1, "{restated}");
    assert_ne!(month("01"), january);
    assert_eq!(month("02"), february);
    assert_eq!(publishing.query("select count(*) from reporting_awscostentrybill"), "2");
    assert_eq!(publishing.query(created), first_created, "a bill keeps the time of its first publication");
    let plan = publishing.done(&["plan", "--plugin", &plugin("aws-cur"), &bucket, "-o", "csv"]);
    assert!(!plan.contains("summarize") && plan.contains("unchanged"), "{plan}");
    let later = "select bool_or(summary_data_updated_datetime > summary_data_creation_datetime) from reporting_awscostentrybill";
    assert_eq!(publishing.query(later), "t");
    publishing.done(&["reconcile"]);
}

#[test]
fn a_tag_key_is_disabled_and_enabled_without_reading_reports() {
    let publishing = Publishing::new();
    let bucket = publishing.bucket("2026-01..2026-02", 500);
    publishing.costhost.receipt(&[&bucket]);
    let tagged = |key: &str| {
        (
            publishing.query(&format!("select count(*) from {DAILY} where tags ? '{key}'")),
            publishing.query(&format!("select count(*) from reporting_awstags_summary where key = '{key}'")),
        )
    };
    let total = format!("select sum(unblended_cost) from {DAILY}");
    let (before, sum) = (tagged("app"), publishing.query(&total));
    assert_ne!(before.0, "0");
    blank(&bucket);
    publishing.query("update reporting_enabledtagkeys set enabled = false where key = 'app'");
    let receipt = publishing.summarize(&["--from", "2026-02"]);
    assert_eq!(receipt["periods"].as_array().unwrap().len(), 1, "only the month that was asked for: {receipt}");
    let partly = tagged("app");
    assert!(partly.0 != "0" && partly.0 != before.0, "{partly:?}");
    // A run sees for itself that the other month was made with other settings.
    let receipt = publishing.costhost.receipt(&[&bucket]);
    let statuses: Vec<&str> =
        receipt["periods"].as_array().unwrap().iter().map(|period| period["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["unchanged", "summarized"]);
    assert_eq!(tagged("app"), ("0".to_owned(), "0".to_owned()));
    assert_eq!(publishing.query(&total), sum);
    let in_lake = publishing.costhost.sql(&format!("select count(*) as n from {DAILY} where tags like '%\"app\"%'"));
    assert_eq!(in_lake[0]["n"], 0);
    publishing.query("update reporting_enabledtagkeys set enabled = true where key = 'app'");
    publishing.summarize(&[]);
    assert_eq!(tagged("app"), before);
    publishing.done(&["reconcile"]);
}

#[test]
fn another_markup_is_published_without_reading_reports() {
    let publishing = Publishing::new();
    let bucket = publishing.bucket("2026-01..2026-01", 500);
    publishing.costhost.receipt(&[&bucket, "--markup", "10"]);
    let share = format!("select trim_scale(sum(markup_cost) / sum(unblended_cost)) from {DAILY}");
    assert_eq!(publishing.query(&share), "0.1");
    blank(&bucket);
    publishing.summarize(&["--markup", "12.5"]);
    assert_eq!(publishing.query(&share), "0.125");
    let rollup = "select trim_scale(sum(markup_cost) / sum(unblended_cost)) from reporting_aws_cost_summary_p";
    assert_eq!(publishing.query(rollup), "0.125");
    let again = publishing.summarize(&["--markup", "12.50"]);
    assert_eq!(again["periods"][0]["status"], "unchanged");
}

#[test]
fn a_database_that_goes_away_costs_the_publication_and_not_the_load() {
    let publishing = Publishing::on(Arc::new(Cluster::start()));
    let bucket = publishing.bucket("2026-01..2026-02", 3000);
    let plugin = plugin("aws-cur");
    let lake = Path::new(publishing.costhost.lake()).join("default/aws/line_items/_delta_log");
    let mut command = publishing.costhost.command(&["run", "--plugin", &plugin, &bucket]);
    let running = std::thread::spawn(move || ended(&mut command));
    let deadline = Instant::now() + Duration::from_secs(120);
    while !lake.exists() {
        assert!(Instant::now() < deadline, "the run does not get to its first commit");
        std::thread::sleep(Duration::from_millis(5));
    }
    publishing.cluster.kill();
    let ended = running.join().unwrap();
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("costhost publish"), "what to do is said: {}{}", ended.out, ended.err);
    let loaded = publishing.costhost.sql("select count(*) as n from line_items");
    assert_eq!(loaded[0]["n"], 6000, "the lake has it");
    publishing.cluster.launch();
    blank(&bucket);
    let out = publishing.done(&["publish"]);
    assert_eq!(out.matches("published").count(), 2, "{out}");
    assert!(publishing.done(&["publish"]).contains("nothing to publish"));
    publishing.done(&["reconcile"]);
}

#[test]
fn two_hosts_at_once_publish_every_row_once() {
    let publishing = Publishing::new();
    let bucket = publishing.bucket("2026-01..2026-03", 1000);
    let plugin = plugin("aws-cur");
    let start = || {
        let mut command: Command = publishing.costhost.command(&["run", "--plugin", &plugin, &bucket]);
        std::thread::spawn(move || ended(&mut command))
    };
    for ended in [start(), start()].map(|running| running.join().unwrap()) {
        assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    }
    let in_lake = publishing.costhost.sql(&format!("select count(*) as n from {DAILY}"));
    assert_eq!(publishing.query(&format!("select count(*) from {DAILY}")), in_lake[0]["n"].to_string());
    assert_eq!(publishing.query("select count(*) from reporting_awscostentrybill"), "3");
    publishing.done(&["reconcile"]);
}

#[test]
fn a_question_has_the_same_answer_from_the_lake_and_the_database() {
    let publishing = Publishing::new();
    let bucket = publishing.bucket("2026-01..2026-02", 2000);
    publishing.costhost.receipt(&[&bucket, "--markup", "7.25"]);
    let questions: [&[&str]; 8] = [
        &["costs"],
        &["costs", "--group-by", "service,region", "--measures", "cost,amortized,markup,net"],
        &["costs", "--group-by", "tag:app,account", "--resolution", "monthly"],
        &["costs", "--resolution", "daily", "--from", "2026-01-15", "--to", "2026-02-03"],
        &["costs", "--filter", "service=AmazonEC2,AmazonS3", "--filter", "tag:app!=(none)", "--group-by", "service"],
        &["instance-types", "--group-by", "instance-type", "--measures", "usage,resources,cost"],
        &["storage", "--group-by", "account", "--order-by", "cost:asc", "--limit", "3"],
        &["costs", "--from", "2030-01"],
    ];
    for question in questions {
        for form in ["json", "csv", "table"] {
            let all = [&["report", "aws"], question, &["-o", form]].concat();
            let of_database = publishing.done(&all);
            let of_lake = publishing.call(&[&all[..], &["--from-lake"]].concat());
            assert_eq!(of_lake.code, 0, "{}", of_lake.err);
            assert_eq!(of_database, of_lake.out, "{question:?} as {form}");
        }
    }
    let unknown = publishing.call(&["report", "aws", "costs", "--group-by", "nothing"]);
    assert_eq!(unknown.code, 2, "{}", unknown.err);
    let none = publishing.call(&["report", "azure", "costs"]);
    assert_eq!(none.code, 2, "{}", none.err);
}

#[test]
fn reconcile_finds_what_someone_changed() {
    let publishing = Publishing::new();
    let bucket = publishing.bucket("2026-01..2026-02", 500);
    publishing.costhost.receipt(&[&bucket]);
    publishing.query(&format!(
        "update {DAILY} set unblended_cost = unblended_cost + 0.000000000000000001 where ctid = (select ctid from {DAILY} \
         where usage_start = '2026-01-15' limit 1) and usage_start = '2026-01-15'"
    ));
    let ended = publishing.call(&["reconcile"]);
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("-0.000000000000000001"), "{}", ended.out);
    assert!(ended.out.contains("FAIL: 1 of 2 periods"), "{}", ended.out);
    assert_eq!(publishing.call(&["reconcile", "--from", "2026-02"]).code, 0);
    publishing.done(&["publish", "--force"]);
    assert!(publishing.done(&["reconcile"]).contains("PASS: 2 periods"));
    assert_eq!(publishing.call(&["reconcile", "nobody"]).code, 2);
}

#[test]
fn names_of_accounts_are_loaded_and_looked_up() {
    let publishing = Publishing::new();
    let bucket = publishing.bucket("2026-01..2026-01", 500);
    publishing.costhost.receipt(&[&bucket]);
    let account = publishing.query(&format!("select min(usage_account_id) from {DAILY}"));
    let file = publishing.costhost.folder().join("aliases.csv");
    let load = || publishing.call(&["db", "load-aliases", file.to_str().unwrap()]);
    std::fs::write(&file, format!("account_id,account_alias\n{account},Production\n")).unwrap();
    let loaded = load();
    assert_eq!(loaded.code, 0, "{}{}", loaded.out, loaded.err);
    // The next run sees that references have changed, although no report has.
    publishing.costhost.receipt(&[&bucket]);
    let known = |table: &str| {
        publishing.query(&format!(
            "select count(*) filter (where account_alias_id = a.id) = count(*) from {table} t, reporting_awsaccountalias a \
             where usage_account_id = '{account}' and a.account_alias = 'Production'"
        ))
    };
    for table in [DAILY, "reporting_aws_cost_summary_by_account_p", "reporting_awstags_summary"] {
        assert_eq!(known(table), "t", "{table}");
    }
    std::fs::write(&file, "account_id,account_alias\n1,a,b\n").unwrap();
    let wrong = load();
    assert!(wrong.code == 1 && wrong.err.contains("aliases.csv") && wrong.err.contains("row 2"), "{}", wrong.err);
    std::fs::write(&file, "account,name\n1,a\n").unwrap();
    let wrong = load();
    assert!(wrong.code == 2 && wrong.err.contains("reporting_awsaccountalias"), "{}", wrong.err);
}

#[test]
fn a_tenant_has_a_schema_of_its_own() {
    let publishing = Publishing::new();
    let bucket = publishing.bucket("2026-01..2026-01", 200);
    publishing.costhost.receipt(&[&bucket, "--tenant", "org1234567"]);
    let rows = publishing.query(&format!("select count(*) > 0 from org1234567.{DAILY}"));
    assert_eq!(rows, "t");
    let others = "select count(*) from information_schema.tables where table_schema = 'public'";
    assert_eq!(publishing.query(others), "0");
    let plugin = plugin("aws-cur");
    let refused = publishing.call(&["run", "--plugin", &plugin, &bucket, "--tenant", "pg_catalog"]);
    assert!(refused.code == 2 && refused.err.contains("pg_catalog"), "{}", refused.err);
}

#[test]
fn a_database_that_refuses_says_what_to_do_and_nothing_is_read() {
    let publishing = Publishing::new();
    let bucket = publishing.bucket("2026-01..2026-01", 200);
    let (database, plugin) = (&publishing.database, plugin("aws-cur"));
    let reader = format!("reader_{database}");
    publishing.query(&format!(
        "create role {reader} login password 'secret-word'; grant connect on database {database} to {reader}"
    ));
    let run = |url: &str| publishing.call(&["run", "--plugin", &plugin, &bucket, "--postgres", url]);
    let read_only = run(&publishing.cluster.url_as(&format!("{reader}:secret-word"), database));
    assert_eq!(read_only.code, 1, "{}", read_only.err);
    assert!(read_only.err.contains("permission denied") && read_only.err.contains("GRANT"), "{}", read_only.err);
    let absent = run(&publishing.cluster.url("no_such_database"));
    assert!(absent.code == 1 && absent.err.contains("no_such_database"), "{}", absent.err);
    let address = run("mysql://user:secret-word@localhost/x");
    assert!(address.code == 2 && address.err.contains("postgres://"), "{}", address.err);
    for ended in [read_only, absent, address] {
        assert!(!ended.err.contains("secret-word"), "{}", ended.err);
    }
    assert!(!Path::new(publishing.costhost.lake()).exists(), "nothing was read before the database was asked");
}

#[test]
fn another_uuid_of_a_source_is_taken_over_everywhere() {
    let publishing = Publishing::new();
    let bucket = publishing.bucket("2026-01..2026-01", 300);
    publishing.costhost.receipt(&[&bucket, "--source-name", "a"]);
    let total = publishing.query(&format!("select sum(unblended_cost) from {DAILY}"));
    blank(&bucket);
    let uuid = "00000000-0000-4000-8000-000000000001";
    let run = || publishing.costhost.receipt(&[&bucket, "--source-name", "a", "--source-uuid", uuid]);
    let changed = run();
    assert_eq!(changed["periods"][0]["status"], "summarized", "{changed}");
    assert!(changed["periods"][0]["why"].as_str().unwrap().contains("UUID"), "{changed}");
    let in_lake = publishing.costhost.sql(&format!("select distinct source_uuid from {DAILY}"));
    assert_eq!(in_lake.len(), 1);
    assert_eq!(in_lake[0]["source_uuid"], uuid);
    assert_eq!(run()["periods"][0]["status"], "unchanged");
    assert_eq!(publishing.summarize(&[])["periods"][0]["status"], "unchanged");
    assert_eq!(publishing.query(&format!("select distinct source_uuid from {DAILY}")), uuid);
    assert_eq!(publishing.query(&format!("select sum(unblended_cost) from {DAILY}")), total);
    assert_eq!(publishing.query("select count(*) from reporting_awscostentrybill"), "1");
    publishing.done(&["reconcile"]);
}

#[test]
fn two_sources_with_one_uuid_are_refused() {
    let publishing = Publishing::new();
    let bucket = publishing.bucket("2026-01..2026-01", 200);
    let config = publishing.costhost.folder().join("costhost.toml");
    let uuid = "00000000-0000-4000-8000-000000000002";
    let source = |name: &str| format!("[[source]]\nname = '{name}'\nuuid = '{uuid}'\nlocation = '{bucket}'\n");
    std::fs::write(&config, source("a") + &source("b")).unwrap();
    let plugin = plugin("aws-cur");
    let refused = publishing.call(&["run", "--plugin", &plugin, "--config", config.to_str().unwrap()]);
    assert!(refused.code == 2 && refused.err.contains("have the same UUID"), "{}", refused.err);
}
