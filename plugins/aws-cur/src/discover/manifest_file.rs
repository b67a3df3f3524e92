//! The manifests that AWS writes beside its reports, read liberally.
//!
//! CUR v1 lists `reportKeys`; CUR 2.0 lists `dataFiles`, as strings or as objects.

use costhost_sdk::calendar::Month;
use costhost_sdk::delivery::tree::file_name;
use serde_json::Value;

/// What a manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// Name of the report or export.
    pub(crate) report: String,
    /// Account that owns the report; empty when the manifest does not say.
    pub(crate) account: String,
    /// Assembly or execution id; empty when the manifest does not say.
    pub(crate) assembly: String,
    pub(crate) month: Month,
    pub(crate) finalized: bool,
    /// Columns, `category/name` or name, joined by commas.
    pub(crate) columns: String,
    /// `GZIP`, `ZIP`, `Parquet` or empty.
    pub(crate) compression: String,
    /// As written.
    pub(crate) keys: Vec<String>,
    /// Whether this is a CUR v1 manifest.
    pub(crate) first_version: bool,
}

/// Why a manifest is of no use: a code and a sentence.
pub(crate) type Unfit = (&'static str, String);

/// Whether an object is a manifest by its name.
pub(crate) fn is_manifest(path: &str) -> bool {
    file_name(path).to_ascii_lowercase().ends_with("manifest.json")
}

/// Reads a manifest.
///
/// # Errors
/// When it is not a manifest of a report, or has no period and no files.
pub(crate) fn parse(path: &str, text: &str) -> Result<Delivery, Unfit> {
    if text.trim().is_empty() {
        return Err(("manifest.empty", "the manifest is empty; deliver the report again".to_owned()));
    }
    let json: Value = serde_json::from_str(text).map_err(|error| {
        ("manifest.not-json", format!("the manifest is not JSON ({error}); deliver the report again"))
    })?;
    let text = |name: &str| json.get(name).and_then(Value::as_str).map(str::trim).unwrap_or_default().to_owned();
    let (keys, first_version) = keys(&json)?;
    let arn = text("exportArn");
    Ok(Delivery {
        report: first([text("reportName"), text("exportName"), from_file_name(path), export_of(&arn)]),
        account: first([text("account"), arn.split(':').nth(4).unwrap_or_default().to_owned()]),
        assembly: first([text("executionId"), text("assemblyId")]),
        month: month(&json, path)?,
        finalized: json.get("finalized").and_then(Value::as_bool).unwrap_or(false),
        columns: columns(&json),
        compression: first([text("compression"), text("contentType")]),
        keys,
        first_version,
    })
}

fn first<const N: usize>(texts: [String; N]) -> String {
    texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
}

fn from_file_name(path: &str) -> String {
    let name = file_name(path);
    let stem = name.len().checked_sub("manifest.json".len()).and_then(|end| name.get(..end)).unwrap_or_default();
    stem.trim_end_matches(['-', '_']).to_owned()
}

/// `arn:aws:bcm-data-exports:us-east-1:123456789012:export/name-<uuid>`
fn export_of(arn: &str) -> String {
    arn.rsplit_once('/').map_or(String::new(), |(_, name)| name.to_owned())
}

fn keys(json: &Value) -> Result<(Vec<String>, bool), Unfit> {
    let list = |name: &str| json.get(name).and_then(Value::as_array);
    let (name, files, first_version) = match (list("reportKeys"), list("dataFiles")) {
        (Some(keys), _) if !keys.is_empty() => ("reportKeys", keys, true),
        (_, Some(files)) => ("dataFiles", files, false),
        (Some(keys), None) => ("reportKeys", keys, true),
        (None, None) => {
            let message = "the manifest lists no files: it has neither `reportKeys` nor `dataFiles`; \
                           is it the manifest of a Cost and Usage Report?";
            return Err(("manifest.no-files", message.to_owned()));
        }
    };
    let of = |file: &Value| match file {
        Value::String(key) => Some(key.clone()),
        Value::Object(fields) => {
            ["s3Uri", "key", "s3uri", "path"].iter().find_map(|name| fields.get(*name)?.as_str()).map(str::to_owned)
        }
        _ => None,
    };
    let keys: Option<Vec<String>> = files.iter().map(of).collect();
    match keys {
        Some(keys) if !keys.is_empty() && keys.iter().all(|key| !key.trim().is_empty()) => Ok((keys, first_version)),
        Some(keys) if keys.is_empty() => {
            Err(("manifest.no-files", format!("`{name}` of the manifest is empty; deliver the report again")))
        }
        _ => Err(("manifest.bad-files", format!("`{name}` of the manifest holds something that is not a file's key"))),
    }
}

fn month(json: &Value, path: &str) -> Result<Month, Unfit> {
    let period = json.get("billingPeriod");
    let start = period.and_then(|period| period.as_str().or_else(|| period.get("start")?.as_str()));
    start.and_then(Month::of_timestamp).or_else(|| Month::of_path(path)).ok_or_else(|| {
        let message = "neither the manifest's `billingPeriod` nor its path says the month; \
                       put it below a folder such as BILLING_PERIOD=2025-01";
        ("manifest.no-period", message.to_owned())
    })
}

fn columns(json: &Value) -> String {
    let list = json.get("columns").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let name = |column: &Value| -> Option<String> {
        let name = column.as_str().or_else(|| column.get("name")?.as_str())?;
        let category = column.get("category").and_then(Value::as_str);
        Some(category.map_or_else(|| name.to_owned(), |category| format!("{category}/{name}")))
    };
    list.iter().filter_map(name).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_version_manifest_is_read() {
        let text = r#"{"assemblyId":"a1","account":"42","compression":"GZIP","reportName":"cur",
            "billingPeriod":{"start":"20250901T000000.000Z","end":"20251001T000000.000Z"},
            "columns":[{"category":"bill","name":"BillType"},{"name":"x"}],"reportKeys":["/p/cur-1.csv.gz"]}"#;
        let read = parse("cur-Manifest.json", text).unwrap();
        assert_eq!((read.report.as_str(), read.account.as_str(), read.assembly.as_str()), ("cur", "42", "a1"));
        assert_eq!((read.month, read.columns.as_str()), (Month::new(2025, 9).unwrap(), "bill/BillType,x"));
        assert!(read.first_version && !read.finalized);
    }

    #[test]
    fn data_files_are_strings_or_objects() {
        let path = "metadata/BILLING_PERIOD=2024-09/daily-Manifest.json";
        let text = r#"{"executionId":"e","exportArn":"arn:aws:bcm-data-exports:us-east-1:42:export/d-1",
            "dataFiles":["s3://b/data/1.parquet",{"s3Uri":"s3://b/data/2.parquet"},{"key":"data/3.parquet"}]}"#;
        let read = parse(path, text).unwrap();
        assert_eq!(read.keys, ["s3://b/data/1.parquet", "s3://b/data/2.parquet", "data/3.parquet"]);
        assert_eq!((read.report.as_str(), read.account.as_str()), ("daily", "42"));
        assert_eq!(read.month, Month::new(2024, 9).unwrap());
    }

    #[test]
    fn unfit_manifests_say_why() {
        let code = |text: &str| parse("x-Manifest.json", text).unwrap_err().0;
        assert_eq!(code("  "), "manifest.empty");
        assert_eq!(code("{\"a\":"), "manifest.not-json");
        assert_eq!(code("{}"), "manifest.no-files");
        assert_eq!(code("[1]"), "manifest.no-files");
        assert_eq!(code(r#"{"reportKeys":[]}"#), "manifest.no-files");
        assert_eq!(code(r#"{"dataFiles":[{"size":1}]}"#), "manifest.bad-files");
        assert_eq!(code(r#"{"reportKeys":["a.csv"]}"#), "manifest.no-period");
    }
}
