//! The service: sources run by schedule and on request, endpoints tell of it, and it ends in order.

use std::path::{Path, PathBuf};

use costhost_tests::postgres::Cluster;
use costhost_tests::program::{Costhost, plugin};
use costhost_tests::service::Service;
use costhost_tests::tally;
use serde_json::Value;

/// A configuration of tally sources, each `(name, folder)`; `more` stands before them.
pub(crate) fn config(costhost: &Costhost, plugin: &Path, more: &str, sources: &[(&str, &str)]) -> PathBuf {
    let path = costhost.folder().join("costhost.toml");
    write_config(&path, plugin, more, sources);
    path
}

pub(crate) fn write_config(path: &Path, plugin: &Path, more: &str, sources: &[(&str, &str)]) {
    let folder = path.parent().unwrap();
    let mut text = format!("{more}\n[defaults]\nplugin = '{}'\n", plugin.display());
    for (name, below) in sources {
        let location = folder.join(below);
        text += &format!("[[source]]\nname = '{name}'\nlocation = '{}'\n", location.display());
    }
    tally::install(text.as_bytes(), path);
}

/// What is looked at often, and nothing else.
pub(crate) const QUICK: &str = "[serve]\nwatch = '100ms'\nrun_at_start = false\n";

/// A copy of the plugin that tests may replace.
pub(crate) fn own_plugin(costhost: &Costhost) -> PathBuf {
    let path = costhost.folder().join("tally.wasm");
    tally::install(&tally::component(), &path);
    path
}

pub(crate) fn rows(costhost: &Costhost) -> String {
    let rows = costhost.sql("select count(*) as n from tally.line_items");
    rows[0]["n"].to_string().trim_matches('"').to_owned()
}

fn number(source: &Value, name: &str) -> u64 {
    source["last_run"][name].as_u64().unwrap()
}

#[test]
fn sources_run_at_the_start_by_schedule_and_on_request_and_the_endpoints_tell_of_it() {
    let costhost = super::costhost();
    let bills = costhost.folder().join("bills");
    tally::deliver(&bills, "2026-01", 300);
    let plugin = PathBuf::from(plugin("tally"));
    // Every two seconds, so that the schedule itself is seen to work.
    let more = "[serve]\nwatch = '100ms'\n";
    let path = config(&costhost, &plugin, more, &[("prod", "bills")]);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("name = 'prod'", "name = 'prod'\nschedule = '*/2 * * * * *'")).unwrap();
    let mut service = Service::start(&costhost, &path);
    let first = service.after_runs("prod", 1);
    assert_eq!(service.get("/healthz").code, 200);
    let ready = service.get("/readyz");
    assert_eq!((ready.code, ready.body.as_str()), (200, "ready\n"));
    assert_eq!(rows(&costhost), "300");
    assert!(first["last_success"].is_string(), "{first:#}");

    // The next delivery is found without anyone asking.
    tally::deliver(&bills, "2026-02", 200);
    service.until("the second month", |service| service.metric("costhost_rows_total", &[("source", "prod")]) >= 500.0);
    assert_eq!(rows(&costhost), "500");
    let labels = [("source", "prod"), ("plugin", "tally")];
    assert_eq!(service.metric("costhost_periods_total", &[labels[0], ("outcome", "loaded")]), 2.0);
    service.until("a run with nothing new", |service| {
        service.metric("costhost_runs_total", &[labels[0], ("outcome", "unchanged")]) >= 1.0
    });
    assert!(service.metric("costhost_input_bytes_total", &labels) > 10_000.0);
    assert!(service.metric("costhost_plugin_memory_peak_bytes", &[]) > 65_536.0);
    assert!(service.metric("costhost_last_success_timestamp_seconds", &labels) > 1.7e9);
    assert!(service.get("/metrics").body.ends_with("# EOF\n"));
    assert!(service.get("/metrics").head.contains("openmetrics-text"));

    let refused = service.request("POST", "/run/prod", "origin: https://a.page\r\n");
    assert_eq!(refused.code, 403, "{refused:?}");
    assert_eq!(service.run("prod").code, 202);
    assert_eq!(service.run("nothing").code, 404);
    assert_eq!(service.request("GET", "/run/prod", "").code, 405);
    assert_eq!(service.request("POST", "/status", "").code, 405);
    assert_eq!(service.get("/").code, 404);
    service.terminate();
    assert_eq!(service.ended(), 0);
}

