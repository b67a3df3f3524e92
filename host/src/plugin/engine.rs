//! The only place that configures wasmtime, and the way from a file to a [`Plugin`].

use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Precompiled};

use super::aot::CompileCache;
use super::compile::{self, CompileBounds};
use super::error::PluginError;
use super::linker;
use super::loaded::Plugin;
use super::state::State;

/// How often running guests look whether they should stop.
const EPOCH: Duration = Duration::from_millis(10);
/// Wasm stack; recursion beyond it is a trap.
const WASM_STACK_BYTES: usize = 1 << 20;
/// A component larger than this is refused unread.
pub const MAX_COMPONENT_BYTES: u64 = 128 << 20;

/// Where compiled plugins are kept between runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Cache {
    /// The user's cache folder: `$XDG_CACHE_HOME/costhost/components`, its key in `$XDG_STATE_HOME/costhost`.
    #[default]
    Default,
    /// These folders, created as needed. The key must not lie in the cache.
    At {
        /// Compiled components.
        components: PathBuf,
        /// The key that signs them.
        key: PathBuf,
    },
    /// Nowhere: every start compiles.
    Off,
}

/// How the engine is set up.
#[derive(Debug, Clone, Default)]
pub struct EngineOptions {
    /// Where compiled plugins are kept.
    pub cache: Cache,
    /// What compiling one may use.
    pub compile: CompileBounds,
}

/// Runs plugins. One per process; cheap to share by reference.
pub struct Engine {
    engine: wasmtime::Engine,
    linker: Linker<State>,
    cache: Option<CompileCache>,
    compile: CompileBounds,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("cache", &self.cache.is_some()).finish_non_exhaustive()
    }
}

impl Engine {
    /// Starts an engine and its clock.
    ///
    /// A cache that cannot be used is reported in the log and left out.
    ///
    /// # Errors
    /// [`PluginError::Engine`] when this machine cannot run compiled WebAssembly.
    pub fn new(options: EngineOptions) -> Result<Self, PluginError> {
        Self::with(options, &config())
    }

    /// Starts an engine that counts the instructions of guests ([`super::Usage::instructions`]). The count is the same on
    /// every machine; guests run some percent slower.
    ///
    /// # Errors
    /// As [`Engine::new`].
    pub fn counting_instructions(options: EngineOptions) -> Result<Self, PluginError> {
        Self::with(options, config().consume_fuel(true))
    }

    fn with(options: EngineOptions, config: &Config) -> Result<Self, PluginError> {
        let failed = |error: wasmtime::Error| PluginError::Engine { reason: format!("{error:#}") };
        let engine = wasmtime::Engine::new(config).map_err(failed)?;
        let linker = linker::linker(&engine).map_err(failed)?;
        start_clock(&engine).map_err(|error| PluginError::Engine { reason: error.to_string() })?;
        Ok(Self { engine, linker, cache: open_cache(&options.cache), compile: options.compile })
    }

    /// Loads a plugin: checks what it is and what it asks for, compiles it or takes it from the cache, and asks it to
    /// describe itself.
    ///
    /// # Errors
    /// When the file is not a component, imports what plugins are not given, does not fit the contract, or declares
    /// something invalid.
    pub fn load(&self, path: &Path) -> Result<Arc<Plugin>, PluginError> {
        self.load_bytes(path, &read_component(path)?)
    }

    /// The same for bytes that were read, and checked, before; `path` is for messages.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_bytes(&self, path: &Path, bytes: &[u8]) -> Result<Arc<Plugin>, PluginError> {
        recognize(path, bytes)?;
        let digest = hex(&Sha256::digest(bytes));
        let component = self.component(path, bytes, &digest)?;
        let imports = linker::imports(&self.engine, &component.component_type());
        linker::check_imports(path, imports.iter().map(String::as_str))?;
        let linked = self
            .linker
            .instantiate_pre(&component)
            .map_err(|error| PluginError::Unfit { path: path.to_owned(), reason: format!("{error:#}") })?;
        Plugin::describe(path, digest, imports, linked).map(Arc::new)
    }

    fn component(&self, path: &Path, bytes: &[u8], digest: &str) -> Result<Component, PluginError> {
        if let Some(component) = self.cache.as_ref().and_then(|cache| cache.get(&self.engine, digest)) {
            return Ok(component);
        }
        let code = compile::compile(&self.engine, self.compile, path, bytes)?;
        if let Some(cache) = &self.cache
            && let Err(error) = cache.put(&self.engine, digest, &code)
        {
            tracing::warn!(%error, "the compiled plugin could not be kept; the next start compiles again");
        }
        code.revive(&self.engine)
            .map_err(|error| PluginError::InvalidComponent { path: path.to_owned(), reason: format!("{error:#}") })
    }
}

