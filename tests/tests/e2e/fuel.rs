//! What the plugins cost to run, in WebAssembly instructions for each MiB of input: the same on every machine, so that a
//! plugin that got slower is told from a machine that was busy.
//!
//! Fuel is one for an instruction, whatever it takes: copying a megabyte and adding two numbers count the same. It tells that
//! the work for a row has changed, not how long it takes; times are in `docs/benchmarks.md`.

use std::collections::BTreeMap;
use std::path::Path;

use costhost_bench::aws::month::Month;
use costhost_bench::aws::{self, Compression, Headers, Layout};
use costhost_bench::azure::{self, Dates, Metric};
use costhost_tests::program::{expected, plugin};
use wasmtime::component::{Component, Linker, ResourceAny};
use wasmtime::{Config, Engine, OptLevel, Store};

#[allow(
    missing_docs,
    unreachable_pub,
    trivial_numeric_casts,
    unused_lifetimes,
    clippy::all,
    clippy::clone_on_ref_ptr,
    clippy::panic,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]
mod contract {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "provider-with-fold",
        // As the linker stubs what is not there.
        with: { "costhost:provider/storage.bucket": super::NoBucket },
    });
}

/// No bucket is lent.
#[expect(unreachable_pub, reason = "generated code exports it")]
pub type NoBucket = ();

use contract::costhost::provider::types::{Compression as Packed, Form, InputFile, Period};
use contract::exports::costhost::provider::normalize::Job;
use contract::exports::costhost::provider::summarize::Task;

/// Where the recorded figures are.
const RECORDED: &str = "fuel.json";
/// Percent that a figure may be off: less than any change worth knowing of, more than a dependency's new patch makes.
const BAND: u64 = 5;
/// What the host pushes at once.
const CHUNK: usize = 1 << 20;
/// Rows of each input; between 2 and 10 MiB of text.
const ROWS: u64 = 6_000;

#[test]
fn plugins_need_no_more_instructions_than_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let measured: BTreeMap<&str, u64> = [
        ("aws-cur", per_mib("aws-cur", "reporting_awscostentrylineitem_daily_summary", &aws_report(folder.path()))),
        (
            "azure-export",
            per_mib("azure-export", "reporting_azurecostentrylineitem_daily_summary", &azure_export(folder.path())),
        ),
    ]
    .into();
    if std::env::var_os("COSTHOST_RECORD_FUEL").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("expected").join(RECORDED);
        std::fs::write(path, serde_json::to_string_pretty(&measured).unwrap() + "\n").unwrap();
        return;
    }
    let recorded: BTreeMap<String, u64> = serde_json::from_str(&expected(RECORDED)).unwrap();
    let names: Vec<&str> = recorded.keys().map(String::as_str).collect();
    assert_eq!(names, measured.keys().copied().collect::<Vec<_>>());
    let off: Vec<String> = measured.iter().filter_map(|(name, fuel)| complaint(name, *fuel, recorded[*name])).collect();
    assert!(off.is_empty(), "\n{}\n", off.join("\n"));
}

/// What to say of a figure outside the band.
fn complaint(name: &str, measured: u64, recorded: u64) -> Option<String> {
    if measured.abs_diff(recorded) * 100 <= recorded * BAND {
        return None;
    }
    let change = (measured as f64 / recorded as f64 - 1.0) * 100.0;
    let what = if measured > recorded { "slower" } else { "faster" };
    Some(format!(
        "{name} takes {measured} instructions for a MiB of input, {change:+.1} % of the {recorded} recorded in tests/expected/{RECORDED}: \
         it got {what}. If that is meant, record it with `just record-fuel` and commit the file"
    ))
}

#[test]
fn a_figure_outside_the_band_says_what_to_do() {
    assert_eq!(complaint("p", 105, 100), None);
    assert_eq!(complaint("p", 95, 100), None);
    assert!(complaint("p", 106, 100).unwrap().contains("+6.0 %"));
    assert!(complaint("p", 94, 100).unwrap().contains("just record-fuel"));
}

