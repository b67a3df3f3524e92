//! Azure cost exports: a container with months of an enterprise agreement, by the export schema of 2024.
//!
//! Invariant: the same settings give the same bytes.

mod catalog;
mod rows;
pub mod totals;

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::json;

use crate::aws::month::Month;
use crate::error::GenerateError;
use crate::random::{Random, uuid};
use rows::{HEADER, Scene};
use totals::MonthTotals;

/// How costs of reservations are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Metric {
    /// As they are charged
    Actual,
    /// Spread over their use
    Amortized,
}

/// How dates are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Dates {
    /// `10/31/2025`
    MonthFirst,
    /// `2025-10-31`
    Iso,
}

/// What to generate.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the container's root lies; made when missing. `expected.json` is written into it.
    pub out: PathBuf,
    /// Name of the export; that of amortized costs gets `-amortized`.
    pub export: String,
    /// Billing months.
    pub months: Vec<Month>,
    /// Rows of each month.
    pub rows: u64,
    /// Partitions of each run.
    pub files: u64,
    /// Decides everything else.
    pub seed: u64,
    /// How many subscriptions.
    pub subscriptions: u64,
    /// The billing currency.
    pub currency: String,
    /// An export for each of these.
    pub metrics: Vec<Metric>,
    /// How dates are written.
    pub dates: Dates,
    /// Whether partitions are gzipped.
    pub gzip: bool,
    /// Whether runs have a manifest.
    pub manifest: bool,
}

/// `expected.json`: what runs add up to, by export and month `YYYY-MM`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// By name of the export.
    pub exports: BTreeMap<String, BTreeMap<String, MonthTotals>>,
}

/// Writes the container and `expected.json`.
///
/// # Errors
/// When there are fewer rows than files, nothing is asked for, or a file cannot be written.
pub fn generate(settings: &Settings) -> Result<Expected, GenerateError> {
    if settings.files == 0 || settings.subscriptions == 0 || settings.months.is_empty() || settings.metrics.is_empty() {
        return Err(GenerateError::Settings("at least one file, subscription, month and metric are needed".to_owned()));
    }
    if settings.rows < settings.files {
        return Err(GenerateError::Settings(format!(
            "{} rows are too few for {} files",
            settings.rows, settings.files
        )));
    }
    let mut expected = Expected::default();
    for metric in &settings.metrics {
        let export = match metric {
            Metric::Actual => settings.export.clone(),
            Metric::Amortized => format!("{}-amortized", settings.export),
        };
        let mut months = BTreeMap::new();
        for month in &settings.months {
            months.insert(month.to_string(), run(settings, &export, *metric, *month)?);
        }
        expected.exports.insert(export, months);
    }
    write_json(&settings.out.join("expected.json"), &expected, SystemTime::UNIX_EPOCH)?;
    Ok(expected)
}

/// The last day of the month is in the folder's name, as Azure has it.
fn run(settings: &Settings, export: &str, metric: Metric, month: Month) -> Result<MonthTotals, GenerateError> {
    let kind = match metric {
        Metric::Actual => "ActualCost",
        Metric::Amortized => "AmortizedCost",
    };
    let run = uuid(&[settings.seed, 9, month.first_day().unsigned_abs(), metric as u64]);
    let first = month.compact();
    let last = format!("{:04}{:02}{:02}", month.year, month.month, month.days());
    let folder = format!("{export}/{first}-{last}/{run}");
    // Days after the month's end, so that it does not depend on the clock.
    let days = month.next().first_day().unsigned_abs() + 4;
    let delivered = SystemTime::UNIX_EPOCH + Duration::from_secs(days * 86_400 + 3_600);
    let (mut totals, mut blobs) = (MonthTotals::default(), Vec::new());
    for part in 0..settings.files {
        let name = format!("{folder}/part_{part}_0001.csv{}", if settings.gzip { ".gz" } else { "" });
        let path = settings.out.join(&name);
        let random = Random::new(&[settings.seed, month.first_day().unsigned_abs(), part]);
        let rows = settings.rows / settings.files + u64::from(part < settings.rows % settings.files);
        let mut scene = Scene { settings, month, metric, random };
        let written = write_file(&mut scene, rows, &path, delivered);
        let (bytes, part) = written.map_err(|source| GenerateError::Write { path, source })?;
        totals.merge(&part);
        blobs.push(json!({"blobName": name, "byteCount": bytes, "dataRowCount": rows}));
    }
    if settings.manifest {
        let day = |text: &str| format!("{}-{}-{}T00:00:00", &text[..4], &text[4..6], &text[6..]);
        let next = month.next();
        let manifest = json!({
            "manifestVersion": "2024-04-01",
            "byteCount": blobs.iter().filter_map(|blob| blob["byteCount"].as_u64()).sum::<u64>(),
            "blobCount": blobs.len(),
            "dataRowCount": totals.rows,
            "exportConfig": {
                "exportName": export,
                "resourceId": format!("/providers/Microsoft.Billing/billingAccounts/8611537/providers/Microsoft.CostManagement/exports/{export}"),
                "dataVersion": "2024-08-01", "apiVersion": "2023-07-01-preview", "type": kind,
                "timeFrame": "MonthToDate", "granularity": "Daily",
            },
            "deliveryConfig": {
                "partitionData": true, "dataOverwriteBehavior": "CreateNewReport", "fileFormat": "Csv",
                "compressionMode": if settings.gzip { "gzip" } else { "None" }, "rootFolderPath": "",
            },
            "runInfo": {
                "executionType": "Scheduled",
                "submittedTime": format!("{:04}-{:02}-05T01:00:00.1234567Z", next.year, next.month),
                "runId": run, "startDate": day(&first), "endDate": day(&last),
            },
            "blobs": blobs,
        });
        write_json(&settings.out.join(folder).join("manifest.json"), &manifest, delivered)?;
    }
    Ok(totals)
}

/// Writes a partition, and returns its bytes and totals.
fn write_file(scene: &mut Scene<'_>, rows: u64, path: &Path, delivered: SystemTime) -> io::Result<(u64, MonthTotals)> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = File::create(path)?;
    let (file, totals) = if scene.settings.gzip {
        // The builder writes no time and no name, so the bytes depend on the rows alone.
        let packed = flate2::GzBuilder::new().write(file, flate2::Compression::new(5));
        let mut out = BufWriter::with_capacity(1 << 18, packed);
        let totals = write_rows(scene, rows, &mut out)?;
        (out.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?, totals)
    } else {
        let mut out = BufWriter::with_capacity(1 << 18, file);
        let totals = write_rows(scene, rows, &mut out)?;
        (out.into_inner().map_err(io::IntoInnerError::into_error)?, totals)
    };
    file.set_times(FileTimes::new().set_modified(delivered))?;
    Ok((file.metadata()?.len(), totals))
}

fn write_rows(scene: &mut Scene<'_>, rows: u64, out: &mut impl Write) -> io::Result<MonthTotals> {
    // Azure begins its files with a byte order mark.
    writeln!(out, "\u{feff}{HEADER}")?;
    scene.write(rows, out)
}

fn write_json(path: &Path, value: &impl Serialize, modified: SystemTime) -> Result<(), GenerateError> {
    let write = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = File::create(path)?;
        file.write_all(format!("{}\n", serde_json::to_string_pretty(value)?).as_bytes())?;
        file.set_times(FileTimes::new().set_modified(modified))
    };
    write().map_err(|source| GenerateError::Write { path: path.to_owned(), source })
}
