//! What lies at a [`Location`]: whether it is a folder or one object, and the facts of its objects.

use std::path::PathBuf;

use object_store::path::Path;

use super::error::SourceError;
use super::grant::{ListPage, ObjectInfo};
use super::store::{Kind, Location};
use super::{local, remote, scope};

impl Location {
    /// Looks at what is there: a folder, a prefix with objects below it, or one object. In the last case the
    /// location becomes the object's folder, narrowed to that object.
    ///
    /// # Errors
    /// Nothing is there, or it cannot be looked at.
    pub async fn resolve(self) -> Result<Self, SourceError> {
        if self.single.is_some() {
            return Ok(self);
        }
        match &self.kind {
            Kind::Local(path) => {
                let metadata = std::fs::metadata(path)
                    .map_err(|e| SourceError::from_io(&*self.url, "looking for the source", &e))?;
                if metadata.is_dir() { Ok(self) } else { self.narrow() }
            }
            Kind::Remote { folder, .. } => {
                let page = remote::list(&self, "", true, None, 1).await?;
                if !page.objects.is_empty() || self.prefix.is_root() {
                    return Ok(self);
                }
                if *folder {
                    return Err(SourceError::NotFound {
                        place: format!("{}/", self.url),
                        operation: "looking for the source",
                    });
                }
                remote::head(&self, &self.prefix).await?;
                self.narrow()
            }
        }
    }

    /// The location of the object's folder, narrowed to the object.
    fn narrow(mut self) -> Result<Self, SourceError> {
        let missing = || SourceError::NotFound { place: self.url.clone(), operation: "looking for the source" };
        let name = self.url.rsplit('/').next().map(str::to_owned).ok_or_else(missing)?;
        if let Kind::Local(path) = &mut self.kind {
            *path = path.parent().map(PathBuf::from).unwrap_or_default();
        }
        let parent = self.prefix.parts().count().saturating_sub(1);
        let parts: Vec<_> = self.prefix.parts().take(parent).map(|p| p.as_ref().to_owned()).collect();
        self.prefix = Path::parse(parts.join("/"))
            .map_err(|e| SourceError::Address { text: self.url.clone(), problem: e.to_string() })?;
        self.url.truncate(self.url.len() - name.len() - 1);
        self.single = Some(name);
        Ok(self)
    }

    /// The name of the only object it covers, after [`Location::resolve`].
    pub fn single(&self) -> Option<&str> {
        self.single.as_deref()
    }

    /// Whether it lies on the local file system.
    pub fn is_local(&self) -> bool {
        matches!(self.kind, Kind::Local(_))
    }

    /// What messages call an object below it.
    pub fn place(&self, path: &str) -> String {
        format!("{}/{path}", self.url.trim_end_matches('/'))
    }

    /// Size, time and tag of one object.
    ///
    /// # Errors
    /// The path leads out of the location, there is no such object, or the store does not tell.
    pub async fn stat(&self, path: &str) -> Result<ObjectInfo, SourceError> {
        if let Some(file) = self.local_file(path)? {
            return stat_local(&file, path);
        }
        let mut found = remote::head(self, &self.object_path(path)?).await?;
        path.clone_into(&mut found.path);
        Ok(found)
    }

    /// One page of what lies below `prefix`, at most `limit` names.
    pub(super) async fn list(
        &self,
        prefix: &str,
        deep: bool,
        next: Option<&str>,
        limit: usize,
    ) -> Result<ListPage, SourceError> {
        let inner = scope::check_prefix(&self.url, prefix)?;
        if let Some(single) = &self.single {
            let objects = if inner.is_empty() && next.is_none() { vec![self.stat(single).await?] } else { Vec::new() };
            return Ok(ListPage { objects, ..ListPage::default() });
        }
        match &self.kind {
            Kind::Local(root) => local::list(root, inner, deep, next, limit),
            Kind::Remote { .. } => remote::list(self, inner, deep, next, limit).await,
        }
    }

    /// The local file behind a path, links resolved; `None` in object stores.
    pub(super) fn local_file(&self, path: &str) -> Result<Option<PathBuf>, SourceError> {
        self.check(path)?;
        let Kind::Local(root) = &self.kind else { return Ok(None) };
        // The operator named this very file, so a link may lead wherever it leads.
        if self.single.is_some() {
            return Ok(Some(root.join(path)));
        }
        local::find(root, path).map(Some)
    }

    /// The key of an object in the store.
    pub(super) fn object_path(&self, path: &str) -> Result<Path, SourceError> {
        self.check(path)?;
        let key = if self.prefix.is_root() { path.to_owned() } else { format!("{}/{path}", self.prefix) };
        Path::parse(key).map_err(|_| scope::outside(&self.url, path))
    }

    fn check(&self, path: &str) -> Result<(), SourceError> {
        scope::check_path(&self.url, path)?;
        match &self.single {
            Some(single) if single != path => Err(scope::outside(&self.place(single), path)),
            _ => Ok(()),
        }
    }

    /// The environment variables that hold its credentials, for messages.
    pub(super) fn variables(&self) -> &'static str {
        match &self.kind {
            Kind::Local(_) => "",
            Kind::Remote { scheme, .. } => scheme.variables(),
        }
    }
}

fn stat_local(file: &std::path::Path, path: &str) -> Result<ObjectInfo, SourceError> {
    let place = file.display().to_string();
    let metadata = std::fs::metadata(file).map_err(|e| SourceError::from_io(&*place, "looking at the file", &e))?;
    if metadata.is_file() {
        Ok(local::describe(path.to_owned(), &metadata))
    } else {
        Err(SourceError::NotFound { place, operation: "looking for a file" })
    }
}