#[test]
fn a_failed_run_is_told_retried_and_forgotten_once_it_works() {
    let costhost = super::costhost();
    let plugin = PathBuf::from(plugin("tally"));
    let more = format!("{QUICK}retry = '100ms'\nretry_max = '400ms'\n");
    let path = config(&costhost, &plugin, &more, &[("late", "nowhere")]);
    let mut service = Service::start(&costhost, &path);
    assert_eq!(service.run("late").code, 202);
    let failed = service.after_runs("late", 3);
    assert_eq!(failed["last_run"]["outcome"], "failed", "{failed:#}");
    assert!(failed["last_run"]["problems"][0].as_str().unwrap().contains("nowhere"), "{failed:#}");
    assert!(failed["consecutive_failures"].as_u64().unwrap() >= 2, "{failed:#}");
    assert!(service.metric("costhost_consecutive_failures", &[("source", "late")]) >= 2.0);
    assert_eq!(service.get("/readyz").code, 200, "a source that fails does not make the service unready");
    tally::deliver(&costhost.folder().join("nowhere"), "2026-01", 30);
    service.until("a run that works", |service| service.source("late")["last_run"]["outcome"] == "loaded");
    let healed = service.source("late");
    assert_eq!((healed["consecutive_failures"].as_u64(), number(&healed, "rows")), (Some(0), 30), "{healed:#}");
    service.terminate();
    assert_eq!(service.ended(), 0);
}

#[test]
fn a_stop_waits_for_the_run_that_is_on_and_begins_no_other() {
    let costhost = super::costhost();
    let bills = costhost.folder().join("bills");
    tally::deliver(&bills, "2026-01", 150_000);
    let path = config(&costhost, &PathBuf::from(plugin("tally")), QUICK, &[("prod", "bills")]);
    let mut service = Service::start(&costhost, &path);
    service.run("prod");
    service.until("the run", |service| service.source("prod")["activity"] == "running");
    service.terminate();
    assert_eq!(service.ended(), 0);
    assert_eq!(rows(&costhost), "150000");
}

#[test]
fn a_stop_without_grace_cancels_the_run_and_nothing_of_it_is_loaded() {
    let costhost = super::costhost();
    let bills = costhost.folder().join("bills");
    tally::deliver(&bills, "2026-01", 600_000);
    let more = format!("{QUICK}shutdown_grace = '0s'\n");
    let path = config(&costhost, &PathBuf::from(plugin("tally")), &more, &[("prod", "bills")]);
    let mut service = Service::start(&costhost, &path);
    service.run("prod");
    service.until("the run", |service| service.source("prod")["activity"] == "running");
    service.terminate();
    assert_eq!(service.ended(), 0);
    let tables = costhost.call(&["sql", "select count(*) from tally.line_items"]);
    assert_ne!(tables.code, 0, "nothing was loaded: {}", tables.out);
    // The next run does it all.
    let bills = bills.display().to_string();
    let ended = costhost.call(&["run", "--plugin", &plugin("tally"), &bills, "--source-name", "prod"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(rows(&costhost), "600000");
}

#[test]
fn a_lake_that_cannot_be_reached_makes_the_service_unready() {
    // Nobody listens at port 1.
    let variables = [
        ("AWS_ACCESS_KEY_ID", "k"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_ALLOW_HTTP", "true"),
    ];
    let costhost = Costhost::with_lake(super::PROGRAM, "s3://lakes", &variables);
    tally::deliver(&costhost.folder().join("bills"), "2026-01", 3);
    let path = config(&costhost, &PathBuf::from(plugin("tally")), QUICK, &[("prod", "bills")]);
    let mut service = Service::start(&costhost, &path);
    service.until("the plugin", |service| service.metric("costhost_plugin_info", &[("id", "tally")]) >= 1.0);
    let answer = service.get("/readyz");
    assert_eq!(answer.code, 503, "{answer:?}");
    assert!(answer.body.contains("lake") && !answer.body.contains("plugin"), "{answer:?}");
    assert_eq!(service.get("/healthz").code, 200);
    service.terminate();
    assert_eq!(service.ended(), 0);
}

#[test]
fn runs_publish_to_the_database_and_catch_up_after_it_was_away() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let mut costhost = super::costhost();
    tally::deliver(&costhost.folder().join("bills"), "2026-01", 90);
    // Loaded without the database: a run of the service brings it up to date without reading anything.
    let bills = costhost.folder().join("bills").display().to_string();
    let ended = costhost.call(&["run", "--plugin", &plugin("tally"), &bills, "--source-name", "prod"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    costhost.set("COSTHOST_POSTGRES", &cluster.url(&database));
    let path = config(&costhost, &PathBuf::from(plugin("tally")), QUICK, &[("prod", "bills")]);
    let mut service = Service::start(&costhost, &path);
    service.run("prod");
    let caught_up = service.after_runs("prod", 1);
    assert_eq!((caught_up["last_run"]["outcome"].as_str(), number(&caught_up, "rows")), (Some("loaded"), 0));
    let months = "select count(distinct date_trunc('month', day)) from tally_daily_costs";
    assert_eq!(cluster.sql(&database, months), "1");
    tally::deliver(&costhost.folder().join("bills"), "2026-02", 90);
    service.run("prod");
    service.after_runs("prod", 2);
    assert_eq!(cluster.sql(&database, months), "2");
    assert_eq!(service.metric("costhost_publications_total", &[("outcome", "published")]), 2.0);
    let password = service.status().to_string() + &service.get("/metrics").body;
    assert!(!password.contains("postgres://"), "addresses of databases are not told");
    service.terminate();
    assert_eq!(service.ended(), 0);
}