/// Fuel for each MiB of a plain CSV file that is normalized and folded, without what starting the plugin takes.
fn per_mib(name: &str, summary: &str, text: &[u8]) -> u64 {
    // Fuel is counted before any optimization, so none is needed.
    let engine = Engine::new(Config::new().consume_fuel(true).cranelift_opt_level(OptLevel::None)).unwrap();
    let component = Component::from_file(&engine, plugin(name)).unwrap();
    let mut linker = Linker::new(&engine);
    // Rows are made without the host's help.
    linker.define_unknown_imports_as_traps(&component).unwrap();
    let mut store = Store::new(&engine, ());
    store.set_fuel(u64::MAX).unwrap();
    let guest = contract::ProviderWithFold::instantiate(&mut store, &component, &linker).unwrap();
    let period = Period { start: -62_135_596_800, end: 253_402_300_800 };
    let normalizers = guest.costhost_provider_normalize().normalizer();
    let accumulators = guest.costhost_provider_summarize().accumulator();
    let rows = normalizers.call_open(&mut store, &job(period)).unwrap().unwrap();
    let task = Task { summary: summary.to_owned(), settings: "{}".to_owned(), now: 0, source: String::new(), period };
    let into = accumulators.call_open(&mut store, &task).unwrap().unwrap();
    let before = store.get_fuel().unwrap();
    let mut lines = 0;
    let mut take = |store: &mut Store<()>, rows: ResourceAny, made: u64| {
        lines += made;
        guest.costhost_provider_fold().call_fold(store, rows, into).unwrap().unwrap();
    };
    for chunk in text.chunks(CHUNK) {
        let made = normalizers.call_push(&mut store, rows, chunk).unwrap().unwrap();
        take(&mut store, rows, made.rows);
    }
    let made = normalizers.call_finish(&mut store, rows).unwrap().unwrap();
    take(&mut store, rows, made.rows);
    assert_eq!(lines, ROWS, "every row was read");
    let used = before - store.get_fuel().unwrap();
    u64::try_from(u128::from(used) * (1 << 20) / text.len() as u128).unwrap()
}

fn job(period: Period) -> Job {
    Job {
        settings: "{}".to_owned(),
        now: 0,
        source: String::new(),
        revision: String::new(),
        period,
        labels: Vec::new(),
        file: InputFile {
            path: "input.csv".to_owned(),
            compression: Packed::None,
            form: Form::Bytes,
            dataset: String::new(),
            rows: None,
            bytes: None,
        },
    }
}

fn aws_report(folder: &Path) -> Vec<u8> {
    let out = folder.join("aws");
    aws::generate(&aws::Settings {
        out: out.clone(),
        prefix: "cur".to_owned(),
        report: "r".to_owned(),
        bucket: "b".to_owned(),
        months: Month::parse_range("2025-10..2025-10").unwrap(),
        rows: ROWS,
        files: 1,
        seed: 3,
        accounts: 3,
        currencies: vec!["USD".to_owned()],
        layout: Layout::Overwrite,
        compression: Compression::None,
        headers: Headers::Slash,
        restate: Vec::new(),
    })
    .unwrap();
    csv_below(&out).expect("the generator writes a CSV file")
}

fn azure_export(folder: &Path) -> Vec<u8> {
    let out = folder.join("azure");
    azure::generate(&azure::Settings {
        out: out.clone(),
        export: "costs".to_owned(),
        months: Month::parse_range("2025-10..2025-10").unwrap(),
        rows: ROWS,
        files: 1,
        seed: 3,
        subscriptions: 3,
        currency: "EUR".to_owned(),
        metrics: vec![Metric::Actual],
        dates: Dates::MonthFirst,
        gzip: false,
        manifest: false,
    })
    .unwrap();
    csv_below(&out).expect("the generator writes a CSV file")
}

/// The only CSV file below a folder, if there is one.
fn csv_below(folder: &Path) -> Option<Vec<u8>> {
    let mut entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.find_map(|entry| match entry.is_dir() {
        true => csv_below(&entry),
        false => entry.extension().is_some_and(|end| end == "csv").then(|| std::fs::read(&entry).unwrap()),
    })
}
