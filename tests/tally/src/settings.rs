//! What an operator can set, and what the host does: the keys of labels that are disabled in a database.

use costhost_sdk::contract::Failure;
use costhost_sdk::failure::fix_settings;
use serde::Deserialize;
use std::collections::BTreeSet;

/// JSON Schema of the settings.
pub const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "Settings of tally",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "disabled_tag_keys": {
      "description": "Keys of labels that daily costs leave out.",
      "type": "array",
      "items": { "type": "string", "minLength": 1 }
    }
  }
}"#;

/// The settings, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Keys of labels that daily costs leave out.
    #[serde(default)]
    pub disabled_tag_keys: BTreeSet<String>,
}

impl Settings {
    /// Reads settings as JSON; empty text means none are set.
    ///
    /// # Errors
    /// When they do not fit [`SCHEMA`].
    pub fn parse(json: &str) -> Result<Settings, Failure> {
        if json.trim().is_empty() {
            return Ok(Settings::default());
        }
        serde_json::from_str(json)
            .map_err(|error| fix_settings("settings.invalid", format!("the settings of tally do not fit: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_or_refused() {
        assert_eq!(Settings::parse("").unwrap(), Settings::default());
        let set = Settings::parse(r#"{"disabled_tag_keys":["b","a"]}"#).unwrap();
        assert_eq!(set.disabled_tag_keys.into_iter().collect::<Vec<_>>(), ["a", "b"]);
        assert!(Settings::parse(r#"{"markup":"1"}"#).unwrap_err().message.contains("markup"));
        assert!(serde_json::from_str::<serde_json::Value>(SCHEMA).unwrap().is_object());
    }
}
