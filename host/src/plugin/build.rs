//! From a plugin's crate to a component: cargo, then the component encoder, then the host's own checks.
//!
//! The target is wasm32-unknown-unknown, which knows no operating system: what comes out imports the contract's
//! interfaces and nothing else, and holds no path of the machine it was built on.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use wit_component::{ComponentEncoder, DecodedWasm};

use super::linker;

const TARGET: &str = "wasm32-unknown-unknown";
/// The workspace's profile for plugins.
const PROFILE: &str = "plugin";

/// A component that was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// Where it was written.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// What it imports.
    pub imports: Vec<String>,
}

/// A plugin could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The folder has no `Cargo.toml`.
    #[error("{path} is not a crate: it has no Cargo.toml", path = .0.display())]
    NotACrate(PathBuf),
    /// cargo could not be started.
    #[error("cannot run cargo; plugins are built with the Rust toolchain (rustup.rs)")]
    NoCargo(#[source] io::Error),
    /// cargo failed; it has said why on the terminal.
    #[error("cargo could not build {path}{hint}", path = crate_dir.display())]
    Cargo {
        /// The crate.
        crate_dir: PathBuf,
        /// A likely cause.
        hint: String,
    },
    /// The crate makes no wasm module.
    #[error("{path} makes no wasm module: add `crate-type = [\"cdylib\"]` to [lib] in its Cargo.toml", path = .0.display())]
    NoModule(PathBuf),
    /// The module is not one the SDK exports a plugin from.
    #[error("{path} cannot be made a component: {reason}. Does the crate call the SDK's export macro?", path = module.display())]
    Encode {
        /// The core module.
        module: PathBuf,
        /// Why.
        reason: String,
    },
    /// The component asks for something plugins do not get.
    #[error("the component imports `{import}`, which plugins are not given{advice}")]
    ForbiddenImport {
        /// The import.
        import: String,
        /// What to do.
        advice: String,
    },
    /// A file could not be read or written.
    #[error("{path}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Builds the plugin crate in `crate_dir` and writes the component to `out`. Cargo's progress goes to stderr.
///
/// # Errors
/// When there is no crate, it does not compile, or what it makes is not a plugin.
pub fn build_plugin(crate_dir: &Path, out: &Path) -> Result<Built, BuildError> {
    let manifest = crate_dir.join("Cargo.toml");
    if !manifest.is_file() {
        return Err(BuildError::NotACrate(crate_dir.to_owned()));
    }
    let metadata = Metadata::of(&manifest)?;
    let module_path = compile(crate_dir, &manifest, &metadata)?;
    let module = fs::read(&module_path).map_err(|source| BuildError::Io { path: module_path.clone(), source })?;
    let encode = |reason: String| BuildError::Encode { module: module_path.clone(), reason };
    let component = ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| encode(format!("{error:#}")))?;
    let imports = imports(&component).map_err(encode)?;
    for import in &imports {
        if let Some(advice) = linker::objection(import) {
            return Err(BuildError::ForbiddenImport { import: import.clone(), advice });
        }
    }
    write_whole(out, &component).map_err(|source| BuildError::Io { path: out.to_owned(), source })?;
    Ok(Built { path: out.to_owned(), bytes: component.len() as u64, imports })
}

/// Builds the plugin crate in `crate_dir` into the target folder of its workspace.
///
/// # Errors
/// As [`build_plugin`].
pub fn build_in_target(crate_dir: &Path) -> Result<Built, BuildError> {
    let manifest = crate_dir.join("Cargo.toml");
    if !manifest.is_file() {
        return Err(BuildError::NotACrate(crate_dir.to_owned()));
    }
    let io = |source| BuildError::Io { path: crate_dir.to_owned(), source };
    let folder = crate_dir.canonicalize().map_err(io)?;
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".wasm");
    build_plugin(crate_dir, &Metadata::of(&manifest)?.target_directory.join("plugins").join(name))
}

/// What cargo says of the crate's workspace.
struct Metadata {
    target_directory: PathBuf,
    workspace_root: PathBuf,
}

impl Metadata {
    fn of(manifest: &Path) -> Result<Self, BuildError> {
        let mut command = cargo();
        command.args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"]).arg(manifest);
        let output = command.stderr(Stdio::inherit()).output().map_err(BuildError::NoCargo)?;
        let failed = || BuildError::Cargo { crate_dir: manifest.to_owned(), hint: String::new() };
        if !output.status.success() {
            return Err(failed());
        }
        let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|_| failed())?;
        let path = |name: &str| metadata.get(name).and_then(Value::as_str).map(PathBuf::from).ok_or_else(failed);
        Ok(Self { target_directory: path("target_directory")?, workspace_root: path("workspace_root")? })
    }

    /// Cargo refuses a profile that the workspace does not have.
    fn profile(&self) -> &'static str {
        let text = fs::read_to_string(self.workspace_root.join("Cargo.toml")).unwrap_or_default();
        let has = text.lines().any(|line| line.trim() == format!("[profile.{PROFILE}]"));
        if has { PROFILE } else { "release" }
    }
}

fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

/// Runs cargo and gives the path of the wasm module.
fn compile(crate_dir: &Path, manifest: &Path, metadata: &Metadata) -> Result<PathBuf, BuildError> {
    let mut command = cargo();
    command
        .args(["build", "--lib", "--target", TARGET, "--profile", metadata.profile()])
        .args(["--message-format", "json-render-diagnostics", "--manifest-path"])
        .arg(manifest)
        // A folder of its own, so that a native build of the same workspace does not hold the lock.
        .arg("--target-dir")
        .arg(metadata.target_directory.join("plugin-build"))
        .env("CARGO_ENCODED_RUSTFLAGS", rustflags(metadata))
        .env_remove("RUSTFLAGS")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let output = command.output().map_err(BuildError::NoCargo)?;
    if !output.status.success() {
        let hint = if target_installed() { String::new() } else { format!(": run `rustup target add {TARGET}`") };
        return Err(BuildError::Cargo { crate_dir: crate_dir.to_owned(), hint });
    }
    let wanted = manifest.canonicalize().map_err(|source| BuildError::Io { path: manifest.to_owned(), source })?;
    module(&output.stdout, &wanted).ok_or_else(|| BuildError::NoModule(crate_dir.to_owned()))
}

/// The flags the caller set, and ours. Paths of the machine would otherwise end up in panic messages, and so in the digest.
fn rustflags(metadata: &Metadata) -> OsString {
    let mut flags: Vec<String> = match std::env::var("CARGO_ENCODED_RUSTFLAGS") {
        Ok(encoded) if !encoded.is_empty() => encoded.split('\x1f').map(str::to_owned).collect(),
        _ => std::env::var("RUSTFLAGS").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
    };
    flags.push("-Ctarget-feature=+simd128".to_owned());
    let mut remap = |from: &Path, to: &str| flags.push(format!("--remap-path-prefix={}={to}", from.display()));
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let below_home = |variable: &str, folder: &str| {
        std::env::var_os(variable).map(PathBuf::from).or_else(|| home.as_ref().map(|home| home.join(folder)))
    };
    // The last prefix that matches wins, so the widest comes first.
    if let Some(home) = &home {
        remap(home, "/home");
    }
    for (variable, folder, name) in [("RUSTUP_HOME", ".rustup", "/rustup"), ("CARGO_HOME", ".cargo", "/cargo")] {
        if let Some(path) = below_home(variable, folder) {
            remap(&path, name);
        }
    }
    remap(&metadata.workspace_root, "/build");
    flags.join("\x1f").into()
}

fn target_installed() -> bool {
    let output = Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).output();
    output.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}

/// The module cargo names for the crate with this manifest.
fn module(messages: &[u8], manifest: &Path) -> Option<PathBuf> {
    let lines = messages.split(|byte| *byte == b'\n');
    lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok()).find_map(|message| {
        let text = |name: &str| message.get(name).and_then(Value::as_str);
        if text("reason") != Some("compiler-artifact") || text("manifest_path").map(Path::new) != Some(manifest) {
            return None;
        }
        let files = message.get("filenames")?.as_array()?.iter().filter_map(Value::as_str).map(PathBuf::from);
        files.into_iter().find(|file| file.extension().is_some_and(|extension| extension == "wasm"))
    })
}

/// What a component imports, without compiling it.
fn imports(component: &[u8]) -> Result<Vec<String>, String> {
    match wit_component::decode(component).map_err(|error| format!("{error:#}"))? {
        DecodedWasm::Component(resolve, world) => {
            let world = resolve.worlds.get(world).ok_or("it has no world")?;
            Ok(world.imports.keys().map(|key| resolve.name_world_key(key)).collect())
        }
        DecodedWasm::WitPackage(..) => Err("it is a WIT package".to_owned()),
    }
}

/// Writes beside the file and renames, so that no one ever sees half of it.
fn write_whole(out: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let name = out.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it is not a file name"))?;
    let mut scratch_name = OsString::from(".");
    scratch_name.push(name);
    scratch_name.push(format!(".{}.tmp", std::process::id()));
    let scratch = folder.join(scratch_name);
    let written = fs::File::create(&scratch)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&scratch, out));
    if written.is_err() {
        let _ = fs::remove_file(&scratch);
    }
    written
}
