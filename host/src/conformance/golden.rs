//! Golden output: text that is reviewed like code, one JSON object a row.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::error::ConformanceError;
use super::rows::{difference, shown};

/// What came out of a case: documents by their path below `golden/`. Those that end in `.jsonl` are rows.
#[derive(Debug, Default)]
pub(super) struct Golden(BTreeMap<String, Vec<Value>>);

impl Golden {
    /// Adds rows, one JSON value a line.
    pub(super) fn rows(&mut self, path: String, rows: Vec<Value>) {
        self.0.insert(format!("{path}.jsonl"), rows);
    }

    /// Adds one document.
    pub(super) fn document(&mut self, path: String, document: Value) {
        self.0.insert(format!("{path}.json"), vec![document]);
    }

    /// Whether a document has this name.
    pub(super) fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// Compares with what is kept, except for the documents of this file name; the others are sums.
    pub(super) fn compare(&self, folder: &Path, sums: bool) -> Result<String, Vec<String>> {
        let is_sum = |path: &str| path.rsplit('/').next() == Some("totals.json");
        let kept = match documents(folder) {
            Ok(kept) if kept.is_empty() => {
                return Err(vec![
                    "there is no golden output yet: run with --bless, look at it, and commit it".to_owned(),
                ]);
            }
            Ok(kept) => kept,
            Err(error) => return Err(vec![error.to_string()]),
        };
        let mut problems = Vec::new();
        let mut compared = 0;
        for path in kept.keys().chain(self.0.keys()).collect::<BTreeSet<_>>() {
            if is_sum(path) != sums {
                continue;
            }
            compared += 1;
            match (kept.get(path), self.0.get(path)) {
                (Some(text), Some(found)) => problems.extend(compare(path, text, found)),
                (Some(_), None) => problems.push(format!("golden/{path} is kept and nothing like it came out")),
                (None, _) => problems.push(format!("golden/{path} is not kept and came out")),
            }
        }
        if problems.is_empty() { Ok(format!("{compared} documents")) } else { Err(problems) }
    }

    /// Keeps what came out in place of what was kept.
    pub(super) fn bless(&self, folder: &Path) -> Result<(), ConformanceError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| ConformanceError::Io { path, source }
        };
        for path in documents(folder)?.keys().filter(|path| !self.has(path)) {
            let path = folder.join(path);
            std::fs::remove_file(&path).map_err(failed(&path))?;
        }
        for (path, values) in &self.0 {
            let path = folder.join(path);
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent).map_err(failed(parent))?;
            }
            std::fs::write(&path, text(&path, values)).map_err(failed(&path))?;
        }
        Ok(())
    }
}

fn is_rows(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "jsonl")
}

fn text(path: &Path, values: &[Value]) -> String {
    if is_rows(path) {
        return values.iter().map(|row| format!("{row}\n")).collect();
    }
    values.iter().map(|document| format!("{document:#}\n")).collect()
}

fn compare(path: &str, kept: &str, found: &[Value]) -> Vec<String> {
    let rows = is_rows(Path::new(path));
    let parsed: Result<Vec<Value>, _> = if rows {
        kept.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str).collect()
    } else {
        serde_json::from_str(kept).map(|document| vec![document])
    };
    let kept = match parsed {
        Ok(kept) => kept,
        Err(error) => return vec![format!("golden/{path} is not JSON: {error}")],
    };
    if rows {
        return difference(path, &kept, found).into_iter().collect();
    }
    let mut problems = Vec::new();
    for (kept, found) in kept.iter().zip(found) {
        members(path, kept, found, &mut problems);
    }
    problems
}

/// Every member that differs, by its path in the document.
fn members(path: &str, kept: &Value, found: &Value, problems: &mut Vec<String>) {
    match (kept, found) {
        _ if kept == found => {}
        (Value::Object(a), Value::Object(b)) => {
            for name in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
                let of = |object: &serde_json::Map<String, Value>| object.get(name).cloned().unwrap_or(Value::Null);
                members(&format!("{path} {name}"), &of(a), &of(b), problems);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (at, (a, b)) in a.iter().zip(b).enumerate() {
                members(&format!("{path} [{at}]"), a, b, problems);
            }
        }
        _ => problems.push(format!("{path}: {} and {} is expected", shown(found), shown(kept))),
    }
}

/// What is kept: texts by path below the folder. An absent folder keeps nothing.
fn documents(folder: &Path) -> Result<BTreeMap<String, String>, ConformanceError> {
    let mut found = BTreeMap::new();
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((path, prefix)) = folders.pop() {
        let failed = |source| ConformanceError::Io { path: path.clone(), source };
        let entries = match std::fs::read_dir(&path) {
            Ok(entries) => entries.collect::<Result<Vec<_>, _>>().map_err(failed)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(failed(error)),
        };
        for entry in entries {
            let (path, name): (PathBuf, String) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if path.is_dir() {
                folders.push((path, format!("{prefix}{name}/")));
            } else if name.ends_with(".json") || name.ends_with(".jsonl") {
                let text = std::fs::read_to_string(&path).map_err(|source| ConformanceError::Io { path, source })?;
                found.insert(format!("{prefix}{name}"), text);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn golden(cost: &str) -> Golden {
        let mut golden = Golden::default();
        golden.rows("2025-10/line_items".to_owned(), vec![json!({"a": 1}), json!({"a": 2, "cost": cost})]);
        golden.document("2025-10/totals".to_owned(), json!({"line_items": {"cost": {"USD": cost}}}));
        golden
    }

    #[test]
    fn what_is_blessed_is_the_same_and_what_changes_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("golden");
        assert!(golden("1").compare(&kept, false).unwrap_err()[0].contains("--bless"));
        golden("1").bless(&kept).unwrap();
        for sums in [false, true] {
            assert!(golden("1").compare(&kept, sums).is_ok());
        }
        let rows = golden("2").compare(&kept, false).unwrap_err();
        assert_eq!(rows, [r#"2025-10/line_items.jsonl, row 1: column cost is "2" and "1" is expected"#]);
        let sums = golden("2").compare(&kept, true).unwrap_err();
        assert_eq!(sums, [r#"2025-10/totals.json line_items cost USD: "2" and "1" is expected"#]);
    }

    #[test]
    fn output_that_is_gone_or_new_is_told_and_blessed_away() {
        let folder = tempfile::tempdir().unwrap();
        golden("1").bless(folder.path()).unwrap();
        let mut other = golden("1");
        other.rows("2025-11/line_items".to_owned(), Vec::new());
        other.0.remove("2025-10/line_items.jsonl");
        let problems = other.compare(folder.path(), false).unwrap_err();
        assert!(problems[0].contains("nothing like it") && problems[1].contains("2025-11"), "{problems:?}");
        other.bless(folder.path()).unwrap();
        assert!(other.compare(folder.path(), false).is_ok());
        assert!(!folder.path().join("2025-10/line_items.jsonl").exists());
    }
}
