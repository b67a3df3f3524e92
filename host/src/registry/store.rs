//! The store's folder: components by digest, what is known of them, and names.
//!
//! `blobs/<hex>.wasm`, `records/<hex>.json`, `signatures/<hex>` and `names/<name>.json`. A name is written last and removed
//! first, so that whatever a name says is there.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::digest::Digest;
use super::error::RegistryError;
use super::files::{self, Exclusive};
use super::names::{Change, ChangeKind, InstalledVersion, PluginName};
use super::record::Record;
use super::reference::{Pin, PluginRef, is_plugin_name};
use super::signature::Signature;
use crate::plugin::MAX_COMPONENT_BYTES;

/// The variable that names the store's folder.
const STORE_VARIABLE: &str = "COSTHOST_PLUGIN_STORE";
const BLOBS: &str = "blobs";
const RECORDS: &str = "records";
const SIGNATURES: &str = "signatures";
const NAMES: &str = "names";
/// No record or name file is nearly as long.
const MAX_JSON_BYTES: u64 = 4 << 20;

/// Installed plugins below one folder. Opening it makes nothing: a store that does not exist yet is an empty one.
#[derive(Debug, Clone)]
pub struct PluginStore {
    folder: PathBuf,
}

/// The state of a store's names, for watchers: it differs from an earlier one after every change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp(Vec<(String, u64, i64, i64)>);

impl PluginStore {
    /// The store in a folder.
    ///
    /// # Errors
    /// [`RegistryError::Untrusted`] when others than its owner may write to it, or it belongs to someone else.
    pub fn open(folder: &Path) -> Result<Self, RegistryError> {
        files::check_private(folder)?;
        for part in [BLOBS, RECORDS, SIGNATURES, NAMES] {
            files::check_private(&folder.join(part))?;
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// The store that is meant: `COSTHOST_PLUGIN_STORE`, else what the configuration names, else
    /// `$XDG_DATA_HOME/costhost/plugins`; where there is no home folder either, `/var/lib/costhost/plugins`.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_default(configured: Option<&Path>) -> Result<Self, RegistryError> {
        let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let data = || absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")));
        let named = std::env::var_os(STORE_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
        let folder = named.or_else(|| configured.map(Path::to_owned));
        let folder = folder.unwrap_or_else(|| data().unwrap_or_else(|| "/var/lib".into()).join("costhost/plugins"));
        Self::open(&folder)
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// All names, in order.
    ///
    /// # Errors
    /// When a file of the store cannot be read.
    pub fn names(&self) -> Result<Vec<PluginName>, RegistryError> {
        let names = files::names_in(&self.folder.join(NAMES), ".json")?;
        let names = names.iter().filter(|name| is_plugin_name(name));
        // One that is removed right now is not there.
        names.filter_map(|name| self.name(name).transpose()).collect()
    }

    /// What is known of one name.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn name(&self, name: &str) -> Result<Option<PluginName>, RegistryError> {
        if !is_plugin_name(name) {
            return Ok(None);
        }
        let path = self.name_path(name);
        let known: Option<PluginName> = read_json(&path)?;
        if known.as_ref().is_some_and(|known| known.name != name) {
            let problem = "it tells of another plugin".to_owned();
            return Err(RegistryError::Corrupt { path, problem });
        }
        Ok(known)
    }

    /// What is known of a component.
    ///
    /// # Errors
    /// When it is not in the store or its record cannot be read.
    pub fn record(&self, digest: &Digest) -> Result<Record, RegistryError> {
        let record = read_json(&self.record_path(digest))?;
        record.ok_or_else(|| self.not_installed(&digest.to_string(), "see `costhost plugin ls`"))
    }

    /// Whether a component is in the store.
    pub fn holds(&self, digest: &Digest) -> bool {
        self.blob_path(digest).is_file()
    }

    /// The component that a reference means, and its version.
    ///
    /// # Errors
    /// [`RegistryError::NotInstalled`] with what there is instead.
    pub fn resolve(&self, reference: &PluginRef) -> Result<InstalledVersion, RegistryError> {
        let Some(known) = self.name(&reference.name)? else {
            return Err(self.not_installed(&reference.to_string(), "see `costhost plugin ls`"));
        };
        let found = known.find(reference.pin.as_ref()).cloned();
        found.ok_or_else(|| {
            let there = known.versions.iter().map(|known| format!("{} ({})", known.version, known.digest.short()));
            let advice = format!("of this name there are {}", there.collect::<Vec<_>>().join(", "));
            self.not_installed(&reference.to_string(), &advice)
        })
    }

    /// The file of a component. Its content is to be checked against the digest by whoever reads it.
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(BLOBS).join(format!("{}.wasm", digest.hex()))
    }

    /// The bytes of a component, checked against its digest.
    ///
    /// # Errors
    /// When they are not there or not those.
    pub fn blob(&self, digest: &Digest) -> Result<Vec<u8>, RegistryError> {
        let path = self.blob_path(digest);
        let bytes = files::read_bounded(&path, MAX_COMPONENT_BYTES)?
            .ok_or_else(|| self.not_installed(&digest.to_string(), "see `costhost plugin ls`"))?;
        let found = Digest::of(&bytes);
        if found != *digest {
            let advice = "The store was damaged or changed; install the plugin again".to_owned();
            return Err(RegistryError::WrongDigest {
                place: files::told(&path),
                expected: digest.clone(),
                found,
                advice,
            });
        }
        Ok(bytes)
    }

    /// The signature a component was installed with, if any.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn signature(&self, digest: &Digest) -> Result<Option<Signature>, RegistryError> {
        Signature::read(&self.signature_path(digest))
    }

