//! The command line itself: usage errors, configuration, reports, completions, and what is refused as a plugin.

use costhost_tests::program::{plugin, shared};
use costhost_tests::tally;
use serde_json::Value;

#[test]
fn usage_errors_end_with_code_2_and_say_what_to_do() {
    let costhost = super::costhost();
    let plugin = costhost_tests::program::plugin("aws-cur");
    for (args, says) in [
        (vec!["run"], "SOURCE"),
        (vec!["run", "--plugin", "no-such-plugin", "x"], "no-such-plugin"),
        (vec!["run", "--plugin", &plugin, "x", "--from", "2026-13"], "2026-13"),
        (vec!["run", "--plugin", &plugin, "x", "--from", "2026-03", "--to", "2026-01"], "after"),
        (vec!["run", "--plugin", &plugin, "x", "--markup", "ten"], "ten"),
        (vec!["run", "--plugin", &plugin, "x", "--tenant", "../up"], "tenant"),
        (vec!["run", "--plugin", &plugin, "a", "b", "--source-name", "n"], "--source-name"),
        (vec!["frobnicate"], "frobnicate"),
    ] {
        let ended = costhost.call(&args);
        assert_eq!(ended.code, 2, "{args:?}: {}", ended.err);
        assert!(ended.err.contains(says), "{args:?}: `{says}` is not in: {}", ended.err);
    }
}

#[test]
fn a_configuration_holds_many_sources_and_refuses_unknown_keys() {
    let costhost = super::costhost();
    let file = costhost.folder().join("costhost.toml");
    let plugin = costhost_tests::program::plugin("aws-cur");
    let config = format!(
        "[defaults]\nplugin = '{plugin}'\n[[source]]\nname = 'one'\nlocation = '{}'\n[[source]]\nname = 'two'\n\
         location = '{}'\nmarkup = '10'\n",
        shared("aws/nise"),
        shared("aws/cur1-zip/mock-cur-bucket")
    );
    std::fs::write(&file, &config).unwrap();
    let ended = costhost.call(&["run", "--config", file.to_str().unwrap()]);
    assert_eq!(ended.code, 0, "{}\n{}", ended.out, ended.err);
    let rows = costhost.sql("select distinct source from line_items order by 1");
    assert_eq!(rows.len(), 2, "{rows:?}");
    std::fs::write(&file, config.replace("markup", "markupp")).unwrap();
    let ended = costhost.call(&["run", "--config", file.to_str().unwrap()]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("markupp"), "{}", ended.err);
}

#[test]
fn the_cost_report_agrees_with_the_bill() {
    let costhost = super::costhost();
    costhost.receipt(&[&shared("aws/nise"), "--source-name", "nise"]);
    let report = |args: &[&str]| -> Vec<Value> {
        let mut all = vec!["report", "aws", "costs", "-o", "json"];
        all.extend_from_slice(args);
        let ended = costhost.call(&all);
        assert_eq!(ended.code, 0, "{}", ended.err);
        serde_json::from_str(&ended.out).unwrap()
    };
    let october = report(&["--from", "2025-10", "--to", "2025-10", "--resolution", "total"]);
    let cost = october[0].as_object().unwrap().values().find(|value| *value == "2189.11620425530128");
    assert!(cost.is_some(), "{october:?}");
    let services =
        report(&["--group-by", "service", "--order-by", "cost:desc", "--limit", "2", "--resolution", "total"]);
    assert_eq!(services.len(), 2, "{services:?}");
    let ended = costhost.call(&["report", "aws", "costs", "--group-by", "planet"]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("planet") && ended.err.contains("service"), "{}", ended.err);
    let ended = costhost.call(&["report", "aws", "dreams"]);
    assert!(ended.code != 0 && ended.err.contains("costs"), "{}", ended.err);
}

#[test]
fn sql_reads_but_never_writes() {
    let costhost = super::costhost();
    costhost.receipt(&[&shared("aws/cur1-zip/mock-cur-bucket"), "--source-name", "zip"]);
    for sql in ["drop table line_items", "create table x as select 1", "copy line_items to '/tmp/x.csv'", "set a = 1"] {
        let ended = costhost.call(&["sql", sql]);
        assert_ne!(ended.code, 0, "{sql}");
    }
    assert_eq!(costhost.sql("select count(*) as n from aws.line_items")[0]["n"].to_string().trim_matches('"'), "3");
}

#[test]
fn what_is_no_plugin_is_refused_by_name() {
    let costhost = super::costhost();
    let file = costhost.folder().join("text.wasm");
    std::fs::write(&file, "hello").unwrap();
    for (plugin, says) in [(file.to_str().unwrap(), "text.wasm"), ("missing.wasm", "missing.wasm")] {
        let ended = costhost.call(&["run", "--plugin", plugin, "x"]);
        assert!(ended.code == 1 || ended.code == 2, "{}", ended.err);
        assert!(ended.err.contains(says), "{}", ended.err);
    }
}

