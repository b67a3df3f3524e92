//! The bucket lent to `discover`: a thin way from the contract to a [`Grant`].
//!
//! The grant does the scoping and the counting. A plugin cannot make a bucket; it holds one only while `discover` runs,
//! so no other duty can reach storage.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::Resource;

use crate::plugin::abi::v0_1::storage::{Host, HostBucket, Object, Page, Span, StorageError};
use crate::plugin::abi::v0_1::types;
use crate::plugin::state::State;
use crate::source::grant::{Grant, GrantError, ObjectInfo};

/// What a bucket handle stands for.
#[allow(unreachable_pub, reason = "the generated bindings export it again; no path outside this module leads to it")]
pub struct LentBucket {
    pub(in crate::plugin) grant: Arc<dyn Grant>,
}

impl From<GrantError> for StorageError {
    fn from(error: GrantError) -> Self {
        match error {
            GrantError::NotFound(_) => Self::NotFound,
            GrantError::Denied(text) => Self::Denied(text),
            GrantError::OverLimit(text) => Self::OverLimit(text),
            GrantError::Unavailable(text) => Self::Unavailable(text),
            GrantError::Corrupt(text) => Self::Corrupt(text),
        }
    }
}

impl From<ObjectInfo> for Object {
    fn from(info: ObjectInfo) -> Self {
        Self { path: info.path, size: info.size, modified: info.modified, etag: info.etag }
    }
}

impl State {
    /// Runs one call on the grant. The guest's budget stands still meanwhile: the grant has time limits of its own.
    fn lent<T>(
        &mut self,
        bucket: &Resource<LentBucket>,
        call: impl FnOnce(&dyn Grant) -> Result<T, GrantError>,
    ) -> wasmtime::Result<Result<T, StorageError>> {
        let grant = Arc::clone(&self.handles.get(bucket)?.grant);
        let started = Instant::now();
        let result = call(grant.as_ref());
        self.clock.pause(started.elapsed());
        Ok(result.map_err(StorageError::from))
    }
}

impl types::Host for State {}

impl Host for State {}

impl HostBucket for State {
    fn list(
        &mut self,
        bucket: Resource<LentBucket>,
        prefix: String,
        deep: bool,
        next: Option<String>,
    ) -> wasmtime::Result<Result<Page, StorageError>> {
        let page = self.lent(&bucket, |grant| grant.list(&prefix, deep, next.as_deref()))?;
        Ok(page.map(|page| Page {
            objects: page.objects.into_iter().map(Object::from).collect(),
            folders: page.folders,
            next: page.next,
        }))
    }

    fn stat(&mut self, bucket: Resource<LentBucket>, path: String) -> wasmtime::Result<Result<Object, StorageError>> {
        Ok(self.lent(&bucket, |grant| grant.stat(&path))?.map(Object::from))
    }

    fn read(
        &mut self,
        bucket: Resource<LentBucket>,
        path: String,
        span: Option<Span>,
    ) -> wasmtime::Result<Result<Vec<u8>, StorageError>> {
        let span = span.map(|span| span.offset..span.offset.saturating_add(span.length));
        Ok(self.lent(&bucket, |grant| grant.read(&path, span))?.map(Vec::from))
    }

    fn read_text(
        &mut self,
        bucket: Resource<LentBucket>,
        path: String,
    ) -> wasmtime::Result<Result<String, StorageError>> {
        self.lent(&bucket, |grant| grant.read_text(&path))
    }

    fn single(&mut self, bucket: Resource<LentBucket>) -> wasmtime::Result<Option<String>> {
        Ok(self.handles.get(&bucket)?.grant.single())
    }

    fn drop(&mut self, bucket: Resource<LentBucket>) -> wasmtime::Result<()> {
        self.handles.delete(bucket)?;
        Ok(())
    }
}
