//! Folders of the local file system: finding a file without leaving the root, and listing in byte order.
//!
//! Invariant: what is opened lies below the granted root after links are resolved. Names that are not UTF-8 or hold
//! control characters cannot be named by a plugin; they are left out of listings, with a warning.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use super::error::SourceError;
use super::grant::{ListPage, ObjectInfo};
use super::scope;

/// The file behind a checked path below `root`, links resolved.
pub(super) fn find(root: &Path, path: &str) -> Result<PathBuf, SourceError> {
    let url = root.display().to_string();
    scope::check_path(&url, path)?;
    let full = root.join(path);
    let resolved =
        full.canonicalize().map_err(|e| SourceError::from_io(full.display().to_string(), "opening the file", &e))?;
    if !resolved.starts_with(root) {
        return Err(SourceError::Denied {
            place: full.display().to_string(),
            operation: "following a link",
            advice: "the link leads out of the source; copy the file into it or name the other folder as a source"
                .to_owned(),
        });
    }
    Ok(resolved)
}

/// Size, time and tag of a file.
pub(super) fn describe(path: String, metadata: &Metadata) -> ObjectInfo {
    let modified = metadata.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
    ObjectInfo {
        path,
        size: metadata.len(),
        modified: modified.and_then(|t| i64::try_from(t.as_secs()).ok()).unwrap_or_default(),
        etag: Some(tag(metadata)),
    }
}

/// Changes whenever the content does, as far as the file system tells.
pub(super) fn tag(metadata: &Metadata) -> String {
    use std::os::unix::fs::MetadataExt;
    let micros = metadata
        .modified()
        .ok()
        .and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok())
        .map_or(0, |t| t.as_micros());
    format!("{:x}-{micros:x}-{:x}", metadata.ino(), metadata.len())
}

/// One page of what lies below `prefix` (checked, without a trailing `/`), after `after`.
pub(super) fn list(
    root: &Path,
    prefix: &str,
    deep: bool,
    after: Option<&str>,
    limit: usize,
) -> Result<ListPage, SourceError> {
    let folder = if prefix.is_empty() { root.to_owned() } else { find(root, prefix)? };
    let mut walk = Walk { root, deep, after: after.unwrap_or(""), limit, page: ListPage::default() };
    let full = walk.folder(&folder, prefix, &mut vec![folder.clone()])?;
    let mut page = walk.page;
    if full {
        let last = page.objects.last().map(|o| o.path.as_str()).max(page.folders.last().map(String::as_str));
        page.next = last.map(str::to_owned);
    }
    Ok(page)
}

struct Walk<'a> {
    root: &'a Path,
    deep: bool,
    after: &'a str,
    limit: usize,
    page: ListPage,
}

impl Walk<'_> {
    /// Lists one folder. `above` holds the resolved folders being listed, so that links in a circle end. Gives whether
    /// the page is full.
    fn folder(&mut self, folder: &Path, path: &str, above: &mut Vec<PathBuf>) -> Result<bool, SourceError> {
        for (name, entry) in read_sorted(folder)? {
            // With `/` after the names of folders, depth first gives the byte order of whole paths.
            let is_folder = name.ends_with('/');
            let full = if path.is_empty() { name } else { format!("{path}/{name}") };
            let done = full.as_str() <= self.after && !(is_folder && self.deep && self.after.starts_with(&full));
            if done {
                continue;
            }
            if self.page.objects.len() + self.page.folders.len() >= self.limit {
                return Ok(true);
            }
            if is_folder && self.deep {
                if self.descend(&entry, full.trim_end_matches('/'), above)? {
                    return Ok(true);
                }
            } else if is_folder {
                self.page.folders.push(full);
            } else if let Some(metadata) = metadata_of(&entry)? {
                self.page.objects.push(describe(full, &metadata));
            }
        }
        Ok(false)
    }

    fn descend(&mut self, entry: &Path, path: &str, above: &mut Vec<PathBuf>) -> Result<bool, SourceError> {
        let resolved =
            entry.canonicalize().map_err(|e| SourceError::from_io(entry.display().to_string(), "listing", &e))?;
        if !resolved.starts_with(self.root) {
            tracing::warn!(folder = %entry.display(), "not listed: the link leads out of the source");
            return Ok(false);
        }
        if above.contains(&resolved) {
            tracing::warn!(folder = %entry.display(), "not listed: the link leads back to a folder above");
            return Ok(false);
        }
        above.push(resolved.clone());
        let full = self.folder(&resolved, path, above);
        above.pop();
        full
    }
}

