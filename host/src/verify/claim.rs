//! What a receipt says of one source and period.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::ingest::receipt::FileReceipt;

/// One period of a receipt, as `costhost run --json` prints it and the table `loads` keeps it. What is not checked is left out.
#[derive(Debug, Clone, Deserialize)]
pub struct Claim {
    /// Name in the lake.
    pub source: String,
    /// Its UUID.
    pub source_uuid: String,
    /// `YYYY-MM`.
    pub period: String,
    /// What happened: `loaded`, `summarized`, `unchanged`, `superseded` or `failed`.
    pub status: String,
    /// The delivery.
    pub revision: String,
    /// Identity of the load.
    pub load_id: String,
    /// Identity of its rows.
    pub rows_id: String,
    /// `id version`.
    pub plugin: String,
    /// SHA-256 of the component.
    pub plugin_digest: String,
    /// SHA-256 of the settings.
    pub settings_digest: String,
    /// Input files.
    pub files: Vec<FileReceipt>,
    /// Rows read; absent for periods that were left as they were.
    pub rows: Option<u64>,
    /// Rows and cells set aside.
    pub rejects: Option<u64>,
    /// Exact text by column and currency.
    pub totals: Option<BTreeMap<String, BTreeMap<String, String>>>,
    /// Tables that were committed.
    #[serde(default)]
    pub tables: Vec<ClaimedTable>,
}

/// A table of a claim.
#[derive(Debug, Clone, Deserialize)]
pub struct ClaimedTable {
    /// Its name.
    pub table: String,
    /// Its rows.
    pub rows: u64,
}

impl Claim {
    /// Whether the run says that this load is in the lake.
    pub fn says_loaded(&self) -> bool {
        matches!(self.status.as_str(), "loaded" | "summarized" | "unchanged")
    }
}

#[derive(Deserialize)]
struct Receipt {
    tenant: String,
    periods: Vec<Claim>,
}

/// The tenant and the claims of a run's receipt.
///
/// # Errors
/// When the text is no receipt.
pub fn claims_of(text: &str) -> Result<(String, Vec<Claim>), String> {
    let receipt: Receipt = serde_json::from_str(text)
        .map_err(|error| format!("it is not a receipt, as `costhost run --json` prints one: {error}"))?;
    Ok((receipt.tenant, receipt.periods))
}
