//! What of JSON Schema the host checks, and whether a schema keeps to it.
//!
//! A keyword that is not on the list would be passed over in silence, and the schema promise more than is held. So authors are
//! told of it by `costhost plugin check` and `test`; a plugin that has it runs all the same, and checks its settings itself.

use serde_json::{Map, Value};

use super::{MAX_DEPTH, MAX_SHOWN, TYPES, pattern};
use crate::plugin::printable;

/// More are not looked for: each pattern among them takes time.
const MOST_OBJECTIONS: usize = 100;

/// What a keyword's value has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// It says nothing about what settings are valid.
    Annotation,
    /// Anything.
    Value,
    /// One of [`TYPES`], or some of them.
    Types,
    /// Values, at least one.
    Values,
    /// Texts.
    Names,
    /// A whole number, not negative.
    Count,
    /// A number.
    Number,
    /// `true` or `false`.
    Flag,
    /// A regular expression.
    Pattern,
    /// A schema.
    Schema,
    /// A schema, or `true` or `false`.
    SchemaOrFlag,
    /// Schemas by name.
    Properties,
}

const KEYWORDS: [(&str, Form); 29] = [
    ("$schema", Form::Annotation),
    ("$id", Form::Annotation),
    ("$comment", Form::Annotation),
    ("title", Form::Annotation),
    ("description", Form::Annotation),
    ("default", Form::Annotation),
    ("examples", Form::Annotation),
    ("deprecated", Form::Annotation),
    ("readOnly", Form::Annotation),
    ("writeOnly", Form::Annotation),
    ("type", Form::Types),
    ("enum", Form::Values),
    ("const", Form::Value),
    ("minLength", Form::Count),
    ("maxLength", Form::Count),
    ("pattern", Form::Pattern),
    ("minItems", Form::Count),
    ("maxItems", Form::Count),
    ("uniqueItems", Form::Flag),
    ("items", Form::Schema),
    ("minimum", Form::Number),
    ("maximum", Form::Number),
    ("exclusiveMinimum", Form::Number),
    ("exclusiveMaximum", Form::Number),
    ("properties", Form::Properties),
    ("required", Form::Names),
    ("additionalProperties", Form::SchemaOrFlag),
    ("minProperties", Form::Count),
    ("maxProperties", Form::Count),
];

/// The keywords that are checked, for people.
pub fn checked_keywords() -> String {
    let checked = KEYWORDS.iter().filter(|(_, form)| *form != Form::Annotation);
    checked.map(|(keyword, _)| *keyword).collect::<Vec<_>>().join(", ")
}

/// What of a schema would not be checked, or cannot be meant; nothing if all of it is held. A schema that is no JSON object is
/// told elsewhere.
pub fn objections(schema: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Ok(Value::Object(schema)) = serde_json::from_str(schema) {
        look_at(&schema, "", MAX_DEPTH, &mut found);
    }
    // Names and patterns are the plugin's, and this is shown on terminals.
    found.into_iter().map(|objection| printable(&objection, MAX_SHOWN)).collect()
}

fn look_at(schema: &Map<String, Value>, place: &str, depth: usize, found: &mut Vec<String>) {
    let at = if place.is_empty() { String::new() } else { format!(" of `{place}`") };
    if found.len() >= MOST_OBJECTIONS {
        return;
    }
    if depth == 0 {
        found.push(format!("the schema{at} lies deeper than the {MAX_DEPTH} levels that are checked"));
        return;
    }
    for (keyword, value) in schema {
        match KEYWORDS.iter().find(|(known, _)| known == keyword) {
            None => found.push(format!("the keyword `{keyword}`{at} is not one that is checked")),
            Some((_, form)) => {
                if let Some(problem) = form.problem(value) {
                    found.push(format!("`{keyword}`{at} {problem}"));
                }
            }
        }
    }
    for (below, schema) in inner(schema, place) {
        look_at(schema, &below, depth - 1, found);
    }
}

/// The schemas in a schema, each with its place.
fn inner<'a>(schema: &'a Map<String, Value>, place: &str) -> Vec<(String, &'a Map<String, Value>)> {
    let below = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let properties = properties.filter_map(|(name, schema)| Some((below(name), schema.as_object()?)));
    let one = |keyword: &str, place: String| Some((place, schema.get(keyword)?.as_object()?));
    let others = [one("items", format!("{place}[]")), one("additionalProperties", below("*"))];
    properties.chain(others.into_iter().flatten()).collect()
}

