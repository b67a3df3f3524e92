//! A fixture folder as a grant whose facts are the same on every machine: times are one moment, tags are digests.
//!
//! What a checkout does to files (their times, their inodes) must not reach what a plugin finds, or no golden output
//! could be compared.

use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::source::grant::{Grant, GrantError, ListPage, ObjectInfo};

/// When every fixture is said to have been delivered: 2025-12-31, before the time of the case.
const DELIVERED: i64 = 1_767_139_200;

/// A grant with fixed facts, whose listings come in pages of a chosen size.
pub(super) struct FixtureGrant {
    inner: Arc<dyn Grant>,
    page: usize,
}

impl FixtureGrant {
    /// Over a grant of the fixture's folder.
    pub(super) fn new(inner: Arc<dyn Grant>, page: usize) -> Self {
        Self { inner, page: page.max(1) }
    }

    fn fixed(&self, object: ObjectInfo) -> Result<ObjectInfo, GrantError> {
        let digest = Sha256::digest(self.inner.read(&object.path, None)?);
        let tag = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(ObjectInfo { modified: DELIVERED, etag: Some(tag), ..object })
    }
}

impl Grant for FixtureGrant {
    fn list(&self, prefix: &str, deep: bool, next: Option<&str>) -> Result<ListPage, GrantError> {
        let (mut objects, mut folders, mut at) = (Vec::new(), Vec::new(), None);
        loop {
            let page = self.inner.list(prefix, deep, at.as_deref())?;
            objects.extend(page.objects);
            folders.extend(page.folders);
            at = page.next;
            if at.is_none() {
                break;
            }
        }
        let mut names: Vec<(String, Option<ObjectInfo>)> =
            objects.into_iter().map(|object| (object.path.clone(), Some(object))).collect();
        names.extend(folders.into_iter().map(|folder| (folder, None)));
        names.sort_by(|a, b| a.0.cmp(&b.0));
        names.retain(|(name, _)| next.is_none_or(|next| name.as_str() >= next));
        let mut page = ListPage { next: names.get(self.page).map(|(name, _)| name.clone()), ..ListPage::default() };
        for (name, object) in names.into_iter().take(self.page) {
            match object {
                Some(object) => page.objects.push(self.fixed(object)?),
                None => page.folders.push(name),
            }
        }
        Ok(page)
    }

    fn stat(&self, path: &str) -> Result<ObjectInfo, GrantError> {
        self.fixed(self.inner.stat(path)?)
    }

    fn read(&self, path: &str, span: Option<std::ops::Range<u64>>) -> Result<Bytes, GrantError> {
        self.inner.read(path, span)
    }

    fn read_text(&self, path: &str) -> Result<String, GrantError> {
        self.inner.read_text(path)
    }

    fn single(&self) -> Option<String> {
        self.inner.single()
    }
}
