//! Settings against the JSON Schema that a plugin declares for them.
//!
//! The plugin checks its settings itself, and has the last word; this tells before anything runs. Of JSON Schema it
//! knows what settings are described with; authors are told which keywords are not among it ([`objections`]).

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use crate::plugin::printable;

mod keywords;

pub use keywords::{checked_keywords, objections};

/// Schemas refer to none but themselves here; deeper ones are not settings of people.
const MAX_DEPTH: usize = 16;
/// Longest text that is shown of what is wrong.
const MAX_SHOWN: usize = 1024;
/// Names of types.
const TYPES: [&str; 7] = ["object", "array", "string", "boolean", "null", "number", "integer"];
/// Memory of a compiled pattern. Matching takes linear time, whatever it says.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// What of `settings` does not fit `schema`, each with its place; nothing if all of it does.
///
/// # Errors
/// When the schema itself is no JSON object.
pub fn misfits(schema: &str, settings: &Value) -> Result<Vec<String>, String> {
    if schema.trim().is_empty() {
        return Ok(Vec::new());
    }
    let schema: Value =
        serde_json::from_str(schema).map_err(|error| format!("its settings schema is no JSON: {error}"))?;
    if !schema.is_object() {
        return Err("its settings schema is no JSON object".to_owned());
    }
    let mut found = Vec::new();
    check(&schema, settings, "", MAX_DEPTH, &mut found);
    Ok(found.into_iter().map(|misfit| printable(&misfit, MAX_SHOWN)).collect())
}

fn check(schema: &Value, value: &Value, place: &str, depth: usize, found: &mut Vec<String>) {
    let Some(schema) = schema.as_object().filter(|_| depth > 0) else { return };
    let name = if place.is_empty() { "the settings" } else { place };
    if let Some(wanted) = schema.get("type")
        && !types(wanted).any(|wanted| is(value, wanted))
    {
        let wanted: Vec<&str> = types(wanted).collect();
        found.push(format!("{name} must be of type {}", wanted.join(" or ")));
        return;
    }
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
        && !allowed.contains(value)
    {
        let allowed: Vec<String> = allowed.iter().map(Value::to_string).collect();
        found.push(format!("{name} must be one of {}", allowed.join(", ")));
    }
    if let Some(only) = schema.get("const").filter(|only| *only != value) {
        found.push(format!("{name} must be {only}"));
    }
    let length = value.as_str().map(|text| text.chars().count() as u64);
    bounds(schema, length, ["minLength", "maxLength"], "characters", name, found);
    bounds(schema, value.as_array().map(|items| items.len() as u64), ["minItems", "maxItems"], "items", name, found);
    let members_count = value.as_object().map(|members| members.len() as u64);
    bounds(schema, members_count, ["minProperties", "maxProperties"], "members", name, found);
    if value.as_f64().is_some_and(|number| !in_range(schema, number)) {
        found.push(format!("{name} is out of range"));
    }
    if let (Some(text), Some(wanted)) = (value.as_str(), schema.get("pattern").and_then(Value::as_str))
        && pattern(wanted).is_some_and(|pattern| !pattern.is_match(text))
    {
        found.push(format!("{name} does not match the pattern {wanted}"));
    }
    if let Some(items) = value.as_array() {
        if let Some(of_items) = schema.get("items") {
            let each = items.iter().enumerate();
            each.for_each(|(at, item)| check(of_items, item, &format!("{place}[{at}]"), depth - 1, found));
        }
        if schema.get("uniqueItems") == Some(&Value::Bool(true))
            && items.iter().enumerate().any(|(at, item)| items.iter().take(at).any(|before| before == item))
        {
            found.push(format!("{name} holds the same twice"));
        }
    }
    members(schema, value, place, depth, found);
}

/// A pattern as JSON Schema has it: it may match anywhere. `None` when it is of a kind that cannot be checked here.
fn pattern(text: &str) -> Option<Regex> {
    RegexBuilder::new(text).size_limit(MAX_PATTERN_BYTES).build().ok()
}

fn in_range(schema: &serde_json::Map<String, Value>, number: f64) -> bool {
    let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
    bound("minimum").is_none_or(|least| number >= least)
        && bound("maximum").is_none_or(|most| number <= most)
        && bound("exclusiveMinimum").is_none_or(|below| number > below)
        && bound("exclusiveMaximum").is_none_or(|above| number < above)
}

