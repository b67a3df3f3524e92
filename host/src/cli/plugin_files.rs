//! Plugins by name or path, each loaded once.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;

use crate::plugin::{Engine, Plugin};
use crate::registry::{RegistryError, Resolver};
use crate::settings::ConfigFile;

/// Where names of plugins are looked up.
#[derive(Debug, Clone, Default, Args)]
pub struct LookupArgs {
    /// File that pins plugins to digests [default: costhost.lock beside the configuration, if there is one]
    #[arg(long, env = "COSTHOST_LOCK", value_name = "FILE")]
    pub lock: Option<PathBuf>,
}

impl LookupArgs {
    /// What settles names, as flags and configuration say.
    ///
    /// # Errors
    /// When the store, a key or the lock file cannot be used.
    pub fn resolver(&self, config: &ConfigFile) -> Result<Resolver, RegistryError> {
        Resolver::from_config(config, self.lock.as_deref())
    }
}

/// The file of a plugin, by its name or path, as a run without a configuration finds it.
///
/// # Errors
/// When there is none.
pub(super) fn plugin_file(name: &str) -> Result<PathBuf, RegistryError> {
    let found = LookupArgs::default().resolver(&ConfigFile::default())?.find(name)?;
    Ok(found.path)
}

/// The plugins of one command.
pub(super) struct PluginLoader<'a> {
    pub(super) engine: &'a Engine,
    pub(super) resolver: Resolver,
    pub(super) loaded: Vec<(String, Arc<Plugin>)>,
}

impl PluginLoader<'_> {
    pub(super) fn load(&mut self, name: &str) -> anyhow::Result<Arc<Plugin>> {
        if let Some((_, plugin)) = self.loaded.iter().find(|(known, _)| known == name) {
            return Ok(Arc::clone(plugin));
        }
        let started = Instant::now();
        let plugin = self.resolver.load(self.engine, name)?;
        let milliseconds = started.elapsed().as_millis();
        tracing::debug!(plugin = name, digest = plugin.digest(), milliseconds, "plugin loaded");
        self.loaded.push((name.to_owned(), Arc::clone(&plugin)));
        Ok(plugin)
    }
}
