//! What a run is asked for, checked and ready: plugins loaded, names settled, settings in one form.

use std::sync::Arc;

use uuid::Uuid;

use crate::plugin::{Engine, Limits, Plugin};
use crate::settings::{Month, SettingsError};

/// One place reports are delivered to.
#[derive(Debug, Clone)]
pub struct SourceRequest {
    /// Its name in the lake; reports below it become `name/report`.
    pub name: String,
    /// Whether the name was made from the location. Such a name is not trusted to mean the same place for ever.
    pub name_is_derived: bool,
    /// The UUID the operator wants it to have.
    pub uuid: Option<Uuid>,
    /// Path or URL of a prefix, a folder, or a file.
    pub location: String,
    /// What reads it.
    pub plugin: Arc<Plugin>,
    /// Settings for the plugin, as JSON with sorted keys.
    pub settings: String,
    /// First and last billing month of interest.
    pub months: (Option<Month>, Option<Month>),
}

impl SourceRequest {
    /// Half-open span of seconds that billing periods must touch.
    pub fn window(&self) -> Option<(i64, i64)> {
        match self.months {
            (None, None) => None,
            (from, to) => {
                Some((from.map_or(i64::MIN, Month::start), to.map_or(i64::MAX, |month| month.next().start())))
            }
        }
    }
}

/// How a run goes about its work.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Organization.
    pub tenant: String,
    /// Files worked on at once.
    pub workers: usize,
    /// Load again what is loaded already, and what an older delivery would replace.
    pub force: bool,
    /// Let a report without rows replace what is loaded.
    pub allow_empty: bool,
    /// What one plugin instance may use.
    pub limits: Limits,
    /// The time this run is said to have, seconds since the epoch.
    pub now: i64,
}

/// Everything a run works with.
#[derive(Debug)]
pub struct RunRequest {
    /// Keeps guests interruptible.
    pub engine: Engine,
    /// Places to read.
    pub sources: Vec<SourceRequest>,
    /// How.
    pub options: RunOptions,
}

/// A source's name made from its location: the last part that says something.
///
/// # Errors
/// When no part of the location can serve as a name.
pub fn derived_name(location: &str) -> Result<String, SettingsError> {
    let path = location.split_once("://").map_or(location, |(_, rest)| rest);
    let canonical = std::path::Path::new(path).canonicalize().ok().map(|path| path.display().to_string());
    let path = if location.contains("://") { path } else { canonical.as_deref().unwrap_or(path) };
    let last = path.split('/').rfind(|part| !part.is_empty() && *part != "." && *part != "..");
    let name: String = last
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' })
        .collect();
    if name.trim_matches(['.', '-']).is_empty() {
        return Err(SettingsError::Value(format!(
            "no name can be made from `{location}`; give one with --source-name"
        )));
    }
    Ok(name)
}

/// Checks a name that an operator gave.
///
/// # Errors
/// When it is empty, too long, or holds anything but letters, digits, `.`, `_`, `-`.
pub fn checked_name(name: &str) -> Result<String, SettingsError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !name.is_empty() && name.len() <= 128 && name.chars().all(fits) && !name.trim_matches('.').is_empty() {
        Ok(name.to_owned())
    } else {
        Err(SettingsError::Value(format!(
            "source name `{name}` is not usable: use letters, digits, `.`, `_` and `-`, at most 128"
        )))
    }
}

/// Settings for a cost plugin, as the JSON it is given. Keys are sorted, so equal settings are equal text.
pub fn plugin_settings(tags: Option<&[String]>, markup: Option<&str>) -> String {
    let mut settings = serde_json::Map::new();
    if let Some(tags) = tags {
        let mut tags = tags.to_vec();
        tags.sort();
        tags.dedup();
        settings.insert("enabled_tag_keys".to_owned(), tags.into());
    }
    if let Some(markup) = markup.filter(|markup| *markup != "0") {
        settings.insert("markup_percent".to_owned(), markup.into());
    }
    serde_json::Value::Object(settings).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_the_last_part_of_a_location() {
        for (location, name) in [
            ("s3://billing/cur", "cur"),
            ("s3://billing/", "billing"),
            ("az://container/a b/", "a-b"),
            ("/data/reports/2018-10/file.parquet", "file.parquet"),
        ] {
            assert_eq!(derived_name(location).unwrap(), name);
        }
        assert!(derived_name("s3:///").is_err());
    }

    #[test]
    fn equal_settings_are_equal_text() {
        let tags = |keys: &[&str]| -> Vec<String> { keys.iter().map(|key| (*key).to_owned()).collect() };
        let a = plugin_settings(Some(&tags(&["b", "a", "b"])), Some("10"));
        let b = plugin_settings(Some(&tags(&["a", "b"])), Some("10"));
        assert_eq!(a, b);
        assert_eq!(a, r#"{"enabled_tag_keys":["a","b"],"markup_percent":"10"}"#);
        assert_eq!(plugin_settings(None, Some("0")), "{}");
    }
}
