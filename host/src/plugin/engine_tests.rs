//! One small bad guest per promise, as text.

use std::time::Instant;

use super::*;
use crate::plugin::call::Calls;
use crate::plugin::error::{ErrorClass, Place};
use crate::plugin::limits::{Cancel, LimitKind, Limits};
use crate::plugin::state::{Duty, store};

fn engine() -> Engine {
    Engine::new(EngineOptions { cache: Cache::Off }).unwrap()
}

fn calls(engine: &Engine, limits: Limits, cancel: &Cancel) -> Calls {
    let place = Place { plugin: "bad".to_owned(), digest: "0123456789abcdef".to_owned(), context: "a.csv".to_owned() };
    Calls::new(store(&engine.engine, place, Duty::Work, &limits, cancel), limits)
}

/// Instantiates a component, whose start function does the mischief.
fn start(text: &str, limits: Limits, cancel: &Cancel) -> Result<(), PluginError> {
    let engine = engine();
    let component = Component::from_binary(&engine.engine, &wat::parse_str(text).unwrap()).unwrap();
    let linked = engine.linker.instantiate_pre(&component).unwrap();
    calls(&engine, limits, cancel).run(|store| linked.instantiate(store).map(drop))
}

fn limit_of(error: &PluginError) -> LimitKind {
    match error {
        PluginError::OverLimit { limit, .. } => *limit,
        other => panic!("not a limit: {other}"),
    }
}

fn module(body: &str) -> String {
    format!("(component (core module $m {body}) (core instance (instantiate $m)))")
}

#[test]
fn a_guest_that_never_returns_is_stopped_within_its_budget() {
    let limits = Limits { wall_base: Duration::from_millis(100), ..Limits::default() };
    let began = Instant::now();
    let error = start(&module("(func $f (loop br 0)) (start $f)"), limits, &Cancel::default()).unwrap_err();
    assert_eq!(limit_of(&error), LimitKind::Time);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(
        error.to_string(),
        "plugin bad (0123456789ab), a.csv: over the time limit: 0.1 s for 0.0 MiB of input. Raise it with --max-time \
         if this is expected"
    );
}

#[test]
fn a_cancelled_run_stops_its_guests() {
    let cancel = Cancel::default();
    let switch = cancel.clone();
    let canceller = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        switch.cancel();
    });
    let error = start(&module("(func $f (loop br 0)) (start $f)"), Limits::default(), &cancel).unwrap_err();
    canceller.join().unwrap();
    assert!(matches!(error, PluginError::Cancelled { .. }), "{error}");
    assert_eq!(error.class(), ErrorClass::Operator);
}

#[test]
fn endless_recursion_is_a_crash_of_the_plugin_alone() {
    let error =
        start(&module("(func $deep call $deep) (start $deep)"), Limits::default(), &Cancel::default()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("the plugin crashed") && text.contains("stack") && text.contains("deep"), "{text}");
    assert_eq!(error.class(), ErrorClass::Plugin);
}

#[test]
fn memory_is_limited_over_all_memories_together() {
    let limits = || Limits { memory_bytes: 64 << 20, ..Limits::default() };
    let one = module("(memory 2000)");
    let growing = module(
        "(memory 1) (func $f (loop (br_if 0 (i32.ge_s (memory.grow (i32.const 16)) (i32.const 0)))) unreachable) (start $f)",
    );
    let part = "(memory 400)";
    let three = format!(
        "(component (core module $m {part}) (core instance (instantiate $m)) (core instance (instantiate $m)) \
         (core instance (instantiate $m)))"
    );
    for guest in [one, growing, three] {
        let error = start(&guest, limits(), &Cancel::default()).unwrap_err();
        assert_eq!(limit_of(&error), LimitKind::Memory, "{guest}");
        assert!(error.to_string().contains("--max-memory"), "{error}");
    }
    let two = format!(
        "(component (core module $m {part}) (core instance (instantiate $m)) (core instance (instantiate $m)))"
    );
    start(&two, limits(), &Cancel::default()).unwrap();
}

#[test]
fn memories_and_tables_are_few_and_small() {
    let many = "(core instance (instantiate $m))".repeat(9);
    let error =
        start(&format!("(component (core module $m (memory 1)) {many})"), Limits::default(), &Cancel::default());
    assert!(error.unwrap_err().to_string().contains("memory"));
    let error = start(&module("(table 30000 funcref)"), Limits::default(), &Cancel::default()).unwrap_err();
    assert!(error.to_string().contains("table"), "{error}");
}

#[test]
fn handles_are_counted() {
    let guest = r#"(component
        (type $r (resource (rep i32)))
        (core func $new (canon resource.new $r))
        (core module $m
            (import "" "new" (func $new (param i32) (result i32)))
            (func $f (loop (drop (call $new (i32.const 0))) br 0))
            (start $f))
        (core instance (instantiate $m (with "" (instance (export "new" (func $new)))))))"#;
    let error = start(guest, Limits::default(), &Cancel::default()).unwrap_err();
    assert_eq!(limit_of(&error), LimitKind::Handles, "{error}");
    assert!(error.to_string().contains("256 may be alive at once"), "{error}");
}

