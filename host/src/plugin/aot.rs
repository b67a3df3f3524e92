//! Compiled plugins, kept between runs.
//!
//! Compiling takes a second, loading what was compiled takes milliseconds. But compiled code runs unchecked, so whoever
//! can put a file into the cache could run code as the operator. Therefore an entry is used only when it is a plain
//! file of ours that nobody else may write, and carries a MAC under a key that lies outside the cache. Everything else is
//! a miss: the component is compiled again and the entry replaced. A cache that cannot be used never stops a run.
//!
//! Every new version of a plugin, of the host or of the engine is another entry, so those that nothing has used for
//! [`KEPT`] are deleted when the cache is opened. The time of an entry is that of its last use.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hmac::{Hmac, Mac};
use rand::Rng;
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// First bytes of an entry. Then SHA-256 of the code, the MAC, and the code.
const MAGIC: &[u8; 16] = b"costhost-aot-01\n";
const HEADER: usize = MAGIC.len() + 32 + 32;
const KEY_FILE: &str = "component-cache.key";
const KEY_BYTES: usize = 32;
const ENTRY_END: &str = ".bin";
const SCRATCH_END: &str = ".tmp";
/// How long an entry stays without being used: 90 days.
const KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Code that the compiler of this program made, from a component, and that nobody could change since.
#[derive(Debug)]
pub(super) struct OwnCode(Vec<u8>);

impl OwnCode {
    /// Compiles in this process.
    pub(super) fn compiled_here(engine: &Engine, component: &[u8]) -> wasmtime::Result<Self> {
        engine.precompile_component(component).map(Self)
    }

    /// What a child of this process wrote that runs this very program's compiler: see [`super::compile`]. It came through a pipe that nobody
    /// else holds.
    pub(super) fn from_compiler(code: Vec<u8>) -> Self {
        Self(code)
    }

    /// The component that was compiled, if it fits this engine.
    #[expect(unsafe_code, reason = "wasmtime cannot check compiled code; that it is an `OwnCode` stands in for it")]
    pub(super) fn revive(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: `Component::deserialize` must be given exactly what `Engine::precompile_component` returned. An `OwnCode` is made
        // in three places only: by that function itself; from the output of a child that runs this program and calls that
        // function; and by `CompileCache::read`, which has checked the bytes against a SHA-256 that was authenticated with a key only
        // this user holds, and `CompileCache::put` signs nothing but an `OwnCode`. It is a private copy in memory, so it cannot change
        // after the check. Code of another engine version or configuration is refused by wasmtime itself.
        unsafe { Component::deserialize(engine, &self.0) }
    }
}

/// A usable cache: both folders exist, are ours, and the key was read.
pub(super) struct CompileCache {
    folder: PathBuf,
    key: [u8; KEY_BYTES],
    /// The user this process runs as, as the file system sees it.
    user: u32,
}

impl CompileCache {
    /// Opens or creates the cache folder, and the key in another folder.
    pub(super) fn open(folder: &Path, key_folder: &Path) -> io::Result<Self> {
        if key_folder.starts_with(folder) {
            return Err(refused("its key would lie in the cache itself"));
        }
        private_folder(folder)?;
        private_folder(key_folder)?;
        let user = own_user(folder)?;
        for place in [folder, key_folder] {
            trusted(&fs::symlink_metadata(place)?, user)?;
        }
        let key = read_key(&key_folder.join(KEY_FILE), user)?;
        if let Err(error) = sweep(folder, user) {
            tracing::debug!(%error, "old compiled plugins in the cache could not be deleted");
        }
        Ok(Self { folder: folder.to_owned(), key, user })
    }