/// Names (folders with a `/` behind) and paths of a folder's files and folders, in byte order of the names.
fn read_sorted(folder: &Path) -> Result<Vec<(String, PathBuf)>, SourceError> {
    let failed = |e: std::io::Error| SourceError::from_io(folder.display().to_string(), "listing the folder", &e);
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
            tracing::warn!(file = %path.display(), "left out: its name is not UTF-8");
            continue;
        };
        if scope::check_path("", &name).is_err() {
            tracing::warn!(file = %path.display(), "left out: its name holds control characters");
            continue;
        }
        // Follows links: a link to a folder is a folder. A dead link, a pipe or a socket is nothing to read.
        let Ok(metadata) = std::fs::metadata(&path) else { continue };
        if metadata.is_dir() {
            entries.push((format!("{name}/"), path));
        } else if metadata.is_file() {
            entries.push((name, path));
        }
    }
    entries.sort_unstable();
    Ok(entries)
}

/// `None` for a file that has gone since the folder was read.
fn metadata_of(file: &Path) -> Result<Option<Metadata>, SourceError> {
    match std::fs::metadata(file) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SourceError::from_io(file.display().to_string(), "listing the folder", &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        for file in files {
            let path = root.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file).unwrap();
        }
        (dir, root)
    }

    fn all(root: &Path, prefix: &str, deep: bool, limit: usize) -> (Vec<String>, Vec<String>, usize) {
        let (mut objects, mut folders, mut pages, mut next) = (Vec::new(), Vec::new(), 0, None);
        loop {
            let page = list(root, prefix, deep, next.as_deref(), limit).unwrap();
            assert!(page.objects.len() + page.folders.len() <= limit);
            objects.extend(page.objects.into_iter().map(|o| o.path));
            folders.extend(page.folders);
            pages += 1;
            next = page.next;
            if next.is_none() {
                return (objects, folders, pages);
            }
        }
    }

    const FILES: [&str; 8] = ["a-b", "a/x", "a/x.y/z", "a/x/y", "a.b/c", "b b/ä=1%/f", "c", ".h/i"];

    #[test]
    fn deep_listing_is_in_byte_order_for_any_page_size() {
        let files: Vec<&str> = FILES.into_iter().filter(|f| *f != "a/x").collect();
        let (_dir, root) = tree(&files);
        let mut sorted: Vec<String> = files.iter().map(|f| (*f).to_owned()).collect();
        sorted.sort();
        for limit in [1, 2, 3, 100] {
            let (objects, folders, pages) = all(&root, "", true, limit);
            assert_eq!(objects, sorted, "limit {limit}");
            assert!(folders.is_empty());
            assert!(pages >= sorted.len() / limit);
        }
        assert_eq!(all(&root, "a", true, 1).0, ["a/x.y/z", "a/x/y"]);
    }

    #[test]
    fn one_level_gives_files_and_folders() {
        let (_dir, root) = tree(&["a/b/c", "a/d", "a.txt", "z/y"]);
        for limit in [1, 2, 100] {
            let (objects, folders, _) = all(&root, "", false, limit);
            assert_eq!(objects, ["a.txt"]);
            assert_eq!(folders, ["a/", "z/"]);
        }
        let (objects, folders, _) = all(&root, "a", false, 100);
        assert_eq!((objects, folders), (vec!["a/d".to_owned()], vec!["a/b/".to_owned()]));
    }

    #[test]
    fn links_inside_are_followed_and_links_out_are_refused() {
        let (_outside, other) = tree(&["secret.csv", "deep/secret.csv"]);
        let (_dir, root) = tree(&["in/data.csv"]);
        std::os::unix::fs::symlink(other.join("secret.csv"), root.join("out.csv")).unwrap();
        std::os::unix::fs::symlink(&other, root.join("outdir")).unwrap();
        std::os::unix::fs::symlink(root.join("in"), root.join("alias")).unwrap();
        std::os::unix::fs::symlink(&root, root.join("in/loop")).unwrap();
        assert!(find(&root, "alias/data.csv").is_ok());
        for path in ["out.csv", "outdir/secret.csv", "in/loop/outdir/secret.csv"] {
            assert!(matches!(find(&root, path), Err(SourceError::Denied { .. })), "{path}");
        }
        let objects = all(&root, "", true, 3).0;
        assert!(objects.contains(&"alias/data.csv".to_owned()), "{objects:?}");
        assert!(!objects.iter().any(|o| o.starts_with("outdir/")), "{objects:?}");
    }

    #[test]
    fn a_missing_folder_is_an_error_and_an_empty_one_is_not() {
        let (_dir, root) = tree(&[]);
        assert_eq!(list(&root, "", true, None, 10).unwrap(), ListPage::default());
        assert!(matches!(list(&root, "no", true, None, 10), Err(SourceError::NotFound { .. })));
    }
}
