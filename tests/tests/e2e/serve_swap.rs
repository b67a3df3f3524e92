//! Plugins swapped under a running service: good versions take over between runs, bad ones leave everything as it was.

use std::path::{Path, PathBuf};

use costhost_tests::components;
use costhost_tests::program::Costhost;
use costhost_tests::service::Service;
use costhost_tests::tally;
use serde_json::Value;

use super::serve::{QUICK, config, own_plugin, rows};

fn digest_in_use(service: &Service) -> String {
    service.status()["plugins"][0]["current"]["digest"].as_str().unwrap_or_default().to_owned()
}

fn refused(service: &Service) -> Value {
    service.status()["plugins"][0]["refused"].clone()
}

/// Offers a component and waits until it is refused at a stage; the version in use must be the one before.
fn refuse(service: &mut Service, plugin: &Path, bytes: &[u8], stage: &str, says: &str) {
    let before = digest_in_use(service);
    let offered = service.metric("costhost_plugin_swaps_total", &[("outcome", "refused")]);
    tally::install(bytes, plugin);
    service.until(&format!("a refusal that says `{says}`"), |service| {
        service.metric("costhost_plugin_swaps_total", &[("outcome", "refused")]) > offered
    });
    let refusal = refused(service);
    assert!(refusal["why"].as_str().unwrap().contains(says), "`{says}` is not in {refusal:#}");
    assert_eq!(refusal["stage"], stage, "{refusal:#}");
    assert_eq!(digest_in_use(service), before, "the version in use stays");
}

/// Runs the source and waits for the end of it.
fn run(service: &mut Service) -> Value {
    let runs = service.metric("costhost_runs_total", &[]) as u32;
    assert_eq!(service.run("prod").code, 202);
    service.after_runs("prod", runs + 1)
}

fn started(costhost: &Costhost, more: &str, lines: u64) -> (PathBuf, Service) {
    tally::deliver(&costhost.folder().join("bills"), "2026-01", lines);
    let plugin = own_plugin(costhost);
    let path = config(costhost, &plugin, more, &[("prod", "bills")]);
    let mut service = Service::start(costhost, &path);
    service.until("the plugin", |service| service.metric("costhost_plugin_info", &[("id", "tally")]) >= 1.0);
    (plugin, service)
}

/// Costs of data services of a team.
fn cost_of(costhost: &Costhost, team: &str) -> f64 {
    let sql = format!("select cast(sum(cost) as double) as cost from tally.tally_data_costs where team = '{team}'");
    costhost.sql(&sql)[0]["cost"].as_f64().unwrap_or_default()
}

#[test]
fn bad_versions_are_refused_and_the_service_goes_on() {
    let costhost = super::costhost();
    let (plugin, mut service) = started(&costhost, QUICK, 100);
    assert_eq!(run(&mut service)["last_run"]["outcome"], "loaded");
    refuse(&mut service, &plugin, b"no component at all", "load", "text file");
    refuse(&mut service, &plugin, &tally::component()[..50_000], "load", "");
    let renamed = tally::patched(&tally::component(), "department", "dipartment");
    refuse(&mut service, &plugin, &renamed, "manifest", "column line_items.department is gone");
    let trapping = tally::trapping_in(costhost.folder(), "describe@0.1.0#describe");
    refuse(&mut service, &plugin, &trapping, "load", "unreachable");
    // A file that is gone is told, too, and takes nothing away.
    std::fs::remove_file(&plugin).unwrap();
    service.until("the missing file", |service| refused(service)["stage"] == "find");

    tally::deliver(&costhost.folder().join("bills"), "2026-02", 50);
    assert_eq!(run(&mut service)["last_run"]["outcome"], "loaded");
    assert_eq!(rows(&costhost), "150");
    assert_eq!(service.get("/readyz").code, 200);
    assert_eq!(service.get("/healthz").code, 200);

    // A good version heals it.
    let next = components::tally_version(costhost.folder(), "0.1.7");
    tally::install(&std::fs::read(next).unwrap(), &plugin);
    service.until("the good version", |service| service.status()["plugins"][0]["current"]["version"] == "0.1.7");
    assert!(refused(&service).is_null());
    assert_eq!(service.metric("costhost_plugin_swaps_total", &[("outcome", "swapped")]), 1.0);
    assert_eq!(service.metric("costhost_plugin_info", &[("version", "0.1.7")]), 1.0);
    assert_eq!(service.metric("costhost_plugin_info", &[]), 1.0, "one version is in use");
    service.terminate();
    assert_eq!(service.ended(), 0);
}

