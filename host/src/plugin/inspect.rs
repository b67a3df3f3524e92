//! What is wrong with a component, all of it and in plain words, for people who write plugins.
//!
//! [`super::Engine::load`] stops at the first thing that is wrong. Here everything is looked at that can be, and every
//! finding says what to do.

use std::path::Path;

use wit_component::DecodedWasm;

use super::engine::{Engine, read_component, recognize};
use super::error::PluginError;
use super::linker::{self, PACKAGE, TRACK};
use crate::settings::schema::{checked_keywords, objections};

/// Interfaces that every plugin exports.
const REQUIRED: [&str; 3] = ["describe", "discover", "normalize"];
/// Interfaces that a plugin may export.
const OPTIONAL: [&str; 3] = ["summarize", "fold", "shares"];

/// One thing that is wrong with a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub what: String,
    /// What to do about it; may be empty.
    pub advice: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)?;
        if self.advice.is_empty() { Ok(()) } else { write!(f, "\n    {}", self.advice) }
    }
}

fn finding(what: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding { what: what.into(), advice: advice.into() }
}

/// Looks at a file that should be a plugin. Nothing is found when a run would load it and all that its settings schema says is
/// checked.
///
/// # Errors
/// When the file cannot be read.
pub fn inspect(engine: &Engine, path: &Path) -> Result<Vec<Finding>, PluginError> {
    let bytes = read_component(path)?;
    if let Err(error) = recognize(path, &bytes) {
        return Ok(vec![finding(said(&error, path), "")]);
    }
    let mut findings = match wit_component::decode(&bytes) {
        Ok(DecodedWasm::Component(resolve, world)) => {
            let world = resolve.worlds.get(world);
            let names = |items: Option<Vec<String>>| items.unwrap_or_default();
            let imports = world.map(|world| world.imports.keys().map(|key| resolve.name_world_key(key)).collect());
            let exports = world.map(|world| world.exports.keys().map(|key| resolve.name_world_key(key)).collect());
            look_at_world(&names(imports), &names(exports))
        }
        Ok(DecodedWasm::WitPackage(..)) => {
            vec![finding("it is a WIT package: interfaces without code", "Give the component that was built")]
        }
        // The engine will say what is wrong with it.
        Err(_) => Vec::new(),
    };
    // The engine names only one thing, which is among what was found already.
    if findings.is_empty() {
        match engine.load(path) {
            Ok(plugin) => findings.extend(look_at_settings(&plugin.manifest().settings_schema)),
            Err(error) => findings.push(told(&error, path)),
        }
    }
    Ok(findings)
}

/// A schema that says more than is checked would not keep what it promises to operators.
fn look_at_settings(schema: &str) -> Vec<Finding> {
    let advice = || {
        format!(
            "Say it with what is checked before a run ({}), or leave it out and have the plugin itself check it",
            checked_keywords()
        )
    };
    let objections = objections(schema).into_iter();
    objections.map(|objection| finding(format!("its settings schema: {objection}"), advice())).collect()
}

/// Looks at the names of what it imports and exports.
fn look_at_world(imports: &[String], exports: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in imports {
        // The reason continues the sentence.
        if let Some(reason) = linker::objection(name) {
            let reason = reason.trim_start_matches([':', ' ']);
            findings.push(finding(format!("it imports `{name}`, which plugins are not given"), capitalized(reason)));
        }
    }
    let version_of = |interface: &str| {
        exports.iter().find_map(|name| name.strip_prefix(PACKAGE)?.strip_prefix(interface)?.strip_prefix('@'))
    };
    for interface in REQUIRED.into_iter().chain(OPTIONAL) {
        match version_of(interface) {
            Some(version) if !version.starts_with(TRACK) => findings.push(other_track(interface, version)),
            Some(_) => {}
            None if REQUIRED.contains(&interface) => findings.push(missing(interface, exports)),
            None => {}
        }
    }
    if version_of("fold").is_some() && version_of("summarize").is_none() {
        findings.push(finding(
            "it exports `fold` without `summarize`",
            "`fold` hands rows to an accumulator of `summarize`: export both or none",
        ));
    }
    if version_of("shares").is_some() && version_of("summarize").is_none() {
        findings.push(finding(
            "it exports `shares` without `summarize`",
            "`shares` are of an accumulator of `summarize`: export both or none",
        ));
    }
    findings
}