impl Form {
    /// What is wrong with a value of this form, as the rest of a sentence.
    fn problem(self, value: &Value) -> Option<String> {
        let texts = || value.as_array().is_some_and(|names| names.iter().all(Value::is_string));
        let (fits, form) = match self {
            Self::Annotation | Self::Value => (true, ""),
            Self::Types => return types_problem(value),
            Self::Values => (value.as_array().is_some_and(|values| !values.is_empty()), "a list of values"),
            Self::Names => (texts(), "a list of names"),
            Self::Count => (value.is_u64(), "a whole number"),
            Self::Number => (value.is_number(), "a number"),
            Self::Flag => (value.is_boolean(), "true or false"),
            Self::Pattern => return pattern_problem(value),
            Self::Schema => (value.is_object(), "a schema"),
            Self::SchemaOrFlag => (value.is_object() || value.is_boolean(), "a schema, true or false"),
            Self::Properties => {
                let schemas = value.as_object().is_some_and(|properties| properties.values().all(Value::is_object));
                (schemas, "an object of schemas")
            }
        };
        (!fits).then(|| format!("has to be {form}"))
    }
}

fn types_problem(value: &Value) -> Option<String> {
    let known = |value: &Value| value.as_str().is_some_and(|name| TYPES.contains(&name));
    let fits = known(value) || value.as_array().is_some_and(|types| !types.is_empty() && types.iter().all(known));
    (!fits).then(|| format!("has to be one or some of {}", TYPES.join(", ")))
}

fn pattern_problem(value: &Value) -> Option<String> {
    let Some(text) = value.as_str() else { return Some("has to be a regular expression".to_owned()) };
    pattern(text).is_none().then(|| {
        "is a regular expression that is not checked; there is no look-around, nor are there back-references".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schemas_of_shipped_plugins_are_checked_in_full() {
        for schema in [
            include_str!("../../../../plugins/aws-cur/src/settings-schema.json"),
            include_str!("../../../../plugins/azure-export/src/settings-schema.json"),
        ] {
            assert_eq!(objections(schema), Vec::<String>::new());
        }
    }

    #[test]
    fn a_keyword_that_would_be_passed_over_is_told_with_its_place() {
        let schema = r#"{"type":"object","oneOf":[],"properties":{"region":{"$ref":"/x"},
            "keys":{"type":"array","items":{"format":"uri"}}},"additionalProperties":{"if":{}}}"#;
        assert_eq!(
            objections(schema),
            [
                "the keyword `oneOf` is not one that is checked",
                "the keyword `$ref` of `region` is not one that is checked",
                "the keyword `format` of `keys[]` is not one that is checked",
                "the keyword `if` of `*` is not one that is checked",
            ]
        );
    }

    #[test]
    fn a_value_that_cannot_be_meant_is_told() {
        let wrong = [
            (r#"{"type":"text"}"#, "`type` has to be one or some of object"),
            (r#"{"minLength":"3"}"#, "`minLength` has to be a whole number"),
            (r#"{"properties":{"a":true}}"#, "`properties` has to be an object of schemas"),
            (r#"{"items":[{}]}"#, "`items` has to be a schema"),
            (r#"{"enum":[]}"#, "`enum` has to be a list of values"),
            (r#"{"pattern":"(?=a)b"}"#, "`pattern` is a regular expression that is not checked"),
        ];
        for (schema, says) in wrong {
            let told = objections(schema);
            assert!(told.len() == 1 && told[0].starts_with(says), "{schema}: {told:?}");
        }
        let deep = format!("{}{{}}{}", r#"{"items":"#.repeat(20), "}".repeat(20));
        assert!(objections(&deep)[0].contains("deeper than the 16 levels"), "{:?}", objections(&deep));
    }

    #[test]
    fn what_is_checked_can_be_read() {
        assert!(checked_keywords().starts_with("type, enum, const") && !checked_keywords().contains("title"));
    }

    #[test]
    fn what_a_plugin_wrote_is_shown_without_control_characters() {
        let found = objections("{\"\\u001b[2J\": 1, \"pattern\": \"\\u202e(\"}");
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().all(|text| !text.contains(['\u{1b}', '\u{202e}'])), "{found:?}");
        let many: Vec<String> = (0..1000).map(|n| format!("\"p{n}\": {{\"never\": 1}}")).collect();
        assert!(objections(&format!("{{\"properties\": {{{}}}}}", many.join(","))).len() <= MOST_OBJECTIONS);
    }
}
