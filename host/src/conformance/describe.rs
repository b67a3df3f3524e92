//! What a plugin says of itself: the same each time.

use std::path::Path;
use std::sync::Arc;

use super::report::Report;
use crate::plugin::{Engine, Plugin};
use crate::settings::schema::objections;

/// Loads the plugin twice, each time in an instance of its own, and compares what it declares.
pub(super) fn check(engine: &Engine, wasm: &Path, report: &mut Report) -> Option<Arc<Plugin>> {
    let (plugin, again) = match (engine.load(wasm), engine.load(wasm)) {
        (Ok(plugin), Ok(again)) => (plugin, again),
        (Err(error), _) | (_, Err(error)) => {
            report.add("", "it can be loaded", Err(vec![error.to_string()]));
            return None;
        }
    };
    let manifest = plugin.manifest();
    let loaded = format!("{} {}, {} tables", manifest.id, manifest.version, manifest.tables.len());
    report.add("", "it can be loaded", Ok(loaded));
    let same = format!("{manifest:?}") == format!("{:?}", again.manifest());
    let reason = "two instances declare different things: `describe` must be a constant. Is a HashMap iterated over?";
    report.add("", "it declares the same twice", if same { Ok(String::new()) } else { Err(vec![reason.to_owned()]) });
    let objections = objections(&manifest.settings_schema);
    let checked = if objections.is_empty() { Ok(String::new()) } else { Err(objections) };
    report.add("", "its settings schema is checked in full", checked);
    Some(plugin)
}
