//! What the store knows of a component, kept beside it.

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use crate::plugin::Plugin;

/// What a component said of itself when it was installed, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// SHA-256 of the component.
    pub digest: Digest,
    /// Its size.
    pub bytes: u64,
    /// The plugin's id.
    pub name: String,
    /// Its semantic version.
    pub version: String,
    /// For people.
    pub title: String,
    /// Whose reports it reads, such as `aws`.
    pub provider: String,
    /// Interfaces it imports.
    pub imports: Vec<String>,
    /// Tables it fills.
    pub tables: Vec<String>,
    /// Where it came from: a path, a URL or a repository, without credentials.
    pub origin: String,
    /// When it was installed, RFC 3339 UTC.
    pub installed: String,
    /// Who signed it, where a configured key says so. Looked at again whenever the plugin is loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<SignedBy>,
}

/// Which key a signature was checked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedBy {
    /// `minisign` or `ecdsa-p256-sha256`.
    pub format: String,
    /// How the key is called: the file it was read from.
    pub key: String,
    /// The first 16 digits of the SHA-256 of the public key.
    pub fingerprint: String,
}

impl Record {
    /// Where others can get it too: a URL or a repository, not a file of this machine.
    pub fn public_origin(&self) -> Option<&str> {
        let public = ["https://", "oci://"].iter().any(|scheme| self.origin.starts_with(scheme));
        public.then_some(self.origin.as_str())
    }

    /// The record of a plugin that was loaded from `bytes` bytes.
    pub(super) fn new(plugin: &Plugin, digest: Digest, bytes: u64, origin: String, signed: Option<SignedBy>) -> Self {
        let manifest = plugin.manifest();
        Self {
            digest,
            bytes,
            name: manifest.id.clone(),
            version: manifest.version.clone(),
            title: manifest.title.clone(),
            provider: manifest.provider.clone(),
            imports: plugin.imports(),
            tables: manifest.tables.iter().map(|table| table.name.clone()).collect(),
            origin,
            installed: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            signed,
        }
    }
}
