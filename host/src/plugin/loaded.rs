//! A loaded plugin: linked, type-checked, and asked what it is.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasmtime::Store;
use wasmtime::component::{InstancePre, Resource};

use super::abi::v0_1::{describe, discover, fold, normalize, shares, summarize};
use super::call::Calls;
use super::error::{Place, PluginError};
use super::findings;
use super::imports::storage::LentBucket;
use super::instance::Instance;
use super::limits::{Cancel, Limits};
use super::manifest::Manifest;
use super::manifest_check;
use super::state::{Duty, State, store};
use super::types::{DiscoverRequest, Findings};
use crate::source::grant::Grant;

/// What a plugin may take to be instantiated and to say what it is. No flag raises it: there is nothing to compute.
const DESCRIBE_TIME: Duration = Duration::from_secs(10);

/// What an instance works on, for messages: a run, and a file or unit in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallContext {
    /// Names the run in log records; may be empty.
    pub run: String,
    /// Such as the path of the file.
    pub unit: String,
}

impl std::fmt::Display for CallContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.run.is_empty(), self.unit.is_empty()) {
            (true, _) => f.write_str(&self.unit),
            (false, true) => write!(f, "run {}", self.run),
            (false, false) => write!(f, "{} (run {})", self.unit, self.run),
        }
    }
}

/// The duties a component was found to have.
pub(super) struct Duties {
    pub(super) describe: describe::GuestIndices,
    pub(super) discover: discover::GuestIndices,
    pub(super) normalize: normalize::GuestIndices,
    pub(super) summarize: Option<summarize::GuestIndices>,
    pub(super) fold: Option<fold::GuestIndices>,
    pub(super) shares: Option<shares::GuestIndices>,
}

/// A plugin, ready to make instances. Shared by everything that uses it.
pub struct Plugin {
    pub(super) linked: InstancePre<State>,
    pub(super) duties: Duties,
    digest: String,
    imports: Vec<String>,
    manifest: Arc<Manifest>,
    /// Most memory that one of its instances held.
    peak_memory: AtomicU64,
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin").field("id", &self.manifest.id).field("digest", &self.digest).finish_non_exhaustive()
    }
}

impl Plugin {
    /// Checks the exports and asks the plugin to describe itself.
    pub(super) fn describe(
        path: &Path,
        digest: String,
        imports: Vec<String>,
        linked: InstancePre<State>,
    ) -> Result<Self, PluginError> {
        let duties = duties(path, &linked)?;
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let place = Place { plugin: name, digest: digest.clone(), context: "describe".to_owned() };
        let limits = Limits { wall_base: DESCRIBE_TIME, ..Limits::default() };
        let mut calls = Calls::new(store(linked.engine(), place, Duty::Describe, &limits, &Cancel::default()), limits);
        let declared = calls.run(|store| {
            let instance = linked.instantiate(&mut *store)?;
            check_types(&duties, store, &instance)?;
            let guest = duties.describe.load(&mut *store, &instance)?;
            guest.call_describe(&mut *store)
        });
        let declared = declared.map_err(|error| unfit(path, error))?;
        let manifest = manifest_check::check(declared, duties.summarize.is_some())
            .map_err(|problem| PluginError::Manifest { place: Box::new(calls.place()), problem })?;
        let peak_memory = AtomicU64::new(0);
        Ok(Self { linked, duties, digest, imports, manifest: Arc::new(manifest), peak_memory })
    }

    /// SHA-256 of the component, in hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What the plugin says of itself, checked.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Whether it offers the shortcut from normalizing to summarizing.
    pub fn folds(&self) -> bool {
        self.duties.fold.is_some()
    }

    /// Whether it makes summaries.
    pub fn summarizes(&self) -> bool {
        self.duties.summarize.is_some()
    }

    /// Most bytes that the memories of one instance held together, over all instances that have ended.
    pub fn peak_memory_bytes(&self) -> u64 {
        self.peak_memory.load(Ordering::Relaxed)
    }

    pub(super) fn note_memory(&self, bytes: u64) {
        self.peak_memory.fetch_max(bytes, Ordering::Relaxed);
    }

    /// The interfaces it imports, such as `costhost:provider/log@0.1.0`.
    pub fn imports(&self) -> Vec<String> {
        self.imports.clone()
    }

