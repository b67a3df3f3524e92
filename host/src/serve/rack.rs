//! The plugins of a service, one slot for each name that the configuration uses, and how a slot gets a new version.
//!
//! A new version is loaded off to the side and has to pass every gate before it takes the slot, in one step. Whoever
//! took the old version out of the slot before keeps it to the end of its work, so nothing is ever made by two versions
//! together. A version that does not pass is remembered and told, and leaves the slot as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::gate::{Gate, Refusal, Stage};
use crate::ingest::error::chain;
use crate::plugin::{Engine, Plugin};
use crate::registry::Resolver;

/// Tells one version from the next without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Where it lies.
    pub path: PathBuf,
    /// Its digest where it is known, else the file's time, size and inode; and those of the lock file, if there is one.
    pub token: String,
}

impl Mark {
    /// What a name stands for at this moment. Cheap: it is asked every few seconds.
    fn of(resolver: &Resolver, name: &str) -> anyhow::Result<Self> {
        let found = resolver.find(name)?;
        let token = match &found.digest {
            Some(digest) => digest.hex().to_owned(),
            None => Self::of_file(&found.path)?,
        };
        // What a lock file pins decides about files, too.
        let token = match resolver.lock() {
            Some(lock) => format!("{token} {}", Self::of_file(lock.path())?),
            None => token,
        };
        Ok(Self { path: found.path, token })
    }

    fn of_file(path: &Path) -> anyhow::Result<String> {
        let unreadable = |error| anyhow::anyhow!("cannot read {}: {error}", path.display());
        let facts = std::fs::metadata(path).map_err(unreadable)?;
        let modified = facts.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&facts);
        #[cfg(not(unix))]
        let inode = 0;
        Ok(format!("{}:{}:{inode}", modified.map_or(0, |time| time.as_nanos()), facts.len()))
    }
}

/// What a look at a name came to.
#[derive(Debug)]
pub enum Looked {
    /// What is in use, or what was refused before.
    Same,
    /// The first version.
    Loaded(Arc<Plugin>),
    /// A new version took the slot.
    Swapped {
        /// Before.
        old: Arc<Plugin>,
        /// Now.
        new: Arc<Plugin>,
    },
    /// A new version was refused; the old one, if any, stays.
    Refused(Refusal),
}

/// What is known of a slot.
#[derive(Debug, Clone, Default)]
pub struct SlotView {
    /// What new runs work with.
    pub current: Option<Arc<Plugin>>,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
    /// The version that was refused last, unless a better one came after it.
    pub refused: Option<(Refusal, DateTime<Utc>)>,
    /// Whether a new version is being tried.
    pub trying: bool,
}

#[derive(Debug, Default)]
struct Slot {
    view: SlotView,
    /// What was looked at last, whatever came of it.
    seen: Option<Mark>,
}

/// The slots.
pub struct Rack {
    engine: Arc<Engine>,
    resolver: Mutex<Resolver>,
    slots: Mutex<BTreeMap<String, Slot>>,
}

impl std::fmt::Debug for Rack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rack").field("slots", &self.slots).finish_non_exhaustive()
    }
}

impl Rack {
    /// An empty rack.
    pub fn new(engine: Engine, resolver: Resolver) -> Self {
        Self { engine: Arc::new(engine), resolver: Mutex::new(resolver), slots: Mutex::default() }
    }

    /// From now on names are settled by this. Gives back what settled them before.
    pub fn set_resolver(&self, resolver: Resolver) -> Resolver {
        std::mem::replace(&mut self.resolver.lock().unwrap_or_else(PoisonError::into_inner), resolver)
    }

    /// What a run that begins now works with.
    pub fn current(&self, name: &str) -> Option<Arc<Plugin>> {
        self.slots().get(name)?.view.current.clone()
    }

    /// Every slot, by name.
    pub fn view(&self) -> BTreeMap<String, SlotView> {
        self.slots().iter().map(|(name, slot)| (name.clone(), slot.view.clone())).collect()
    }

    /// Forgets the slots of other names.
    pub fn keep(&self, names: &BTreeSet<&str>) {
        self.slots().retain(|name, _| names.contains(name.as_str()));
    }

