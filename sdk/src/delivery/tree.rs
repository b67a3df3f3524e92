//! Folders of the grant, each listed at most once.
//!
//! Invariant: the number of listings grows with the folders looked at, never with the objects in them.

use crate::storage::{Object, Page, Storage, StorageError};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// One level of the grant: objects and folders by full path.
#[derive(Debug, Default)]
pub struct Level {
    /// By path.
    pub objects: BTreeMap<String, Object>,
    /// Each ends in `/`.
    pub folders: Vec<String>,
}

impl From<Page> for Level {
    fn from(page: Page) -> Level {
        let objects = page.objects.into_iter().map(|object| (object.path.clone(), object)).collect();
        Level { objects, folders: page.folders }
    }
}

/// The grant, with a memory of what was listed.
pub struct Tree<'a> {
    /// The grant.
    pub storage: &'a dyn Storage,
    levels: RefCell<BTreeMap<String, Rc<Level>>>,
}

impl<'a> Tree<'a> {
    /// With no memory yet.
    #[must_use]
    pub fn new(storage: &'a dyn Storage) -> Tree<'a> {
        Tree { storage, levels: RefCell::default() }
    }

    /// What lies directly below `folder` (empty, or ending in `/`).
    ///
    /// # Errors
    /// When it cannot be listed.
    pub fn level(&self, folder: &str) -> Result<Rc<Level>, StorageError> {
        if let Some(level) = self.levels.borrow().get(folder) {
            return Ok(Rc::clone(level));
        }
        let level = Rc::new(Level::from(self.storage.list_all(folder, false)?));
        self.levels.borrow_mut().insert(folder.to_owned(), Rc::clone(&level));
        Ok(level)
    }

    /// The object at `path`, if there is one. Folders are entered only where their parent lists them.
    ///
    /// # Errors
    /// When a folder cannot be listed.
    pub fn find(&self, path: &str) -> Result<Option<Object>, StorageError> {
        let mut folder = String::new();
        loop {
            let level = self.level(&folder)?;
            let Some(slash) = path.get(folder.len()..).and_then(|rest| rest.find('/')) else {
                return Ok(level.objects.get(path).cloned());
            };
            let next = path.get(..=folder.len() + slash).unwrap_or_default();
            if !level.folders.iter().any(|known| known == next) {
                return Ok(None);
            }
            next.clone_into(&mut folder);
        }
    }
}

/// A listing or reading error as a sentence.
#[must_use]
pub fn told(error: &StorageError) -> String {
    match error {
        StorageError::NotFound => "it does not exist".to_owned(),
        StorageError::Denied(why) => format!("access is denied: {why}"),
        StorageError::OverLimit(why) => format!("it is over a limit: {why}"),
        StorageError::Unavailable(why) => format!("it is unavailable: {why}"),
        StorageError::Corrupt(why) => format!("it cannot be read: {why}"),
    }
}

/// The last part of a path.
#[must_use]
pub fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The folder that a path lies in: empty, or ending in `/`.
#[must_use]
pub fn folder(path: &str) -> &str {
    path.get(..path.len() - file_name(path).len()).unwrap_or_default()
}