fn members(schema: &serde_json::Map<String, Value>, value: &Value, place: &str, depth: usize, found: &mut Vec<String>) {
    let Some(members) = value.as_object() else { return };
    let below = |member: &str| if place.is_empty() { member.to_owned() } else { format!("{place}.{member}") };
    let properties = schema.get("properties").and_then(Value::as_object);
    for (member, value) in members {
        let of_member = properties.and_then(|properties| properties.get(member));
        match (of_member, schema.get("additionalProperties")) {
            (Some(of_member), _) => check(of_member, value, &below(member), depth - 1, found),
            (None, Some(Value::Bool(false))) => {
                let known: Vec<&str> = properties.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                found.push(format!("`{}` is no setting of it; it has {known}", below(member)));
            }
            (None, Some(others)) => check(others, value, &below(member), depth - 1, found),
            (None, None) => {}
        }
    }
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let missing = required.filter(|member| !members.contains_key(*member));
    found.extend(missing.map(|member| format!("`{}` is missing", below(member))));
}

fn bounds(
    schema: &serde_json::Map<String, Value>,
    count: Option<u64>,
    [least, most]: [&str; 2],
    what: &str,
    name: &str,
    found: &mut Vec<String>,
) {
    let Some(count) = count else { return };
    let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_u64);
    if let Some(least) = bound(least).filter(|least| count < *least) {
        found.push(format!("{name} must have at least {least} {what}"));
    }
    if let Some(most) = bound(most).filter(|most| count > *most) {
        found.push(format!("{name} must have at most {most} {what}"));
    }
}

fn types(wanted: &Value) -> impl Iterator<Item = &str> {
    let single = wanted.as_str().into_iter();
    single.chain(wanted.as_array().into_iter().flatten().filter_map(Value::as_str))
}

fn is(value: &Value, wanted: &str) -> bool {
    match wanted {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#"{"type":"object","additionalProperties":false,"required":["region"],"properties":{
        "region":{"type":"string","minLength":2,"enum":["eu","us"]},
        "keys":{"type":"array","uniqueItems":true,"items":{"type":"string","minLength":1}},
        "share":{"type":["number","null"],"minimum":0,"maximum":1},
        "percent":{"type":"string","pattern":"^[0-9]+([.][0-9]+)?$"},"kind":{"const":"a"},
        "more":{"exclusiveMinimum":0,"maxProperties":1}}}"#;

    fn told(settings: &str) -> Vec<String> {
        misfits(SCHEMA, &serde_json::from_str(settings).unwrap()).unwrap()
    }

    #[test]
    fn settings_that_fit_are_not_spoken_of() {
        assert!(told(r#"{"region":"eu","keys":["a","b"],"share":0.5}"#).is_empty());
        assert!(told(r#"{"region":"us","share":null}"#).is_empty());
    }

    #[test]
    fn every_misfit_is_told_with_its_place() {
        assert_eq!(
            told(r#"{"region":"e","keys":["",1,""],"share":2,"markup":"1"}"#),
            [
                "region must be one of \"eu\", \"us\"",
                "region must have at least 2 characters",
                "keys[0] must have at least 1 characters",
                "keys[1] must be of type string",
                "keys[2] must have at least 1 characters",
                "keys holds the same twice",
                "share is out of range",
                "`markup` is no setting of it; it has region, keys, share, percent, kind, more",
            ]
        );
        assert_eq!(
            told(r#"{"region":"eu","percent":"ten","kind":"b","more":0}"#),
            ["percent does not match the pattern ^[0-9]+([.][0-9]+)?$", "kind must be \"a\"", "more is out of range"]
        );
        assert_eq!(told(r#"{"region":"eu","more":{"a":1,"b":2}}"#), ["more must have at most 1 members"]);
        assert_eq!(told("{}"), ["`region` is missing"]);
        assert_eq!(told("[]"), ["the settings must be of type object"]);
    }

    #[test]
    fn a_schema_that_is_none_is_told_and_an_empty_one_says_nothing() {
        assert!(misfits("{", &Value::Null).is_err() && misfits("[]", &Value::Null).is_err());
        assert_eq!(misfits("", &Value::Null), Ok(Vec::new()));
    }
}
