//! Plugins by name or path, each loaded once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::UsageError;
use crate::plugin::{Engine, Plugin};

/// The plugins of one command.
pub(super) struct PluginLoader<'a> {
    pub(super) engine: &'a Engine,
    pub(super) loaded: Vec<(String, Arc<Plugin>)>,
}

impl PluginLoader<'_> {
    pub(super) fn load(&mut self, name: &str) -> anyhow::Result<Arc<Plugin>> {
        if let Some((_, plugin)) = self.loaded.iter().find(|(known, _)| known == name) {
            return Ok(Arc::clone(plugin));
        }
        let started = Instant::now();
        let plugin = self.engine.load(&find_plugin(name)?)?;
        let milliseconds = started.elapsed().as_millis();
        tracing::debug!(plugin = name, digest = plugin.digest(), milliseconds, "plugin loaded");
        self.loaded.push((name.to_owned(), Arc::clone(&plugin)));
        Ok(plugin)
    }
}

/// The file of a plugin: a path as it is, a name looked up beside the program and in `COSTHOST_PLUGIN_PATH`.
///
/// # Errors
/// When a name is found nowhere; the error lists the places.
pub fn find_plugin(name: &str) -> anyhow::Result<PathBuf> {
    if name.contains(std::path::MAIN_SEPARATOR) || name.ends_with(".wasm") {
        return Ok(PathBuf::from(name));
    }
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
    found.ok_or_else(|| {
        let places = folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ");
        UsageError(format!("no plugin called `{name}` in {places}; give the path of its .wasm file instead")).into()
    })
}
