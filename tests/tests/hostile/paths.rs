//! A guest reaches nothing but objects below the prefix that discovery was lent, and those only while it runs.

use crate::guest::Guest;
use crate::run::{Case, check};

/// Ways out of a local folder, by name. `link` and `folder-link` are links to what lies beside the folder.
const WAYS: [(&str, &str); 8] = [
    ("above", "../secret"),
    ("above-by-detour", "a/../../secret"),
    ("absolute", "/etc/hostname"),
    ("link", "link"),
    ("folder-link", "folder-link/secret"),
    ("encoded", "%2e%2e/secret"),
    ("backslash", "..\\secret"),
    ("url", "file:///etc/hostname"),
];

#[test]
fn discovery_reads_nothing_outside() {
    let read =
        |(name, path): &(&str, &str)| Case::new(&format!("read-{name}"), &Guest::named("reads-a-path").given(path));
    check(&WAYS.iter().map(read).collect::<Vec<_>>());
}

#[test]
fn discovery_lists_nothing_outside() {
    let list =
        |(name, path): &(&str, &str)| Case::new(&format!("list-{name}"), &Guest::named("lists-a-prefix").given(path));
    check(
        &[("above", "../"), ("absolute", "/etc/"), ("folder-link", "folder-link/")]
            .iter()
            .map(list)
            .collect::<Vec<_>>(),
    );
}

#[test]
fn a_report_names_no_file_outside() {
    let found = |(name, path): &(&str, &str)| {
        let mut guest = Guest::honest();
        (*path).clone_into(&mut guest.found.path);
        Case::new(&format!("found-{name}"), &guest)
    };
    check(&WAYS.iter().map(found).collect::<Vec<_>>());
}

#[test]
fn the_bucket_is_lent_for_one_call() {
    check(&[
        Case::new("keeps-the-bucket", &Guest::named("keeps-the-bucket")),
        Case::new("uses-the-bucket-later", &Guest::named("uses-the-bucket-later").given("input")),
    ]);
}
