//! Which paths a grant covers: names below its root, made of plain parts.

use super::error::SourceError;

/// Checks a path below a granted prefix: no empty, `.` or `..` part, not absolute, no control characters.
///
/// The same texts are refused for every kind of store, so that a plugin behaves alike on all of them.
///
/// # Errors
/// The path is not of that form.
pub(super) fn check_path(url: &str, path: &str) -> Result<(), SourceError> {
    let plain = !path.is_empty() && path.split('/').all(is_plain);
    if plain { Ok(()) } else { Err(outside(url, path)) }
}

/// Checks a prefix to list: empty, or a path that ends in `/`. Gives it without that `/`.
pub(super) fn check_prefix<'a>(url: &str, prefix: &'a str) -> Result<&'a str, SourceError> {
    if prefix.is_empty() {
        return Ok(prefix);
    }
    let inner = prefix.strip_suffix('/').ok_or_else(|| outside(url, prefix))?;
    check_path(url, inner)?;
    Ok(inner)
}

/// The error for a path that leads out.
pub(super) fn outside(url: &str, path: &str) -> SourceError {
    SourceError::Denied {
        place: url.to_owned(),
        operation: "checking a path",
        advice: format!("{path:?} is not a path below it"),
    }
}

fn is_plain(part: &str) -> bool {
    !matches!(part, "" | "." | "..") && !part.chars().any(|c| c.is_ascii_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_paths_pass() {
        for path in ["a", "a/b.csv", "a b/ä=%2e%2e", "..a/b..", "a\\b", ".hidden"] {
            assert!(check_path("x", path).is_ok(), "{path}");
        }
        for path in ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/..", "./a", "a\0b", "a\nb"] {
            assert!(check_path("x", path).is_err(), "{path:?}");
        }
        assert_eq!(check_prefix("x", "").unwrap(), "");
        assert_eq!(check_prefix("x", "a/b/").unwrap(), "a/b");
        for prefix in ["a", "/", "a//", "../", "/a/"] {
            assert!(check_prefix("x", prefix).is_err(), "{prefix}");
        }
    }
}
