//! Names of sources.
//!
//! A source is called after its report (or export), always, so that its name stays when another report appears beside
//! it. Only when two accounts have reports of the same name are both called `account-report`.

use std::collections::{BTreeMap, BTreeSet};

/// A report's name and its account, as their manifests spell them.
pub(crate) type Owner = (String, String);

/// The source's name of each (report, account).
pub(crate) fn names(owners: &BTreeSet<Owner>) -> BTreeMap<Owner, String> {
    let mut accounts: BTreeMap<String, usize> = BTreeMap::new();
    for (report, _) in owners {
        *accounts.entry(sanitized(report)).or_default() += 1;
    }
    let name = |(report, account): &Owner| {
        let alone = sanitized(report);
        if accounts.get(&alone).is_some_and(|&count| count > 1) {
            sanitized(&format!("{account}-{report}"))
        } else {
            alone
        }
    };
    owners.iter().map(|owner| (owner.clone(), name(owner))).collect()
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
    }
}
