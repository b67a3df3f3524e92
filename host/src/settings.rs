//! What a run is asked to do: flags over environment variables over the configuration file over defaults.
//!
//! The file is checked in full before anything starts; a key it does not know is an error, because a misspelt limit
//! that is silently ignored is worse than none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

mod limits;
pub mod schema;
mod serve;
mod span;

pub use limits::{LimitsSection, LogLevel};
pub use serve::ServeSection;
pub use span::Span;

/// A `costhost.toml`. Everything in it can be given by flag or environment variable too, which win over it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigFile {
    /// Where the lake lies: a path or a store's URL.
    pub lake: Option<String>,
    /// Organization the data belongs to.
    pub tenant: Option<String>,
    /// Address of the database to publish to.
    pub postgres: Option<String>,
    /// Files worked on at once.
    pub workers: Option<usize>,
    /// Rejects make the run end with exit code 3.
    pub strict: Option<bool>,
    /// Where plugins are installed, and whose are used.
    #[serde(default)]
    pub plugins: PluginsSection,
    /// What plugins may use.
    #[serde(default)]
    pub limits: LimitsSection,
    /// The same for single plugins, by id.
    #[serde(default, rename = "plugin")]
    pub plugin_limits: BTreeMap<String, LimitsSection>,
    /// How `costhost serve` goes about its work.
    #[serde(default)]
    pub serve: ServeSection,
    /// Settings that sources without their own share.
    #[serde(default)]
    pub defaults: SourceDefaults,
    /// Places reports are delivered to.
    #[serde(default, rename = "source")]
    pub sources: Vec<SourceSection>,
    /// The file it was read from.
    #[serde(skip)]
    pub path: Option<PathBuf>,
}

/// The `[plugins]` section: where plugins are installed, and whose are used. Paths are relative to the file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginsSection {
    /// Folder of the store of installed plugins.
    pub store: Option<PathBuf>,
    /// Refuse plugins that none of `keys` signed.
    #[serde(default, alias = "require-signature")]
    pub require_signature: bool,
    /// Files with public keys: of minisign, or PEM as cosign makes them.
    #[serde(default)]
    pub keys: Vec<PathBuf>,
}

impl PluginsSection {
    fn resolve_below(&mut self, folder: &Path) {
        self.store.iter_mut().chain(&mut self.keys).for_each(|path| *path = folder.join(&*path));
    }
}

/// The `[defaults]` section, and what every `[[source]]` may say for itself.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceDefaults {
    /// Plugin name or path.
    pub plugin: Option<String>,
    /// Tag keys that summaries keep; without it all.
    pub tags: Option<Vec<String>>,
    /// Percent added to costs, as text so that it stays exact.
    pub markup: Option<String>,
    /// When `costhost serve` runs the source: a cron expression, UTC.
    pub schedule: Option<String>,
    /// Up to how much later, always the same for one source.
    pub jitter: Option<Span>,
}

/// One `[[source]]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSection {
    /// Its name in the lake.
    pub name: Option<String>,
    /// Its UUID; derived from tenant and name without it.
    pub uuid: Option<uuid::Uuid>,
    /// Path or URL of a bucket prefix, a folder or a file.
    pub location: String,
    /// Plugin name or path.
    pub plugin: Option<String>,
    /// Tag keys that summaries keep.
    pub tags: Option<Vec<String>>,
    /// Percent added to costs.
    pub markup: Option<String>,
    /// First period.
    pub from: Option<String>,
    /// Last period.
    pub to: Option<String>,
    /// When `costhost serve` runs it: a cron expression, UTC.
    pub schedule: Option<String>,
    /// Up to how much later.
    pub jitter: Option<Span>,
    /// What its plugin knows and the host does not; the plugin's schema says what there is.
    #[serde(default)]
    pub settings: serde_json::Map<String, serde_json::Value>,
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file says something it should not.
    #[error("the configuration {path} is not valid: {message}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What, with line and column.
        message: String,
    },
    /// A value of a flag, variable or key is off.
    #[error("{0}")]
    Value(String),
}

impl ConfigFile {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// When it cannot be read, is not TOML, or holds an unknown key or a value of the wrong kind.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| SettingsError::Unreadable { path: path.to_owned(), source })?;
        let mut config: Self = toml::from_str(&text)
            .map_err(|error| SettingsError::Invalid { path: path.to_owned(), message: told(&error, &text) })?;
        config.path = Some(path.to_owned());
        if let Some(folder) = config.folder() {
            config.plugins.resolve_below(&folder);
        }
        Ok(config)
    }

    /// The folder the file lies in, where there is a file.
    pub fn folder(&self) -> Option<PathBuf> {
        let folder = self.path.as_deref()?.parent()?;
        Some(if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() })
    }
}

/// What is wrong and in which line. The line itself is not shown: it may hold a password.
fn told(error: &toml::de::Error, text: &str) -> String {
    let line = error.span().and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
    match line {
        Some(line) => format!("line {line}: {}", error.message()),
        None => error.message().to_owned(),
    }
}

/// A number of bytes, written as `512MiB`, `2GiB`, `64MB` or plain bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ByteSize(pub u64);

impl std::str::FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(split);
        let factor: u64 = match unit.trim() {
            "" | "B" => 1,
            "kB" | "KB" => 1_000,
            "KiB" => 1 << 10,
            "MB" => 1_000_000,
            "MiB" => 1 << 20,
            "GB" => 1_000_000_000,
            "GiB" => 1 << 30,
            other => return Err(format!("unknown unit `{other}`; write for example 512MiB")),
        };
        let number: u64 = digits.parse().map_err(|_| format!("`{text}` is not a size; write for example 512MiB"))?;
        number.checked_mul(factor).map(Self).ok_or_else(|| format!("`{text}` is too large"))
    }
}

