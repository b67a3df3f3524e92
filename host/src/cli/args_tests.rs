use clap::{CommandFactory, FromArgMatches, Parser};

use super::*;

/// Only the limits, as a program of their own.
#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    limits: LimitArgs,
}

fn limits(arguments: &[&str]) -> Limits {
    let matches = Flags::command().no_binary_name(true).get_matches_from(arguments);
    Flags::from_arg_matches(&matches).unwrap().limits.limits(&ConfigFile::default())
}

#[test]
fn the_help_tells_the_defaults_that_hold() {
    let default = Limits::default();
    let mib = |bytes: u64| format!("{}MiB", bytes >> 20);
    let expected = [
        ("max_memory", mib(default.memory_bytes)),
        ("max_time", default.wall_base.as_secs().to_string()),
        ("max_output", mib(default.output_bytes_per_call)),
        ("max_handles", default.handles.to_string()),
        ("max_log_rate", default.log_records_per_second.to_string()),
        ("max_discovery_calls", default.discovery.calls.to_string()),
        ("max_discovery_bytes", mib(default.discovery.bytes)),
        ("max_discovery_entries", default.discovery.entries.to_string()),
    ];
    let command = Flags::command();
    assert_eq!(command.get_arguments().filter(|argument| argument.get_id() != "help").count(), expected.len());
    for (flag, value) in expected {
        let argument = command.get_arguments().find(|argument| argument.get_id() == flag).unwrap();
        let help = argument.get_help().unwrap().to_string();
        assert!(help.ends_with(&format!("[default: {value}]")), "{flag}: {help}");
    }
}

#[test]
fn the_configuration_in_the_documentation_is_the_default() {
    let text = include_str!("../../../docs/operations.md");
    let example = text.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let config: ConfigFile = toml::from_str(example).unwrap();
    assert!(config.limits.max_output.is_some() && config.limits.max_time.is_some());
    assert!(config.limits.max_discovery_calls.is_some() && config.limits.max_discovery_entries.is_some());
    let flags = LimitArgs::default();
    assert_eq!(format!("{:?}", flags.limits(&config)), format!("{:?}", Limits::default()));
}

#[test]
fn every_flag_raises_what_its_error_names() {
    let raised = limits(&["--max-memory", "1GiB", "--max-time", "90", "--max-output", "48MiB", "--max-handles", "300"]);
    let discovery =
        ["--max-discovery-calls", "7", "--max-discovery-bytes", "1GiB", "--max-discovery-entries", "9000000"];
    let discovery = limits(&discovery).discovery;
    assert_eq!((discovery.calls, discovery.bytes, discovery.entries), (7, 1 << 30, 9_000_000));
    let default = Limits::default();
    assert_eq!((raised.memory_bytes, raised.handles), (1 << 30, 300));
    assert_eq!(raised.wall_budget(0), std::time::Duration::from_secs(90));
    assert_eq!((raised.output_bytes_per_call, raised.output_budget(0)), (48 << 20, 96 << 20));
    assert!(raised.output_budget(1 << 20) > default.output_budget(1 << 20));
}
