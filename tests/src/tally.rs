//! Bills of the vendor that does not exist, and other versions of its plugin.

use std::fmt::Write as _;
use std::path::Path;

use wasmparser::{Parser, Payload, TypeRef};

use crate::components::tally_version;
use crate::program::plugin;

/// Writes a month's bill: so many lines, one amount each, of three teams and services.
pub fn deliver(folder: &Path, month: &str, lines: u64) {
    std::fs::create_dir_all(folder).expect("a folder");
    let mut text = "day,team,department,project,service,seats,cost,currency,labels,invoice\n".to_owned();
    for line in 0..lines {
        let pick = |from: [&'static str; 3]| *from.get(line as usize % 3).expect("one of three");
        let (team, service) = (pick(["Blue", "Red", "Green"]), pick(["Chat", "Warehouse", "Lake"]));
        let currency = if line % 7 == 0 { "EUR" } else { "USD" };
        let (day, cents) = (1 + line % 28, line % 100);
        writeln!(text, "{month}-{day:02},{team},Sales,shop,{service},1,{line}.{cents:02},{currency},,INV-1")
            .expect("text grows");
    }
    // As object stores do it: a delivery is there at once or not at all.
    let (file, part) = (folder.join(format!("tally-{month}.csv")), folder.join("part"));
    std::fs::write(&part, text).expect("to write");
    std::fs::rename(part, file).expect("to rename");
}

/// Replaces a plugin's file at once, as installers do.
pub fn install(bytes: &[u8], to: &Path) {
    let part = to.with_extension("part");
    std::fs::write(&part, bytes).expect("to write");
    std::fs::rename(part, to).expect("to rename");
}

/// The component as it is built.
pub fn component() -> Vec<u8> {
    std::fs::read(plugin("tally")).expect("the component")
}

/// A component with every `from` in its data being `to`, of the same length.
pub fn patched(component: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len(), "nothing may move");
    let mut bytes = component.to_vec();
    let windows = component.windows(from.len()).enumerate();
    let places: Vec<usize> = windows.filter(|(_, window)| *window == from.as_bytes()).map(|(at, _)| at).collect();
    assert!(!places.is_empty(), "`{from}` is not in the component");
    for at in places {
        bytes.splice(at..at + to.len(), to.bytes());
    }
    bytes
}

/// Version 0.2.0, to which warehouses hold no data: costs of the service `Warehouse`, all of them of the team `Red`, are
/// not among those of data services any more.
pub fn without_warehouse(folder: &Path) -> Vec<u8> {
    let version = std::fs::read(tally_version(folder, "0.2.0")).expect("the component");
    patched(&version, "Warehouse", "Storehous")
}

/// Version 0.2.0, which traps when this function of the contract is called, such as `describe@0.1.0#describe`.
pub fn trapping_in(folder: &Path, function: &str) -> Vec<u8> {
    let mut bytes = std::fs::read(tally_version(folder, "0.2.0")).expect("the component");
    let (start, end) = first_instruction(&bytes, &format!("costhost:provider/{function}"));
    // After `unreachable` any rest is valid; `nop` fills up.
    let filler = std::iter::once(0x00).chain(std::iter::repeat_n(0x01, end - start - 1));
    bytes.splice(start..end, filler);
    bytes
}

/// Where the first instruction of an exported function stands.
fn first_instruction(component: &[u8], export: &str) -> (usize, usize) {
    let (mut imported, mut wanted, mut defined) = (0, None, 0);
    for payload in Parser::new(0).parse_all(component) {
        match payload.expect("a component") {
            Payload::ModuleSection { .. } => (imported, wanted, defined) = (0, None, 0),
            Payload::ImportSection(imports) => {
                let imports = imports.into_imports().map(|import| import.expect("an import"));
                imported += imports.filter(|import| matches!(import.ty, TypeRef::Func(_))).count();
            }
            Payload::ExportSection(exports) => {
                let exports = exports.into_iter().map(|export| export.expect("an export"));
                wanted = exports.into_iter().find(|known| known.name == export).map(|known| known.index as usize);
            }
            Payload::CodeSectionEntry(body) => {
                if wanted == Some(imported + defined) {
                    let mut code = body.get_operators_reader().expect("code");
                    let start = code.original_position();
                    code.read().expect("an instruction");
                    return (start, code.original_position());
                }
                defined += 1;
            }
            _ => {}
        }
    }
    panic!("no module exports {export}");
}
