//! Which component a name on the command line or in the configuration stands for.
//!
//! In this order: a path; `costhost.lock`; the store; a file `NAME.wasm` in `COSTHOST_PLUGIN_PATH` or beside the program. With a lock file, a name
//! that it does not pin is refused, and so is a component that is not the one it pins, however it was named.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::digest::Digest;
use super::error::RegistryError;
use super::lock_file::{LOCK_FILE, LockFile, LockedPlugin};
use super::reference::{Pin, PluginRef};
use super::signature::{Signature, SignaturePolicy};
use super::store::PluginStore;
use crate::plugin::{self, Engine, Plugin};
use crate::settings::ConfigFile;

/// Settles names. One for a command, or for each reading of the configuration.
#[derive(Debug, Clone)]
pub struct Resolver {
    store: PluginStore,
    lock: Option<LockFile>,
    policy: SignaturePolicy,
}

/// A component that a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its file.
    pub path: PathBuf,
    /// What its digest must be; unknown for plain files.
    pub digest: Option<Digest>,
    /// Its version, where the store or the lock file knows it.
    pub version: Option<String>,
    /// What settled it.
    pub by: FoundIn,
}

/// What settled a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundIn {
    /// It was a path.
    Path,
    /// The lock file.
    Lock,
    /// The store: its current version, or the one that was named.
    Store,
    /// A file beside the program, or in `COSTHOST_PLUGIN_PATH`.
    Beside,
}

impl Resolver {
    /// Settles names with these.
    pub fn new(store: PluginStore, lock: Option<LockFile>, policy: SignaturePolicy) -> Self {
        Self { store, lock, policy }
    }

    /// As a configuration says: its store, its keys, and the lock file that is named or else lies beside it.
    ///
    /// # Errors
    /// When the store, a key or the lock file cannot be used, or a lock file that was named is not there.
    pub fn from_config(config: &ConfigFile, lock: Option<&Path>) -> Result<Self, RegistryError> {
        let plugins = &config.plugins;
        let store = PluginStore::open_default(plugins.store.as_deref())?;
        let policy = SignaturePolicy::read(plugins.require_signature, &plugins.keys)?;
        let lock = match lock {
            Some(path) => {
                let missing = || RegistryError::Usage(format!("there is no lock file {}", path.display()));
                Some(LockFile::read(path)?.ok_or_else(missing)?)
            }
            None => config.folder().map(|folder| LockFile::read(&folder.join(LOCK_FILE))).transpose()?.flatten(),
        };
        Ok(Self { store, lock, policy })
    }

    /// The store.
    pub fn store(&self) -> &PluginStore {
        &self.store
    }

    /// The lock file, if there is one.
    pub fn lock(&self) -> Option<&LockFile> {
        self.lock.as_ref()
    }

    /// Whose signatures are asked for.
    pub fn policy(&self) -> &SignaturePolicy {
        &self.policy
    }

    /// What a text stands for. Cheap: nothing is read but names.
    ///
    /// # Errors
    /// When it is found nowhere, or the lock file does not agree.
    pub fn find(&self, text: &str) -> Result<Found, RegistryError> {
        if text.contains(std::path::MAIN_SEPARATOR) || text.ends_with(".wasm") {
            return Ok(Found { path: PathBuf::from(text), digest: None, version: None, by: FoundIn::Path });
        }
        let reference: PluginRef = text.parse().map_err(RegistryError::Usage)?;
        if let Some(lock) = &self.lock {
            return self.locked(lock, &reference);
        }
        if reference.pin.is_some() || self.store.name(&reference.name)?.is_some() {
            let version = self.store.resolve(&reference)?;
            let path = self.store.blob_path(&version.digest);
            return Ok(Found {
                path,
                digest: Some(version.digest),
                version: Some(version.version),
                by: FoundIn::Store,
            });
        }
        let path = beside(&reference.name).map_err(|places| RegistryError::NotFound {
            name: reference.name.clone(),
            places: format!("{}, {places}", self.store.folder().display()),
        })?;
        Ok(Found { path, digest: None, version: None, by: FoundIn::Beside })
    }

