//! The host against a real component: built by the host's own builder, loaded, and led through every duty.
//!
//! The component is `tests/probe`, which keeps or breaks the contract as its settings tell it to. What the program does with
//! hostile plugins is tested in `tests/hostile`; here is what only callers of the library can do.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "clippy exempts test functions, not their helpers")]

#[path = "plugin_host/conformance.rs"]
mod conformance;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Decimal128Type;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use costhost::plugin::{
    Cache, CallContext, Cancel, Compression, DiscoverRequest, Engine, EngineOptions, ErrorClass, Form, InputFile,
    Instance, LimitKind, Limits, NormalizeJob, Period, Plugin, PluginError, Remedy, SummaryTask, build_plugin,
    encode_ipc,
};
use costhost::source::grant::{Grant, GrantError, ListPage, ObjectInfo};

const UNIT: i128 = 1_000_000_000_000_000_000;
const PERIOD: Period = Period { start: 0, end: 2_678_400 };

fn component() -> &'static Path {
    static BUILT: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = BUILT.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("probe.wasm");
        let probe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/probe").canonicalize().unwrap();
        let built = build_plugin(&probe, &out).unwrap();
        assert!(built.imports.iter().all(|import| import.starts_with("costhost:provider/")), "{:?}", built.imports);
        (folder, out)
    });
    path
}

fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(EngineOptions { cache: Cache::Off, ..EngineOptions::default() }).unwrap())
}

fn plugin() -> Arc<Plugin> {
    static PLUGIN: OnceLock<Arc<Plugin>> = OnceLock::new();
    Arc::clone(PLUGIN.get_or_init(|| engine().load(component()).unwrap()))
}

fn settings(mischief: &str) -> String {
    format!("{{\"do\":\"{mischief}\"}}")
}

fn job(mischief: &str) -> NormalizeJob {
    NormalizeJob {
        settings: settings(mischief),
        now: 0,
        source: String::new(),
        revision: "r1".to_owned(),
        period: PERIOD,
        labels: Vec::new(),
        file: InputFile {
            path: "a.csv".to_owned(),
            compression: Compression::None,
            form: Form::Bytes,
            dataset: "lines".to_owned(),
            rows: None,
            bytes: None,
        },
    }
}

fn task() -> SummaryTask {
    SummaryTask {
        summary: "by_account".to_owned(),
        settings: "{}".to_owned(),
        now: 0,
        source: String::new(),
        period: PERIOD,
    }
}

fn instance(limits: &Limits) -> Instance {
    let context = CallContext { run: "7".to_owned(), unit: "a.csv".to_owned() };
    plugin().instance(context, limits, &Cancel::default()).unwrap()
}

/// The error of pushing one line under a kind of mischief, and what a second call to the instance says.
fn misbehave(mischief: &str, limits: &Limits) -> (PluginError, PluginError) {
    let mut instance = instance(limits);
    let mut normalizer = instance.open_normalizer(&job(mischief)).unwrap();
    let error = instance.push(&mut normalizer, b"x,1\n").unwrap_err();
    (error, instance.finish(&mut normalizer).unwrap_err())
}

/// Account and amount in whole units.
fn amounts(batches: &[RecordBatch]) -> Vec<(String, i128)> {
    let mut rows = Vec::new();
    for batch in batches {
        let accounts = arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8).unwrap();
        let amounts = batch.column(1).as_primitive::<Decimal128Type>();
        for (account, amount) in accounts.as_string::<i32>().iter().zip(amounts) {
            rows.push((account.unwrap().to_owned(), amount.unwrap() / UNIT));
        }
    }
    rows
}

#[test]
fn a_plugin_says_what_it_is() {
    let plugin = plugin();
    assert_eq!((plugin.manifest().id.as_str(), plugin.folds(), plugin.summarizes()), ("probe", true, true));
    assert_eq!(plugin.digest().len(), 64);
    assert!(plugin.imports().iter().any(|import| import == "costhost:provider/storage@0.1.0"));
    assert_eq!(plugin.manifest().tables[0].schema.fields().len(), 5);
}

