//! Names of sources.
//!
//! A source's name is made of its delivery alone, so that it stays when another report appears beside it. A name that
//! changed would leave the rows loaded under the old one standing beside the new.

/// The source's name: `account-report`, always. Both as their manifests spell them; the account may be empty.
#[must_use]
pub fn of_report(report: &str, account: &str) -> String {
    let plain = if account.is_empty() { report.to_owned() } else { format!("{account}-{report}") };
    distinct(&plain, sanitized(&plain), &[report, account])
}

/// The name of a source that has no manifest, told by the folders it lies in.
#[must_use]
pub fn of_folders(folders: &[&str]) -> String {
    distinct(&folders.join("/"), sanitized(&folders.join("-")), folders)
}

/// Names that differ only in what cleaning takes away, such as `a b` and `a_b`, or `a/b` and `a-b`, stay different: by a
/// digest of the parts as they are.
fn distinct(plain: &str, cleaned: String, parts: &[&str]) -> String {
    if cleaned == plain { cleaned } else { format!("{cleaned}-{:08x}", digest(parts)) }
}

/// FNV-1a of the parts, with a byte between them that no text holds.
fn digest(parts: &[&str]) -> u32 {
    let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
    let mix = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    parts.join(&0xff).iter().fold(0x811c_9dc5, mix)
}

/// Only `[A-Za-z0-9._-]`, other letters become `_`.
fn sanitized(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' };
    name.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_report_and_account_alone() {
        assert_eq!(of_report("cur", "1"), "1-cur");
        assert_eq!(of_report("cur", "2"), "2-cur");
        assert_eq!(of_report("cur", ""), "cur");
    }

    #[test]
    fn names_that_look_alike_once_cleaned_stay_different() {
        assert_ne!(of_report("a b", "1"), of_report("a_b", "1"));
        assert_ne!(of_report("a b", "1"), of_report("a/b", "1"));
    }

    #[test]
    fn folders_that_look_alike_once_joined_stay_different() {
        assert_eq!((of_folders(&[]).as_str(), of_folders(&["daily"]).as_str()), ("", "daily"));
        let names = [&["a", "b"][..], &["a-b"], &["a b"], &["a_b"], &["a/b"]].map(of_folders);
        assert!(names.iter().enumerate().all(|(at, name)| !names[..at].contains(name)), "{names:?}");
        // A name that changed would leave rows standing under the old one.
        assert_eq!(names[0], "a-b-1c91eb11");
    }
}
