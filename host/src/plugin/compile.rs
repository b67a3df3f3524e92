//! Compiling components, in a process of its own that may use only so much.
//!
//! What a hostile component can do to a compiler is outside wasmtime's promises: it may want hours or all memory. So a
//! program that calls [`compiler_process`] first thing in its `main` compiles in children of itself: nothing of the parent's environment reaches
//! them, the kernel bounds their memory and processor time, they cannot write files, and the parent their wall time. A child that dies costs
//! one error. Any other program that uses this library compiles in its own process.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rlimit::Resource;

use super::aot::OwnCode;
use super::engine;
use super::error::PluginError;

/// The first argument of a child.
const ARGUMENT: &str = "compile-plugin-from-stdin";
/// The second, for engines that count instructions: their code is another.
const COUNTING: &str = "counting-instructions";
/// Threads of a child: every one has a heap of its own.
const THREADS: usize = 8;
/// Code is three times as large as its component, in practice; what a child writes is held in memory.
const MAX_CODE_BYTES: u64 = 512 << 20;
const MAX_MESSAGE_BYTES: u64 = 64 << 10;
/// How often the parent looks whether a child is over its time.
const LOOK: Duration = Duration::from_millis(2);

/// What an author can do about a component that is too much for the compiler, and an operator.
const ADVICE: &str = "Plugins that people write take seconds. Its author can build it with optimization and split its largest \
                      functions; until then, use another version";

/// What compiling one component may use. The kernel bounds memory and processor time, the parent the wall time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileBounds {
    /// Address space of a child: its program, what it reads, what it makes, and what its threads work with.
    pub memory_bytes: u64,
    /// Processor time of a child, all its threads together, in seconds.
    pub cpu_seconds: u64,
    /// From the child's start to its end.
    pub wall: Duration,
}

impl Default for CompileBounds {
    fn default() -> Self {
        Self { memory_bytes: 4 << 30, cpu_seconds: 300, wall: Duration::from_secs(600) }
    }
}

/// Whether this program answers to [`ARGUMENT`].
static COMPILES_IN_CHILDREN: AtomicBool = AtomicBool::new(false);

/// To be called first thing in `main`. In a child it does the child's work and returns its exit code; otherwise it returns `None`, and
/// plugins of this process are compiled in children.
pub fn compiler_process() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() != Some(OsStr::new(ARGUMENT)) {
        COMPILES_IN_CHILDREN.store(true, Ordering::Relaxed);
        return None;
    }
    Some(match compile_from_stdin(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprint!("{reason}");
            ExitCode::FAILURE
        }
    })
}

/// Compiles a component with an engine of this configuration.
///
/// # Errors
/// When it is not valid, or compiling it in a child takes more than the bounds.
pub(super) fn compile(
    engine: &wasmtime::Engine,
    bounds: CompileBounds,
    path: &Path,
    bytes: &[u8],
) -> Result<OwnCode, PluginError> {
    let invalid = |reason: String| PluginError::InvalidComponent { path: path.to_owned(), reason };
    if !COMPILES_IN_CHILDREN.load(Ordering::Relaxed) {
        return OwnCode::compiled_here(engine, bytes).map_err(|error| invalid(format!("{error:#}")));
    }
    // The engine itself does not tell, but its stores have fuel or not.
    let counting = wasmtime::Store::new(engine, ()).get_fuel().is_ok();
    in_child(bytes, counting, bounds).map_err(invalid)
}

fn in_child(bytes: &[u8], counting: bool, bounds: CompileBounds) -> Result<OwnCode, String> {
    let failed = |error: std::io::Error| format!("the compiler could not be started: {error}");
    let mut child = command(counting, bounds).map_err(failed)?.spawn().map_err(failed)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (status, code, message) = std::thread::scope(|scope| {
        // Each pipe has a thread of its own, so that none can block another.
        scope.spawn(move || stdin.map(|mut pipe| pipe.write_all(bytes)));
        let code = scope.spawn(move || all(stdout, MAX_CODE_BYTES));
        let message = scope.spawn(move || all(stderr, MAX_MESSAGE_BYTES));
        let status = wait(&mut child, bounds.wall);
        (status, code.join().unwrap_or_default(), message.join().unwrap_or_default())
    });
    let status = status.map_err(|error| format!("the compiler was lost: {error}"))?;
    match status {
        Some(status) if status.success() => Ok(OwnCode::from_compiler(code)),
        status => Err(told(status, &message, bounds)),
    }
}