#[test]
fn a_built_component_holds_no_path_of_this_machine() {
    let bytes = std::fs::read(component()).unwrap();
    for variable in ["HOME", "CARGO_HOME", "CARGO_MANIFEST_DIR"] {
        let Ok(path) = std::env::var(variable) else { continue };
        let found = path.len() > 1 && bytes.windows(path.len()).any(|window| window == path.as_bytes());
        assert!(!found, "{variable} = {path}");
    }
}

#[test]
fn rows_come_out_whole_however_the_file_is_cut() {
    let input = b"one,1\ntwo,2\nbad line\none,40";
    for size in [1, 3, 7, input.len()] {
        let mut instance = instance(&Limits::default());
        let mut normalizer = instance.open_normalizer(&job("")).unwrap();
        let mut outcomes = Vec::new();
        for piece in input.chunks(size) {
            outcomes.push(instance.push(&mut normalizer, piece).unwrap());
        }
        outcomes.push(instance.finish(&mut normalizer).unwrap());
        instance.drop_normalizer(normalizer).unwrap();
        let batches: Vec<RecordBatch> =
            outcomes.iter().flat_map(|outcome| &outcome.outputs).flat_map(|output| output.batches.clone()).collect();
        assert_eq!(amounts(&batches), [("one".to_owned(), 1), ("two".to_owned(), 2), ("one".to_owned(), 40)]);
        assert!(batches.iter().all(|batch| batch.column(4).logical_null_count() == batch.num_rows()));
        assert_eq!(outcomes.iter().map(|outcome| outcome.rows).sum::<u64>(), 4);
        let rejects: Vec<_> = outcomes.iter().flat_map(|outcome| &outcome.rejects).collect();
        assert_eq!((rejects.len(), rejects[0].at.row), (1, Some(2)));
        let usage = instance.usage();
        assert_eq!(usage.pushed_bytes, input.len() as u64);
        assert!(usage.peak_memory_bytes > 0 && usage.peak_memory_bytes < 64 << 20, "{usage:?}");
    }
}

#[test]
fn a_summary_is_the_same_alone_in_parts_and_folded() {
    let lines = b"one,1\ntwo,2\none,40\n";
    let pull = |instance: &mut Instance, handle| {
        instance.complete(&handle).unwrap();
        let mut batches = Vec::new();
        while let Some(rows) = instance.pull(&handle).unwrap() {
            assert_eq!(rows.table, 1);
            batches.extend(rows.batches);
        }
        instance.drop_accumulator(handle).unwrap();
        amounts(&batches)
    };

    let mut folding = instance(&Limits::default());
    let mut normalizer = folding.open_normalizer(&job("")).unwrap();
    let outcome = folding.push(&mut normalizer, lines).unwrap();
    let totals = folding.open_accumulator(&task()).unwrap();
    folding.fold(&normalizer, &totals).unwrap();
    let folded = pull(&mut folding, totals);
    assert_eq!(folded, [("one".to_owned(), 41), ("two".to_owned(), 2)]);

    let batch = outcome.outputs[0].batches[0].project(&[0, 1]).unwrap();
    let text = arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8).unwrap();
    let plain = RecordBatch::try_from_iter([("account", text), ("amount", Arc::clone(batch.column(1)))]).unwrap();
    let data = encode_ipc(&plain.schema(), std::slice::from_ref(&plain)).unwrap();
    let mut alone = instance(&Limits::default());
    let totals = alone.open_accumulator(&task()).unwrap();
    alone.update(&totals, data).unwrap();
    assert_eq!(pull(&mut alone, totals), folded);

    let mut last = instance(&Limits::default());
    let merged = last.open_accumulator(&task()).unwrap();
    for part in [plain.slice(2, 1), plain.slice(0, 2)] {
        let mut instance = instance(&Limits::default());
        let totals = instance.open_accumulator(&task()).unwrap();
        instance.update(&totals, encode_ipc(&part.schema(), &[part]).unwrap()).unwrap();
        while let Some(piece) = instance.save(&totals).unwrap() {
            last.merge(&merged, &piece).unwrap();
        }
    }
    assert_eq!(pull(&mut last, merged), folded);
}

