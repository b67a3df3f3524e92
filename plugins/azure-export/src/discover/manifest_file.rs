//! The manifests that Azure writes beside the files of a run, read liberally.
//!
//! The version of 2024-04-01 says of which export and days a run is, and of each blob its bytes and rows. Earlier ones say
//! less: what they leave out is told by the path.

use super::span::Span;
use crate::metric::Metric;
use costhost_sdk::delivery::tree::file_name;
use costhost_sdk::time;
use serde_json::Value;

const DAY_MICROS: i64 = 86_400_000_000;

/// What a manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) kind: Kind,
    pub(crate) export: String,
    /// The export's resource id, which says whose it is.
    pub(crate) scope: String,
    pub(crate) data_version: String,
    pub(crate) run: String,
    /// Seconds since the epoch.
    pub(crate) submitted: Option<i64>,
    pub(crate) span: Option<Span>,
    /// Words for the form of its blobs, such as `Csv gzip`.
    pub(crate) form: String,
    pub(crate) blobs: Vec<Blob>,
}

/// A file of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blob {
    /// Path within the container.
    pub(crate) name: String,
    pub(crate) bytes: Option<u64>,
    pub(crate) rows: Option<u64>,
}

/// What is exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Cost and usage details; which, if the manifest says it.
    Costs(Option<Metric>),
    /// FOCUS, which has a plugin of its own.
    Focus,
    /// Something without costs, such as a price sheet, by its type.
    Other(String),
}

