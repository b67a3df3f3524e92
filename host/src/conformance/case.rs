//! Cases: folders an author made.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::error::ConformanceError;
use crate::plugin::{Period, SummaryTask};

/// The time that cases are said to run at, unless they say otherwise: 2026-01-01.
const NOW: i64 = 1_767_225_600;

/// One case.
#[derive(Debug, Clone)]
pub struct Case {
    /// Name of its folder.
    pub name: String,
    /// What a customer's prefix looks like.
    pub input: PathBuf,
    /// What must come out of it.
    pub golden: PathBuf,
    /// What the plugin is told.
    pub said: Said,
}

/// What a plugin is told in a case. All of it may be left out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// Settings for discovery and rows.
    #[serde(default)]
    settings: Option<Value>,
    /// Settings for summaries; those of the rows where there are none.
    #[serde(default)]
    summary_settings: Option<Value>,
    /// First and end of the months of interest, in seconds since the epoch.
    #[serde(default)]
    window: Option<(i64, i64)>,
    /// Seconds since the epoch.
    #[serde(default = "new_year")]
    pub(super) now: i64,
}

fn new_year() -> i64 {
    NOW
}

impl Said {
    pub(super) fn settings(&self) -> String {
        self.settings.as_ref().map_or_else(|| "{}".to_owned(), Value::to_string)
    }

    fn summary_settings(&self) -> String {
        self.summary_settings.as_ref().map_or_else(|| self.settings(), Value::to_string)
    }

    pub(super) fn window(&self) -> Option<Period> {
        self.window.map(|(start, end)| Period { start, end })
    }

    pub(super) fn task(&self, summary: &str, source: &str, period: Period) -> SummaryTask {
        SummaryTask {
            summary: summary.to_owned(),
            settings: self.summary_settings(),
            now: self.now,
            source: source.to_owned(),
            period,
        }
    }
}

/// The cases in a fixture folder, by name.
///
/// # Errors
/// When there is none, or one has a `case.json` that is none.
pub fn cases(fixtures: &Path) -> Result<Vec<Case>, ConformanceError> {
    let entries = match std::fs::read_dir(fixtures) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(ConformanceError::NoCases(fixtures.to_owned()));
        }
        Err(source) => return Err(ConformanceError::Io { path: fixtures.to_owned(), source }),
    };
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    folders.retain(|folder| folder.join("input").is_dir());
    folders.sort();
    if folders.is_empty() {
        return Err(ConformanceError::NoCases(fixtures.to_owned()));
    }
    folders.into_iter().map(|folder| case(&folder)).collect()
}

fn case(folder: &Path) -> Result<Case, ConformanceError> {
    let path = folder.join("case.json");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "{}".to_owned(),
        Err(source) => return Err(ConformanceError::Io { path, source }),
    };
    let said = serde_json::from_str(&text)
        .map_err(|error| ConformanceError::BadCase { path: path.clone(), reason: error.to_string() })?;
    Ok(Case {
        name: folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        input: folder.join("input"),
        golden: folder.join("golden"),
        said,
    })
}