    fn locked(&self, lock: &LockFile, reference: &PluginRef) -> Result<Found, RegistryError> {
        let Some(pin) = lock.get(&reference.name) else {
            return Err(RegistryError::Usage(format!(
                "{} does not pin {}; `costhost plugin lock {}` adds the version that is current",
                lock.path().display(),
                reference.name,
                reference.name
            )));
        };
        let agrees = match &reference.pin {
            None => true,
            Some(Pin::Version(version)) => *version == pin.version,
            Some(Pin::Digest(prefix)) => prefix.fits(&pin.digest),
        };
        if !agrees {
            let problem = format!("{reference} was asked for; `costhost plugin lock {reference}` changes the pin");
            return Err(refused(lock, pin, problem));
        }
        let digest = Some(pin.digest.clone());
        let version = Some(pin.version.clone());
        if self.store.holds(&pin.digest) {
            return Ok(Found { path: self.store.blob_path(&pin.digest), digest, version, by: FoundIn::Lock });
        }
        // A plugin that is shipped beside the program may be the one.
        if let Ok(path) = beside(&pin.name)
            && plugin::read_component(&path).is_ok_and(|bytes| Digest::of(&bytes) == pin.digest)
        {
            return Ok(Found { path, digest, version, by: FoundIn::Lock });
        }
        let from = pin.from.as_deref().unwrap_or("FILE");
        let problem =
            format!("it is not installed; `costhost plugin install {from} --digest {}` does that", pin.digest);
        Err(refused(lock, pin, problem))
    }

    /// Finds a plugin, reads it once, checks it and loads it. Blocking; it may compile.
    ///
    /// # Errors
    /// When it is not found, not the one that is pinned, not signed as asked for, or cannot be loaded.
    pub fn load(&self, engine: &Engine, text: &str) -> Result<Arc<Plugin>, RegistryError> {
        let found = self.find(text)?;
        let bytes = self.read(&found)?;
        let plugin = engine.load_bytes(&found.path, &bytes)?;
        self.check_lock(&found, text, &plugin)?;
        Ok(plugin)
    }

    /// The bytes of a component, checked against its digest and the signature policy.
    ///
    /// # Errors
    /// When they are not those, or not signed as asked for.
    pub fn read(&self, found: &Found) -> Result<Vec<u8>, RegistryError> {
        let place = found.path.display().to_string();
        let bytes = plugin::read_component(&found.path)?;
        if let Some(expected) = &found.digest {
            let digest = Digest::of(&bytes);
            if digest != *expected {
                let advice = match found.by {
                    FoundIn::Lock => {
                        format!("{LOCK_FILE} pins it: install that one, or pin this one with `costhost plugin lock`")
                    }
                    _ => "The store was damaged or changed; install the plugin again".to_owned(),
                };
                return Err(RegistryError::WrongDigest { place, expected: expected.clone(), found: digest, advice });
            }
        }
        let signature = match &found.digest {
            Some(digest) if self.store.blob_path(digest) == found.path => self.store.signature(digest)?,
            _ => Signature::beside(&found.path)?,
        };
        let checked = self.policy.check(&bytes, signature.as_ref());
        checked.map_err(|source| RegistryError::Signature { place, source })?;
        Ok(bytes)
    }

    /// A plugin that was named by its path may be another than the lock file pins under its id; and what the lock file pins
    /// under a name may call itself something else.
    fn check_lock(&self, found: &Found, text: &str, plugin: &Plugin) -> Result<(), RegistryError> {
        let Some(lock) = &self.lock else { return Ok(()) };
        let name = text.split('@').next().unwrap_or(text);
        let id = &plugin.manifest().id;
        if let Some(pin) = lock.get(name).filter(|_| found.by == FoundIn::Lock && id != name) {
            let problem = format!("that is {id}; `costhost plugin lock {name}` pins the right one");
            return Err(refused(lock, pin, problem));
        }
        let Some(pin) = lock.get(id) else { return Ok(()) };
        if pin.digest.hex() == plugin.digest() {
            return Ok(());
        }
        let problem = format!(
            "this is {} (sha256:{}); install it, make it current and run `costhost plugin lock {}` if it should be",
            plugin.manifest().version,
            plugin.digest(),
            pin.name
        );
        Err(refused(lock, pin, problem))
    }
}

fn refused(lock: &LockFile, pin: &LockedPlugin, problem: String) -> RegistryError {
    RegistryError::Locked {
        lock: lock.path().to_owned(),
        name: pin.name.clone(),
        version: pin.version.clone(),
        digest: pin.digest.clone(),
        problem,
    }
}

/// `NAME.wasm` in `COSTHOST_PLUGIN_PATH` or beside the program.
///
/// # Errors
/// The places where it is not.
fn beside(name: &str) -> Result<PathBuf, String> {
    let mut folders: Vec<PathBuf> = Vec::new();
    if let Some(path) = std::env::var_os("COSTHOST_PLUGIN_PATH") {
        folders.extend(std::env::split_paths(&path));
    }
    if let Some(folder) = std::env::current_exe().ok().as_deref().and_then(Path::parent) {
        folders.push(folder.join("plugins"));
        // Where the build leaves them: target/<profile>/costhost and target/plugins.
        folders.extend(folder.parent().map(|target| target.join("plugins")));
    }
    let found = folders.iter().map(|folder| folder.join(format!("{name}.wasm"))).find(|file| file.is_file());
    found.ok_or_else(|| folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", "))
}
