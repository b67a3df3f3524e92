//! For plugins' native tests: a folder on disk in place of the bucket that a host would lend, and parts that share their
//! states as a host lets them.

use crate::contract::Failure;
use crate::plugin::Accumulate;
use crate::storage::{Object, Page, Span, Storage, StorageError};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Lets accumulators keep a share each and give away the others, as a host does with the parts of a unit. Completed and
/// pulled in this order they make what one accumulator makes of all rows.
///
/// # Errors
/// When a state cannot be saved or merged.
pub fn share<A: Accumulate>(parts: &mut [A]) -> Result<(), Failure> {
    let shares = u32::try_from(parts.len()).unwrap_or(u32::MAX);
    let mut given = Vec::new();
    for (own, part) in (0..shares).zip(parts.iter_mut()) {
        for share in (0..shares).filter(|share| *share != own) {
            while let Some(piece) = part.save_share(share, shares)? {
                given.push((share, piece));
            }
        }
    }
    for (own, part) in (0..shares).zip(parts) {
        given.iter().filter(|(share, _)| *share == own).try_for_each(|(_, piece)| part.merge(piece))?;
    }
    Ok(())
}

/// A folder, or one file of a folder, seen as a granted prefix.
///
/// It does not decompress: [`Storage::read_text`] of a `.gz` object is [`StorageError::Corrupt`].
#[derive(Debug, Clone)]
pub struct DirStorage {
    root: PathBuf,
    single: Option<String>,
    page: usize,
}

impl DirStorage {
    /// The folder `root`.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> DirStorage {
        DirStorage { root: root.into(), single: None, page: 1000 }
    }

    /// Only `file` of the folder `root`.
    #[must_use]
    pub fn single(root: impl Into<PathBuf>, file: &str) -> DirStorage {
        DirStorage { root: root.into(), single: Some(file.to_owned()), page: 1000 }
    }

    /// With pages of `entries`, to see that paging is done.
    #[must_use]
    pub fn paged(mut self, entries: usize) -> DirStorage {
        self.page = entries.max(1);
        self
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn full(&self, path: &str) -> Result<PathBuf, StorageError> {
        if path.split('/').any(|part| part == "..") || path.starts_with('/') {
            return Err(StorageError::Denied(format!("{path} lies outside the granted prefix")));
        }
        Ok(self.root.join(path))
    }

    fn walk(&self, folder: &str, deep: bool, objects: &mut Vec<String>, folders: &mut Vec<String>) {
        let Ok(entries) = fs::read_dir(self.root.join(folder)) else { return };
        for entry in entries.flatten() {
            let name = format!("{folder}{}", entry.file_name().to_string_lossy());
            if !entry.path().is_dir() {
                objects.push(name);
            } else if deep {
                self.walk(&format!("{name}/"), deep, objects, folders);
            } else {
                folders.push(format!("{name}/"));
            }
        }
    }
}

impl Storage for DirStorage {
    fn list(&self, prefix: &str, deep: bool, next: Option<&str>) -> Result<Page, StorageError> {
        let (mut objects, mut folders) = (Vec::new(), Vec::new());
        self.full(prefix)?;
        self.walk(prefix, deep, &mut objects, &mut folders);
        let mut names: Vec<String> = objects.into_iter().chain(folders).collect();
        names.retain(|name| self.single.as_ref().is_none_or(|single| single == name));
        names.sort();
        let rest: Vec<String> =
            names.into_iter().filter(|name| next.is_none_or(|next| name.as_str() >= next)).collect();
        let mut page = Page { objects: Vec::new(), folders: Vec::new(), next: rest.get(self.page).cloned() };
        for name in rest.into_iter().take(self.page) {
            if name.ends_with('/') { page.folders.push(name) } else { page.objects.push(self.stat(&name)?) }
        }
        Ok(page)
    }

    fn stat(&self, path: &str) -> Result<Object, StorageError> {
        let file = fs::metadata(self.full(path)?).map_err(|error| from_io(&error))?;
        if !file.is_file() {
            return Err(StorageError::NotFound);
        }
        let modified = file.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Ok(Object {
            path: path.to_owned(),
            size: file.len(),
            modified: modified.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX)),
            etag: None,
        })
    }

    fn read(&self, path: &str, span: Option<Span>) -> Result<Vec<u8>, StorageError> {
        let bytes = fs::read(self.full(path)?).map_err(|error| from_io(&error))?;
        let Some(span) = span else { return Ok(bytes) };
        let skip = usize::try_from(span.offset).unwrap_or(usize::MAX);
        let take = usize::try_from(span.length).unwrap_or(usize::MAX);
        Ok(bytes.into_iter().skip(skip).take(take).collect())
    }

    fn read_text(&self, path: &str) -> Result<String, StorageError> {
        if Path::new(path).extension().is_some_and(|end| end == "gz") {
            return Err(StorageError::Corrupt("a folder in tests does not decompress".to_owned()));
        }
        let bytes = self.read(path, None)?;
        let text = String::from_utf8(bytes).map_err(|error| StorageError::Corrupt(error.to_string()))?;
        Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
    }

    fn single(&self) -> Option<String> {
        self.single.clone()
    }
}

fn from_io(error: &std::io::Error) -> StorageError {
    match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::IsADirectory => StorageError::NotFound,
        std::io::ErrorKind::PermissionDenied => StorageError::Denied(error.to_string()),
        _ => StorageError::Unavailable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_listed_in_pages_and_read_in_spans() {
        let source = DirStorage::new(Path::new(env!("CARGO_MANIFEST_DIR"))).paged(1);
        let level = source.list_all("", false).unwrap();
        assert!(level.folders.contains(&"src/".to_owned()) && level.next.is_none());
        assert!(level.objects.iter().any(|object| object.path == "Cargo.toml" && object.size > 0));
        let deep = source.list_all("src/", true).unwrap();
        assert!(deep.folders.is_empty() && deep.objects.iter().any(|object| object.path == "src/lib.rs"));
        assert_eq!(source.read("Cargo.toml", Some(Span { offset: 1, length: 7 })).unwrap(), b"package");
        assert_eq!(source.stat("src"), Err(StorageError::NotFound));
        assert!(matches!(source.read("../Cargo.toml", None), Err(StorageError::Denied(_))));
        let single = DirStorage::single(source.root(), "Cargo.toml");
        assert_eq!(single.list_all("", false).unwrap().objects.len(), 1);
    }
}
