//! What people who write plugins do: make one, change it, test it, look into it; and the text that tells them how.

use std::path::{Path, PathBuf};

use costhost_tests::program::{Costhost, Ended, plugin, shared};
use costhost_tests::tally;

use crate::costhost;

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// A program that can run cargo. Plugins are built fast rather than small.
fn author() -> Costhost {
    let mut costhost = costhost();
    let home = std::env::var("HOME").unwrap_or_default();
    for (variable, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        costhost.set(variable, &std::env::var(variable).unwrap_or(format!("{home}/{folder}")));
    }
    let plugins = std::env::var("COSTHOST_TEST_PLUGINS").unwrap();
    costhost.set("CARGO_TARGET_DIR", &format!("{plugins}/authors"));
    for (setting, value) in [("LTO", "off"), ("CODEGEN_UNITS", "16"), ("OPT_LEVEL", "1")] {
        costhost.set(&format!("CARGO_PROFILE_PLUGIN_{setting}"), value);
    }
    costhost
}

fn assert_done(ended: &Ended) {
    assert_eq!(ended.code, 0, "{}\n{}", ended.out, ended.err);
}

#[test]
fn a_new_plugin_passes_its_tests_as_it_is_and_loads_reports() {
    let author = author();
    let sdk = checkout().join("sdk").display().to_string();
    assert_done(&author.call(&["plugin", "new", "acme-cloud", "--sdk", &sdk]));
    let again = author.call(&["plugin", "new", "acme-cloud", "--sdk", &sdk]);
    assert!(again.code == 2 && again.err.contains("already"), "{}", again.err);

    let tested = author.call(&["plugin", "test", "acme-cloud"]);
    assert_done(&tested);
    assert!(tested.out.contains("16 checks passed"), "{}", tested.out);

    // A sum that is wrong by the last digit is found.
    let golden = author.folder().join("acme-cloud/fixtures/sample/golden/2025-10/totals.json");
    let sums = std::fs::read_to_string(&golden).unwrap();
    std::fs::write(&golden, sums.replace("1.900000000000000001", "1.900000000000000002")).unwrap();
    let tested = author.call(&["plugin", "test", "acme-cloud"]);
    assert_eq!(tested.code, 1, "{}", tested.out);
    let told = "line_items cost USD: \"1.900000000000000001\" and \"1.900000000000000002\" is expected";
    assert!(tested.out.contains(told) && tested.out.contains("1 of 16 checks failed"), "{}", tested.out);

    assert_done(&author.call(&["plugin", "build", "acme-cloud", "--output", "acme-cloud.wasm"]));
    let checked = author.call(&["plugin", "check", "acme-cloud.wasm"]);
    assert_done(&checked);
    let input = "acme-cloud/fixtures/sample/input";
    let ran = author.call(&["plugin", "run", "acme-cloud.wasm", input, "--rows", "2"]);
    assert_done(&ran);
    for part in ["7 rows, 2 rejects", "row.not-an-amount at row 5", "EUR", "instructions", "0.000000000000000001"] {
        assert!(ran.out.contains(part), "no {part} in: {}", ran.out);
    }
    let rows = author.call(&["plugin", "run", "acme-cloud.wasm", input, "--rows", "2", "--json"]);
    let parsed: Vec<serde_json::Value> = rows.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((parsed.len(), parsed[0]["cost"].as_str()), (2, Some("1.2")), "{}", rows.out);
    let timed = author.call(&["plugin", "bench", "acme-cloud.wasm", input, "--runs", "2", "--output", "json"]);
    assert_done(&timed);
    let timed: serde_json::Value = serde_json::from_str(&timed.out).unwrap();
    assert_eq!(timed[0]["rows"], "7");

    assert_done(&author.call(&["run", "--plugin", "acme-cloud.wasm", input]));
    let report = author.call(&["report", "acme_cloud", "costs", "--group-by", "service", "--output", "json"]);
    assert_done(&report);
    assert!(report.out.contains("0.000000000000000001"), "{}", report.out);
}

#[test]
fn the_example_of_the_text_passes_its_tests() {
    let example = checkout().join("examples/lantern-jsonl").display().to_string();
    let tested = author().call(&["plugin", "test", &example]);
    assert_done(&tested);
    assert!(tested.out.contains("lantern-2025-10.jsonl") && tested.out.contains("checks passed"), "{}", tested.out);
}