    /// Makes another version current.
    ///
    /// Returns `None` when it is current already.
    ///
    /// # Errors
    /// When it is not installed or the store cannot be written.
    pub fn set_current(&self, reference: &PluginRef) -> Result<Option<Change>, RegistryError> {
        let _lock = self.lock()?;
        let to = self.resolve(reference)?;
        let mut known = self.known(&reference.name)?;
        let change = known.set_current(&to.digest, ChangeKind::Use, now());
        if change.is_some() {
            self.write_name(&known)?;
        }
        Ok(change)
    }

    /// Goes back to what was current before.
    ///
    /// # Errors
    /// [`RegistryError::NothingEarlier`] when there is nothing to go back to.
    pub fn roll_back(&self, name: &str) -> Result<Change, RegistryError> {
        let _lock = self.lock()?;
        let mut known = self.known(name)?;
        let change = known.roll_back(now()).ok_or_else(|| RegistryError::NothingEarlier { name: name.to_owned() })?;
        self.write_name(&known)?;
        Ok(change)
    }

    /// Removes one version, or with only a name the whole plugin. What is current, or `pinned` by a lock file, is kept unless
    /// `force`. Returns what was removed.
    ///
    /// # Errors
    /// [`RegistryError::InUse`] for what is current or pinned.
    pub fn remove(
        &self,
        reference: &PluginRef,
        pinned: &[Digest],
        force: bool,
    ) -> Result<Vec<InstalledVersion>, RegistryError> {
        let _lock = self.lock()?;
        let mut known = self.known(&reference.name)?;
        let goes = match &reference.pin {
            Some(Pin::Version(_) | Pin::Digest(_)) => vec![self.resolve(reference)?],
            None => known.versions.clone(),
        };
        let last = goes.len() == known.versions.len();
        for version in goes.iter().filter(|_| !force) {
            let wanted = format!("{}@{}", known.name, version.version);
            if pinned.contains(&version.digest) {
                return Err(RegistryError::InUse { wanted, why: "pinned by costhost.lock".to_owned() });
            }
            if version.digest == known.current {
                let why = format!("current; `costhost plugin use {}@OTHER` first", known.name);
                return Err(RegistryError::InUse { wanted, why });
            }
        }
        if last {
            files::remove(&self.name_path(&known.name))?;
        } else {
            goes.iter().for_each(|version| known.remove(&version.digest));
            if known.version_of(&known.current).is_none()
                && known.roll_back(now()).is_none()
                && let Some(newest) = known.versions.last().map(|version| version.digest.clone())
            {
                known.set_current(&newest, ChangeKind::Rollback, now());
            }
            self.write_name(&known)?;
        }
        for version in &goes {
            for path in [
                self.blob_path(&version.digest),
                self.record_path(&version.digest),
                self.signature_path(&version.digest),
            ] {
                files::remove(&path)?;
            }
        }
        Ok(goes)
    }

    /// The state of all names, to be compared with a later one. Costs one look at a folder.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn stamp(&self) -> Result<Stamp, RegistryError> {
        let folder = self.folder.join(NAMES);
        let mut stamp = Vec::new();
        for name in files::names_in(&folder, ".json")? {
            // Every change is another file, renamed into place.
            if let Ok(meta) = std::fs::metadata(folder.join(format!("{name}.json"))) {
                stamp.push((name, meta.ino(), meta.mtime(), meta.mtime_nsec()));
            }
        }
        Ok(Stamp(stamp))
    }

    pub(super) fn lock(&self) -> Result<Exclusive, RegistryError> {
        files::private_folder(&self.folder)?;
        files::lock(&self.folder)
    }

    /// Puts a component, its record and its signature down; nothing points to them yet. The caller holds the lock.
    pub(super) fn put(
        &self,
        bytes: &[u8],
        record: &Record,
        signature: Option<&Signature>,
    ) -> Result<(), RegistryError> {
        for part in [BLOBS, RECORDS, SIGNATURES, NAMES] {
            files::private_folder(&self.folder.join(part))?;
        }
        // One that was damaged is healed by installing it again.
        if self.blob(&record.digest).is_err() {
            files::write_atomically(&self.blob_path(&record.digest), bytes, 0o400)?;
        }
        if let Some(signature) = signature {
            files::write_atomically(&self.signature_path(&record.digest), signature.bytes(), 0o600)?;
        }
        write_json(&self.record_path(&record.digest), record)
    }

    pub(super) fn write_name(&self, name: &PluginName) -> Result<(), RegistryError> {
        write_json(&self.name_path(&name.name), name)
    }

    fn known(&self, name: &str) -> Result<PluginName, RegistryError> {
        self.name(name)?.ok_or_else(|| self.not_installed(name, "see `costhost plugin ls`"))
    }

    fn not_installed(&self, wanted: &str, advice: &str) -> RegistryError {
        let (wanted, store, advice) = (wanted.to_owned(), self.folder.clone(), advice.to_owned());
        RegistryError::NotInstalled { wanted, store, advice }
    }

    fn name_path(&self, name: &str) -> PathBuf {
        self.folder.join(NAMES).join(format!("{name}.json"))
    }

    fn record_path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(RECORDS).join(format!("{}.json", digest.hex()))
    }

    fn signature_path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(SIGNATURES).join(digest.hex())
    }
}

pub(super) fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, RegistryError> {
    let Some(bytes) = files::read_bounded(path, MAX_JSON_BYTES)? else { return Ok(None) };
    let value = serde_json::from_slice(&bytes);
    value.map(Some).map_err(|error| RegistryError::Corrupt { path: path.to_owned(), problem: error.to_string() })
}

fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), RegistryError> {
    let text = serde_json::to_vec_pretty(value)
        .map_err(|error| RegistryError::Corrupt { path: path.to_owned(), problem: error.to_string() })?;
    files::write_atomically(path, &text, 0o600)
}
