//! A name of the store: its versions, which one is current, and how that came to be. Pure bookkeeping, no files.

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::reference::Pin;

/// Changes that are remembered; older ones are dropped.
const LOG_LENGTH: usize = 200;

/// Everything the store knows of one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginName {
    /// The plugin's id.
    pub name: String,
    /// What runs when only the name is given.
    pub current: Digest,
    /// In the order of installation. Of two with one version the later counts.
    pub versions: Vec<InstalledVersion>,
    /// What was current before, the latest last: where a rollback goes.
    pub previous: Vec<Digest>,
    /// What was done, the latest last.
    pub log: Vec<Change>,
}

/// One version of a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledVersion {
    /// Semantic version.
    pub version: String,
    /// Its component.
    pub digest: Digest,
    /// When it was installed, RFC 3339 UTC.
    pub installed: String,
}

/// What became current, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// RFC 3339 UTC.
    pub at: String,
    /// What was done.
    pub what: ChangeKind,
    /// What was current; nothing before the first.
    pub from: Option<Digest>,
    /// What is current since.
    pub to: Digest,
    /// Its version.
    pub version: String,
}

/// Why another version became current.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It was installed: the first of its name, or asked to be used at once.
    Install,
    /// It was chosen.
    Use,
    /// It was gone back to.
    Rollback,
}

impl std::fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Install => "install",
            Self::Use => "use",
            Self::Rollback => "rollback",
        })
    }
}

impl PluginName {
    /// A name with its first version, which is current.
    pub(super) fn new(name: &str, first: InstalledVersion) -> Self {
        let log = vec![Change {
            at: first.installed.clone(),
            what: ChangeKind::Install,
            from: None,
            to: first.digest.clone(),
            version: first.version.clone(),
        }];
        Self { name: name.to_owned(), current: first.digest.clone(), versions: vec![first], previous: Vec::new(), log }
    }

    /// The version of a digest, where it is installed.
    pub fn version_of(&self, digest: &Digest) -> Option<&InstalledVersion> {
        self.versions.iter().rev().find(|known| known.digest == *digest)
    }

    /// What a pin means here; without one, the current one. A short digest that fits several means none.
    pub fn find(&self, pin: Option<&Pin>) -> Option<&InstalledVersion> {
        match pin {
            None => self.version_of(&self.current),
            Some(Pin::Version(version)) => self.versions.iter().rev().find(|known| known.version == *version),
            Some(Pin::Digest(prefix)) => {
                let mut fitting = self.versions.iter().filter(|known| prefix.fits(&known.digest));
                let first = fitting.next()?;
                fitting.all(|other| other.digest == first.digest).then_some(first)
            }
        }
    }

    /// Adds a version, or moves one that is there to the end of its equals.
    pub(super) fn add(&mut self, version: InstalledVersion) {
        self.versions.retain(|known| known.digest != version.digest || known.version != version.version);
        self.versions.push(version);
    }

    /// Makes an installed digest current. `None` when it is already, or is not installed.
    pub(super) fn set_current(&mut self, to: &Digest, what: ChangeKind, at: String) -> Option<Change> {
        if self.current == *to {
            return None;
        }
        let version = self.version_of(to)?.version.clone();
        let from = std::mem::replace(&mut self.current, to.clone());
        if what != ChangeKind::Rollback {
            self.previous.push(from.clone());
        }
        let change = Change { at, what, from: Some(from), to: to.clone(), version };
        self.log.push(change.clone());
        self.log.drain(..self.log.len().saturating_sub(LOG_LENGTH));
        Some(change)
    }

    /// Goes back to what was current before and is still installed. Twice goes back twice.
    pub(super) fn roll_back(&mut self, at: String) -> Option<Change> {
        while let Some(previous) = self.previous.pop() {
            if let Some(change) = self.set_current(&previous, ChangeKind::Rollback, at.clone()) {
                return Some(change);
            }
        }
        None
    }

    /// Forgets a digest. What was current before it stays current only by `set_current`; the caller sees to that.
    pub(super) fn remove(&mut self, digest: &Digest) {
        self.versions.retain(|known| known.digest != *digest);
        self.previous.retain(|known| known != digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(version: &str) -> InstalledVersion {
        let (version, digest) = (version.to_owned(), Digest::of(version.as_bytes()));
        InstalledVersion { version, digest, installed: "2026-11-20T00:00:00Z".to_owned() }
    }

    fn named(versions: &[&str]) -> PluginName {
        let mut versions = versions.iter().map(|text| version(text));
        let mut name = PluginName::new("aws-cur", versions.next().unwrap());
        versions.for_each(|version| name.add(version));
        name
    }

    #[test]
    fn rolling_back_twice_goes_back_twice_and_then_no_further() {
        let mut name = named(&["1.0.0", "1.1.0", "2.0.0"]);
        let use_of = |name: &mut PluginName, text: &str| {
            name.set_current(&version(text).digest, ChangeKind::Use, "now".to_owned()).is_some()
        };
        assert!(use_of(&mut name, "1.1.0") && use_of(&mut name, "2.0.0"));
        assert!(!use_of(&mut name, "2.0.0"), "it is current already");
        assert_eq!(name.roll_back("later".to_owned()).unwrap().version, "1.1.0");
        assert_eq!(name.roll_back("later".to_owned()).unwrap().version, "1.0.0");
        assert_eq!(name.roll_back("later".to_owned()), None);
        let told: Vec<_> = name.log.iter().map(|change| (change.what, change.version.as_str())).collect();
        use ChangeKind::{Install, Rollback, Use};
        assert_eq!(
            told,
            [(Install, "1.0.0"), (Use, "1.1.0"), (Use, "2.0.0"), (Rollback, "1.1.0"), (Rollback, "1.0.0")]
        );
    }

    #[test]
    fn a_rollback_skips_what_was_removed() {
        let mut name = named(&["1.0.0", "1.1.0", "2.0.0"]);
        for text in ["1.1.0", "2.0.0"] {
            name.set_current(&version(text).digest, ChangeKind::Use, "now".to_owned());
        }
        name.remove(&version("1.1.0").digest);
        assert_eq!(name.roll_back("later".to_owned()).unwrap().version, "1.0.0");
    }

    #[test]
    fn a_pin_means_one_component_or_none() {
        let name = named(&["1.0.0", "1.1.0"]);
        let found = |text: &str| {
            let reference: crate::registry::PluginRef = text.parse().unwrap();
            name.find(reference.pin.as_ref()).map(|known| known.version.as_str())
        };
        assert_eq!(found("aws-cur"), Some("1.0.0"));
        assert_eq!(found("aws-cur@1.1.0"), Some("1.1.0"));
        assert_eq!(found("aws-cur@3.0.0"), None);
        let digest = version("1.1.0").digest;
        assert_eq!(found(&format!("aws-cur@{digest}")), Some("1.1.0"));
        assert_eq!(found(&format!("aws-cur@{}", digest.short())), Some("1.1.0"));
        assert_eq!(found("aws-cur@00000000"), None);
    }
}
