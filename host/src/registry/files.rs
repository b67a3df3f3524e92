//! Files of the store: private, whole or absent, and changed by one process at a time.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::error::RegistryError;

/// What names of files that are being written begin with.
const SCRATCH: &str = ".new-";

/// Writes a file beside its place, syncs it, renames it into place and syncs the folder: readers see the old one or the
/// new one, also after a power loss.
pub(super) fn write_atomically(path: &Path, bytes: &[u8], mode: u32) -> Result<(), RegistryError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let scratch = folder.join(format!("{SCRATCH}{:032x}", rand::random::<u128>()));
    let written = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&scratch)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&scratch, path)?;
        File::open(folder)?.sync_all()
    };
    written().map_err(|error| {
        let _ = fs::remove_file(&scratch);
        RegistryError::file("write", path)(error)
    })
}

/// Makes a folder that only its owner may enter, and those above it as they are usually made.
pub(super) fn private_folder(folder: &Path) -> Result<(), RegistryError> {
    let failed = |source| RegistryError::File { doing: "create", path: folder.to_owned(), source };
    if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map_err(failed),
    }
}

/// Reads a file that may not be longer than `most` bytes. `None` when there is none.
pub(super) fn read_bounded(path: &Path, most: u64) -> Result<Option<Vec<u8>>, RegistryError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(RegistryError::file("read", path))?,
    };
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(RegistryError::file("read", path))?;
    if bytes.len() as u64 > most {
        let problem = format!("it is longer than {most} bytes");
        return Err(RegistryError::Corrupt { path: path.to_owned(), problem });
    }
    Ok(Some(bytes))
}

/// Removes a file; one that is gone already is as good.
pub(super) fn remove(path: &Path) -> Result<(), RegistryError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(RegistryError::file("remove", path)),
    }
}

/// Held while the store is changed. Given back when dropped, also by a process that dies.
#[derive(Debug)]
pub(super) struct Exclusive(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] File);

/// Waits for the lock of a folder.
pub(super) fn lock(folder: &Path) -> Result<Exclusive, RegistryError> {
    let path = folder.join(".lock");
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.map_err(RegistryError::file("open", &path))?;
    file.lock().map_err(RegistryError::file("lock", &path))?;
    Ok(Exclusive(file))
}

/// Refuses a folder that someone else could put plugins into: it must belong to this user or to root, and nobody
/// else may write to it.
pub(super) fn check_private(folder: &Path) -> Result<(), RegistryError> {
    let untrusted = |problem: &str| RegistryError::Untrusted { path: folder.to_owned(), problem: problem.to_owned() };
    let meta = match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        // The store itself may be a link of its owner's; what it leads to is what counts.
        Ok(meta) if meta.is_symlink() => fs::metadata(folder).map_err(RegistryError::file("look at", folder))?,
        other => other.map_err(RegistryError::file("look at", folder))?,
    };
    if !meta.is_dir() {
        return Err(untrusted("it is not a folder"));
    }
    if meta.mode() & 0o022 != 0 {
        return Err(untrusted(
            "users other than its owner may write to it; `chmod go-w` it, after a look at what is in it",
        ));
    }
    if meta.uid() != 0 && Some(meta.uid()) != own_user() {
        return Err(untrusted("it belongs to another user"));
    }
    Ok(())
}

/// The user that this process runs as.
fn own_user() -> Option<u32> {
    fs::metadata("/proc/self").map(|meta| meta.uid()).ok().or_else(|| {
        // Elsewhere than on Linux a new file tells.
        let probe = std::env::temp_dir().join(format!("{SCRATCH}{:032x}", rand::random::<u128>()));
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&probe);
        let user = made.and_then(|file| file.metadata()).map(|meta| meta.uid()).ok();
        let _ = fs::remove_file(&probe);
        user
    })
}

/// Names in a folder that end like this, sorted, without the ending. None when there is no folder.
pub(super) fn names_in(folder: &Path, ending: &str) -> Result<Vec<String>, RegistryError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(RegistryError::file("list", folder))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(RegistryError::file("list", folder))?;
        if let Some(name) = entry.file_name().to_str().and_then(|name| name.strip_suffix(ending)) {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// A path that is told in messages and records: absolute where it can be.
pub(super) fn told(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path));
    path.display().to_string()
}