/// Only what plugins need. Most advisories of the engine were in features that are off here.
pub(super) fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .concurrency_support(false)
        .gc_support(false)
        .wasm_gc(false)
        .wasm_function_references(false)
        .wasm_exceptions(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_threads(false)
        .wasm_simd(true)
        .wasm_relaxed_simd(false)
        .wasm_wide_arithmetic(false)
        // The same bytes out on every machine.
        .cranelift_nan_canonicalization(true)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        // Set, so that no environment variable decides what goes into compiled code.
        .wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Disable);
    config
}

/// Advances the epoch until the last engine handle is gone. A thread of its own: no async runtime can starve it.
fn start_clock(engine: &wasmtime::Engine) -> std::io::Result<()> {
    let weak = engine.weak();
    std::thread::Builder::new().name("plugin-clock".to_owned()).spawn(move || {
        while let Some(engine) = weak.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(EPOCH);
        }
    })?;
    Ok(())
}

fn open_cache(cache: &Cache) -> Option<CompileCache> {
    let (components, key) = match cache {
        Cache::Off => return None,
        Cache::At { components, key } => (components.clone(), key.clone()),
        Cache::Default => {
            let components = user_folder("XDG_CACHE_HOME", ".cache")?.join("costhost").join("components");
            (components, user_folder("XDG_STATE_HOME", ".local/state")?.join("costhost"))
        }
    };
    CompileCache::open(&components, &key)
        .inspect_err(|error| {
            tracing::warn!(folder = %components.display(), %error, "compiled plugins cannot be kept between runs");
        })
        .ok()
}

fn user_folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(variable).or_else(|| Some(absolute("HOME")?.join(below_home)))
}

/// The bytes of a component's file, whatever they are.
///
/// # Errors
/// When it cannot be read or is longer than [`MAX_COMPONENT_BYTES`].
pub fn read_component(path: &Path) -> Result<Vec<u8>, PluginError> {
    let unreadable = |source| PluginError::Unreadable { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let mut bytes = Vec::new();
    file.take(MAX_COMPONENT_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_COMPONENT_BYTES {
        let what = format!("{length} bytes long, and components larger than {MAX_COMPONENT_BYTES} bytes are refused");
        return Err(PluginError::NotAComponent { path: path.to_owned(), what });
    }
    Ok(bytes)
}

/// Tells a component from everything else people try.
pub(super) fn recognize(path: &Path, bytes: &[u8]) -> Result<(), PluginError> {
    let what = match wasmtime::Engine::detect_precompiled(bytes) {
        Some(Precompiled::Module | Precompiled::Component) => {
            "compiled machine code (.cwasm), which is never loaded from a file: it would run unchecked. Give the .wasm \
             it was made from"
        }
        None if bytes.starts_with(b"\0asm\x0d\0\x01\0") => return Ok(()),
        None if bytes.starts_with(b"\0asm\x01\0\0\0") => {
            "a core WebAssembly module, not a component. Build the plugin with `costhost plugin build`, which wraps it"
        }
        None if bytes.starts_with(b"\0asm") => "WebAssembly of a version this host does not know",
        None if bytes.is_empty() => "an empty file",
        None if bytes.starts_with(b"\x7fELF") => "a native program. Plugins are WebAssembly components",
        None if std::str::from_utf8(bytes.get(..bytes.len().min(512)).unwrap_or(bytes)).is_ok() => {
            "a text file. Plugins are binary WebAssembly components, as `costhost plugin build` makes them"
        }
        None => "not WebAssembly. Plugins are components, as `costhost plugin build` makes them",
    };
    Err(PluginError::NotAComponent { path: path.to_owned(), what: what.to_owned() })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
