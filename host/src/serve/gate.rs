//! What a version of a plugin has to pass before a service works with it.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;

use super::setup::Setup;
use crate::compare::manifests;
use crate::plugin::Plugin;
use crate::settings::schema;

/// Where a version did not get on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The name stands for nothing.
    Find,
    /// It cannot be read, verified, compiled, linked, or asked what it is.
    Load,
    /// It took something away that the version in use declares.
    Manifest,
    /// What the operator set does not fit it.
    Settings,
    /// It fails on delivered reports, or makes other numbers than is allowed.
    Shadow,
}

impl Stage {
    /// As in logs, metrics and the status.
    pub fn name(self) -> &'static str {
        match self {
            Self::Find => "find",
            Self::Load => "load",
            Self::Manifest => "manifest",
            Self::Settings => "settings",
            Self::Shadow => "shadow",
        }
    }
}

/// Why a version is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Where it did not get on.
    pub stage: Stage,
    /// Version and digest, where it got so far as to have any.
    pub version: Option<String>,
    /// SHA-256 of the component.
    pub digest: Option<String>,
    /// Why, for people.
    pub why: String,
}

impl Refusal {
    /// A refusal of this version, or of what could not even be loaded.
    pub fn at(stage: Stage, plugin: Option<&Plugin>, why: String) -> Self {
        let version = plugin.map(|plugin| plugin.manifest().version.clone());
        Self { stage, version, digest: plugin.map(|plugin| plugin.digest().to_owned()), why }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.why)
    }
}

/// Judges versions.
#[async_trait]
pub trait Gate: Send + Sync {
    /// Whether `new` may take the place of `old`, if there is one.
    ///
    /// # Errors
    /// The first gate that it does not pass.
    async fn judge(&self, name: &str, old: Option<&Arc<Plugin>>, new: &Arc<Plugin>) -> Result<(), Refusal>;
}

/// Refuses a version that takes away what readers of the tables rely upon.
///
/// # Errors
/// What it takes away.
pub fn declares_as_much(old: &Plugin, new: &Plugin) -> Result<(), Refusal> {
    let changes = manifests::compare(old.manifest(), new.manifest());
    for lost in &changes.unanswered {
        tracing::warn!(
            plugin = new.manifest().id,
            version = new.manifest().version,
            "the new version has no report {lost}"
        );
    }
    if changes.breaks.is_empty() {
        return Ok(());
    }
    let broken: Vec<String> = changes.breaks.iter().map(ToString::to_string).collect();
    let (running, offered) = (&old.manifest().version, &new.manifest().version);
    let why = format!("{offered} does not declare what {running}, which is in use, does: {}", broken.join("; "));
    Err(Refusal::at(Stage::Manifest, Some(new), why))
}

/// Refuses a version whose settings schema the sources that use it do not fit.
///
/// # Errors
/// Every misfit.
pub fn takes_settings(setup: &Setup, name: &str, new: &Plugin) -> Result<(), Refusal> {
    let mut wrong = Vec::new();
    for source in setup.sources.iter().filter(|source| source.plugin == name) {
        let misfits = misfits(new, &source.settings.for_summaries());
        wrong.extend(misfits.into_iter().map(|misfit| format!("source {}: {misfit}", source.name)));
    }
    if wrong.is_empty() { Ok(()) } else { Err(Refusal::at(Stage::Settings, Some(new), wrong.join("; "))) }
}

/// What of some settings does not fit a plugin.
pub fn misfits(plugin: &Plugin, settings: &str) -> Vec<String> {
    let manifest = plugin.manifest();
    let settings = serde_json::from_str(settings).unwrap_or_default();
    let found = schema::misfits(&manifest.settings_schema, &settings).unwrap_or_else(|problem| vec![problem]);
    found.into_iter().map(|misfit| format!("plugin {} {}: {misfit}", manifest.id, manifest.version)).collect()
}
