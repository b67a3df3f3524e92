//! From bytes to an installed plugin: nothing is put into the store that was not checked as a run would check it.

use super::digest::Digest;
use super::error::RegistryError;
use super::names::{Change, ChangeKind, InstalledVersion, PluginName};
use super::record::Record;
use super::signature::{Signature, SignaturePolicy};
use super::store::{PluginStore, now};
use crate::plugin::Engine;

/// A component that somebody offers, not checked yet.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The component.
    pub bytes: Vec<u8>,
    /// Where it came from, for records and messages, without credentials.
    pub origin: String,
    /// A signature that came with it.
    pub signature: Option<Signature>,
}

/// What is asked of an installation.
#[derive(Debug, Clone, Default)]
pub struct InstallOptions {
    /// Make it current even if the name has another current version. The first of a name always is.
    pub make_current: bool,
    /// Let another component take a version that is installed already.
    pub replace: bool,
    /// What its digest must be.
    pub expect: Option<Digest>,
    /// The id and version that it must give itself.
    pub expect_as: Option<(String, String)>,
}

/// What an installation did.
#[derive(Debug, Clone)]
pub struct Installed {
    /// What is known of the component.
    pub record: Record,
    /// What is current since, if that changed.
    pub change: Option<Change>,
    /// Whether this very component was in the store before.
    pub was_there: bool,
}

impl PluginStore {
    /// Checks a component and puts it into the store. Blocking: it compiles.
    ///
    /// In this order: its digest, its signature, whether it is a component that imports only what plugins are given, whether it compiles,
    /// fits the contract and describes itself; then whether its version is free.
    ///
    /// # Errors
    /// What of that does not hold, or that the store cannot be written. Then nothing has changed.
    pub fn install(
        &self,
        engine: &Engine,
        policy: &SignaturePolicy,
        candidate: &Candidate,
        options: &InstallOptions,
    ) -> Result<Installed, RegistryError> {
        let mut record = check(engine, policy, candidate, options)?;
        let _lock = self.lock()?;
        let version = InstalledVersion {
            version: record.version.clone(),
            digest: record.digest.clone(),
            installed: record.installed.clone(),
        };
        let known = self.name(&record.name)?;
        let same = known.as_ref().and_then(|known| known.versions.iter().rev().find(|v| v.version == record.version));
        let was_there = same.is_some_and(|same| same.digest == record.digest);
        if let Some(same) = same.filter(|_| was_there) {
            record.installed.clone_from(&same.installed);
        }
        if let Some(same) = same.filter(|same| same.digest != record.digest && !options.replace) {
            return Err(RegistryError::VersionTaken {
                name: record.name,
                version: record.version,
                known: same.digest.clone(),
                offered: record.digest,
            });
        }
        self.put(&candidate.bytes, &record, candidate.signature.as_ref())?;
        let (name, change) = match known {
            None => {
                let name = PluginName::new(&record.name, version);
                let change = name.log.last().cloned();
                (name, change)
            }
            Some(mut name) => {
                if !was_there {
                    name.add(version);
                }
                let wanted = options.make_current;
                let change = wanted.then(|| name.set_current(&record.digest, ChangeKind::Install, now())).flatten();
                (name, change)
            }
        };
        if !was_there || change.is_some() {
            self.write_name(&name)?;
        }
        Ok(Installed { record, change, was_there })
    }
}

/// Everything that is asked of a component before it is kept.
fn check(
    engine: &Engine,
    policy: &SignaturePolicy,
    candidate: &Candidate,
    options: &InstallOptions,
) -> Result<Record, RegistryError> {
    let digest = Digest::of(&candidate.bytes);
    if let Some(expected) = options.expect.as_ref().filter(|expected| **expected != digest) {
        let advice = "Nothing was installed".to_owned();
        let (place, expected) = (candidate.origin.clone(), expected.clone());
        return Err(RegistryError::WrongDigest { place, expected, found: digest, advice });
    }
    let signed = policy
        .check(&candidate.bytes, candidate.signature.as_ref())
        .map_err(|source| RegistryError::Signature { place: candidate.origin.clone(), source })?;
    let plugin = engine.load_bytes(std::path::Path::new(&candidate.origin), &candidate.bytes)?;
    let manifest = plugin.manifest();
    if let Some((id, version)) = &options.expect_as
        && (id, version) != (&manifest.id, &manifest.version)
    {
        let problem = format!("it should be {id} {version} and calls itself {} {}", manifest.id, manifest.version);
        return Err(RegistryError::Corrupt { path: candidate.origin.clone().into(), problem });
    }
    Ok(Record::new(&plugin, digest, candidate.bytes.len() as u64, candidate.origin.clone(), signed))
}