#[test]
fn what_one_call_returns_is_limited_and_the_instance_is_not_used_again() {
    let guest = r#"(component
        (core module $m
            (memory (export "memory") 700)
            (func (export "f") (result i32)
                (i32.store (i32.const 8) (i32.const 16))
                (i32.store (i32.const 12) (i32.const 41943040))
                (i32.const 8)))
        (core instance $i (instantiate $m))
        (func (export "f") (result (list u8)) (canon lift (core func $i "f") (memory $i "memory"))))"#;
    let engine = engine();
    let component = Component::from_binary(&engine.engine, &wat::parse_str(guest).unwrap()).unwrap();
    let mut calls = calls(&engine, Limits::default(), &Cancel::default());
    let linked = engine.linker.instantiate_pre(&component).unwrap();
    let instance = calls.run(|store| linked.instantiate(store)).unwrap();
    let error =
        calls.run(|store| instance.get_typed_func::<(), (Vec<u8>,)>(&mut *store, "f")?.call(store, ())).unwrap_err();
    assert_eq!(limit_of(&error), LimitKind::Output, "{error}");
    let again = calls.run(|_| Ok(())).unwrap_err();
    assert!(matches!(again, PluginError::Poisoned { .. }), "{again}");
}

#[test]
fn an_error_of_the_engine_is_told_with_every_cause_once() {
    let engine = engine();
    let mut calls = calls(&engine, Limits::default(), &Cancel::default());
    let error = calls.run(|_| -> wasmtime::Result<()> {
        let cause = wasmtime::format_err!("two pages\nare missing").context("reading the book");
        Err(cause.context("reading the book").context("learning"))
    });
    let place = "plugin bad (0123456789ab), a.csv";
    let expected =
        format!("{place}: the plugin broke the contract: learning: reading the book: two pages\\nare missing");
    assert_eq!(error.unwrap_err().to_string(), expected);
}

fn load(bytes: &[u8]) -> PluginError {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("thing.wasm");
    std::fs::write(&path, bytes).unwrap();
    engine().load(&path).unwrap_err()
}

fn load_text(text: &str) -> PluginError {
    load(&wat::parse_str(text).unwrap())
}

#[test]
fn files_that_are_no_components_are_told_apart() {
    let compiled = engine().engine.precompile_component(&wat::parse_str("(component)").unwrap()).unwrap();
    let cases: [(&[u8], &str); 6] = [
        (&wat::parse_str("(module)").unwrap(), "core WebAssembly module"),
        (&compiled, "never loaded from a file"),
        (b"(component)", "a text file"),
        (b"", "an empty file"),
        (b"\x7fELF\x02\x01", "a native program"),
        (b"\0asm\x0e\0\x01\0", "a version this host does not know"),
    ];
    for (bytes, expected) in cases {
        let error = load(bytes);
        assert!(matches!(error, PluginError::NotAComponent { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    let missing = engine().load(Path::new("no/such/plugin.wasm")).unwrap_err();
    assert_eq!(missing.to_string(), "cannot read the plugin no/such/plugin.wasm");
    let told = format!("{:#}", anyhow::Error::new(missing));
    assert_eq!(told, "cannot read the plugin no/such/plugin.wasm: No such file or directory (os error 2)");
    let missing = engine().load(Path::new("no/such/plugin.wasm")).unwrap_err();
    assert_eq!(missing.class(), ErrorClass::Operator);
}

#[test]
fn forbidden_imports_are_named() {
    let cases = [
        ("wasi:cli/environment@0.2.6", "(instance)", "costhost plugin build"),
        ("wasi:sockets/tcp@0.2.0", "(instance)", "reaches nothing outside"),
        ("costhost:provider/query@0.1.0", "(instance)", "newer host"),
        ("costhost:provider/log@0.2.0", "(instance)", "speaks costhost:provider@0.1"),
        ("open-file", "(func)", "only costhost:provider"),
    ];
    for (name, kind, advice) in cases {
        let error = load_text(&format!("(component (import \"{name}\" {kind}))"));
        assert!(matches!(error, PluginError::ForbiddenImport { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(&format!("imports `{name}`")) && text.contains(advice), "{text}");
    }
}

#[test]
fn features_that_are_switched_off_are_refused_at_load() {
    for guest in ["(component (type (stream u8)))", "(component (core module (memory i64 1)))"] {
        let error = load_text(guest);
        assert!(matches!(error, PluginError::InvalidComponent { .. }), "{guest}: {error}");
    }
}

#[test]
fn a_component_that_does_not_fit_the_contract_is_told_what_is_missing() {
    let error = load_text("(component)");
    assert!(error.to_string().contains("describe"), "{error}");
    let error = load_text(r#"(component (import "costhost:provider/log@0.1.0" (instance (export "write" (func)))))"#);
    assert!(matches!(error, PluginError::Unfit { .. }), "{error}");
    assert!(error.to_string().contains("log"), "{error}");
}
