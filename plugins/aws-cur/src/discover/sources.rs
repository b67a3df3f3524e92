//! Names of sources.
//!
//! A source is called `account-report`, always: the name is made of the delivery alone, so that it stays when another
//! report, or another account's report of the same name, appears beside it. A name that changed would leave the rows
//! loaded under the old one standing beside the new.

/// A report's name and its account, as their manifests spell them.
pub(crate) type Owner = (String, String);

/// The source's name.
pub(crate) fn name(owner: &Owner) -> String {
    let (report, account) = owner;
    let plain = if account.is_empty() { report.clone() } else { format!("{account}-{report}") };
    let name = sanitized(&plain);
    // Names that differ only in letters that are not allowed, such as `a b` and `a_b`, stay different.
    if name == plain { name } else { format!("{name}-{:08x}", digest(owner)) }
}

/// FNV-1a of the names as they are.
fn digest((report, account): &Owner) -> u32 {
    let bytes = report.bytes().chain([0xff]).chain(account.bytes());
    bytes.fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Only `[A-Za-z0-9._-]`, other letters become `_`.
pub(crate) fn sanitized(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' };
    name.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(report: &str, account: &str) -> Owner {
        (report.to_owned(), account.to_owned())
    }

    #[test]
    fn names_are_made_of_report_and_account_alone() {
        assert_eq!(name(&owner("cur", "1")), "1-cur");
        assert_eq!(name(&owner("cur", "2")), "2-cur");
        assert_eq!(name(&owner("cur", "")), "cur");
    }

    #[test]
    fn names_that_look_alike_once_cleaned_stay_different() {
        assert_ne!(name(&owner("a b", "1")), name(&owner("a_b", "1")));
        assert_ne!(name(&owner("a b", "1")), name(&owner("a/b", "1")));
    }
}
