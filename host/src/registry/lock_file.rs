//! `costhost.lock`: which component every plugin name stands for, beside the configuration and like it under version control.
//!
//! A component is the same on every platform, so one digest a plugin is all there is to pin.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::digest::Digest;
use super::error::RegistryError;
use super::files;
use super::record::Record;
use super::reference::is_plugin_name;

/// How it is called, beside `costhost.toml`.
pub const LOCK_FILE: &str = "costhost.lock";
/// The form written and read.
const FORM: u32 = 1;
const MAX_BYTES: u64 = 1 << 20;

/// Pins, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockFile {
    path: PathBuf,
    plugins: BTreeMap<String, LockedPlugin>,
}

/// One pin.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPlugin {
    /// The plugin's id.
    pub name: String,
    /// Its semantic version.
    pub version: String,
    /// Its component.
    pub digest: Digest,
    /// The URL or repository it can be installed from.
    pub from: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    #[serde(default, rename = "plugin")]
    plugins: Vec<LockedPlugin>,
}

impl LockFile {
    /// A file without pins, not written yet.
    pub fn empty(path: &Path) -> Self {
        Self { path: path.to_owned(), plugins: BTreeMap::new() }
    }

    /// Reads one; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read or says what it should not.
    pub fn read(path: &Path) -> Result<Option<Self>, RegistryError> {
        let Some(bytes) = files::read_bounded(path, MAX_BYTES)? else { return Ok(None) };
        let corrupt = |problem: String| RegistryError::Corrupt { path: path.to_owned(), problem };
        let text = std::str::from_utf8(&bytes).map_err(|error| corrupt(error.to_string()))?;
        let written: Written = toml::from_str(text).map_err(|error| corrupt(error.message().to_owned()))?;
        if written.version != FORM {
            return Err(corrupt(format!("its version is {}, and this costhost knows {FORM}", written.version)));
        }
        let mut lock = Self::empty(path);
        for plugin in written.plugins {
            check(&plugin).map_err(corrupt)?;
            if let Some(twice) = lock.plugins.insert(plugin.name.clone(), plugin) {
                return Err(corrupt(format!("it pins {} twice", twice.name)));
            }
        }
        Ok(Some(lock))
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The pin of a name.
    pub fn get(&self, name: &str) -> Option<&LockedPlugin> {
        self.plugins.get(name)
    }

    /// All pins, by name.
    pub fn plugins(&self) -> impl Iterator<Item = &LockedPlugin> {
        self.plugins.values()
    }

    /// Pins a component. Where it came from is kept if others can get it there too.
    pub fn pin(&mut self, record: &Record) {
        let pin = LockedPlugin {
            name: record.name.clone(),
            version: record.version.clone(),
            digest: record.digest.clone(),
            from: record.public_origin().map(str::to_owned),
        };
        self.plugins.insert(pin.name.clone(), pin);
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self) -> Result<(), RegistryError> {
        files::write_atomically(&self.path, self.text().as_bytes(), 0o644)
    }

    fn text(&self) -> String {
        let mut text = format!(
            "# Which plugins run: written by `costhost plugin lock`, checked by every run.\nversion = {FORM}\n"
        );
        for LockedPlugin { name, version, digest, from } in self.plugins.values() {
            // None of these has a quote or a backslash in it; `pin` and `read` see to that.
            text.push_str(&format!(
                "\n[[plugin]]\nname = \"{name}\"\nversion = \"{version}\"\ndigest = \"{digest}\"\n"
            ));
            if let Some(from) = from.as_ref().filter(|from| is_plain(from)) {
                text.push_str(&format!("from = \"{from}\"\n"));
            }
        }
        text
    }
}

fn check(plugin: &LockedPlugin) -> Result<(), String> {
    if !is_plugin_name(&plugin.name) {
        return Err("the name of a plugin is not of the form [a-z][a-z0-9-]*".to_owned());
    }
    semver::Version::parse(&plugin.version).map_err(|error| format!("the version of {}: {error}", plugin.name))?;
    match &plugin.from {
        Some(from) if !is_plain(from) => Err(format!("where {} is from is no URL", plugin.name)),
        _ => Ok(()),
    }
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, version: &str, origin: &str) -> Record {
        Record {
            digest: Digest::of(version.as_bytes()),
            bytes: 1,
            name: name.to_owned(),
            version: version.to_owned(),
            title: String::new(),
            provider: String::new(),
            imports: Vec::new(),
            tables: Vec::new(),
            origin: origin.to_owned(),
            installed: String::new(),
            signed: None,
        }
    }

    #[test]
    fn what_is_written_is_read_again_in_the_order_of_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LOCK_FILE);
        assert_eq!(LockFile::read(&path).unwrap(), None);
        let mut lock = LockFile::empty(&path);
        lock.pin(&record("tally", "0.3.0+build.1", "/somewhere/tally.wasm"));
        lock.pin(&record("aws-cur", "1.0.0", "oci://registry.example/plugins/aws-cur:1.0.0"));
        lock.write().unwrap();
        assert_eq!(LockFile::read(&path).unwrap().as_ref(), Some(&lock));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.find("aws-cur") < text.find("tally") && !text.contains("/somewhere"), "{text}");
    }

    #[test]
    fn a_lock_file_that_was_tampered_with_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LOCK_FILE);
        let digest = Digest::of(b"");
        let pin = |name: &str| format!("[[plugin]]\nname = \"{name}\"\nversion = \"1.0.0\"\ndigest = \"{digest}\"\n");
        for (text, told) in [
            ("version = 2\n".to_owned(), "knows 1"),
            (format!("version = 1\n{}{}", pin("a"), pin("a")), "twice"),
            (format!("version = 1\n{}", pin("../a")), "form"),
            (format!("version = 1\n{}", pin("a").replace("1.0.0", "1.0")), "version of a"),
            (format!("version = 1\n{}", pin("a").replace(digest.hex(), "0")), "digest"),
            (format!("version = 1\n{}extra = 1\n", pin("a")), "extra"),
        ] {
            std::fs::write(&path, &text).unwrap();
            let error = LockFile::read(&path).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