/// Three objects, one of them outside what is lent.
struct Folder;

impl Grant for Folder {
    fn list(&self, _prefix: &str, _deep: bool, next: Option<&str>) -> Result<ListPage, GrantError> {
        let object =
            |path: &str| ObjectInfo { path: path.to_owned(), size: 1, modified: 5, etag: Some(format!("e-{path}")) };
        Ok(match next {
            None => ListPage { objects: vec![object("a.csv")], folders: vec![], next: Some("b".to_owned()) },
            Some(_) => ListPage { objects: vec![object("b.csv")], folders: vec![], next: None },
        })
    }

    fn stat(&self, path: &str) -> Result<ObjectInfo, GrantError> {
        Err(GrantError::NotFound(path.to_owned()))
    }

    fn read(&self, path: &str, _span: Option<Range<u64>>) -> Result<Bytes, GrantError> {
        Err(GrantError::NotFound(path.to_owned()))
    }

    fn read_text(&self, path: &str) -> Result<String, GrantError> {
        Err(GrantError::Denied(format!("{path} is outside the prefix")))
    }

    fn single(&self) -> Option<String> {
        None
    }
}

fn discover(mischief: &str) -> Result<costhost::plugin::Findings, PluginError> {
    let request = DiscoverRequest { settings: settings(mischief), window: None, now: 0 };
    plugin().discover(Arc::new(Folder), request, &Limits::default(), &Cancel::default())
}

#[test]
fn discovery_reads_through_the_lent_bucket_and_nothing_else() {
    let found = discover("").unwrap();
    let paths: Vec<&str> = found.reports.iter().map(|report| report.files[0].path.as_str()).collect();
    assert_eq!(paths, ["a.csv", "b.csv"]);
    assert_eq!((found.reports[1].revision.as_str(), found.reports[1].delivered), ("e-b.csv", 5));
    let error = discover("climb").unwrap_err();
    assert!(error.to_string().contains("outside the prefix"), "{error}");
    assert_eq!(error.failure().map(|failure| failure.remedy), Some(Remedy::SkipReport));
}

#[test]
fn a_failure_of_the_plugin_is_shown_safely_and_leaves_the_instance_usable() {
    let mut instance = instance(&Limits::default());
    let error = instance.open_normalizer(&job("refuse")).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Operator);
    let text = error.to_string();
    assert!(text.contains(r"the \u{1b}[31msetting is wrong [settings.bad] at a.csv"), "{text}");
    assert!(text.contains("plugin probe (") && text.contains("a.csv (run 7)"), "{text}");
    instance.open_normalizer(&job("")).unwrap();
}

#[test]
fn an_instance_that_failed_answers_nothing_more() {
    let short = Limits { wall_base: Duration::from_millis(300), ..Limits::default() };
    for mischief in ["wrong-table", "garbage", "crash", "spin"] {
        let (error, after) = misbehave(mischief, &short);
        assert_eq!(error.class(), ErrorClass::Plugin, "{mischief}");
        assert!(matches!(after, PluginError::Poisoned { .. }), "{mischief}: {after}");
    }
}

#[test]
fn summaries_rows_come_from_accumulators_alone() {
    let (error, _) = misbehave("summary-table", &Limits::default());
    assert!(error.to_string().contains("a normalizer returned rows for table 1, which is a summary"), "{error}");
}

#[test]
fn nothing_is_pushed_after_the_end() {
    let mut instance = instance(&Limits::default());
    let mut normalizer = instance.open_normalizer(&job("")).unwrap();
    instance.finish(&mut normalizer).unwrap();
    for error in [instance.push(&mut normalizer, b"x,1\n").unwrap_err(), instance.finish(&mut normalizer).unwrap_err()]
    {
        assert!(error.to_string().contains("a normalizer after its end"), "{error}");
    }
}