fn other_track(interface: &str, version: &str) -> Finding {
    let what = format!("it exports `{PACKAGE}{interface}@{version}`, and this host speaks {PACKAGE}..@{TRACK}x");
    let track = |version: &str| -> Vec<u64> { version.split('.').map_while(|part| part.parse().ok()).collect() };
    let newer = track(version) > track(TRACK);
    let advice = if newer {
        "The host is too old for this plugin: use a newer costhost, or build the plugin with an SDK of this track"
    } else {
        "The plugin is too old for this host: build it anew with a current SDK, or use an older costhost"
    };
    finding(what, advice)
}

fn missing(interface: &str, exports: &[String]) -> Finding {
    let what = format!("it does not export `{PACKAGE}{interface}@{TRACK}x`, which every plugin does");
    let advice = if exports.is_empty() {
        "It exports nothing. In Rust: does the crate call costhost_sdk::export!, and is it a cdylib?"
    } else if exports.iter().any(|name| name.starts_with(PACKAGE)) {
        "Build it against a world of wit/world.wit, such as `provider` or `provider-with-fold`"
    } else {
        "It is a component for another kind of host, not a plugin of costhost"
    };
    finding(what, advice)
}

/// An error of the engine as a finding.
fn told(error: &PluginError, path: &Path) -> Finding {
    let what = said(error, path);
    let advice = match error {
        PluginError::Unfit { .. } => {
            "Its types are those of another version of the contract: build it anew with the SDK (or wit/) of this host. If \
             it is newer than this host, use a newer costhost"
        }
        PluginError::InvalidComponent { .. } => {
            "Threads, exceptions, garbage collection, 64-bit memories and async are switched off: build without them"
        }
        PluginError::Manifest { .. } => "Mend what its `describe` returns",
        PluginError::Trap { .. } => "Its `describe` must not panic",
        _ => "",
    };
    finding(what, advice)
}

/// What an error says, without the path that the user has just typed.
fn said(error: &PluginError, path: &Path) -> String {
    let path = path.display().to_string();
    error.to_string().replace(&format!("plugin {path}"), "it").replace(&path, "it")
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::super::engine::{Cache, EngineOptions};
    use super::*;

    fn findings_of(name: &str, content: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let engine = Engine::new(EngineOptions { cache: Cache::Off, ..EngineOptions::default() }).unwrap();
        let found = inspect(&engine, &path).unwrap();
        found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    fn component(text: &str) -> Vec<u8> {
        wat::parse_str(text).unwrap()
    }

    #[test]
    fn what_is_no_component_is_told() {
        assert!(findings_of("a.wasm", b"hello").contains("a text file"));
        assert!(findings_of("a.wasm", &component("(module)")).contains("costhost plugin build"));
    }

    #[test]
    fn every_import_and_missing_export_is_told_with_what_to_do() {
        let empty = r#"(instance)"#;
        let text = format!(
            r#"(component
                (import "wasi:clocks/wall-clock@0.2.6" {empty})
                (import "costhost:provider/log@0.2.0" {empty}))"#
        );
        let found = findings_of("a.wasm", &component(&text));
        for part in ["wasi:clocks/wall-clock", "costhost plugin build", "log@0.2.0", "describe@0.1.x", "export!"] {
            assert!(found.contains(part), "no {part} in: {found}");
        }
    }

    #[test]
    fn it_is_said_which_side_is_too_old() {
        let exporting = |version: &str| {
            let text = format!(
                r#"(component (instance $i)
                    (export "costhost:provider/describe@{version}" (instance $i))
                    (export "costhost:provider/discover@{version}" (instance $i))
                    (export "costhost:provider/normalize@{version}" (instance $i)))"#
            );
            findings_of("a.wasm", &component(&text))
        };
        assert!(exporting("0.2.0").contains("The host is too old"), "{}", exporting("0.2.0"));
        assert!(exporting("0.0.9").contains("The plugin is too old"), "{}", exporting("0.0.9"));
        // The track fits, its functions are not there.
        assert!(exporting("0.1.0").contains("types are those of another version"), "{}", exporting("0.1.0"));
    }
}
