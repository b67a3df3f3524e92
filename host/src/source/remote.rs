//! Objects of a bucket: listing by pages, facts of an object, and reading a span of one revision of it.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use object_store::list::PaginatedListOptions;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore};

use super::error::SourceError;
use super::grant::{ListPage, ObjectInfo};
use super::store::{Kind, Location};

/// How often a span is fetched before it counts as unreachable; the store library retries each request besides.
const ATTEMPTS: u32 = 4;

/// One page of what lies below `inner` (checked, without a trailing `/`).
pub(super) async fn list(
    location: &Location,
    inner: &str,
    deep: bool,
    next: Option<&str>,
    limit: usize,
) -> Result<ListPage, SourceError> {
    let Kind::Remote { lister, .. } = &location.kind else { return Ok(ListPage::default()) };
    let root = if location.prefix.is_root() { String::new() } else { format!("{}/", location.prefix) };
    let prefix = if inner.is_empty() { root.clone() } else { format!("{root}{inner}/") };
    let place = if inner.is_empty() { location.url.clone() } else { location.place(inner) };
    let options = PaginatedListOptions {
        delimiter: (!deep).then_some("/".into()),
        max_keys: Some(limit),
        page_token: next.map(str::to_owned),
        ..PaginatedListOptions::default()
    };
    let answer = lister
        .list_paginated((!prefix.is_empty()).then_some(prefix.as_str()), options)
        .await
        .map_err(|e| missing_bucket(location, SourceError::from_store(&*place, "listing", location.variables(), &e)))?;
    let below = |path: &Path| path.as_ref().strip_prefix(root.as_str()).map(str::to_owned);
    // Stores keep an object named like the folder itself, as a mark that the folder exists.
    let mut objects: Vec<ObjectInfo> = answer
        .result
        .objects
        .iter()
        .filter(|o| o.location.as_ref().len() > prefix.len())
        .filter_map(|o| Some(describe(below(&o.location)?, o)))
        .collect();
    let mut folders: Vec<String> =
        answer.result.common_prefixes.iter().filter_map(|p| Some(format!("{}/", below(p)?))).collect();
    objects.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    folders.sort_unstable();
    drop_folder_marks(&mut objects, &folders);
    Ok(ListPage { objects, folders, next: answer.page_token })
}

/// Drops empty objects that are followed by objects below them: marks of folders, whose names ended in `/`.
fn drop_folder_marks(objects: &mut Vec<ObjectInfo>, folders: &[String]) {
    let is_mark = |path: &str, rest: &[ObjectInfo]| {
        let folder = format!("{path}/");
        folders.contains(&folder) || rest.iter().any(|o| o.path.starts_with(&folder))
    };
    let marks: Vec<bool> = objects
        .iter()
        .enumerate()
        .map(|(i, o)| o.size == 0 && is_mark(&o.path, objects.get(i + 1..).unwrap_or_default()))
        .collect();
    let mut marks = marks.into_iter();
    objects.retain(|_| !marks.next().unwrap_or(false));
}

/// In a listing nothing but the bucket can be missing.
fn missing_bucket(location: &Location, error: SourceError) -> SourceError {
    match error {
        SourceError::NotFound { operation, .. } => {
            let bucket = location.url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
            SourceError::NotFound { place: format!("the bucket {bucket}"), operation }
        }
        other => other,
    }
}

/// Facts of one object; its path is the whole key.
pub(super) async fn head(location: &Location, key: &Path) -> Result<ObjectInfo, SourceError> {
    let options = GetOptions { head: true, ..GetOptions::default() };
    let answer =
        location.store.get_opts(key, options).await.map_err(|e| failed(location, key, "looking for it", &e))?;
    Ok(describe(key.to_string(), &answer.meta))
}

fn describe(path: String, meta: &ObjectMeta) -> ObjectInfo {
    ObjectInfo { path, size: meta.size, modified: meta.last_modified.timestamp(), etag: meta.e_tag.clone() }
}

/// One revision of an object, of which spans are read.
#[derive(Debug, Clone)]
pub(super) struct Pinned {
    pub(super) location: Location,
    pub(super) key: Path,
    /// What messages call it.
    pub(super) place: String,
    /// Bytes.
    pub(super) size: u64,
    pub(super) etag: Option<String>,
}

impl Pinned {
    /// A span of the object, whole. Broken connections are taken up again.
    ///
    /// # Errors
    /// The object has changed since it was pinned, or cannot be read.
    pub(super) async fn fetch(&self, span: Range<u64>) -> Result<Bytes, SourceError> {
        let mut attempt = 1;
        loop {
            match self.fetch_once(span.clone()).await {
                Err(error) if error.is_transient() && attempt < ATTEMPTS => {
                    tracing::debug!(place = %self.place, offset = span.start, attempt, %error, "reading again");
                    tokio::time::sleep(Duration::from_millis(100 << attempt)).await;
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    async fn fetch_once(&self, span: Range<u64>) -> Result<Bytes, SourceError> {
        let options = GetOptions {
            if_match: self.etag.clone(),
            range: Some(GetRange::Bounded(span.clone())),
            ..GetOptions::default()
        };
        let failed = |e: object_store::Error| failed(&self.location, &self.key, "reading", &e);
        let answer = self.location.store.get_opts(&self.key, options).await.map_err(failed)?;
        // Not every server honours `If-Match` on reads.
        let same_tag = self.etag.is_none() || answer.meta.e_tag.is_none() || answer.meta.e_tag == self.etag;
        if !same_tag || answer.meta.size != self.size {
            return Err(SourceError::Changed { place: self.place.clone() });
        }
        let bytes = answer.bytes().await.map_err(failed)?;
        if bytes.len() as u64 == span.end - span.start {
            return Ok(bytes);
        }
        Err(SourceError::Unavailable {
            place: self.place.clone(),
            operation: "reading",
            detail: format!(
                "the store sent {} of {} bytes from byte {}",
                bytes.len(),
                span.end - span.start,
                span.start
            ),
        })
    }
}

fn failed(location: &Location, key: &Path, operation: &'static str, error: &object_store::Error) -> SourceError {
    let bucket = location.url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    SourceError::from_store(format!("{bucket}/{key}"), operation, location.variables(), error)
}
