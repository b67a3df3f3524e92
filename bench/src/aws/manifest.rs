//! `<report>-Manifest.json`: what a delivery consists of.

use serde_json::{Value, json};

use super::bucket::{Compression, Headers, Settings};
use super::columns::Column;
use super::month::Month;
use crate::random::{hex, seed_of, uuid};

/// The manifest of a delivery.
pub(super) fn manifest(settings: &Settings, month: Month, assembly: &str, keys: &[String]) -> Value {
    let columns: Vec<Value> = Column::ALL
        .iter()
        .map(|column| match settings.headers {
            Headers::Slash => {
                json!({"category": column.category(), "name": column.column(), "type": column.kind().name()})
            }
            // The name without its category, as reports made for Athena spell it.
            Headers::Underscored => {
                let (category, name) = (underscored_category(*column), column.underscored());
                let name = name.strip_prefix(&format!("{category}_")).unwrap_or(&name).to_owned();
                json!({"category": category, "name": name, "type": column.kind().name()})
            }
        })
        .collect();
    let time = |month: Month| format!("{}T000000.000Z", month.compact());
    json!({
        "assemblyId": assembly,
        "account": super::bucket::payer(settings),
        "columns": columns,
        "charset": "UTF-8",
        "compression": match settings.compression {
            Compression::Gzip => "GZIP",
            Compression::Zip => "ZIP",
            Compression::None => "NONE",
        },
        "contentType": "text/csv",
        "reportId": hex(settings.seed, 4),
        "reportName": settings.report,
        "billingPeriod": {"start": time(month), "end": time(month.next())},
        "bucket": settings.bucket,
        "reportKeys": keys,
        "additionalArtifactKeys": [],
    })
}

fn underscored_category(column: Column) -> String {
    column.category().chars().fold(String::new(), |mut name, c| {
        if c.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
        name
    })
}

/// A delivery's assembly id: the same for the same settings, month and revision.
pub(super) fn assembly_id(seed: u64, report: &str, month: Month, revision: u64) -> String {
    let name = report.bytes().fold(0_u64, |hash, b| seed_of(&[hash, u64::from(b)]));
    uuid(&[seed, name, month.first_day().unsigned_abs(), revision])
}