/// A plugin with all that one can declare, and its golden output: bills, references, lookups, rollups, a broken delivery.
#[test]
fn a_plugin_with_everything_passes_the_suite() {
    let fixtures = checkout().join("tests/tally/fixtures").display().to_string();
    let tested = costhost().call(&["plugin", "test", &plugin("tally"), "--fixtures", &fixtures]);
    assert_done(&tested);
    assert!(tested.out.contains("the bill is one row") && tested.out.contains("rollups can be made"), "{}", tested.out);
}

/// Other people's reports, CSV and Parquet, through the plugins we ship: every promise but the golden output.
#[test]
fn the_plugins_we_ship_pass_the_suite_on_real_reports() {
    for (name, input) in [
        ("aws-cur", "aws/nise/reports/cur/20251001-20251101"),
        ("aws-cur", "aws/nise-cur2-like/October-2025-cur2.parquet"),
        ("azure-export", "azure/nise/costs/export"),
    ] {
        let costhost = costhost();
        let case = costhost.folder().join("fixtures/real/input");
        std::fs::create_dir_all(&case).unwrap();
        let copied = std::process::Command::new("cp").args(["-r", &shared(input)]).arg(&case).status().unwrap();
        assert!(copied.success());
        let tested = costhost.call(&["plugin", "test", &plugin(name), "--fixtures", "fixtures", "--bless"]);
        assert_eq!(tested.code, 0, "{name} on {input}: {}\n{}", tested.out, tested.err);
        for law in ["in parts as alone", "in shares as alone", "folded as updated"] {
            assert!(tested.out.contains(law), "{law} is not told: {}", tested.out);
        }
        // What was kept is what comes out again.
        assert_done(&costhost.call(&["plugin", "test", &plugin(name), "--fixtures", "fixtures"]));
    }
}

/// The text shows whole files; they are those of the example, to the letter.
#[test]
fn the_text_shows_the_files_of_the_example() {
    let text = std::fs::read_to_string(checkout().join("docs/writing-a-plugin.md")).unwrap();
    let mut shown = 0;
    for (at, mark) in text.match_indices("`:\n\n```") {
        let path = text[..at].rsplit('`').next().unwrap();
        let (_, rest) = text[at + mark.len()..].split_once('\n').unwrap();
        let (code, _) = rest.split_once("```\n").unwrap();
        let file = checkout().join("examples/lantern-jsonl").join(path);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), code, "{path} is another in the text than in the example");
        shown += 1;
    }
    assert_eq!(shown, 4);
}

#[test]
fn what_is_no_plugin_is_told_in_plain_words() {
    let author = author();
    std::fs::write(author.folder().join("text.wasm"), "hello").unwrap();
    std::fs::write(author.folder().join("module.wasm"), b"\0asm\x01\0\0\0").unwrap();
    for (file, words) in [("text.wasm", "a text file"), ("module.wasm", "costhost plugin build")] {
        let checked = author.call(&["plugin", "check", file]);
        assert!(checked.code == 1 && checked.out.contains(words), "{file}: {}{}", checked.out, checked.err);
    }
    let name = author.call(&["plugin", "new", "Acme"]);
    assert!(name.code == 2 && name.err.contains("lower case"), "{}", name.err);
    let nothing = author.call(&["plugin", "test", "nowhere"]);
    assert!(nothing.code == 2 && nothing.err.contains("neither"), "{}", nothing.err);
}

#[test]
fn a_settings_schema_that_says_more_than_is_checked_is_told_and_still_runs() {
    let costhost = costhost();
    let promising = tally::patched(&tally::component(), "additionalProperties", "patternsOfProperties");
    std::fs::write(costhost.folder().join("promising.wasm"), promising).unwrap();
    let checked = costhost.call(&["plugin", "check", "./promising.wasm"]);
    assert_eq!(checked.code, 1, "{}", checked.err);
    for part in ["the keyword `patternsOfProperties` is not one that is checked", "type, enum, const"] {
        assert!(checked.out.contains(part), "`{part}` is not in {}", checked.out);
    }
    assert_done(&costhost.call(&["plugin", "check", &plugin("tally")]));
    tally::deliver(&costhost.folder().join("bills"), "2026-01", 30);
    assert_done(&costhost.call(&["run", "--plugin", "./promising.wasm", "bills"]));
}