#[test]
fn a_version_swapped_in_mid_run_is_used_by_the_next_run_only() {
    let costhost = super::costhost();
    let other = tally::without_warehouse(costhost.folder());
    let (plugin, mut service) = started(&costhost, QUICK, 200_000);
    let before = digest_in_use(&service);
    service.run("prod");
    service.until("the run", |service| service.source("prod")["activity"] == "running");
    tally::install(&other, &plugin);
    service.until("the swap", |service| digest_in_use(service) != before);
    // If the run was over by now, this test would show nothing.
    let source = service.source("prod");
    assert_eq!(source["activity"], "running", "the run must outlast the swap: {source:#}");
    assert_eq!(source["running_with"]["digest"], before.as_str());
    let first = service.after_runs("prod", 1);
    assert_eq!(first["last_run"]["with"]["digest"], before.as_str());
    let (red, green) = (cost_of(&costhost, "Red"), cost_of(&costhost, "Green"));
    assert!(red > 1e6 && green > 1e6, "{red} {green}");
    let digest = costhost.sql("select distinct plugin_digest from tally.loads");
    assert_eq!((digest.len(), digest[0]["plugin_digest"].as_str()), (1, Some(before.as_str())));

    let second = run(&mut service);
    assert_eq!(second["last_run"]["with"]["version"], "0.2.0", "{second:#}");
    assert_eq!(second["last_run"]["outcome"], "loaded");
    assert_eq!((cost_of(&costhost, "Red"), cost_of(&costhost, "Green")), (0.0, green));
    assert_eq!(rows(&costhost), "200000");
    service.terminate();
    assert_eq!(service.ended(), 0);
}

#[test]
fn many_swaps_under_load_never_mix_two_versions() {
    let costhost = super::costhost();
    let other = tally::without_warehouse(costhost.folder());
    let (plugin, mut service) = started(&costhost, QUICK, 5_000);
    run(&mut service);
    let plain = (cost_of(&costhost, "Red"), cost_of(&costhost, "Green"));
    for round in 0..6 {
        let bytes = if round % 2 == 0 { other.clone() } else { tally::component() };
        service.run("prod");
        tally::install(&bytes, &plugin);
        let swaps = f64::from(round + 1);
        service.until("the swap", |service| {
            service.metric("costhost_plugin_swaps_total", &[("outcome", "swapped")]) >= swaps
        });
        let version = run(&mut service)["last_run"]["with"]["version"].clone();
        let red = if version == "0.2.0" { 0.0 } else { plain.0 };
        assert_eq!(
            (cost_of(&costhost, "Red"), cost_of(&costhost, "Green")),
            (red, plain.1),
            "round {round}, {version}"
        );
    }
    assert_eq!(service.metric("costhost_runs_total", &[("outcome", "failed")]), 0.0);
    service.terminate();
    assert_eq!(service.ended(), 0);
}

#[test]
fn a_shadow_run_refuses_versions_that_fail_or_change_too_much() {
    let costhost = super::costhost();
    let other = tally::without_warehouse(costhost.folder());
    let failing = tally::trapping_in(costhost.folder(), "normalize@0.1.0#[method]normalizer.push");
    let more = format!("{QUICK}shadow = true\nshadow_tolerance = '0.01'\n");
    let (plugin, mut service) = started(&costhost, &more, 300);
    refuse(&mut service, &plugin, &failing, "shadow", "unreachable");
    refuse(&mut service, &plugin, &other, "shadow", "tally_data_costs.cost");
    assert!(refused(&service)["why"].as_str().unwrap().contains("prod"), "{:#}", refused(&service));
    // The same numbers under another version pass.
    let next = components::tally_version(costhost.folder(), "0.1.8");
    tally::install(&std::fs::read(next).unwrap(), &plugin);
    service.until("the swap", |service| service.status()["plugins"][0]["current"]["version"] == "0.1.8");
    let none = costhost.call(&["sql", "select * from tally.loads"]);
    assert_ne!(none.code, 0, "a shadow run leaves nothing in the lake: {}", none.out);
    service.terminate();
    assert_eq!(service.ended(), 0);
}

#[test]
fn installed_versions_are_taken_from_the_store_and_rolled_back() {
    let mut costhost = super::costhost();
    let store = costhost.folder().join("store");
    costhost.set("COSTHOST_PLUGIN_STORE", &store.display().to_string());
    let install = |file: &Path| {
        let ended = costhost.call(&["plugin", "install", "--use", &file.display().to_string()]);
        assert_eq!(ended.code, 0, "{}\n{}", ended.out, ended.err);
    };
    install(&components::tally_version(costhost.folder(), "0.1.1"));
    tally::deliver(&costhost.folder().join("bills"), "2026-01", 30);
    let path = config(&costhost, Path::new("tally"), QUICK, &[("prod", "bills")]);
    let mut service = Service::start(&costhost, &path);
    let version = |service: &Service| service.status()["plugins"][0]["current"]["version"].clone();
    service.until("the first version", |service| version(service) == "0.1.1");
    install(&components::tally_version(costhost.folder(), "0.1.2"));
    service.until("the second version", |service| version(service) == "0.1.2");
    assert_eq!(run(&mut service)["last_run"]["with"]["version"], "0.1.2");
    let ended = costhost.call(&["plugin", "rollback", "tally"]);
    assert_eq!(ended.code, 0, "{}\n{}", ended.out, ended.err);
    service.until("the first version again", |service| version(service) == "0.1.1");
    assert_eq!(run(&mut service)["last_run"]["with"]["version"], "0.1.1");
    service.terminate();
    assert_eq!(service.ended(), 0);
}
