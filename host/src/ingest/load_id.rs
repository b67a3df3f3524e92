//! The identities of a load: everything that its rows, and everything that its summaries depend on, as digests.
//!
//! A plugin is a pure function of its input, so equal identities mean equal rows. That is what lets a second run do
//! nothing, two hosts race without harm, and a crash between two commits be finished by the next run. There are two, so
//! that other settings of summaries need no report to be read again.

use sha2::{Digest, Sha256};

use crate::plugin::FoundReport;
use crate::source::grant::ObjectInfo;

/// Raised when the host itself turns the same bytes into other rows than before: everything is then loaded anew.
const DATA_VERSION: u32 = 1;

/// What the normalized rows of a period depend on.
#[derive(Debug)]
pub struct RowsIdentity<'a> {
    /// Lake prefix of the organization.
    pub tenant: &'a str,
    /// The source's full name in the lake.
    pub source: &'a str,
    /// The delivery.
    pub report: &'a FoundReport,
    /// Its files as they are now, in the report's order.
    pub files: &'a [ObjectInfo],
    /// SHA-256 of the component.
    pub plugin_digest: &'a str,
    /// The settings as the plugin is given them for reading.
    pub settings: &'a str,
}

impl RowsIdentity<'_> {
    /// SHA-256 in hex over all parts, each with its length so that no two can run together.
    pub fn digest(&self) -> String {
        let mut parts = Parts(Sha256::new());
        parts.add(&format!("costhost rows {DATA_VERSION}"));
        parts.add(self.tenant);
        parts.add(self.source);
        parts.add(&self.report.revision);
        parts.add(&self.report.period.start.to_string());
        parts.add(&self.report.period.end.to_string());
        for (name, value) in &self.report.labels {
            parts.add(name);
            parts.add(value);
        }
        for file in &self.report.files {
            parts.add(&format!("{:?} {:?} {} {:?}", file.compression, file.form, file.dataset, file.rows));
        }
        for file in self.files {
            parts.add(&file.path);
            parts.add(&file.size.to_string());
            // Without an etag the time of change is the next best; with one, a mere touch is no change.
            let changed = file.etag.clone().unwrap_or_else(|| file.modified.to_string());
            parts.add(&changed);
        }
        parts.add(self.plugin_digest);
        parts.add(self.settings);
        hex(&parts.0.finalize())
    }
}

/// The identity of a whole load: of the rows it was made of, and of what its summaries depend on beside them.
///
/// `rows_id` is a [`RowsIdentity`]'s digest, `plugin_digest` of the component that summarizes, `settings` what it is given
/// for that.
pub fn load_id(rows_id: &str, source_uuid: uuid::Uuid, plugin_digest: &str, settings: &str) -> String {
    let mut parts = Parts(Sha256::new());
    parts.add(&format!("costhost load {DATA_VERSION}"));
    parts.add(rows_id);
    parts.add(&source_uuid.to_string());
    parts.add(plugin_digest);
    parts.add(settings);
    hex(&parts.0.finalize())
}

struct Parts(Sha256);

impl Parts {
    fn add(&mut self, part: &str) {
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part.as_bytes());
    }
}

/// SHA-256 of a text, in hex.
pub fn sha256_hex(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The id under which a source's billing period is known in summary rows: stable over every re-delivery, and small
/// enough to be exact in readers that only have doubles (53 bits).
pub fn bill_id(source_uuid: uuid::Uuid, period_start: i64) -> i64 {
    let digest = Sha256::digest(format!("{source_uuid}/{period_start}").as_bytes());
    let mut bytes = [0_u8; 8];
    bytes.iter_mut().zip(digest.iter()).for_each(|(to, from)| *to = *from);
    i64::from_be_bytes(bytes) & ((1 << 53) - 1)
}

/// A source's UUID when the operator names none: version 5 over tenant and name.
pub fn source_uuid(tenant: &str, source: &str) -> uuid::Uuid {
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, format!("costhost:{tenant}/{source}").as_bytes())
}
