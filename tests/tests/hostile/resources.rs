//! Time, stack, memory, tables and handles are bounded, and whatever a guest does with them ends nothing but its own run.

use crate::guest::Guest;
use crate::run::{Case, check};
use crate::values;

fn named(name: &str) -> Case {
    Case::new(name, &Guest::named(name))
}

#[test]
fn an_honest_guest_is_loaded() {
    check(&[
        Case::new("honest", &Guest::honest()),
        Case::new("honest-dictionary", &Guest::honest()).reading(values::with_dictionary()),
    ]);
}

#[test]
fn time_is_bounded() {
    let second = ["--max-time", "1"];
    check(&[
        named("spin").with(&second),
        named("spin-in-discover").with(&second),
        named("spin-in-start"),
        named("fill").with(&second),
        Case::new("stat-for-ever", &Guest::named("stat-for-ever").given("input")),
    ]);
}

#[test]
fn a_crash_ends_its_file_alone() {
    check(&[named("crash"), named("recurse")]);
}

#[test]
fn memory_is_bounded_over_all_memories_together() {
    let with_further = |name: &str, count: usize, module: &str| {
        Case::new(name, &Guest::honest().beside(vec![module.to_owned(); count]))
    };
    check(&[
        named("grow").with(&["--max-memory", "64MiB"]),
        named("declares-a-gibibyte"),
        with_further("three-large-memories", 3, "(module (memory 3200))"),
        with_further("nine-memories", 9, "(module (memory 1))"),
        with_further("forty-instances", 40, "(module)"),
    ]);
}

#[test]
fn tables_are_few_and_small() {
    let tables = "(table 1 funcref)".repeat(20);
    check(&[
        named("large-table"),
        named("growing-table"),
        Case::new("twenty-tables", &Guest::honest().beside(vec![format!("(module {tables})")])),
    ]);
}

#[test]
fn handles_are_counted() {
    check(&[
        named("handles"),
        Case::new("handles-of-an-operator", &Guest::named("handles")).with(&["--max-handles", "7"]),
    ]);
}
