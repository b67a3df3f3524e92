//! Bills of the vendor that does not exist, and other versions of its plugin.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::program::{Costhost, plugin};

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

/// The same plugin with another digest: a custom section more, which says nothing to anyone.
pub fn rebuilt(note: &str) -> Vec<u8> {
    let mut bytes = component();
    let name = b"note";
    let size = 1 + name.len() + note.len();
    assert!(size < 128, "a size of one byte");
    bytes.push(0);
    bytes.push(u8::try_from(size).expect("a small size"));
    bytes.push(u8::try_from(name.len()).expect("a short name"));
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(note.as_bytes());
    bytes
}

/// The plugin with every `from` in its data being `to`, of the same length.
pub fn patched(from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len(), "nothing may move");
    let mut bytes = component();
    let places: Vec<usize> =
        bytes.windows(from.len()).enumerate().filter(|(_, at)| *at == from.as_bytes()).map(|(at, _)| at).collect();
    assert!(!places.is_empty(), "`{from}` is not in the component");
    for at in places {
        bytes.get_mut(at..at + to.len()).expect("it is there").copy_from_slice(to.as_bytes());
    }
    bytes
}

/// Changes of the plugin's source: file, text, other text.
type Edits = &'static [(&'static str, &'static str, &'static str)];

const VERSION: (&str, &str, &str) = ("manifest.rs", "env!(\"CARGO_PKG_VERSION\").to_owned()", "\"0.2.0\".to_owned()");

/// Version 0.2.0, whose costs of the service `Chat` are twice as high.
pub const STEEP: (&str, Edits) = (
    "steep",
    &[
        VERSION,
        (
            "summary.rs",
            "self.add(group, given(*at(&projects, row)?), *at(&seats, row)?, *at(&costs, row)?)?;",
            "let factor = if group.service.as_deref() == Some(\"Chat\") { 2 } else { 1 };\n\
             let cost = at(&costs, row)?.map(|cost| cost * factor);\n\
             self.add(group, given(*at(&projects, row)?), *at(&seats, row)?, cost)?;",
        ),
    ],
);

/// Version 0.2.0, which traps when it is asked what it is.
pub const TRAPPING: (&str, Edits) = (
    "trapping",
    &[
        VERSION,
        (
            "lib.rs",
            "        manifest::manifest()",
            "        panic!(\"nothing to say about {:?}\", manifest::manifest().id)",
        ),
    ],
);

/// Version 0.2.0, which fails on every line.
pub const FAILING: (&str, Edits) = (
    "failing",
    &[
        VERSION,
        (
            "summary.rs",
            "            self.lines += 1;",
            "            self.lines += 1;\n            if self.lines > 1 { return Err(too_large(\"line\")); }",
        ),
    ],
);

/// Builds a version of the plugin as a third party would: a crate outside of the workspace, with `plugin build`. What was
/// built before is kept beside the plugins until a source changes.
pub fn built(costhost: &Costhost, (name, edits): (&str, Edits)) -> Vec<u8> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the checkout");
    let plugins = PathBuf::from(plugin("tally")).parent().expect("a folder").to_owned();
    let folder = plugins.join("versions");
    let component = folder.join(format!("{name}.wasm"));
    let base = folder.join(format!("{name}.base"));
    write_crate(&root, &folder, name, edits);
    // The component it was changed from tells whether anything it is made of has changed since.
    if component.is_file() && std::fs::read(&base).ok() == Some(stamp(edits)) {
        return std::fs::read(component).expect("the component");
    }
    let target = plugins.parent().expect("the target folder");
    let (source, out) = (folder.join(name).display().to_string(), component.display().to_string());
    let mut command = costhost.command(&["plugin", "build", &source, "--output", &out]);
    for name in ["HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
        std::env::var_os(name).into_iter().for_each(|value| _ = command.env(name, value));
    }
    command.env("CARGO_TARGET_DIR", target.join("versions")).env("CARGO_NET_OFFLINE", "true");
    let ended = crate::program::ended(&mut command);
    assert_eq!(ended.code, 0, "{name} could not be built: {}", ended.err);
    std::fs::write(base, stamp(edits)).expect("to write");
    std::fs::read(component).expect("the component")
}

fn stamp(edits: Edits) -> Vec<u8> {
    let mut bytes = component();
    bytes.extend_from_slice(format!("{edits:?}").as_bytes());
    bytes
}

fn write_crate(root: &Path, folder: &Path, name: &str, edits: Edits) {
    let read = |path: PathBuf| std::fs::read_to_string(path).expect("a file of the checkout");
    let (from, to) = (root.join("tests/tally"), folder.join(name));
    std::fs::create_dir_all(to.join("src")).expect("a folder");
    // Each version is a workspace of its own, with the checkout's versions of everything.
    let workspace = read(root.join("Cargo.toml"));
    let (_, shared) = workspace.split_once("[workspace.package]").expect("what members share");
    let shared = shared.replace("path = \"", &format!("path = \"{}/", root.display()));
    let own = read(from.join("Cargo.toml"));
    let (own, _) = own.split_once("[dev-dependencies]").expect("the end of the dependencies");
    let manifest = format!("[workspace]\n\n[workspace.package]{shared}\n{own}");
    write_if_changed(&to.join("Cargo.toml"), &manifest);
    if !to.join("Cargo.lock").is_file() {
        std::fs::copy(root.join("Cargo.lock"), to.join("Cargo.lock")).expect("a lock file");
    }
    for file in std::fs::read_dir(from.join("src")).expect("sources") {
        let path = file.expect("a source").path();
        let file = path.file_name().expect("a name").to_owned();
        let mut text = read(path);
        for (edited, old, new) in edits.iter().filter(|(edited, ..)| file == *edited) {
            assert!(text.contains(old), "`{old}` is not in {edited} any more");
            text = text.replacen(old, new, 1);
        }
        write_if_changed(&to.join("src").join(file), &text);
    }
}

fn write_if_changed(path: &Path, text: &str) {
    if std::fs::read_to_string(path).is_ok_and(|known| known == text) {
        return;
    }
    std::fs::write(path, text).expect("to write");
}
