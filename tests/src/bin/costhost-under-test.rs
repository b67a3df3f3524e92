//! The `costhost` program under another name, so that cargo builds it together with the tests that run it.
//!
//! It can do one thing more: `compile-within MEMORY CPU WALL FILE` loads a plugin within other bounds on its compiler than the
//! program's own (bytes, seconds, milliseconds). The compiler is a child of this very program, as always.

use std::process::ExitCode;
use std::time::Duration;

use costhost::plugin::{Cache, CompileBounds, Engine, EngineOptions, compiler_process};

fn main() -> ExitCode {
    match std::env::args_os().nth(1) {
        Some(first) if first == "compile-within" => load_within(&std::env::args().skip(2).collect::<Vec<_>>()),
        _ => costhost::cli::main(),
    }
}

fn load_within(arguments: &[String]) -> ExitCode {
    let [memory, cpu, wall, file] = arguments else { return ExitCode::from(2) };
    let (Ok(memory_bytes), Ok(cpu_seconds), Ok(wall)) = (memory.parse(), cpu.parse(), wall.parse()) else {
        return ExitCode::from(2);
    };
    // Nothing of a child's arguments is among this process's: it says that plugins are compiled in children.
    assert!(compiler_process().is_none(), "this is no compiler");
    let compile = CompileBounds { memory_bytes, cpu_seconds, wall: Duration::from_millis(wall) };
    let engine = Engine::new(EngineOptions { cache: Cache::Off, compile });
    match engine.and_then(|engine| engine.load(file.as_ref())) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
