//! The contract as released stays: what `wit/COMPATIBILITY.md` allows may be added, nothing else may change.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Interfaces that the host implements: functions may be added. All others are the plugin's.
const OF_THE_HOST: [&str; 2] = ["log", "storage"];

fn wit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit")
}

/// The text without comments and gates, one space between words.
fn code(text: &str) -> String {
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let words = lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ");
    let mut rest = words.as_str();
    let mut code = String::new();
    while let Some((before, gate)) = rest.split_once("@since(") {
        code.push_str(before);
        rest = gate.split_once(") ").map_or("", |(_, after)| after);
    }
    code + rest
}

/// The items between the outermost braces: types, functions, resources, imports and exports.
fn items(text: &str) -> BTreeSet<String> {
    let (mut items, mut item, mut depth) = (BTreeSet::new(), String::new(), 0);
    for c in code(text).chars() {
        depth += i32::from(c == '{');
        // The braces of the interface or world itself are no part of an item.
        if !(depth == 1 && matches!(c, '{' | '}')) {
            item.push(c);
        }
        let ends = matches!((c, depth), (';', 0 | 1) | ('}', 2)) || (c == '{' && depth == 1);
        depth -= i32::from(c == '}');
        if ends && !item.trim().is_empty() {
            items.insert(std::mem::take(&mut item).trim().to_owned());
        }
    }
    items
}

/// The members of a resource, or the item itself.
fn members(item: &str) -> BTreeSet<String> {
    let (head, body) = item.split_once('{').unwrap_or((item, ""));
    let body = body.trim().trim_end_matches('}');
    body.split(';').map(|member| format!("{head}{{{}", member.trim())).collect()
}

/// What has changed that must not, in words.
fn broken(released: &Path, now: &Path) -> Vec<String> {
    let mut problems = Vec::new();
    let mut files: Vec<PathBuf> = std::fs::read_dir(released).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "wit"));
    files.sort();
    assert!(!files.is_empty(), "{} holds no contract", released.display());
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        let Ok(current) = std::fs::read_to_string(now.join(file.file_name().unwrap())) else {
            problems.push(format!("{name} is gone"));
            continue;
        };
        let (old, new) = (items(&text), items(&current));
        for item in old.difference(&new) {
            let kept =
                |other: &String| OF_THE_HOST.contains(&name.as_str()) && members(item).is_subset(&members(other));
            if !new.iter().any(kept) {
                problems.push(format!("{name}: `{item}` has changed or is gone"));
            }
        }
        let may_grow = OF_THE_HOST.contains(&name.as_str()) || ["types", "world"].contains(&name.as_str());
        if !may_grow {
            problems.extend(new.difference(&old).map(|item| format!("{name}: `{item}` is new in what plugins export")));
        }
    }
    problems
}

#[test]
fn the_released_contract_is_as_it_was() {
    let world = std::fs::read_to_string(wit().join("world.wit")).unwrap();
    let released = wit().join("since-0.1");
    assert_eq!(
        !world.contains("This track is not released yet."),
        released.is_dir(),
        "with the release, wit/ is copied to wit/since-0.1/ and world.wit no longer says that it is not released"
    );
    if released.is_dir() {
        assert_eq!(broken(&released, &wit()), [""; 0]);
    }
}

#[test]
fn what_breaks_compiled_plugins_is_found() {
    let copy = |file: &str, from: &str, to: &str| {
        let folder = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(wit()).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
            let mut text = std::fs::read_to_string(entry.path()).unwrap();
            if entry.file_name() == file {
                assert!(text.contains(from), "no {from} in {file}");
                text = text.replace(from, to);
            }
            std::fs::write(folder.path().join(entry.file_name()), text).unwrap();
        }
        folder
    };
    let changed = |file: &str, from: &str, to: &str| broken(&wit(), copy(file, from, to).path());
    for (file, from, to) in [
        ("world.wit", "/// One that also", "/// Another text\n/// One that also"),
        ("log.wit", "write: func", "@since(version = 0.1.1)\n    flush: func();\n    write: func"),
        ("storage.wit", "stat: func", "exists: func(path: string) -> bool;\n        stat: func"),
        ("types.wit", "enum compression", "type more = u32;\n    enum compression"),
    ] {
        assert_eq!(changed(file, from, to), [""; 0], "{file} with {to}");
    }
    for (file, from, to) in [
        ("types.wit", "zstd,", "zstd,\n        brotli,"),
        ("types.wit", "dataset: string,", "dataset: string,\n        size: u64,"),
        ("describe.wit", "describe: func", "more: func();\n    describe: func"),
        ("normalize.wit", "finish: func() -> result<outcome, failure>;", ""),
        ("storage.wit", "single: func() -> option<string>;", ""),
        ("storage.wit", "size: u64,", "size: u32,"),
        ("log.wit", "warn,", ""),
        ("world.wit", "export fold;", ""),
    ] {
        assert_ne!(changed(file, from, to), [""; 0], "{file} with {to}");
    }
}
