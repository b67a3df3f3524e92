//! `costhost plugin try`: the numbers that a new version would change, and only those.

use costhost_tests::components;
use costhost_tests::program::{Costhost, Ended, plugin};
use costhost_tests::tally;
use serde_json::Value;

fn tried(costhost: &Costhost, new: &str, args: &[&str]) -> Ended {
    let old = plugin("tally");
    let bills = costhost.folder().join("bills").display().to_string();
    let mut all = vec!["plugin", "try", new, "--against", &old, "--source", &bills];
    all.extend_from_slice(args);
    costhost.call(&all)
}

fn bills(costhost: &Costhost) {
    for month in ["2026-01", "2026-02"] {
        tally::deliver(&costhost.folder().join("bills"), month, 300);
    }
}

/// Costs of the team `Red` in a month: lines 1, 4, 7, .. of it, every seventh line in EUR.
fn red(currency: &str) -> f64 {
    let lines = (0..300_u32).filter(|line| line % 3 == 1 && (line % 7 == 0) == (currency == "EUR"));
    lines.map(|line| f64::from(line) + f64::from(line % 100) / 100.0).sum()
}

/// The path of a version of the plugin.
fn file(costhost: &Costhost, name: &str, bytes: &[u8]) -> String {
    let path = costhost.folder().join(name);
    tally::install(bytes, &path);
    path.display().to_string()
}

#[test]
fn the_same_numbers_under_another_version_are_no_change() {
    let costhost = super::costhost();
    bills(&costhost);
    let next = components::tally_version(costhost.folder(), "0.1.9").display().to_string();
    let ended = tried(&costhost, &next, &[]);
    assert_eq!(ended.code, 0, "{}\n{}", ended.out, ended.err);
    assert!(ended.out.contains("0.1.9") && ended.out.contains("unchanged"), "{}", ended.out);
    let lake = costhost.call(&["sql", "select * from tally.loads"]);
    assert_ne!(lake.code, 0, "nothing is left in any lake: {}", lake.out);
}

#[test]
fn changed_numbers_are_told_by_column_dimension_and_currency() {
    let costhost = super::costhost();
    bills(&costhost);
    let other = file(&costhost, "other.wasm", &tally::without_warehouse(costhost.folder()));
    let ended = tried(&costhost, &other, &["--period", "2026-02", "--json"]);
    assert_eq!(ended.code, 4, "{}\n{}", ended.out, ended.err);
    let found: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((found["old"]["version"].as_str(), found["new"]["version"].as_str()), (Some("0.1.0"), Some("0.2.0")));
    let units = found["units"].as_array().unwrap();
    assert_eq!((units.len(), units[0]["period"].as_str()), (1, Some("2026-02")));
    assert!(found["read"].as_array().unwrap().is_empty(), "both read the same: {found:#}");
    assert!(found["breaks"].as_array().unwrap().is_empty() && found["added"].as_array().unwrap().is_empty());

    // One rollup has changed: rows of one team are gone. The summary it is made of has not.
    let tables = found["tables"].as_array().unwrap();
    assert_eq!((tables.len(), tables[0]["table"].as_str()), (1, Some("tally_data_costs")), "{tables:#?}");
    let table = &tables[0];
    assert!(table["only_old"].as_u64().unwrap() > 10, "{table:#}");
    assert_eq!((table["only_new"].as_u64(), table["changed"].as_u64()), (Some(0), Some(0)), "{table:#}");
    for currency in ["EUR", "USD"] {
        let columns = table["columns"].as_array().unwrap();
        let column = columns.iter().find(|column| column["currency"] == currency).unwrap();
        assert_eq!(column["column"], "cost");
        let difference: f64 = column["difference"].as_str().unwrap().parse().unwrap();
        assert!((difference + red(currency)).abs() < 1e-6, "{difference} {currency}, not {}", red(currency));
    }
    let groups = found["groups"].as_array().unwrap();
    let costs: Vec<&Value> = groups.iter().filter(|group| group["measure"] == "cost").collect();
    assert_eq!(costs.len(), 2, "one team, two currencies: {groups:#?}");
    for group in costs {
        assert_eq!(group["report"], "data");
        assert!(group["by"].to_string().contains("Warehouse") && group["new"].is_null(), "{group:#}");
    }

    let text = tried(&costhost, &other, &["--by", "team", "--limit", "1"]);
    assert_eq!(text.code, 4);
    for says in ["CHANGED", "tally_data_costs", "team=Red", "more; --limit", "2026-01"] {
        assert!(text.out.contains(says), "`{says}` is not in {}", text.out);
    }
}

#[test]
fn differences_up_to_the_tolerance_count_as_none() {
    let costhost = super::costhost();
    bills(&costhost);
    let other = file(&costhost, "other.wasm", &tally::without_warehouse(costhost.folder()));
    assert_eq!(tried(&costhost, &other, &["--tolerance", "1000000"]).code, 0);
    assert_eq!(tried(&costhost, &other, &["--tolerance", "0.001"]).code, 4);
    assert_eq!(tried(&costhost, &other, &["--tolerance", "some"]).code, 2);
}

#[test]
fn what_is_taken_away_is_told_and_what_fails_is_a_failure() {
    let costhost = super::costhost();
    bills(&costhost);
    let renamed = file(&costhost, "renamed.wasm", &tally::patched(&tally::component(), "tally_teams", "tally_taems"));
    let ended = tried(&costhost, &renamed, &[]);
    assert_eq!(ended.code, 4, "{}\n{}", ended.out, ended.err);
    let out = &ended.out;
    assert!(out.contains("table tally_teams is gone") && out.contains("added  tally_taems"), "{out}");
    let failing = tally::trapping_in(costhost.folder(), "normalize@0.1.0#[method]normalizer.push");
    let failing = file(&costhost, "failing.wasm", &failing);
    let ended = tried(&costhost, &failing, &[]);
    assert_eq!(ended.code, 1, "{}", ended.out);
    assert!(ended.err.contains("0.2.0") && ended.err.contains("unreachable"), "{}", ended.err);
    let ended = tried(&costhost, &failing, &["--period", "2031-01"]);
    assert_eq!(ended.code, 1, "nothing to compare: {}", ended.out);
}
