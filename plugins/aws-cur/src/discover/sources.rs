//! Names of sources.
//!
//! A source is called after its report (or export), always, so that its name stays when another report appears beside
//! it. Only when two accounts have reports of the same name are both called `account-report`.

use std::collections::{BTreeMap, BTreeSet};

/// A report's name and its account, as their manifests spell them.
pub(crate) type Owner = (String, String);

/// The source's name of each (report, account).
pub(crate) fn names(owners: &BTreeSet<Owner>) -> BTreeMap<Owner, String> {
    let alone = |(report, _): &Owner| sanitized(report);
    let with_account = |(report, account): &Owner| sanitized(&format!("{account}-{report}"));
    // Names that differ only in letters that are not allowed, such as `a b` and `a_b`.
    let with_digest = |owner: &Owner| format!("{}-{:08x}", with_account(owner), digest(owner));
    let count =
        |name: &dyn Fn(&Owner) -> String, wanted: &str| owners.iter().filter(|owner| name(owner) == wanted).count();
    let name = |owner: &Owner| match (count(&alone, &alone(owner)), count(&with_account, &with_account(owner))) {
        (1, _) => alone(owner),
        (_, 1) => with_account(owner),
        _ => with_digest(owner),
    };
    owners.iter().map(|owner| (owner.clone(), name(owner))).collect()
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

    #[test]
    fn a_name_stays_when_another_report_appears() {
        let owner = |report: &str, account: &str| (report.to_owned(), account.to_owned());
        let one = names(&BTreeSet::from([owner("cur", "1")]));
        let two = names(&BTreeSet::from([owner("cur", "1"), owner("daily cur", "1")]));
        assert_eq!(one[&owner("cur", "1")], "cur");
        assert_eq!(two[&owner("cur", "1")], "cur");
        assert_eq!(two[&owner("daily cur", "1")], "daily_cur");
    }

    #[test]
    fn two_accounts_with_one_report_name_are_told_apart() {
        let owner = |report: &str, account: &str| (report.to_owned(), account.to_owned());
        let both = names(&BTreeSet::from([owner("cur", "1"), owner("cur", "2")]));
        assert_eq!(both.values().collect::<Vec<_>>(), ["1-cur", "2-cur"]);
        let alike = names(&BTreeSet::from([owner("a b", "1"), owner("a_b", "1")]));
        let mut alike: Vec<&String> = alike.values().collect();
        alike.dedup();
        assert_eq!(alike.len(), 2);
    }
}