    /// The compiled form of a component, if a trustworthy one is there and fits this engine.
    pub(super) fn get(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let name = entry_name(engine, digest);
        let path = self.folder.join(&name);
        let code = match self.read(&path, &name) {
            Ok(code) => code,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(entry = name, %error, "a compiled plugin in the cache is not used and will be replaced");
                return None;
            }
        };
        match code.revive(engine) {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::debug!(entry = name, %error, "a compiled plugin in the cache does not fit this engine");
                None
            }
        }
    }

    /// Keeps the compiled form of a component.
    pub(super) fn put(&self, engine: &Engine, digest: &str, code: &OwnCode) -> io::Result<()> {
        let name = entry_name(engine, digest);
        let OwnCode(code) = code;
        let sum = Sha256::digest(code);
        let mac = self.mac(&name, &sum).finalize().into_bytes();
        let mut entry = Vec::with_capacity(HEADER + code.len());
        entry.extend_from_slice(MAGIC);
        entry.extend_from_slice(&sum);
        entry.extend_from_slice(&mac);
        entry.extend_from_slice(code);
        let scratch = self.folder.join(scratch_name());
        let written = private_file(&scratch)
            .and_then(|mut file| file.write_all(&entry))
            .and_then(|()| fs::rename(&scratch, self.folder.join(&name)));
        if written.is_err() {
            let _ = fs::remove_file(&scratch);
        }
        written
    }

    fn read(&self, path: &Path, name: &str) -> io::Result<OwnCode> {
        let mut file = open_without_links(path)?;
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(refused("it is not a plain file"));
        }
        trusted(&meta, self.user)?;
        let mut header = [0; HEADER];
        file.read_exact(&mut header)?;
        let (magic, rest) = header.split_at(MAGIC.len());
        let (sum, mac) = rest.split_at(32);
        if magic != MAGIC {
            return Err(refused("it was not written by this version"));
        }
        // The MAC first: nothing else about the entry is believed before it.
        self.mac(name, sum).verify_slice(mac).map_err(|_| refused("its signature is wrong"))?;
        let mut code = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0));
        file.read_to_end(&mut code)?;
        if Sha256::digest(&code).as_slice() != sum {
            return Err(refused("its content was changed"));
        }
        // Only the owner of a file may set its time, and that we are; on a read-only file system it stays as it is.
        let _ = file.set_modified(SystemTime::now());
        Ok(OwnCode(code))
    }

    fn mac(&self, name: &str, sum: &[u8]) -> Hmac<Sha256> {
        let mut padded = [0; 64];
        padded.iter_mut().zip(self.key).for_each(|(to, from)| *to = from);
        let mut mac = <Hmac<Sha256> as Mac>::new(&padded.into());
        mac.update(name.as_bytes());
        mac.update(&[0]);
        mac.update(sum);
        mac
    }
}

/// Deletes what nothing has used for [`KEPT`], and scratch files of writers that died. Other hosts may sweep at the same
/// time, so a file that is gone is no error; one that is deleted while it is read stays readable to its reader.
fn sweep(folder: &Path, user: u32) -> io::Result<()> {
    let now = SystemTime::now();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let ours = name.to_str().is_some_and(|name| name.ends_with(ENTRY_END) || name.ends_with(SCRATCH_END));
        let meta = match entry.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        // A time in the future has no age.
        let old = now.duration_since(meta.modified()?).is_ok_and(|age| age > KEPT);
        if !(ours && old && meta.is_file() && meta.uid() == user) {
            continue;
        }
        match fs::remove_file(entry.path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => tracing::debug!(entry = %name.display(), "a compiled plugin that was not used for 90 days is deleted"),
        }
    }
    Ok(())
}

/// Names an entry by component, engine settings and our own version: any change of these is another entry.
fn entry_name(engine: &Engine, digest: &str) -> String {
    let mut hasher = std::hash::DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{digest}-{:016x}-{}{ENTRY_END}", hasher.finish(), env!("CARGO_PKG_VERSION"))
}

fn refused(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why.to_owned())
}

/// Ours, and not writable by anyone else.
fn trusted(meta: &fs::Metadata, user: u32) -> io::Result<()> {
    if meta.file_type().is_symlink() {
        return Err(refused("it is a link"));
    }
    if meta.uid() != user {
        return Err(refused("it belongs to another user"));
    }
    if meta.mode() & 0o022 != 0 {
        return Err(refused("others may write to it"));
    }
    Ok(())
}

fn private_folder(folder: &Path) -> io::Result<()> {
    match folder.parent() {
        Some(parent) if !parent.exists() => fs::create_dir_all(parent)?,
        _ => {}
    }
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn open_without_links(path: &Path) -> io::Result<File> {
    // Without O_NONBLOCK a pipe put in the entry's place would hang the run.
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

/// The user that files made by this process belong to.
fn own_user(folder: &Path) -> io::Result<u32> {
    let probe = folder.join(scratch_name());
    let user = private_file(&probe)?.metadata()?.uid();
    fs::remove_file(&probe)?;
    Ok(user)
}

fn scratch_name() -> String {
    format!(".{:032x}{SCRATCH_END}", rand::rng().random::<u128>())
}

/// Reads the key, making it at first use. Two hosts that start at once agree on one: a link never replaces.
fn read_key(path: &Path, user: u32) -> io::Result<[u8; KEY_BYTES]> {
    if !path.try_exists()? {
        let scratch = path.with_file_name(scratch_name());
        let key: [u8; KEY_BYTES] = rand::rng().random();
        let mut file = private_file(&scratch)?;
        file.write_all(&key)?;
        // After a power loss a name without its content would be a key that everybody can guess: zeros.
        file.sync_all()?;
        let linked = fs::hard_link(&scratch, path);
        fs::remove_file(&scratch)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    let mut file = open_without_links(path)?;
    let meta = file.metadata()?;
    trusted(&meta, user)?;
    if meta.mode() & 0o077 != 0 {
        return Err(refused("others may read the cache key"));
    }
    let mut key = [0; KEY_BYTES];
    file.read_exact(&mut key)?;
    if key == [0; KEY_BYTES] {
        return Err(refused("the cache key is all zeros; remove it"));
    }
    Ok(key)
}

#[cfg(test)]
#[path = "aot_tests.rs"]
mod tests;
