//! What is not loaded at all: files that are no components, imports and features that plugins do not have, host calls from
//! `describe`.

use costhost_tests::bucket;
use costhost_tests::program::Costhost;

use crate::guest::Guest;
use crate::run::{Case, check};

fn text(name: &str, text: &str) -> Case {
    Case::of_bytes(name, wat::parse_str(text).unwrap_or_else(|error| panic!("{name}: {error}")))
}

#[test]
fn only_components_are_loaded() {
    check(&[
        Case::of_bytes("compiled", compiled()),
        text("core-module", "(module)"),
        Case::of_bytes("text", b"(component)".to_vec()),
        Case::of_bytes("native-program", b"\x7fELF\x02\x01\x01\0".to_vec()),
        Case::of_bytes("empty-file", Vec::new()),
        Case::of_bytes("later-webassembly", b"\0asm\x0e\0\x01\0".to_vec()),
        Case::of_bytes("cut-component", Guest::honest().component()[..200].to_vec()),
        text("empty-component", "(component)"),
    ]);
}

/// Machine code as the engine itself compiled it: what the program's cache holds after its header.
fn compiled() -> Vec<u8> {
    const HEADER: usize = 80;
    let mut costhost = Costhost::new(env!("CARGO_BIN_EXE_costhost-under-test"));
    let cache = costhost.folder().join("cache");
    costhost.set("XDG_CACHE_HOME", cache.to_str().unwrap());
    std::fs::write(costhost.folder().join("guest.wasm"), Guest::honest().component()).unwrap();
    let ended = costhost.call(&["plugin", "show", "./guest.wasm"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let entries = bucket::files(&cache, ".bin");
    assert_eq!(entries.len(), 1, "{entries:?}");
    let code = std::fs::read(&entries[0]).unwrap().split_off(HEADER);
    assert!(code.starts_with(b"\x7fELF"), "what the cache holds has another form now");
    code
}

#[test]
fn imports_off_the_list_are_refused() {
    let import = |(name, import): &(&str, &str)| {
        text(&format!("import-{name}"), &format!("(component (import \"{import}\" (instance)))"))
    };
    let mut cases: Vec<Case> = [
        ("sockets", "wasi:sockets/tcp@0.2.0"),
        ("http", "wasi:http/outgoing-handler@0.2.0"),
        ("files", "wasi:filesystem/preopens@0.2.0"),
        ("clock", "wasi:clocks/wall-clock@0.2.0"),
        ("random", "wasi:random/random@0.2.0"),
        ("environment", "wasi:cli/environment@0.2.0"),
        ("another-plugin", "other:plugin/rows@1.0.0"),
        ("later-interface", "costhost:provider/query@0.1.0"),
        ("later-track", "costhost:provider/log@0.2.0"),
    ]
    .iter()
    .map(import)
    .collect();
    cases.push(text("import-async", "(component (import \"wait\" (func async)))"));
    cases.push(text("import-log-of-another-type", LOG_OF_ANOTHER_TYPE));
    check(&cases);
}

const LOG_OF_ANOTHER_TYPE: &str =
    "(component (import \"costhost:provider/log@0.1.0\" (instance (export \"write\" (func)))))";

#[test]
fn features_that_plugins_do_not_need_are_off() {
    let core = |name: &str, body: &str| text(&format!("feature-{name}"), &format!("(component (core module {body}))"));
    check(&[
        text("feature-stream", "(component (type (stream u8)))"),
        text("feature-future", "(component (type (future u8)))"),
        core("threads", "(memory 1 1 shared)"),
        core("memory64", "(memory i64 1)"),
        core("two-memories", "(memory 1) (memory 1)"),
        core("exceptions", "(tag)"),
        core("gc", "(type (struct (field i32)))"),
        core(
            "relaxed-simd",
            "(func (result v128) (i8x16.relaxed_swizzle (v128.const i64x2 0 0) (v128.const i64x2 0 0)))",
        ),
    ]);
}

#[test]
fn describe_calls_nothing() {
    let name = "describe-calls-the-host";
    check(&[Case::new(name, &Guest::named(name).given("hello"))]);
}

/// A component with one function of so many steps, each of which needs the one before.
fn giant(steps: usize) -> Vec<u8> {
    let step = "(local.set 0 (i64.mul (i64.add (local.get 0) (local.get 1)) (i64.load (i32.wrap_i64 (local.get 0)))))";
    let function = format!("(func (param i64 i64) (result i64) {} (local.get 0))", step.repeat(steps));
    wat::parse_str(format!("(component (core module (memory 1) {function}))")).unwrap()
}

/// Loads a component within bounds of the test's own: bytes, seconds and milliseconds. Gives the exit code and what was said.
fn within(component: &[u8], bounds: [u64; 3]) -> (i32, String) {
    let costhost = Costhost::new(env!("CARGO_BIN_EXE_costhost-under-test"));
    std::fs::write(costhost.folder().join("giant.wasm"), component).unwrap();
    let bounds = bounds.map(|bound| bound.to_string());
    let ended = costhost.call(&["compile-within", &bounds[0], &bounds[1], &bounds[2], "giant.wasm"]);
    (ended.code, ended.err)
}

#[test]
fn compiling_is_bounded_in_memory_and_time() {
    const AMPLE: [u64; 3] = [4 << 30, 300, 600_000];
    // Enough for any honest plugin, on a machine of many cores, too: every thread of the compiler takes some.
    const SMALL_MEMORY: u64 = 1 << 30;
    let giant = giant(400_000);
    let honest = within(&Guest::honest().component(), [SMALL_MEMORY, 60, AMPLE[2]]);
    assert_eq!(honest, (0, String::new()));
    for (bounds, says) in [
        ([SMALL_MEMORY, AMPLE[1], AMPLE[2]], "more than 1024 MiB of memory"),
        ([AMPLE[0], 1, AMPLE[2]], "more than 1 s of processor time"),
        ([AMPLE[0], AMPLE[1], 1], "more than 1ms"),
    ] {
        let (code, said) = within(&giant, bounds);
        assert_eq!(code, 1, "{said}");
        for part in ["giant.wasm", says, "and was stopped", "split its largest functions"] {
            assert!(said.contains(part), "`{part}` is not in: {said}");
        }
    }
}
