//! The configuration of a service: checked before anything starts, taken while it runs if it is good, told if it is not.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;

use costhost_tests::program::{Costhost, plugin};
use costhost_tests::service::Service;
use costhost_tests::tally;

use super::serve::{QUICK, config, write_config};

fn names(service: &Service) -> Vec<String> {
    let status = service.status();
    status["sources"].as_array().unwrap().iter().map(|source| source["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_good_configuration_is_taken_and_a_bad_one_told_and_left() {
    let costhost = super::costhost();
    let bills = costhost.folder().join("bills");
    tally::deliver(&bills, "2026-01", 30);
    tally::deliver(&costhost.folder().join("more"), "2026-01", 40);
    let plugin = PathBuf::from(plugin("tally"));
    let path = config(&costhost, &plugin, QUICK, &[("one", "bills")]);
    let mut service = Service::start(&costhost, &path);
    assert_eq!(names(&service), ["one"]);
    let reloads =
        |service: &Service, outcome: &str| service.metric("costhost_config_reloads_total", &[("outcome", outcome)]);

    write_config(&path, &plugin, QUICK, &[("one", "bills"), ("two", "more")]);
    service.until("the second source", |service| names(service) == ["one", "two"]);
    service.run("two");
    assert_eq!(service.after_runs("two", 1)["last_run"]["rows"], 40);
    assert_eq!(reloads(&service, "adopted"), 1.0);

    let text = std::fs::read_to_string(&path).unwrap();
    let missing = costhost.folder().join("missing.wasm");
    let bad = [
        (text.replace("watch = '100ms'", "wotch = '100ms'"), "wotch"),
        (text.replace("name = 'two'", "name = 'one'"), "called `one`"),
        (text.replace("name = 'two'", "name = 'two'\nschedule = 'at noon'"), "at noon"),
        (text.replace("name = 'two'", "name = 'two'\nmarkup = '10'"), "markup_percent"),
        (text.replace("name = 'two'", &format!("name = 'two'\nplugin = '{}'", missing.display())), "missing.wasm"),
        (format!("[plugins]\nrequire_signature = true\n{text}"), "sign"),
    ];
    for (count, (text, says)) in bad.into_iter().enumerate() {
        tally::install(text.as_bytes(), &path);
        service.until(says, |service| reloads(service, "refused") >= (count + 1) as f64);
        let refused = service.status()["config"]["refused"].to_string();
        assert!(refused.contains(says), "`{says}` is not in {refused}");
        assert_eq!(names(&service), ["one", "two"], "the old configuration stays");
    }
    service.run("one");
    assert_eq!(service.after_runs("one", 1)["last_run"]["rows"], 30);

    write_config(&path, &plugin, QUICK, &[("two", "more")]);
    service.until("one source", |service| names(service) == ["two"]);
    assert!(service.status()["config"]["refused"].is_null());
    assert_eq!(service.run("one").code, 404);
    service.terminate();
    assert_eq!(service.ended(), 0);
}

#[test]
fn a_plugin_that_cannot_be_loaded_makes_its_source_wait_and_not_the_others() {
    let costhost = super::costhost();
    tally::deliver(&costhost.folder().join("bills"), "2026-01", 30);
    tally::deliver(&costhost.folder().join("more"), "2026-01", 40);
    let late = costhost.folder().join("late.wasm");
    let path = config(&costhost, &PathBuf::from(plugin("tally")), QUICK, &[("good", "bills"), ("late", "more")]);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("name = 'late'", &format!("name = 'late'\nplugin = '{}'", late.display())))
        .unwrap();
    let mut service = Service::start(&costhost, &path);
    service.run("good");
    assert_eq!(service.after_runs("good", 1)["last_run"]["outcome"], "loaded");
    let ready = service.get("/readyz");
    assert_eq!(ready.code, 503);
    assert!(ready.body.contains("late.wasm"), "{ready:?}");
    tally::install(&tally::component(), &late);
    service.until("the plugin", |service| service.get("/readyz").code == 200);
    service.run("late");
    assert_eq!(service.after_runs("late", 1)["last_run"]["outcome"], "loaded");
}

fn check(costhost: &Costhost, text: &str) -> (i32, String) {
    let path = costhost.folder().join("checked.toml");
    std::fs::write(&path, text).unwrap();
    let ended = costhost.call(&["config", "check", path.to_str().unwrap()]);
    (ended.code, ended.out + &ended.err)
}

#[test]
fn a_check_tells_everything_that_is_wrong() {
    let costhost = super::costhost();
    let plugin = plugin("tally");
    let good = format!(
        "lake = 'lake'\n[limits]\nmax_memory = '64MiB'\n[plugin.tally]\nlog = 'warn'\nmax_time = 5\n[serve]\n\
         listen = '127.0.0.1:9464'\nshadow = true\n[defaults]\nplugin = '{plugin}'\nschedule = '17 */6 * * *'\n\
         jitter = '5m'\n[[source]]\nname = 'one'\nlocation = 'bills'\n[[source]]\nname = 'two'\nlocation = 's3://b/p'\n"
    );
    assert_eq!(check(&costhost, &good).0, 0, "{}", check(&costhost, &good).1);
    let wrong = good
        .replace("17 */6 * * *", "17 */6 * *")
        .replace("name = 'two'", "name = 'one'")
        .replace("location = 's3://b/p'", "location = 'ftp://b/p'\nfrom = '2026-13'");
    let (code, told) = check(&costhost, &wrong);
    assert_eq!(code, 2);
    for says in ["17 */6 * *", "ftp://", "2026-13", "source one"] {
        assert!(told.contains(says), "`{says}` is not in {told}");
    }
    for (from, to, says) in [
        ("max_time = 5", "max_tim = 5", "max_tim"),
        ("max_time = 5", "max_discovery_files = 5", "max_discovery_files"),
        ("max_time = 5", "max_discovery_bytes = '5 bits'", "bits"),
        ("shadow = true", "jobs = 5000", "`jobs` is at most 1024"),
        ("log = 'warn'", "log = 'loud'", "loud"),
        ("[plugin.tally]", "[plugin.telly]", "[plugin.telly]"),
        ("name = 'two'", "name = 'one'", "two sources are called `one`"),
        ("name = 'two'", "name = 'two'\nmarkup = '3'", "markup_percent"),
        ("location = 's3://b/p'", "location = 's3://b/p'\n[source.settings]\ncolour = 'red'", "colour"),
        ("location = 's3://b/p'", "location = 's3://b/p'\nsettings = { disabled_tag_keys = ['a'] }", "tags"),
        ("shadow = true", "shadow_tolerance = '1'", "shadow"),
        ("9464'", "nine'", "socket address"),
        (&plugin, "nobody", "nobody"),
    ] {
        let (code, told) = check(&costhost, &good.replace(from, to));
        assert_eq!(code, 2, "{from} -> {to}: {told}");
        assert!(told.contains(says), "`{says}` is not in {told}");
    }
}

#[test]
fn limits_of_one_plugin_hold_for_it_alone() {
    let costhost = super::costhost();
    tally::deliver(&costhost.folder().join("bills"), "2026-01", 30);
    let plugin = plugin("tally");
    let text = |id: &str| {
        let location = costhost.folder().join("bills");
        format!(
            "[plugin.{id}]\nmax_memory = '192KiB'\n[defaults]\nplugin = '{plugin}'\n[[source]]\nname = 'one'\nlocation = '{}'\n",
            location.display()
        )
    };
    let path = costhost.folder().join("limits.toml");
    let run = |id: &str| {
        std::fs::write(&path, text(id)).unwrap();
        costhost.call(&["run", "--config", path.to_str().unwrap()])
    };
    let stopped = run("tally");
    assert_eq!(stopped.code, 1, "{}", stopped.out);
    assert!((stopped.out + &stopped.err).contains("memory"));
    assert_eq!(run("other").code, 0);
}

#[test]
fn the_endpoints_move_to_a_new_address_and_stay_where_it_cannot_be_had() {
    let costhost = super::costhost();
    let plugin = PathBuf::from(plugin("tally"));
    let path = config(&costhost, &plugin, &format!("{QUICK}listen = '127.0.0.1:0'\n"), &[("one", "bills")]);
    let mut service = Service::start_where_configured(&costhost, &path);
    let before = service.address();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let wanted = taken.local_addr().unwrap();
    let listen_on = |address: SocketAddr, sources: &[(&str, &str)]| {
        write_config(&path, &plugin, &format!("{QUICK}listen = '{address}'\n"), sources);
    };
    listen_on(wanted, &[("one", "bills"), ("two", "more")]);
    let told = format!("cannot listen on {wanted}");
    service.until(&told, |service| service.status()["config"]["refused"].to_string().contains(&told));
    assert_eq!(names(&service), ["one"], "the old configuration stays");
    assert_eq!(service.status()["listening"], before.to_string());

    drop(taken);
    listen_on(wanted, &[("one", "bills"), ("three", "more")]);
    service.moves_to(wanted);
    service.until("the new sources", |service| names(service) == ["one", "three"]);
    assert!(TcpStream::connect(before).is_err(), "the old address still answers");

    // The same port on all addresses: the old one stands in its way.
    listen_on(SocketAddr::from(([0, 0, 0, 0], wanted.port())), &[("one", "bills")]);
    service.moves_to(SocketAddr::from(([127, 0, 0, 2], wanted.port())));
    service.until("one source", |service| names(service) == ["one"]);
    assert_eq!(service.status()["listening"], format!("0.0.0.0:{}", wanted.port()));
    service.terminate();
    assert_eq!(service.ended(), 0);
}

#[test]
fn jobs_become_more_and_fewer_while_runs_are_on() {
    let mut costhost = super::costhost();
    // A store that takes requests and never answers holds a run for as long as the test needs it.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    for (name, value) in [("ENDPOINT_URL", endpoint.as_str()), ("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b")] {
        costhost.set(&format!("AWS_{name}"), value);
    }
    costhost.set("AWS_REGION", "us-east-1");
    tally::deliver(&costhost.folder().join("bills"), "2026-01", 30);
    let plugin = PathBuf::from(plugin("tally"));
    let path = config(&costhost, &plugin, QUICK, &[]);
    let with = |jobs: u32| {
        write_config(&path, &plugin, &format!("{QUICK}jobs = {jobs}\n"), &[("quick", "bills")]);
        let text = std::fs::read_to_string(&path).unwrap() + "[[source]]\nname = 'held'\nlocation = 's3://b/p'\n";
        tally::install(text.as_bytes(), &path);
    };
    with(1);
    let mut service = Service::start(&costhost, &path);
    let adopted = |service: &Service| service.metric("costhost_config_reloads_total", &[("outcome", "adopted")]);
    let activity = |service: &Service, name: &str| service.source(name)["activity"].as_str().unwrap().to_owned();
    service.run("held");
    service.until("the run that is held", |service| activity(service, "held") == "running");
    service.run("quick");
    service.until("a run that waits", |service| activity(service, "quick") == "queued");

    with(2);
    assert_eq!(service.after_runs("quick", 1)["last_run"]["outcome"], "loaded");
    assert_eq!(activity(&service, "held"), "running");

    let taken = adopted(&service);
    with(1);
    service.until("one job", |service| adopted(service) > taken);
    service.run("quick");
    service.until("a run that waits again", |service| activity(service, "quick") == "queued");
    with(3);
    service.after_runs("quick", 2);
    assert_eq!(activity(&service, "held"), "running");
}