    /// Versions that were refused are tried again: what they were refused for may not hold any more.
    pub fn try_again(&self) {
        let mut slots = self.slots();
        slots.values_mut().filter(|slot| slot.view.refused.is_some()).for_each(|slot| slot.seen = None);
    }

    /// Looks whether a name stands for something new, and if so, lets it through the gate.
    pub async fn look(&self, name: &str, gate: &dyn Gate) -> Looked {
        let resolver = self.resolver.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mark = match Mark::of(&resolver, name) {
            Ok(mark) => mark,
            Err(error) => return self.not_found(name, &*error),
        };
        if self.slots().get(name).is_some_and(|slot| slot.seen.as_ref() == Some(&mark)) {
            return Looked::Same;
        }
        self.slot(name, |slot| slot.view.trying = true);
        let judged = self.judge(name, resolver, gate).await;
        let looked = self.slot(name, |slot| {
            slot.view.trying = false;
            slot.seen = Some(mark);
            match judged {
                Ok(new) => slot.take(new),
                Err(refusal) => {
                    slot.view.refused = Some((refusal.clone(), Utc::now()));
                    Looked::Refused(refusal)
                }
            }
        });
        told(name, &looked);
        looked
    }

    /// Loads a version and lets the gate judge it.
    async fn judge(&self, name: &str, resolver: Resolver, gate: &dyn Gate) -> Result<Arc<Plugin>, Refusal> {
        let (engine, asked) = (Arc::clone(&self.engine), name.to_owned());
        let loaded = tokio::task::spawn_blocking(move || resolver.load(&engine, &asked)).await;
        let new = match loaded {
            Ok(Ok(new)) => new,
            Ok(Err(error)) => return Err(Refusal::at(Stage::Load, None, chain(&error))),
            Err(_) => return Err(Refusal::at(Stage::Load, None, "loading it ended without a result".to_owned())),
        };
        match self.current(name) {
            Some(old) if old.digest() == new.digest() => Ok(old),
            old => gate.judge(name, old.as_ref(), &new).await.map(|()| new),
        }
    }

    fn not_found(&self, name: &str, error: &(dyn std::error::Error + 'static)) -> Looked {
        let refusal = Refusal::at(Stage::Find, None, chain(error));
        let known = self.slot(name, |slot| {
            // Said once: the name is looked up again every few seconds.
            let known = slot.view.refused.as_ref().is_some_and(|(known, _)| *known == refusal);
            slot.seen = None;
            if !known {
                slot.view.refused = Some((refusal.clone(), Utc::now()));
            }
            known
        });
        if known {
            return Looked::Same;
        }
        let looked = Looked::Refused(refusal);
        told(name, &looked);
        looked
    }

    fn slots(&self) -> MutexGuard<'_, BTreeMap<String, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot<T>(&self, name: &str, change: impl FnOnce(&mut Slot) -> T) -> T {
        change(self.slots().entry(name.to_owned()).or_default())
    }
}

impl Slot {
    /// The swap itself.
    fn take(&mut self, new: Arc<Plugin>) -> Looked {
        self.view.refused = None;
        if self.view.current.as_ref().is_some_and(|current| current.digest() == new.digest()) {
            return Looked::Same;
        }
        self.view.since = Some(Utc::now());
        match self.view.current.replace(Arc::clone(&new)) {
            Some(old) => Looked::Swapped { old, new },
            None => Looked::Loaded(new),
        }
    }
}

fn told(name: &str, looked: &Looked) {
    match looked {
        Looked::Same => {}
        Looked::Loaded(new) => {
            let version = new.manifest().version.as_str();
            tracing::info!(plugin = name, version, digest = new.digest(), "plugin loaded");
        }
        Looked::Swapped { old, new } => tracing::info!(
            plugin = name,
            version = new.manifest().version.as_str(),
            digest = new.digest(),
            before = old.manifest().version.as_str(),
            before_digest = old.digest(),
            "plugin swapped; runs that are on finish with the version they began with"
        ),
        Looked::Refused(refusal) => {
            let digest = refusal.digest.as_deref().unwrap_or_default();
            tracing::error!(plugin = name, stage = refusal.stage.name(), digest, "new version refused: {refusal}");
        }
    }
}
