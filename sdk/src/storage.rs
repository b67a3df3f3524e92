//! What a plugin reads during discovery.
//!
//! [`Storage`] is implemented by the bucket that the host lends and, for tests, by a folder on disk
//! ([`crate::testing::DirStorage`]).

pub use crate::contract::{Object, Page, Span, StorageError};

use crate::bindings::costhost::provider::storage::Bucket;

/// Objects below the prefix that the operator granted.
pub trait Storage {
    /// One page of what lies below `prefix` (empty, or ending in `/`): one level, or every level when `deep`.
    ///
    /// # Errors
    /// When the prefix cannot be listed.
    fn list(&self, prefix: &str, deep: bool, next: Option<&str>) -> Result<Page, StorageError>;

    /// One object's size, time and etag.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when there is none.
    fn stat(&self, path: &str) -> Result<Object, StorageError>;

    /// A whole small object, or a span of any object. Not decompressed. A span that reaches past the end is cut there.
    ///
    /// # Errors
    /// When it is absent, too large, or cannot be read.
    fn read(&self, path: &str, span: Option<Span>) -> Result<Vec<u8>, StorageError>;

    /// A whole small object as text: `.gz` decompressed, byte order mark removed.
    ///
    /// # Errors
    /// When it is absent, too large, or not text.
    fn read_text(&self, path: &str) -> Result<String, StorageError>;

    /// The object's path, when the grant names one object instead of a prefix.
    fn single(&self) -> Option<String>;

    /// Everything below `prefix`, page after page, as one page.
    ///
    /// # Errors
    /// When a page cannot be listed.
    fn list_all(&self, prefix: &str, deep: bool) -> Result<Page, StorageError> {
        let mut all = self.list(prefix, deep, None)?;
        while let Some(next) = all.next.take() {
            let page = self.list(prefix, deep, Some(&next))?;
            all.objects.extend(page.objects);
            all.folders.extend(page.folders);
            all.next = page.next;
        }
        Ok(all)
    }
}

impl Storage for Bucket {
    fn list(&self, prefix: &str, deep: bool, next: Option<&str>) -> Result<Page, StorageError> {
        Bucket::list(self, prefix, deep, next)
    }

    fn stat(&self, path: &str) -> Result<Object, StorageError> {
        Bucket::stat(self, path)
    }

    fn read(&self, path: &str, span: Option<Span>) -> Result<Vec<u8>, StorageError> {
        Bucket::read(self, path, span)
    }

    fn read_text(&self, path: &str) -> Result<String, StorageError> {
        Bucket::read_text(self, path)
    }

    fn single(&self) -> Option<String> {
        Bucket::single(self)
    }
}
