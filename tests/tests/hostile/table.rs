//! The table of `tests/hostile/README.md` names every guest and every text.

use std::collections::BTreeSet;

use crate::guest::folder;

#[test]
fn every_guest_and_every_text_is_in_the_table() {
    let readme = std::fs::read_to_string(folder().join("README.md")).unwrap();
    let named: BTreeSet<&str> = readme.split('`').skip(1).step_by(2).collect();
    for (part, ending) in [("guests", ".wat"), ("expected", ".txt")] {
        for file in std::fs::read_dir(folder().join(part)).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            let stem = name.strip_suffix(ending).unwrap_or_else(|| panic!("{part}/{name} is of another kind"));
            assert!(named.contains(stem), "{part}/{name} is not in README.md");
        }
    }
}