/// This very program, also when its file was replaced meanwhile.
fn command(counting: bool, bounds: CompileBounds) -> std::io::Result<Command> {
    let own = PathBuf::from("/proc/self/exe");
    let program = if own.exists() { own } else { std::env::current_exe()? };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get).min(THREADS);
    let mut command = Command::new(program);
    command.arg0("costhost").arg(ARGUMENT).arg(bounds.memory_bytes.to_string()).arg(bounds.cpu_seconds.to_string());
    command.args(counting.then_some(COUNTING)).env_clear().current_dir("/");
    command.env("RAYON_NUM_THREADS", threads.to_string()).env("MALLOC_ARENA_MAX", threads.to_string());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command)
}

/// Waits for a child, and ends one that is over its time; then `None`. However this returns, the child has ended.
fn wait(child: &mut Child, wall: Duration) -> std::io::Result<Option<ExitStatus>> {
    let started = Instant::now();
    while started.elapsed() < wall {
        match child.try_wait() {
            Ok(None) => std::thread::sleep(LOOK),
            Ok(ended) => return Ok(ended),
            Err(error) => {
                let _ = child.kill();
                return Err(error);
            }
        }
    }
    child.kill()?;
    child.wait().map(|_| None)
}

fn all(pipe: Option<impl Read>, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A pipe that breaks off shows in how the child ended.
    let _ = pipe.map(|pipe| pipe.take(most).read_to_end(&mut bytes));
    bytes
}

/// Why a child did not make it.
fn told(status: Option<ExitStatus>, message: &[u8], bounds: CompileBounds) -> String {
    let stopped = |than: String| format!("compiling it took more than {than} and was stopped. {ADVICE}");
    let Some(status) = status else { return stopped(format!("{:?}", bounds.wall)) };
    match status.signal() {
        Some(libc::SIGXCPU | libc::SIGKILL) => {
            stopped(format!("{} s of processor time, or more memory than there is,", bounds.cpu_seconds))
        }
        Some(libc::SIGABRT) => stopped(format!("{} MiB of memory", bounds.memory_bytes >> 20)),
        Some(signal) => format!("the compiler ended with signal {signal}"),
        None => {
            let message = String::from_utf8_lossy(message);
            message.chars().filter(|c| !c.is_control() || *c == '\n').take(2000).collect::<String>().trim().to_owned()
        }
    }
}

/// The child's work: a component in, code out. Its arguments are bytes of memory, seconds of processor time, and whether
/// instructions are counted.
fn compile_from_stdin(mut arguments: impl Iterator<Item = OsString>) -> Result<(), String> {
    let mut number = || arguments.next()?.to_str()?.parse::<u64>().ok();
    let (Some(memory_bytes), Some(cpu_seconds)) = (number(), number()) else {
        return Err("the compiler was not told its bounds".to_owned());
    };
    let counting = arguments.next().as_deref() == Some(OsStr::new(COUNTING));
    bound_this_process(memory_bytes, cpu_seconds)
        .map_err(|error| format!("the compiler could not be bounded: {error}"))?;
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(engine::MAX_COMPONENT_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| error.to_string())?;
    let engine =
        wasmtime::Engine::new(engine::config().consume_fuel(counting)).map_err(|error| format!("{error:#}"))?;
    let code = engine.precompile_component(&bytes).map_err(|error| format!("{error:#}"))?;
    let mut out = std::io::stdout().lock();
    out.write_all(&code).and_then(|()| out.flush()).map_err(|error| error.to_string())
}

/// For good: hard limits cannot be raised again.
fn bound_this_process(memory_bytes: u64, cpu_seconds: u64) -> std::io::Result<()> {
    for (resource, most) in
        [(Resource::AS, memory_bytes), (Resource::CPU, cpu_seconds), (Resource::FSIZE, 0), (Resource::CORE, 0)]
    {
        let (_, hard) = resource.get()?;
        let most = most.min(hard);
        resource.set(most, most)?;
    }
    Ok(())
}
