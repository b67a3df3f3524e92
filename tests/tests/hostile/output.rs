//! What comes out of a guest is bounded and checked: rows, rejects, failures, log records.

use crate::guest::Guest;
use crate::run::{Case, check};
use crate::values;

fn named(name: &str) -> Case {
    Case::new(name, &Guest::named(name))
}

#[test]
fn output_is_bounded() {
    check(&[
        named("output-of-200-mib"),
        named("million-outputs"),
        named("million-rejects"),
        named("million-batches").reading(values::no_rows()),
        // Three pushes, of which the host allows eight times their size.
        named("reject-of-31-mib").reading(vec![0; 3 << 20]),
    ]);
}

#[test]
fn results_that_break_the_canonical_abi_are_refused() {
    check(&[
        named("rows-for-table-7"),
        named("result-outside-memory"),
        named("list-outside-memory"),
        named("variant-out-of-range"),
        named("failure-not-utf8"),
    ]);
}

#[test]
fn lies_in_rows_are_refused() {
    let honest = Guest::honest();
    let lies = values::lies().into_iter().map(|(name, value)| Case::new(name, &honest).reading(value));
    check(&lies.chain([named("empty-value")]).collect::<Vec<_>>());
}

#[test]
fn text_of_a_guest_changes_no_terminal() {
    let guest = Guest::named("failure-for-a-terminal").given("\u{1b}[2J\u{202e}all is well\r\n\u{7}");
    check(&[Case::new("failure-for-a-terminal", &guest)]);
}

#[test]
fn log_records_are_shortened_and_those_that_come_too_fast_are_counted() {
    let flood = Case::new("log-flood", &Guest::named("log-flood").given("again\u{1b}[31m and again"));
    let large = named("log-one-large");
    check(&[flood, large]);

    let outcome = Case::new("log-flood", &Guest::named("log-flood").given("again and again"))
        .with(&["--log", "info", "--max-log-rate", "10"])
        .run();
    let records = outcome.err.matches("again and again").count();
    assert!((10..100).contains(&records), "{records} of 100,000 records were let through");
    let outcome = named("log-one-large").with(&["--log", "info"]).run();
    let longest = outcome.err.lines().map(str::len).max().unwrap();
    assert!((4096..5000).contains(&longest), "a line of {longest} bytes");
}
