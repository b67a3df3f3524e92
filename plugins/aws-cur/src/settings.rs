//! What an operator can set.

use crate::naming::underscored;
use costhost_sdk::contract::Failure;
use costhost_sdk::failure::fix_settings;
use costhost_sdk::settings::{TagKeys, markup_percent};
use serde::Deserialize;
use std::collections::BTreeSet;

/// The settings, checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// Keys of user tags that summaries keep; those enabled as written and as reports for Athena spell them.
    pub tag_keys: TagKeys,
    /// Percent in units of 10^-18.
    pub markup_percent: i128,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    enabled_tag_keys: Option<BTreeSet<String>>,
    disabled_tag_keys: Option<BTreeSet<String>>,
    markup_percent: Option<String>,
}

impl Settings {
    /// Reads settings as JSON; empty text means none are set.
    ///
    /// # Errors
    /// When they do not fit the settings' schema.
    pub fn parse(json: &str) -> Result<Settings, Failure> {
        let json = if json.trim().is_empty() { "{}" } else { json };
        let written: Written = serde_json::from_str(json).map_err(|error| {
            fix_settings("settings.invalid", format!("the settings of aws-cur do not fit: {error}"))
        })?;
        let markup_percent = written.markup_percent.as_deref().map_or(Ok(0), markup_percent)?;
        let spellings = |keys: BTreeSet<String>| {
            keys.into_iter().flat_map(|key| [underscored(&key), key]).filter(|key| !key.is_empty()).collect()
        };
        Ok(Settings {
            tag_keys: TagKeys {
                enabled: written.enabled_tag_keys.map(spellings),
                disabled: written.disabled_tag_keys.unwrap_or_default(),
            },
            markup_percent,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_set_means_all_tags_and_no_markup() {
        assert_eq!(Settings::parse("").unwrap(), Settings::default());
        assert_eq!(Settings::parse("{}").unwrap(), Settings::default());
    }

    #[test]
    fn markup_is_exact() {
        let percent =
            |text: &str| Settings::parse(&format!("{{\"markup_percent\":\"{text}\"}}")).map(|s| s.markup_percent);
        assert_eq!(percent("10").unwrap(), 10_000_000_000_000_000_000);
        assert_eq!(percent("-2.5").unwrap(), -2_500_000_000_000_000_000);
        assert_eq!(percent("0.000000000000000001").unwrap(), 1);
        for wrong in ["", "-", "1e3", "1.", ".5", "1.0000000000000000001", "1234567", "ten"] {
            assert_eq!(percent(wrong).unwrap_err().code, "settings.markup-percent", "{wrong}");
        }
    }

    #[test]
    fn a_tag_is_kept_that_is_enabled_and_not_disabled() {
        let kept = |settings: &str| {
            let settings = Settings::parse(settings).unwrap();
            ["MyApp", "my_app", "team"].map(|key| settings.tag_keys.keeps(key))
        };
        assert_eq!(kept("{}"), [true, true, true]);
        assert_eq!(kept(r#"{"disabled_tag_keys":[]}"#), [true, true, true]);
        // What a database disables is spelled as the report has it, and another key may be spelled almost alike.
        assert_eq!(kept(r#"{"disabled_tag_keys":["MyApp"]}"#), [false, true, true]);
        let both = r#"{"enabled_tag_keys":["MyApp","team"],"disabled_tag_keys":["team","other"]}"#;
        assert_eq!(kept(both), [true, true, false]);
    }

    #[test]
    fn an_unknown_setting_is_told() {
        let failure = Settings::parse("{\"markup\":\"10\"}").unwrap_err();
        assert_eq!(failure.code, "settings.invalid");
        assert!(failure.message.contains("markup"), "{}", failure.message);
    }
}