impl TryFrom<String> for ByteSize {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// A calendar month, the unit of billing periods on the command line: `2026-10`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    /// Calendar year.
    pub year: i32,
    /// 1 to 12.
    pub month: u32,
}

impl Month {
    /// First second of the month, UTC, since the epoch.
    pub fn start(self) -> i64 {
        chrono::NaiveDate::from_ymd_opt(self.year, self.month, 1)
            .map_or(0, |day| day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp())
    }

    /// The month after.
    pub fn next(self) -> Self {
        if self.month == 12 {
            Self { year: self.year + 1, month: 1 }
        } else {
            Self { year: self.year, month: self.month + 1 }
        }
    }

    /// The month a time lies in.
    pub fn of(seconds: i64) -> Option<Self> {
        use chrono::Datelike;
        let time = chrono::DateTime::from_timestamp(seconds, 0)?;
        Some(Self { year: time.year(), month: time.month() })
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl std::str::FromStr for Month {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a month; write YYYY-MM, for example 2026-10");
        let (year, month) = text.split_once('-').ok_or_else(wrong)?;
        if year.len() != 4 || month.len() != 2 {
            return Err(wrong());
        }
        let parsed = Self { year: year.parse().map_err(|_| wrong())?, month: month.parse().map_err(|_| wrong())? };
        if (1970..=9998).contains(&parsed.year) && (1..=12).contains(&parsed.month) { Ok(parsed) } else { Err(wrong()) }
    }
}

/// Checks a markup percentage and writes it in its plainest form, so that `10` and `10.0` are the same settings.
///
/// # Errors
/// When the text is not a plain decimal number of at most 18 digits after the point.
pub fn markup(text: &str) -> Result<String, SettingsError> {
    let wrong = || {
        SettingsError::Value(format!("markup `{text}` is not a percentage; write a plain number such as 10 or 12.5"))
    };
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let plain = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 9 || fraction.len() > 18 || !plain(whole) || !plain(fraction) {
        return Err(wrong());
    }
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let sign = if text.starts_with('-') && (whole != "0" || !fraction.is_empty()) { "-" } else { "" };
    Ok(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

/// Checks a tenant's name: it becomes a folder of the lake and later a schema.
///
/// # Errors
/// When it does not match `[a-z][a-z0-9_]{0,62}`.
pub fn tenant(text: &str) -> Result<String, SettingsError> {
    let mut bytes = text.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_lowercase());
    if first && text.len() <= 63 && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
        Ok(text.to_owned())
    } else {
        Err(SettingsError::Value(format!(
            "tenant `{text}` is not usable: a tenant is a lower case letter followed by letters, digits or `_`, at most 63"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        let error = toml::from_str::<ConfigFile>("lake = 'x'\nlimts = 1\n").unwrap_err().to_string();
        assert!(error.contains("limts"), "{error}");
        let error =
            toml::from_str::<ConfigFile>("[[source]]\nlocation = 'a'\nmarkdown = '1'\n").unwrap_err().to_string();
        assert!(error.contains("markdown"), "{error}");
    }

    #[test]
    fn an_error_names_the_line_and_does_not_show_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("costhost.toml");
        for wrong in ["tenant = 'a'\npostgress = 'postgres://u:sesame@h/d'\n", "tenant = 'a'\npostgres = 'sesame\n"] {
            std::fs::write(&path, wrong).unwrap();
            let error = ConfigFile::read(&path).unwrap_err().to_string();
            assert!(
                error.contains("line 2") && error.contains("costhost.toml") && !error.contains("sesame"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_full_file_is_read() {
        let config: ConfigFile = toml::from_str(
            "lake = 's3://lake/costs'\ntenant = 'org1'\nworkers = 2\nstrict = true\n[limits]\nmax_memory = '256MiB'\n\
             [defaults]\nplugin = 'aws-cur'\nmarkup = '10'\n[[source]]\nname = 'prod'\nlocation = 's3://billing/cur'\n\
             tags = ['app', 'team']\nfrom = '2025-01'\n",
        )
        .unwrap();
        assert_eq!(config.limits.max_memory, Some(ByteSize(256 << 20)));
        assert_eq!(config.sources[0].tags.as_deref(), Some(["app".to_owned(), "team".to_owned()].as_slice()));
    }

    #[test]
    fn months_are_parsed_strictly_and_roll_over() {
        let month: Month = "2025-12".parse().unwrap();
        assert_eq!(month.next().to_string(), "2026-01");
        assert_eq!(month.start(), 1_764_547_200);
        assert_eq!(Month::of(month.next().start() - 1), Some(month));
        for wrong in ["2025", "2025-13", "2025-1", "25-01", "2025-00", "x"] {
            assert!(wrong.parse::<Month>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_same_markup_written_differently_is_the_same() {
        for (text, plain) in [("10", "10"), ("10.0", "10"), ("010.50", "10.5"), ("-0.0", "0"), ("-2.5", "-2.5")] {
            assert_eq!(markup(text).unwrap(), plain);
        }
        for wrong in ["", "ten", "1e3", "+1", "1.", "10%"] {
            assert_eq!(markup(wrong).is_ok(), wrong == "1.", "{wrong}");
        }
    }

    #[test]
    fn a_tenant_cannot_leave_its_folder() {
        assert!(tenant("org1234567").is_ok());
        for wrong in ["", "../x", "Org", "1org", "a/b", "a-b"] {
            assert!(tenant(wrong).is_err(), "{wrong}");
        }
    }
}
