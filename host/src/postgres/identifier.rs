//! Names in statements: the one place that quotes them.

use std::fmt;

/// A name as it stands in a statement: in quotes, quotes in it doubled. A NUL, which would end the statement, becomes
/// U+FFFD.
pub(super) fn quoted(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 2);
    text.push('"');
    for letter in name.chars() {
        match letter {
            '"' => text.push_str("\"\""),
            '\0' => text.push('\u{fffd}'),
            other => text.push(other),
        }
    }
    text.push('"');
    text
}

/// Names separated by commas.
pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(quoted).collect::<Vec<_>>().join(", ")
}

/// The schema of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SchemaName(String);

impl SchemaName {
    /// Tenant `default` has the schema `public`, any other one of its own name.
    ///
    /// # Errors
    /// The rule that the name breaks.
    pub(super) fn of_tenant(tenant: &str) -> Result<Self, &'static str> {
        /// What PostgreSQL keeps of an identifier; it cuts longer ones silently.
        const MAX_BYTES: usize = 63;
        if tenant == "default" {
            return Ok(Self("public".to_owned()));
        }
        if tenant.is_empty() || tenant.len() > MAX_BYTES {
            return Err("a tenant's name has 1 to 63 bytes");
        }
        if tenant.chars().any(char::is_control) {
            return Err("a tenant's name has no control characters");
        }
        let lower = tenant.to_lowercase();
        if lower == "public" || lower == "information_schema" || lower.starts_with("pg_") {
            return Err("this is a schema of PostgreSQL itself; the tenant `default` lives in `public`");
        }
        Ok(Self(tenant.to_owned()))
    }

    /// The bare name, for comparison with the catalog.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// As it stands in a statement.
    pub(super) fn quoted(&self) -> String {
        quoted(&self.0)
    }

    /// A table, index or type of this schema as it stands in a statement.
    pub(super) fn qualify(&self, name: &str) -> String {
        format!("{}.{}", quoted(&self.0), quoted(name))
    }
}

impl fmt::Display for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_end_nothing() {
        assert_eq!(quoted("usage_start"), "\"usage_start\"");
        assert_eq!(quoted("x\"; drop table y; --"), "\"x\"\"; drop table y; --\"");
        assert_eq!(quoted("a\0b"), "\"a\u{fffd}b\"");
        assert_eq!(list(["a", "b\""]), "\"a\", \"b\"\"\"");
    }

    #[test]
    fn tenants() {
        let schema = |tenant: &str| SchemaName::of_tenant(tenant).map(|schema| schema.qualify("t"));
        assert_eq!(schema("default").unwrap(), "\"public\".\"t\"");
        assert_eq!(schema("org1234567").unwrap(), "\"org1234567\".\"t\"");
        for refused in ["public", "PUBLIC", "information_schema", "pg_catalog", "PG_temp", "", "a\nb", &"x".repeat(64)]
        {
            assert!(schema(refused).is_err(), "{refused}");
        }
    }
}
