//! What a plugin may import: an allow-list, and nothing off it is ever linked.

use std::path::Path;

use wasmtime::component::types::Component as ComponentType;
use wasmtime::component::{HasSelf, Linker};

use super::abi::v0_1;
use super::error::PluginError;
use super::state::State;

/// The contract's package and the track of it that this host speaks.
pub(super) const PACKAGE: &str = "costhost:provider/";
pub(super) const TRACK: &str = "0.1.";
const ALLOWED: [&str; 3] = ["log", "storage", "types"];

/// A linker with every import a plugin may have.
pub(super) fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    v0_1::World::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    Ok(linker)
}

/// The names a component imports, in its own order.
pub(super) fn imports(engine: &wasmtime::Engine, component: &ComponentType) -> Vec<String> {
    component.imports(engine).map(|(name, _)| name.to_owned()).collect()
}

/// Refuses the first import that is not on the list.
pub(super) fn check_imports<'a>(path: &Path, imports: impl IntoIterator<Item = &'a str>) -> Result<(), PluginError> {
    for import in imports {
        if let Some(advice) = objection(import) {
            return Err(PluginError::ForbiddenImport { path: path.to_owned(), import: import.to_owned(), advice });
        }
    }
    Ok(())
}

/// Why an import is refused, or nothing when it is allowed.
pub(super) fn objection(import: &str) -> Option<String> {
    if import.starts_with("wasi:") {
        return Some(
            ": a plugin reaches nothing outside itself. Built for wasm32-wasip2? Use `costhost plugin build`, which \
             builds for wasm32-unknown-unknown"
                .to_owned(),
        );
    }
    let Some((interface, version)) = import.strip_prefix(PACKAGE).and_then(|rest| rest.split_once('@')) else {
        return Some(": only costhost:provider/log, storage and types are".to_owned());
    };
    if !version.starts_with(TRACK) {
        return Some(format!(
            ": this host speaks costhost:provider@{TRACK}x. Use a host that speaks {version}, or build the plugin with \
             an SDK of that track"
        ));
    }
    if ALLOWED.contains(&interface) {
        return None;
    }
    Some(": only costhost:provider/log, storage and types are. The plugin may need a newer host".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_three_interfaces_of_the_track_are_allowed() {
        for allowed in ["costhost:provider/log@0.1.0", "costhost:provider/types@0.1.7"] {
            assert_eq!(objection(allowed), None, "{allowed}");
        }
        assert!(objection("wasi:sockets/tcp@0.2.0").unwrap().contains("plugin build"));
        assert!(objection("costhost:provider/log@0.2.0").unwrap().contains("speaks costhost:provider@0.1"));
        assert!(objection("costhost:provider/query@0.1.0").unwrap().contains("newer host"));
        assert!(objection("costhost:provider/log").is_some());
        assert!(objection("env").is_some());
    }
}
