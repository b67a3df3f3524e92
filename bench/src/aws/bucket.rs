//! Whole buckets: deliveries of several months, in the layouts AWS offers.
//!
//! Invariant: the same settings give the same bytes, and files of one delivery never depend on another's.

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::charges::Scene;
use super::columns::Column;
use super::file;
use super::manifest::{assembly_id, manifest};
use super::month::Month;
use super::totals::MonthTotals;
use crate::cell::write_cell;
use crate::error::GenerateError;
use crate::random::Random;

/// How deliveries of one month relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Layout {
    /// Every delivery gets a folder of its own; the period's manifest points at the newest.
    CreateNew,
    /// A delivery takes the place of the one before.
    Overwrite,
}

/// How data files are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Compression {
    /// `.csv.gz`
    Gzip,
    /// `.csv.zip`
    Zip,
    /// `.csv`
    None,
}

/// How header names are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Headers {
    /// `lineItem/UnblendedCost`
    Slash,
    /// `line_item_unblended_cost`
    Underscored,
}

/// What to generate.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the bucket's root lies; made when missing. `expected.json` is written into it.
    pub out: PathBuf,
    /// Prefix of the report in the bucket, without slashes at its ends.
    pub prefix: String,
    /// Name of the report.
    pub report: String,
    /// What manifests call the bucket.
    pub bucket: String,
    /// Billing months.
    pub months: Vec<Month>,
    /// Rows of each month's first delivery.
    pub rows: u64,
    /// Files of each delivery.
    pub files: u64,
    /// Decides everything else.
    pub seed: u64,
    /// How many accounts; the first pays.
    pub accounts: u64,
    /// Currencies, dealt out to the accounts in turn.
    pub currencies: Vec<String>,
    /// How deliveries of one month relate.
    pub layout: Layout,
    /// How data files are packed.
    pub compression: Compression,
    /// How header names are spelled.
    pub headers: Headers,
    /// Months that were delivered twice. The second delivery has other amounts and 1 % more rows.
    pub restate: Vec<Month>,
}

/// `expected.json`: what the newest deliveries add up to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// Name of the report.
    pub report: String,
    /// Prefix of the report in the bucket.
    pub prefix: String,
    /// By month `YYYY-MM`.
    pub months: BTreeMap<String, ExpectedMonth>,
}

/// One month of [`Expected`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExpectedMonth {
    /// Id of the newest delivery.
    pub assembly_id: String,
    /// How many deliveries there were.
    pub deliveries: u64,
    /// Files of the newest delivery.
    pub files: u64,
    /// Its totals.
    #[serde(flatten)]
    pub totals: MonthTotals,
}

/// Writes the bucket and `expected.json`.
///
/// # Errors
/// When the settings cannot be met (too few rows for so many files, a month restated that is not generated, a name
/// with a slash) or a file cannot be written.
pub fn generate(settings: &Settings) -> Result<Expected, GenerateError> {
    check(settings)?;
    let mut months = BTreeMap::new();
    for month in &settings.months {
        let deliveries = 1 + settings.restate.iter().filter(|restated| *restated == month).count() as u64;
        // An overwritten delivery leaves nothing behind, so only the newest is written.
        let first = if settings.layout == Layout::Overwrite { deliveries } else { 1 };
        let mut newest = MonthTotals::default();
        for revision in first..=deliveries {
            newest = deliver(settings, *month, revision)?;
        }
        let assembly_id = assembly_id(settings.seed, &settings.report, *month, deliveries);
        months.insert(
            month.to_string(),
            ExpectedMonth { assembly_id, deliveries, files: settings.files, totals: newest },
        );
    }
    let expected = Expected { report: settings.report.clone(), prefix: settings.prefix.clone(), months };
    write_json(&settings.out.join("expected.json"), &expected, None)?;
    Ok(expected)
}

/// The account that pays.
pub(super) fn payer(settings: &Settings) -> String {
    let month = Month { year: 1970, month: 1 };
    Scene::new(month, 1, &[], settings.seed).account(0).0.to_owned()
}

fn check(settings: &Settings) -> Result<(), GenerateError> {
    let fail = |text: String| Err(GenerateError::Settings(text));
    if settings.accounts == 0 || settings.files == 0 || settings.currencies.is_empty() || settings.months.is_empty() {
        return fail("at least one account, file, currency and month are needed".to_owned());
    }
    let fewest = file::fewest_rows(settings.accounts) * settings.files;
    if settings.rows < fewest {
        return fail(format!(
            "{} rows are too few for {} files and {} accounts: at least {fewest} are needed",
            settings.rows, settings.files, settings.accounts
        ));
    }
    if settings.report.is_empty() || settings.report.contains(['/', '\\']) || settings.report.starts_with('.') {
        return fail(format!("`{}` is not a report name: one path segment is needed", settings.report));
    }
    if settings.prefix.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
        return fail(format!("`{}` is not a prefix: segments with `/` between them are needed", settings.prefix));
    }
    match settings.restate.iter().find(|month| !settings.months.contains(month)) {
        Some(month) => fail(format!("{month} is restated but is not one of the months")),
        None => Ok(()),
    }
}