    /// Finds reports below a grant, in an instance of its own.
    ///
    /// # Errors
    /// What the plugin says is wrong ([`PluginError::Failure`]), a limit, a trap, or findings that are not acceptable.
    pub fn discover(
        &self,
        grant: Arc<dyn Grant>,
        request: DiscoverRequest,
        limits: &Limits,
        cancel: &Cancel,
    ) -> Result<Findings, PluginError> {
        let place = self.place("discover".to_owned());
        let store = store(self.linked.engine(), place, Duty::Discover, limits, cancel);
        let mut calls = Calls::new(store, limits.clone());
        let request = discover::Request::from(request);
        let found = calls.run(|store| {
            let instance = self.linked.instantiate(&mut *store)?;
            let guest = self.duties.discover.load(&mut *store, &instance)?;
            let lent = store.data_mut().handles.push(LentBucket { grant })?;
            let found = guest.call_discover(&mut *store, Resource::new_borrow(lent.rep()), &request);
            store.data_mut().handles.delete(lent)?;
            found
        })?;
        let found = found.map_err(|failure| calls.failure(failure))?;
        findings::check(found.into()).map_err(|problem| calls.contract(problem))
    }

    /// An instance of its own, for one file or one unit of work.
    ///
    /// # Errors
    /// When it cannot be instantiated within the limits.
    pub fn instance(
        self: &Arc<Self>,
        context: CallContext,
        limits: &Limits,
        cancel: &Cancel,
    ) -> Result<Instance, PluginError> {
        Instance::new(Arc::clone(self), self.place(context.to_string()), limits, cancel)
    }

    fn place(&self, context: String) -> Place {
        Place { plugin: self.manifest.id.clone(), digest: self.digest.clone(), context }
    }
}

fn duties(path: &Path, linked: &InstancePre<State>) -> Result<Duties, PluginError> {
    let exports = |interface: &str| {
        linked.component().get_export_index(None, format!("costhost:provider/{interface}@0.1.0")).is_some()
    };
    let unfit = |error: wasmtime::Error| PluginError::Unfit { path: path.to_owned(), reason: format!("{error:#}") };
    let summarize = exports("summarize").then(|| summarize::GuestIndices::new(linked)).transpose().map_err(unfit)?;
    let fold = exports("fold").then(|| fold::GuestIndices::new(linked)).transpose().map_err(unfit)?;
    let shares = exports("shares").then(|| shares::GuestIndices::new(linked)).transpose().map_err(unfit)?;
    for (interface, is_there) in [("fold", fold.is_some()), ("shares", shares.is_some())] {
        if is_there && summarize.is_none() {
            let reason = format!("it exports `{interface}` without `summarize`");
            return Err(PluginError::Unfit { path: path.to_owned(), reason });
        }
    }
    Ok(Duties {
        describe: describe::GuestIndices::new(linked).map_err(unfit)?,
        discover: discover::GuestIndices::new(linked).map_err(unfit)?,
        normalize: normalize::GuestIndices::new(linked).map_err(unfit)?,
        summarize,
        fold,
        shares,
    })
}

/// Loads every export once, so that a wrong type is found here and not in the middle of a run.
fn check_types(
    duties: &Duties,
    store: &mut Store<State>,
    instance: &wasmtime::component::Instance,
) -> wasmtime::Result<()> {
    duties.discover.load(&mut *store, instance)?;
    duties.normalize.load(&mut *store, instance)?;
    if let Some(summarize) = &duties.summarize {
        summarize.load(&mut *store, instance)?;
    }
    if let Some(fold) = &duties.fold {
        fold.load(&mut *store, instance)?;
    }
    if let Some(shares) = &duties.shares {
        shares.load(&mut *store, instance)?;
    }
    Ok(())
}

/// A component whose exports have other types is unfit, and one that needs more than everybody has to say what it is;
/// every other error stays what it is.
fn unfit(path: &Path, error: PluginError) -> PluginError {
    let reason = match error {
        PluginError::Contract { problem, .. } => problem,
        PluginError::OverLimit { limit, detail, .. } => {
            format!("it goes over the {limit} limit before it has said what it is: {detail}")
        }
        other => return other,
    };
    PluginError::Unfit { path: path.to_owned(), reason }
}