/// Asks for pieces until one is refused: how many bytes came before, and the error.
fn drain(
    instance: &mut Instance,
    mut piece: impl FnMut(&mut Instance) -> Result<Option<usize>, PluginError>,
) -> (u64, PluginError) {
    loop {
        match piece(instance) {
            Ok(bytes) => assert!(bytes.is_some(), "it ended"),
            Err(error) => return (instance.usage().returned_bytes, error),
        }
    }
}

#[test]
fn a_guest_that_saves_or_yields_for_ever_is_stopped_and_the_flag_named_moves_the_limit() {
    for mischief in ["endless", "endless-nothing"] {
        let task = SummaryTask { settings: settings(mischief), ..task() };
        let mut taken = Vec::new();
        for mib in [1, 4] {
            let mut limits = Limits::default();
            limits.set_output(mib << 20);
            let mut saving = instance(&limits);
            let state = saving.open_accumulator(&task).unwrap();
            let (saved, error) = drain(&mut saving, |instance| Ok(instance.save(&state)?.map(|piece| piece.len())));
            let mut pulling = instance(&limits);
            let totals = pulling.open_accumulator(&task).unwrap();
            pulling.complete(&totals).unwrap();
            let (pulled, refused) =
                drain(&mut pulling, |instance| Ok(instance.pull(&totals)?.map(|rows| rows.batches.len())));
            for error in [error, refused] {
                let over = matches!(&error, PluginError::OverLimit { limit: LimitKind::FileOutput, .. });
                assert!(over, "{mischief}: {error}");
                let text = error.to_string();
                let allowed = 2 * mib;
                let expected = format!("for 0.0 MiB of input, {allowed}.0 MiB allowed. Raise it with --max-output");
                assert!(text.contains("over the total output limit") && text.contains(&expected), "{text}");
            }
            assert!(matches!(saving.save(&state).unwrap_err(), PluginError::Poisoned { .. }));
            assert!(saved.max(pulled) <= ((2 * mib) << 20) + (64 << 10), "{mischief}: {saved} saved, {pulled} pulled");
            taken.push((saved, pulled));
        }
        let (small, large) = (taken[0], taken[1]);
        assert!(large.1 > 3 * small.1 && large.0 >= 3 * small.0, "{mischief}: {small:?}, then {large:?}");
    }
}

#[test]
fn a_handle_of_another_instance_is_refused() {
    let mut one = instance(&Limits::default());
    let mut other = instance(&Limits::default());
    let mut normalizer = one.open_normalizer(&job("")).unwrap();
    let error = other.push(&mut normalizer, b"x,1\n").unwrap_err();
    assert!(error.to_string().contains("handle of another instance"), "{error}");
    one.push(&mut normalizer, b"x,1\n").unwrap();
}

#[test]
fn an_unknown_summary_is_named() {
    let error = instance(&Limits::default()).open_accumulator(&SummaryTask { summary: "other".to_owned(), ..task() });
    assert!(error.unwrap_err().to_string().contains("no summary named `other`"));
}

#[test]
fn a_cached_plugin_loads_fast_and_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::At { components: folder.path().join("components"), key: folder.path().join("key") };
    let load = || {
        let engine = Engine::new(EngineOptions { cache: cache.clone(), ..EngineOptions::default() }).unwrap();
        let began = Instant::now();
        let plugin = engine.load(component()).unwrap();
        (began.elapsed(), plugin.digest().to_owned(), plugin.manifest().tables.len())
    };
    let (compiled, digest, tables) = load();
    let (cached, again, same) = load();
    eprintln!("compiled in {compiled:?}, from the cache in {cached:?}");
    assert_eq!((&digest, tables), (&again, same));
    assert!(cached < Duration::from_millis(500) && cached < compiled / 4, "{cached:?} against {compiled:?}");
    assert_eq!(std::fs::read_dir(folder.path().join("components")).unwrap().count(), 1);
}