/// Writes one delivery and its manifests, and returns its totals.
fn deliver(settings: &Settings, month: Month, revision: u64) -> Result<MonthTotals, GenerateError> {
    let rows = settings.rows + (revision - 1) * settings.rows / 100;
    let scene = Scene::new(month, settings.accounts, &settings.currencies, settings.seed);
    let assembly = assembly_id(settings.seed, &settings.report, month, revision);
    let period = format!("{}/{}/{}-{}", settings.prefix, settings.report, month.compact(), month.next().compact());
    let folder = match settings.layout {
        Layout::CreateNew => format!("{period}/{assembly}"),
        Layout::Overwrite => period.clone(),
    };
    let extension = match settings.compression {
        Compression::Gzip => "csv.gz",
        Compression::Zip => "csv.zip",
        Compression::None => "csv",
    };
    let keys: Vec<String> =
        (1..=settings.files).map(|n| format!("{folder}/{}-{n:05}.{extension}", settings.report)).collect();
    let delivered = delivered(month, revision);
    let task = Delivery { settings, scene: &scene, keys: &keys, rows, revision, delivered };
    let totals = task.write_files()?;
    let manifest = manifest(settings, month, &assembly, &keys);
    let name = format!("{}-Manifest.json", settings.report);
    for folder in [&folder, &period] {
        write_json(&settings.out.join(folder).join(&name), &manifest, Some(delivered))?;
    }
    Ok(totals)
}

/// The files of one delivery.
struct Delivery<'a> {
    settings: &'a Settings,
    scene: &'a Scene,
    keys: &'a [String],
    rows: u64,
    revision: u64,
    delivered: SystemTime,
}

impl Delivery<'_> {
    /// Writes all files, as many at a time as there are processors.
    fn write_files(&self) -> Result<MonthTotals, GenerateError> {
        let next = AtomicUsize::new(0);
        let done = Mutex::new((MonthTotals::default(), None));
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(self.keys.len());
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    while let Some(key) = self.keys.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let result = self.write_file(key);
                        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                        match result {
                            // Sums of integers do not depend on which file ends first.
                            Ok(totals) => done.0.merge(&totals),
                            Err(error) => done.1 = Some(error),
                        }
                    }
                });
            }
        });
        match done.into_inner().unwrap_or_else(PoisonError::into_inner) {
            (_, Some(error)) => Err(error),
            (totals, None) => Ok(totals),
        }
    }

    fn write_file(&self, key: &str) -> Result<MonthTotals, GenerateError> {
        let path = self.settings.out.join(key);
        self.try_write_file(key, &path).map_err(|source| GenerateError::Write { path, source })
    }

    fn try_write_file(&self, key: &str, path: &Path) -> io::Result<MonthTotals> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = BufWriter::with_capacity(1 << 18, File::create(path)?);
        let (totals, file) = match self.settings.compression {
            Compression::Gzip => {
                // The builder writes no time and no name, so the bytes depend on the rows alone.
                let mut out = BufWriter::with_capacity(
                    1 << 18,
                    flate2::GzBuilder::new().write(file, flate2::Compression::new(5)),
                );
                let totals = self.write_rows(key, &mut out)?;
                (totals, into_inner(out)?.finish()?)
            }
            Compression::Zip => {
                let mut archive = zip::ZipWriter::new(file);
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                let options = zip::write::SimpleFileOptions::default()
                    .compression_method(zip::CompressionMethod::Deflated)
                    .last_modified_time(zip::DateTime::default())
                    .large_file(true);
                archive.start_file(name, options)?;
                let mut out = BufWriter::with_capacity(1 << 18, archive);
                let totals = self.write_rows(key, &mut out)?;
                (totals, into_inner(out)?.finish()?)
            }
            Compression::None => {
                let mut out = file;
                (self.write_rows(key, &mut out)?, out)
            }
        };
        into_inner(file)?.set_times(FileTimes::new().set_modified(self.delivered))?;
        Ok(totals)
    }

    fn write_rows(&self, key: &str, out: &mut impl Write) -> io::Result<MonthTotals> {
        for (i, column) in Column::ALL.iter().enumerate() {
            if i > 0 {
                out.write_all(b",")?;
            }
            let name = match self.settings.headers {
                Headers::Slash => column.slash(),
                Headers::Underscored => column.underscored(),
            };
            write_cell(&name, out)?;
        }
        out.write_all(b"\n")?;
        let (files, n) = (self.keys.len() as u64, self.keys.iter().position(|k| k == key).unwrap_or_default() as u64);
        let rows = self.rows / files + u64::from(n < self.rows % files);
        let month = self.scene.month.first_day().unsigned_abs();
        let random = Random::new(&[self.settings.seed, month, self.revision, n]);
        file::write(self.scene, random, rows, out)
    }
}

fn into_inner<W: Write>(out: BufWriter<W>) -> io::Result<W> {
    out.into_inner().map_err(io::IntoInnerError::into_error)
}

/// When a delivery is said to have been made: days after the month's end, so that it does not depend on the clock.
fn delivered(month: Month, revision: u64) -> SystemTime {
    let days = month.next().first_day().unsigned_abs() + 2 + revision;
    SystemTime::UNIX_EPOCH + Duration::from_secs(days * 86_400 + 6 * 3_600)
}

fn write_json(path: &Path, value: &impl Serialize, modified: Option<SystemTime>) -> Result<(), GenerateError> {
    let write = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut text = serde_json::to_string_pretty(value)?;
        text.push('\n');
        let mut file = File::create(path)?;
        file.write_all(text.as_bytes())?;
        match modified {
            Some(modified) => file.set_times(FileTimes::new().set_modified(modified)),
            None => Ok(()),
        }
    };
    write().map_err(|source| GenerateError::Write { path: path.to_owned(), source })
}
