//! What an operator can set.

use crate::metric::Metric;
use costhost_sdk::contract::Failure;
use costhost_sdk::failure::fix_settings;
use costhost_sdk::settings::{TagKeys, markup_percent};
use serde::Deserialize;
use std::collections::BTreeSet;

/// The settings, checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// Keys of tags that summaries keep.
    pub tag_keys: TagKeys,
    /// Percent in units of 10^-18.
    pub markup_percent: i128,
    /// What exports hold that do not say it.
    pub metric: Option<Metric>,
    /// Paths of the only files to read, in their order; all files when empty.
    pub files: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    enabled_tag_keys: Option<BTreeSet<String>>,
    disabled_tag_keys: Option<BTreeSet<String>>,
    markup_percent: Option<String>,
    metric: Option<Metric>,
    files: Option<Vec<String>>,
}

impl Settings {
    /// Reads settings as JSON; empty text means none are set.
    ///
    /// # Errors
    /// When they do not fit the settings' schema.
    pub fn parse(json: &str) -> Result<Settings, Failure> {
        let json = if json.trim().is_empty() { "{}" } else { json };
        let written: Written = serde_json::from_str(json).map_err(|error| {
            fix_settings("settings.invalid", format!("the settings of azure-export do not fit: {error}"))
        })?;
        if written
            .files
            .as_ref()
            .is_some_and(|files| files.is_empty() || files.iter().any(|file| file.trim().is_empty()))
        {
            let message = "`files` has to list at least one path, and no empty ones; leave it out to read every file";
            return Err(fix_settings("settings.files", message));
        }
        Ok(Settings {
            tag_keys: TagKeys {
                enabled: written.enabled_tag_keys,
                disabled: written.disabled_tag_keys.unwrap_or_default(),
            },
            markup_percent: written.markup_percent.as_deref().map_or(Ok(0), markup_percent)?,
            metric: written.metric,
            files: written.files.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_checked() {
        assert_eq!(Settings::parse("").unwrap(), Settings::default());
        let set = r#"{"metric":"amortized","markup_percent":"2.5","disabled_tag_keys":["x"],"files":["a/b.csv"]}"#;
        let set = Settings::parse(set).unwrap();
        assert_eq!((set.metric, set.markup_percent), (Some(Metric::Amortized), 2_500_000_000_000_000_000));
        assert!(!set.tag_keys.keeps("x") && set.tag_keys.keeps("y") && set.files == ["a/b.csv"]);
        for (wrong, code) in [
            (r#"{"metric":"both"}"#, "settings.invalid"),
            (r#"{"markup":"1"}"#, "settings.invalid"),
            (r#"{"files":[]}"#, "settings.files"),
            (r#"{"files":[" "]}"#, "settings.files"),
            (r#"{"markup_percent":"ten"}"#, "settings.markup-percent"),
        ] {
            assert_eq!(Settings::parse(wrong).unwrap_err().code, code, "{wrong}");
        }
    }
}
