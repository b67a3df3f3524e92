//! What plugins declare - the questions their tables answer, and what a database holds of them - kept in the lake, so that
//! asking and publishing need no plugin.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::lake::{Lake, LakeError};
use crate::plugin::manifest::{Manifest, ReportDefinition};
use crate::postgres::definition::DatabaseDefinition;

/// Name of the document, one per tenant and provider.
const DOCUMENT: &str = "declarations";

/// What the document holds: the declarations of each plugin that has loaded something, by plugin id.
type Published = BTreeMap<String, Declared>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Declared {
    /// Version of the plugin, for people who look.
    version: String,
    reports: Vec<ReportDefinition>,
    database: DatabaseDefinition,
}

/// Writes a plugin's declarations into the lake, where they differ from what is there.
///
/// # Errors
/// When the lake cannot be read or written.
pub async fn publish(lake: &Lake, tenant: &str, manifest: &Manifest) -> Result<(), LakeError> {
    let ours = Declared {
        version: manifest.version.clone(),
        reports: manifest.reports.clone(),
        database: DatabaseDefinition::of(manifest),
    };
    let mut published = read(lake, tenant, &manifest.provider).await?;
    if published.get(&manifest.id) == Some(&ours) {
        return Ok(());
    }
    published.insert(manifest.id.clone(), ours);
    // Plain structs of text: this cannot fail.
    let text = serde_json::to_vec_pretty(&published).unwrap_or_default();
    lake.put_document(tenant, &manifest.provider, DOCUMENT, text.into()).await
}

/// The report definitions of a provider; none where no plugin has loaded anything yet. Where two plugins declare a
/// report of one name, the first by plugin id counts.
///
/// # Errors
/// When the lake cannot be read.
pub async fn definitions(lake: &Lake, tenant: &str, provider: &str) -> Result<Vec<ReportDefinition>, LakeError> {
    let published = read(lake, tenant, provider).await?;
    Ok(published.into_values().flat_map(|declared| declared.reports).collect())
}

/// What databases hold of the plugins of a provider, by plugin id.
///
/// # Errors
/// When the lake cannot be read.
pub async fn databases(
    lake: &Lake,
    tenant: &str,
    provider: &str,
) -> Result<BTreeMap<String, DatabaseDefinition>, LakeError> {
    let published = read(lake, tenant, provider).await?;
    Ok(published.into_iter().map(|(plugin, declared)| (plugin, declared.database)).collect())
}

/// A document that cannot be understood, for example one of a later version, is as good as none: the next run writes it.
async fn read(lake: &Lake, tenant: &str, provider: &str) -> Result<Published, LakeError> {
    let bytes = lake.get_document(tenant, provider, DOCUMENT).await?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
}
