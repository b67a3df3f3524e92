//! What the engine does on its own. Hostile guests are in `tests/hostile`, where the whole program meets them.

use super::*;
use crate::plugin::call::Calls;
use crate::plugin::error::{ErrorClass, Place};
use crate::plugin::limits::{Cancel, Limits};
use crate::plugin::state::{Duty, store};

fn engine() -> Engine {
    Engine::new(EngineOptions { cache: Cache::Off, ..EngineOptions::default() }).unwrap()
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

fn module(body: &str) -> String {
    format!("(component (core module $m {body}) (core instance (instantiate $m)))")
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

#[test]
fn a_file_that_is_not_there_is_told_with_the_cause() {
    let missing = engine().load(Path::new("no/such/plugin.wasm")).unwrap_err();
    assert_eq!(missing.class(), ErrorClass::Operator);
    assert_eq!(missing.to_string(), "cannot read the plugin no/such/plugin.wasm");
    let told = format!("{:#}", anyhow::Error::new(missing));
    assert_eq!(told, "cannot read the plugin no/such/plugin.wasm: No such file or directory (os error 2)");
}
