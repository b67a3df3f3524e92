//! Names of columns: from the spellings of CUR v1 to those of CUR 2.0.

/// AWS's rule for Athena and Parquet: `_` before every capital, lower case, everything else `_`, no `_` doubled or at
/// the ends.
#[must_use]
pub fn underscored(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 8);
    for letter in name.chars() {
        let plain = letter.is_ascii_alphanumeric();
        if (!plain || letter.is_ascii_uppercase()) && !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
        if plain {
            out.push(letter.to_ascii_lowercase());
        }
    }
    out.truncate(out.trim_end_matches('_').len());
    out
}

/// The letters and digits of a name in lower case: equal for all spellings of one column, however they split words
/// (`savingsPlan/SavingsPlanArn`, `savings_plan_savings_plan_a_r_n`).
#[must_use]
pub fn folded(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_vectors() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/spec/cur_v1_naming_vectors.json");
        let path = if std::path::Path::new(path).exists() { path.to_owned() } else { fallback() };
        let vectors: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(vectors.len(), 200);
        for (name, want) in &vectors {
            assert_eq!(underscored(name), want.as_str().unwrap(), "{name}");
            assert_eq!(folded(name), folded(want.as_str().unwrap()), "{name}");
        }
    }

    /// The specification lies beside the project, wherever a working copy is.
    fn fallback() -> String {
        let mut at = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        while at.pop() {
            let path = at.join("shared/spec/cur_v1_naming_vectors.json");
            if path.exists() {
                return path.to_str().unwrap().to_owned();
            }
        }
        panic!("../shared/spec/cur_v1_naming_vectors.json is not there");
    }
}
