//! What a run is asked for, checked and ready: plugins loaded, names settled, settings in one form.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::plan::PlanProblem;
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
    /// Settings for the plugin.
    pub settings: PluginSettings,
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
    /// The same for plugins with limits of their own, by id.
    pub plugin_limits: BTreeMap<String, Limits>,
    /// The time this run is said to have, seconds since the epoch.
    pub now: i64,
}

impl RunOptions {
    /// What one instance of this plugin may use.
    pub fn limits_of(&self, plugin: &Plugin) -> &Limits {
        self.plugin_limits.get(&plugin.manifest().id).unwrap_or(&self.limits)
    }
}

/// Everything a run works with.
#[derive(Debug)]
pub struct RunRequest {
    /// Keeps guests interruptible.
    pub engine: Engine,
    /// Places to read.
    pub sources: Vec<SourceRequest>,
    /// Places that cannot be read, for want of their plugin.
    pub unreadable: Vec<PlanProblem>,
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

/// What a plugin is told beside its input.
///
/// Summaries are told more than readers: rows must not depend on what only summaries need, so that they can be
/// summarized anew from the lake.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PluginSettings {
    /// Keys of tags that summaries keep; all where it is `None`. Sorted.
    enabled_tag_keys: Option<Vec<String>>,
    /// Keys of tags that summaries leave out. Sorted.
    disabled_tag_keys: Vec<String>,
    /// Percent, in its plainest form.
    markup_percent: Option<String>,
    /// What the plugin knows and the host does not. Keys are sorted at every depth.
    own: serde_json::Map<String, Value>,
}

impl PluginSettings {
    /// Settings of an operator: `markup` in the form that [`crate::settings::markup`] gives.
    pub fn new(tags: Option<&[String]>, markup: Option<&str>) -> Self {
        Self {
            enabled_tag_keys: tags.map(sorted),
            disabled_tag_keys: Vec::new(),
            markup_percent: markup.filter(|markup| *markup != "0").map(str::to_owned),
            own: serde_json::Map::new(),
        }
    }

    /// The same with settings that only the plugin knows. They are told to readers, too: with others, reports are read
    /// again.
    ///
    /// # Errors
    /// When one of them is a setting of the host's.
    pub fn with_own(self, own: &serde_json::Map<String, Value>) -> Result<Self, SettingsError> {
        for (key, name) in [("enabled_tag_keys", "tags"), ("markup_percent", "markup"), ("disabled_tag_keys", "tags")] {
            if own.contains_key(key) {
                return Err(SettingsError::Value(format!(
                    "`{key}` is not set among a plugin's settings but by `{name}`"
                )));
            }
        }
        Ok(Self { own: sorted_object(own), ..self })
    }

    /// Whether the operator said which tag keys count, so that a database need not be asked.
    pub fn names_tag_keys(&self) -> bool {
        self.enabled_tag_keys.is_some()
    }

    /// Leaves out tags with these keys too, unless the operator said which keys count.
    pub fn disable_tag_keys(&mut self, keys: &[String]) {
        if !self.names_tag_keys() {
            self.disabled_tag_keys = sorted(keys);
        }
    }

    /// What `discover` and `normalize` are given, as JSON.
    pub fn for_rows(&self) -> String {
        Value::Object(self.own.clone()).to_string()
    }

    /// What `summarize` is given, as JSON. Keys are sorted, so equal settings are equal text.
    pub fn for_summaries(&self) -> String {
        let mut settings = self.own.clone();
        if !self.disabled_tag_keys.is_empty() {
            settings.insert("disabled_tag_keys".to_owned(), self.disabled_tag_keys.clone().into());
        }
        if let Some(keys) = &self.enabled_tag_keys {
            settings.insert("enabled_tag_keys".to_owned(), keys.clone().into());
        }
        if let Some(markup) = &self.markup_percent {
            settings.insert("markup_percent".to_owned(), markup.clone().into());
        }
        Value::Object(sorted_object(&settings)).to_string()
    }
}

fn sorted_object(object: &serde_json::Map<String, Value>) -> serde_json::Map<String, Value> {
    let members: BTreeMap<&String, &Value> = object.iter().collect();
    members.into_iter().map(|(key, value)| (key.clone(), sorted_value(value))).collect()
}

fn sorted_value(value: &Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(sorted_object(object)),
        Value::Array(items) => Value::Array(items.iter().map(sorted_value).collect()),
        other => other.clone(),
    }
}

fn sorted(keys: &[String]) -> Vec<String> {
    let mut keys = keys.to_vec();
    keys.sort();
    keys.dedup();
    keys
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
        let mut a = PluginSettings::new(None, Some("10"));
        let mut b = PluginSettings::new(None, Some("10"));
        a.disable_tag_keys(&tags(&["d", "c"]));
        b.disable_tag_keys(&tags(&["c", "d", "c"]));
        assert_eq!(a, b);
        assert_eq!(a.for_summaries(), r#"{"disabled_tag_keys":["c","d"],"markup_percent":"10"}"#);
        // Keys that the operator named are not asked about.
        let mut named = PluginSettings::new(Some(&tags(&["b", "a", "b"])), None);
        named.disable_tag_keys(&tags(&["a"]));
        assert_eq!(named.for_summaries(), r#"{"enabled_tag_keys":["a","b"]}"#);
        assert_eq!(a.for_rows(), "{}");
        assert_eq!(PluginSettings::new(None, Some("0")).for_summaries(), "{}");
    }

    #[test]
    fn settings_of_the_plugin_are_told_to_readers_and_are_never_the_hosts() {
        let own = |text: &str| serde_json::from_str::<serde_json::Map<String, Value>>(text).unwrap();
        let settings = PluginSettings::new(None, Some("10"));
        let set = settings.clone().with_own(&own(r#"{"region":"eu","a":{"z":1,"b":[{"d":1,"c":2}]}}"#)).unwrap();
        assert_eq!(set.for_rows(), r#"{"a":{"b":[{"c":2,"d":1}],"z":1},"region":"eu"}"#);
        let text = r#"{"a":{"b":[{"c":2,"d":1}],"z":1},"markup_percent":"10","region":"eu"}"#;
        assert_eq!(set.for_summaries(), text);
        assert!(settings.with_own(&own(r#"{"markup_percent":"3"}"#)).unwrap_err().to_string().contains("markup"));
    }
}
