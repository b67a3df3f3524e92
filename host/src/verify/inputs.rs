//! Input files as they are now, against the sizes and etags they were read under.

use super::{Claim, Verification};
use crate::source::error::SourceError;
use crate::source::store::{self, StoreOptions};

/// Looks at every file of a claim where it was read, and reads none.
///
/// # Errors
/// When the place cannot be reached. A file that is gone is a finding.
pub async fn check_inputs(claim: &Claim, location: &str, result: &mut Verification) -> Result<(), SourceError> {
    let location = store::open(location, &StoreOptions::default())?.resolve().await?;
    for file in &claim.files {
        let what = format!("input {}", file.path);
        let said = told(file.bytes, file.etag.as_deref());
        match location.stat(&file.path).await {
            Ok(now) => result.equal(&what, &said, &told(now.size, now.etag.as_deref())),
            Err(SourceError::NotFound { .. }) => result.equal(&what, &said, "gone"),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn told(bytes: u64, etag: Option<&str>) -> String {
    let etag = etag.map(|etag| format!(", etag {etag}")).unwrap_or_default();
    format!("{bytes} bytes{etag}")
}