/// Why a manifest is of no use: a code and a sentence.
pub(crate) type Unfit = (&'static str, String);

/// Whether an object is a manifest by its name.
pub(crate) fn is_manifest(path: &str) -> bool {
    let name = file_name(path);
    name.eq_ignore_ascii_case("manifest.json") || name.eq_ignore_ascii_case("_manifest.json")
}

/// Reads a manifest.
///
/// # Errors
/// When it is not a manifest of an export, or does not say which blobs it is of.
pub(crate) fn parse(text: &str) -> Result<Manifest, Unfit> {
    if text.trim().is_empty() {
        return Err(("manifest.empty", "the manifest is empty; run the export again".to_owned()));
    }
    let json: Value = serde_json::from_str(text)
        .map_err(|error| ("manifest.not-json", format!("the manifest is not JSON ({error}); run the export again")))?;
    let text = |group: &str, name: &str| {
        let value = json.get(group).and_then(|group| group.get(name)).or_else(|| json.get(name));
        value.and_then(Value::as_str).map(str::trim).unwrap_or_default().to_owned()
    };
    let day = |name: &str| day(&text("runInfo", name));
    let form = format!("{} {}", text("deliveryConfig", "fileFormat"), text("deliveryConfig", "compressionMode"));
    Ok(Manifest {
        kind: kind(&text("exportConfig", "type")),
        export: text("exportConfig", "exportName"),
        scope: text("exportConfig", "resourceId"),
        data_version: text("exportConfig", "dataVersion"),
        run: text("runInfo", "runId"),
        submitted: time::parse(text("runInfo", "submittedTime").as_bytes()).map(|micros| micros.div_euclid(1_000_000)),
        span: day("startDate").zip(day("endDate")).and_then(|(first, last)| Span::new(first, last)),
        form,
        blobs: blobs(&json)?,
    })
}

fn day(text: &str) -> Option<i64> {
    time::parse(text.as_bytes()).map(|micros| micros.div_euclid(DAY_MICROS))
}

fn kind(name: &str) -> Kind {
    match name.to_ascii_lowercase().as_str() {
        "" => Kind::Costs(None),
        "actualcost" | "usage" => Kind::Costs(Some(Metric::Actual)),
        "amortizedcost" => Kind::Costs(Some(Metric::Amortized)),
        "focuscost" => Kind::Focus,
        _ => Kind::Other(name.to_owned()),
    }
}

fn blobs(json: &Value) -> Result<Vec<Blob>, Unfit> {
    let Some(list) = json.get("blobs").and_then(Value::as_array) else {
        let message = "the manifest lists no `blobs`; is it the manifest of a cost export?";
        return Err(("manifest.no-files", message.to_owned()));
    };
    let blob = |entry: &Value| {
        let name = entry.as_str().or_else(|| ["blobName", "name"].iter().find_map(|key| entry.get(*key)?.as_str()))?;
        let count = |key: &str| entry.get(key).and_then(Value::as_u64);
        Some(Blob { name: name.trim().to_owned(), bytes: count("byteCount"), rows: count("dataRowCount") })
    };
    let blobs: Vec<Blob> = list.iter().filter_map(blob).filter(|blob| !blob.name.is_empty()).collect();
    if blobs.len() != list.len() {
        return Err(("manifest.bad-files", "`blobs` of the manifest holds something without a `blobName`".to_owned()));
    }
    if let Some(promised) = json.get("blobCount").and_then(Value::as_u64).filter(|&count| count != blobs.len() as u64) {
        let message = format!("the manifest promises {promised} blobs and lists {}; run the export again", blobs.len());
        return Err(("manifest.blob-count", message));
    }
    Ok(blobs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_2024_is_read_whole() {
        let text = r#"{"manifestVersion":"2024-04-01","byteCount":160769,"blobCount":1,"dataRowCount":136,
            "exportConfig":{"exportName":"costs","resourceId":"/subscriptions/s/providers/Microsoft.CostManagement/exports/costs",
                "dataVersion":"2023-05-01","apiVersion":"2023-07-01-preview","type":"AmortizedCost","timeFrame":"OneTime","granularity":"Daily"},
            "deliveryConfig":{"partitionData":true,"dataOverwriteBehavior":"CreateNewReport","fileFormat":"Csv",
                "compressionMode":"GZip","containerUri":"/c","rootFolderPath":"r"},
            "runInfo":{"executionType":"OnDemand","submittedTime":"2024-01-31T02:12:29.4861122Z","runId":"r1",
                "startDate":"2024-01-01T00:00:00","endDate":"2024-01-31T00:00:00"},
            "blobs":[{"blobName":"r/costs/20240101-20240131/r1/part_0_0001.csv.gz","byteCount":160769,"dataRowCount":136}]}"#;
        let manifest = parse(text).unwrap();
        assert_eq!((manifest.kind, manifest.run.as_str()), (Kind::Costs(Some(Metric::Amortized)), "r1"));
        assert_eq!(manifest.submitted, Some(1_706_667_149));
        assert_eq!(manifest.span, Span::of_folder("20240101-20240131"));
        assert_eq!((manifest.form.as_str(), manifest.export.as_str()), ("Csv GZip", "costs"));
        let name = "r/costs/20240101-20240131/r1/part_0_0001.csv.gz".to_owned();
        assert_eq!(manifest.blobs, [Blob { name, bytes: Some(160_769), rows: Some(136) }]);
    }

    #[test]
    fn earlier_versions_say_less() {
        let manifest = parse(r#"{"blobs":["a/b.csv",{"name":"a/c.csv"}],"runId":"x"}"#).unwrap();
        assert_eq!((manifest.kind, manifest.span, manifest.submitted), (Kind::Costs(None), None, None));
        assert_eq!((manifest.blobs.len(), manifest.run.as_str()), (2, "x"));
        assert_eq!(parse(r#"{"blobs":[],"blobCount":0}"#).unwrap().blobs, []);
    }

    #[test]
    fn unfit_manifests_say_why() {
        let code = |text: &str| parse(text).unwrap_err().0;
        assert_eq!(code(" "), "manifest.empty");
        assert_eq!(code("{"), "manifest.not-json");
        assert_eq!(code("{}"), "manifest.no-files");
        assert_eq!(code(r#"{"blobs":[{"size":1}]}"#), "manifest.bad-files");
        assert_eq!(code(r#"{"blobs":[],"blobCount":1}"#), "manifest.blob-count");
    }

    #[test]
    fn other_exports_are_told_apart() {
        let kind = |name: &str| parse(&format!(r#"{{"blobs":[],"exportConfig":{{"type":"{name}"}}}}"#)).unwrap().kind;
        assert_eq!(kind("FocusCost"), Kind::Focus);
        assert_eq!(kind("Usage"), Kind::Costs(Some(Metric::Actual)));
        assert_eq!(kind("PriceSheet"), Kind::Other("PriceSheet".to_owned()));
    }
}
