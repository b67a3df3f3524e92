//! Names that a guest declares or finds become tables, columns, folders and rows, and never SQL or a path.

use crate::guest::Guest;
use crate::run::{Case, check};
use crate::values;

const INJECTION: &str = "lines\"; drop table loads; --";

fn guest(change: impl FnOnce(&mut Guest)) -> Guest {
    let mut guest = Guest::honest();
    change(&mut guest);
    guest
}

#[test]
fn declared_names_have_a_narrow_alphabet() {
    let table = |table: &str| guest(|guest| table.clone_into(&mut guest.manifest.table));
    let column = |name: &str| guest(|guest| guest.manifest.schema = values::column_alone(name));
    check(&[
        Case::new("table-sql", &table(INJECTION)),
        Case::new("table-path", &table("../../loads")),
        Case::new("table-capital", &table("Lines")),
        Case::new("table-too-long", &table(&"a".repeat(64))),
        Case::new("table-of-the-host", &table("loads")),
        Case::new("table-with-the-hosts-prefix", &table("costhost_publications")),
        Case::new("column-sql", &column(INJECTION)),
        Case::new("column-of-the-host", &column("source")),
        Case::new("column-of-the-database", &column("xmin")),
        Case::new("id-path", &guest(|guest| "../hostile".clone_into(&mut guest.manifest.id))),
        Case::new("provider-path", &guest(|guest| "../aws".clone_into(&mut guest.manifest.provider))),
    ]);
}

#[test]
fn found_names_are_data() {
    let source = |source: &str| guest(|guest| source.clone_into(&mut guest.found.source));
    let revision = |revision: &str| guest(|guest| revision.clone_into(&mut guest.found.revision));
    check(&[
        Case::new("source-sql", &source("x'; drop table loads; --")),
        Case::new("source-path", &source("../../../../evil")),
        Case::new("source-control", &source("a\u{1b}[31mb")),
        Case::new("source-too-long", &source(&"a".repeat(600))),
        Case::new("revision-sql", &revision("x'; drop table loads; --")),
        Case::new("revision-empty", &revision("")),
    ]);
}
