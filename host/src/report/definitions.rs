//! The questions that plugins declare, kept in the lake so that asking them needs no plugin.

use serde::{Deserialize, Serialize};

use crate::lake::{Lake, LakeError};
use crate::plugin::manifest::{Manifest, ReportDefinition};

/// Name of the document, one per tenant and provider.
const DOCUMENT: &str = "reports";

/// What the document holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Published {
    /// The plugin that declared them, for people who look.
    plugin: String,
    reports: Vec<ReportDefinition>,
}

/// Writes a plugin's report definitions into the lake, where they differ from what is there.
///
/// # Errors
/// When the lake cannot be read or written.
pub async fn publish(lake: &Lake, tenant: &str, manifest: &Manifest) -> Result<(), LakeError> {
    let plugin = format!("{} {}", manifest.id, manifest.version);
    let ours = Published { plugin, reports: manifest.reports.clone() };
    if read(lake, tenant, &manifest.provider).await?.as_ref() == Some(&ours) {
        return Ok(());
    }
    // Plain structs of text: this cannot fail.
    let text = serde_json::to_vec_pretty(&ours).unwrap_or_default();
    lake.put_document(tenant, &manifest.provider, DOCUMENT, text.into()).await
}

/// The report definitions of a provider; none where no plugin has loaded anything yet.
///
/// # Errors
/// When the lake cannot be read.
pub async fn definitions(lake: &Lake, tenant: &str, provider: &str) -> Result<Vec<ReportDefinition>, LakeError> {
    Ok(read(lake, tenant, provider).await?.map(|published| published.reports).unwrap_or_default())
}

/// A document that cannot be understood, for example one of a later version, is as good as none: the next run writes it.
async fn read(lake: &Lake, tenant: &str, provider: &str) -> Result<Option<Published>, LakeError> {
    let bytes = lake.get_document(tenant, provider, DOCUMENT).await?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}
