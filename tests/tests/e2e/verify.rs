//! Receipts against the lake: what was changed since is found, and nothing else is.

use costhost_tests::components::tally_version;
use costhost_tests::program::plugin;
use serde_json::Value;

use crate::plugin_store::{deliver, done, refused, with_store};

#[test]
fn a_receipt_holds_until_something_is_changed() {
    let costhost = with_store();
    let folder = costhost.folder().join("bucket");
    let bucket = deliver(&folder);
    done(&costhost, &["plugin", "install", &plugin("tally")]);
    let receipt = done(&costhost, &["run", "--plugin", "tally", &bucket, "--source-name", "team", "--json"]);
    let file = costhost.folder().join("receipt.json");
    std::fs::write(&file, &receipt).unwrap();
    let said = done(&costhost, &["verify", "receipt.json", "--inputs"]);
    assert!(said.contains("total cost USD") && said.contains("12.75") && said.contains("PASS: 1 periods"), "{said}");
    done(&costhost, &["verify", "--source", "team", "--from", "2026-09", "--to", "2026-09"]);
    refused(&costhost, &["verify", "--from", "2026-10"], 2, "nothing to verify");

    // Each claim that is not true is found, and named.
    let parsed: Value = serde_json::from_str(&receipt).unwrap();
    for (change, what) in [
        (("totals", serde_json::json!({"cost": {"USD": "12.76"}})), "total cost USD"),
        (("totals", serde_json::json!({"cost": {}})), "total cost USD"),
        (("totals", serde_json::json!({"cost": {"USD": "12.750", "EUR": "1"}})), "total cost EUR"),
        (("totals", serde_json::json!({"cots": {"USD": "12.75"}})), "total cots"),
        (("rows", 3.into()), "rows read"),
        (("rejects", 1.into()), "rejects"),
        (("rows_id", "00".into()), "rows id"),
        (("load_id", "00".into()), "load id"),
        (("revision", "other".into()), "revision"),
        (("settings_digest", "00".into()), "settings digest"),
        (("plugin_digest", "00".into()), "plugin digest"),
        (("files", serde_json::json!([])), "files"),
        (("tables", serde_json::json!([{"table": "usage", "rows": 3}])), "rows of usage"),
    ] {
        let mut forged = parsed.clone();
        let (key, value) = change;
        assert!(forged["periods"][0].get(key).is_some(), "{key} is in a receipt");
        forged["periods"][0][key] = value;
        std::fs::write(&file, forged.to_string()).unwrap();
        let ended = costhost.call(&["verify", "receipt.json", "--output", "json"]);
        assert_eq!(ended.code, 1, "{what}: {}", ended.out);
        let found: Value = serde_json::from_str(&ended.out).unwrap();
        let findings = found[0]["findings"].as_array().unwrap();
        let failed: Vec<&str> =
            findings.iter().filter(|f| f["holds"] == false).map(|f| f["what"].as_str().unwrap()).collect();
        assert!(failed.contains(&what), "{what}: {failed:?}");
    }
    std::fs::write(&file, "{}").unwrap();
    refused(&costhost, &["verify", "receipt.json"], 2, "not a receipt");
    std::fs::write(&file, receipt.replace("\"tenant\": \"default\"", "\"tenant\": \"other\"")).unwrap();
    refused(&costhost, &["verify", "receipt.json"], 2, "--tenant other");
}

#[test]
fn a_later_load_a_lost_plugin_and_changed_inputs_are_told() {
    let costhost = with_store();
    let folder = costhost.folder().join("bucket");
    let bucket = deliver(&folder);
    let receipt = done(&costhost, &["run", "--plugin", &plugin("tally"), &bucket, "--source-name", "team", "--json"]);
    std::fs::write(costhost.folder().join("receipt.json"), &receipt).unwrap();
    let ended = costhost.call(&["verify", "receipt.json"]);
    assert_eq!(ended.code, 1);
    assert!(
        ended.out.contains("plugin in the store") && ended.out.contains("costhost plugin install"),
        "{}",
        ended.out
    );
    done(&costhost, &["verify", "receipt.json", "--without-plugin"]);

    let input = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let kept = std::fs::read(&input).unwrap();
    std::fs::remove_file(&input).unwrap();
    let ended = costhost.call(&["verify", "--without-plugin", "--inputs"]);
    assert!(ended.code == 1 && ended.out.contains("gone"), "{}{}", ended.out, ended.err);
    std::fs::write(&input, kept).unwrap();

    // The same report read by another version is another load.
    let newer = tally_version(costhost.folder(), "0.2.0").display().to_string();
    done(&costhost, &["run", "--plugin", &newer, &bucket, "--source-name", "team"]);
    let ended = costhost.call(&["verify", "receipt.json", "--without-plugin"]);
    assert!(ended.code == 1 && ended.out.contains("the lake holds a load of"), "{}", ended.out);
    done(&costhost, &["verify", "--without-plugin"]);
    let elsewhere = costhost.call(&["verify", "receipt.json", "--without-plugin", "--lake", "other"]);
    assert!(elsewhere.code == 1 && elsewhere.out.contains("is it the lake"), "{}{}", elsewhere.out, elsewhere.err);
}