#[test]
fn a_plugin_that_cannot_be_loaded_fails_its_own_sources_and_no_others() {
    let costhost = super::costhost();
    let folder = costhost.folder();
    tally::deliver(&folder.join("bills"), "2026-01", 30);
    std::fs::write(folder.join("cut.wasm"), &tally::component()[..1000]).unwrap();
    let source =
        |name: &str, plugin: &str| format!("[[source]]\nname = '{name}'\nlocation = 'bills'\nplugin = '{plugin}'\n");
    let bad = source("cut", "./cut.wasm") + &source("again", "./cut.wasm") + &source("missing", "nowhere.wasm");
    let config = folder.join("costhost.toml");
    std::fs::write(&config, format!("{bad}{}", source("good", &plugin("tally")))).unwrap();

    let planned = costhost.call(&["plan", "--config", "costhost.toml"]);
    assert_eq!(planned.code, 1, "{}", planned.err);
    let run = costhost.call(&["run", "--config", "costhost.toml"]);
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(run.out.contains("good") && run.out.contains("loaded"), "{}", run.out);
    for (name, says) in [("cut", "cut.wasm"), ("again", "cut.wasm"), ("missing", "nowhere.wasm")] {
        for out in [&planned.out, &run.out] {
            let told = out.lines().any(|line| line.contains(name) && line.contains(says));
            assert!(told, "nothing is said of {name} in {out}");
        }
    }
    let rows = costhost.sql("select count(*) as n from tally.line_items");
    assert_eq!(rows[0]["n"].to_string().trim_matches('"'), "30");

    // With nothing left to do, the command itself is at fault.
    std::fs::write(&config, bad).unwrap();
    let nothing = costhost.call(&["run", "--config", "costhost.toml"]);
    assert!(nothing.code != 0 && nothing.out.is_empty() && nothing.err.contains(".wasm"), "{nothing:?}");
}

#[test]
fn a_discovery_ends_at_the_limits_of_an_operator() {
    let costhost = super::costhost();
    let bills = costhost.folder().join("bills");
    for month in ["2026-01", "2026-02", "2026-03"] {
        tally::deliver(&bills, month, 30);
    }
    let plugin = plugin("tally");
    let text = "over the limit: 2 entries in one discovery. Name a longer prefix, or raise `max_discovery_entries`";
    let config = costhost.folder().join("costhost.toml");
    let with = |id: &str| {
        let config_text = format!(
            "[plugin.{id}]\nmax_discovery_entries = 2\n[defaults]\nplugin = '{plugin}'\n[[source]]\nname = 'a'\nlocation = 'bills'\n"
        );
        std::fs::write(&config, config_text).unwrap();
        costhost.call(&["run", "--config", "costhost.toml"])
    };
    let stopped = with("tally");
    assert_eq!(stopped.code, 1, "{}", stopped.err);
    assert!(stopped.out.contains(text), "{}", stopped.out);
    let by_flag = costhost.call(&["run", "--plugin", &plugin, "bills", "--max-discovery-entries", "2"]);
    assert_eq!(by_flag.code, 1, "{}", by_flag.err);
    assert!(by_flag.out.contains(text), "{}", by_flag.out);
    assert_eq!(with("other").code, 0);
}

#[test]
fn a_plugin_is_stopped_at_its_limits_and_nothing_of_the_file_is_loaded() {
    let costhost = super::costhost();
    let ended = costhost.run(&[&shared("aws/cur1-bucket"), "--max-memory", "3MiB"]);
    assert_eq!(ended.code, 1, "{}", ended.out);
    assert!(ended.out.contains("aws-cur") && ended.out.contains("--max-memory"), "{}", ended.out);
    assert!(ended.out.contains("koku-local"), "the file is named: {}", ended.out);
    let tables = costhost.call(&["sql", "select * from line_items"]);
    assert_ne!(tables.code, 0, "nothing was loaded");
}

#[test]
fn completions_are_printed_for_every_shell() {
    let costhost = super::costhost();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = costhost.call(&["completions", shell]);
        assert_eq!(ended.code, 0);
        assert!(ended.out.contains("costhost"), "{shell}");
    }
}

#[test]
fn a_reader_that_has_had_enough_is_no_failure_and_a_full_disk_is() {
    let costhost = super::costhost();
    let plugin = costhost_tests::program::plugin("aws-cur");
    for args in [vec!["completions", "bash"], vec!["plugin", "show", &plugin], vec!["plan", &shared("aws/nise")]] {
        let mut command = costhost.command(&args);
        if args[0] == "plan" {
            command.args(["--plugin", &plugin]);
        }
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = command.stdout(writer).stderr(std::process::Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(0), "{args:?}: {said}");
        assert!(!said.contains("panicked"), "{args:?}: {said}");
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let ended = command.stdout(full).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.contains("No space left") && !said.contains("panicked"), "{args:?}: {said}");
    }
}
