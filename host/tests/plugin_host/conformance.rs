//! The conformance suite finds what authors get wrong without noticing.

use std::path::Path;
use std::sync::OnceLock;

use costhost::conformance::{self, Options, Outcome, Report};
use costhost::plugin::{Cache, Engine, EngineOptions};

use super::component;

const INPUT: &str = "acme,1\nacme,2\nother,3\nacme,40\nlast,5\n";

/// The suite loads a plugin anew each time, so compiled ones are kept here.
fn engine() -> &'static Engine {
    static ENGINE: OnceLock<(tempfile::TempDir, Engine)> = OnceLock::new();
    let (_, engine) = ENGINE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::At { components: folder.path().join("components"), key: folder.path().join("key") };
        let engine = Engine::new(EngineOptions { cache, ..EngineOptions::default() }).unwrap();
        (folder, engine)
    });
    engine
}

/// Runs the suite over one case, with the probe told to do this.
fn run(fixtures: &Path, mischief: &str, bless: bool) -> Report {
    let case = fixtures.join("lines");
    std::fs::create_dir_all(case.join("input")).unwrap();
    std::fs::write(case.join("input/a.csv"), INPUT).unwrap();
    std::fs::write(case.join("case.json"), format!(r#"{{"settings":{{"do":"{mischief}"}}}}"#)).unwrap();
    let options = Options { bless, ..Options::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    conformance::run(engine(), component(), fixtures, &options, runtime.handle()).unwrap()
}

/// Names and reasons of the checks that failed.
fn failures(report: &Report) -> Vec<(&'static str, String)> {
    let failed = report.checks.iter().filter_map(|check| match &check.outcome {
        Outcome::Failed(reasons) => Some((check.name, reasons.join("; "))),
        _ => None,
    });
    failed.collect()
}

#[test]
fn a_plugin_that_behaves_passes_and_a_changed_golden_output_is_told() {
    let fixtures = tempfile::tempdir().unwrap();
    let before = failures(&run(fixtures.path(), "", false));
    assert_eq!(
        before.iter().map(|failure| failure.0).collect::<Vec<_>>(),
        ["golden output", "money sums"],
        "{before:?}"
    );
    assert_eq!(failures(&run(fixtures.path(), "", true)), []);
    let again = run(fixtures.path(), "", false);
    assert_eq!(failures(&again), []);
    assert!(again.checks.len() > 12, "{again:?}");
    let golden = fixtures.path().join("lines/golden/1970-01");
    for (file, from, to) in [("lines.jsonl", "\"40\"", "\"41\""), ("totals.json", "\"51\"", "\"52\"")] {
        let path = golden.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "no {from} in {file}: {text}");
        std::fs::write(&path, text.replace(from, to)).unwrap();
    }
    let told = failures(&run(fixtures.path(), "", false));
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].1.contains("lines.jsonl, row 3: column amount is \"40\" and \"41\" is expected"), "{told:?}");
    assert!(told[1].0 == "money sums" && told[1].1.contains("USD: \"51\" and \"52\" is expected"), "{told:?}");
}

#[test]
fn every_mistake_is_found_by_the_check_for_it() {
    let fixtures = tempfile::tempdir().unwrap();
    run(fixtures.path(), "", true);
    for (mischief, check, reason) in [
        ("lose-bad-lines", "cut off anywhere", "lost without a word"),
        ("lose-bad-lines", "flipped bits", "lost without a word"),
        ("row-per-push", "the same rows however it is cut", "pushed one by one"),
        ("forget-on-merge", "in parts as alone", "another result"),
        ("fold-nothing", "folded as updated", "different results"),
        ("crash", "it is read", "crashed"),
        ("garbage", "it is read", "refused"),
        ("climb", "reports are found", "Denied"),
    ] {
        let found = failures(&run(fixtures.path(), mischief, false));
        let told = found.iter().any(|(name, reasons)| *name == check && reasons.contains(reason));
        assert!(told, "{mischief} is not told by `{check}`: {found:?}");
    }
}
