//! `costhost plugin bench`: how fast a plugin is, over several runs of the same input in memory.
//!
//! Time is that of a machine on a day; instructions are the same everywhere, so they are what to compare versions by.

use std::time::Duration;

use clap::Args;
use tokio::runtime::Handle;

use super::super::plugin_files::plugin_file;
use super::super::{Exit, table};
use super::drive::{Driven, Loaded, find};
use crate::cli::output::Output;
use crate::plugin::{Engine, EngineOptions};
use crate::report::Format;

const MIB: f64 = 1_048_576.0;

/// Flags of `costhost plugin bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// A .wasm file or a plugin's name
    pub plugin: String,
    /// A folder or file with reports, or the URL of a bucket's prefix
    pub input: String,
    /// Runs of each file
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: u32,
    /// What the plugin is told, as JSON
    #[arg(long, default_value = "{}")]
    pub settings: String,
    /// Form of the result
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Format,
}

/// Runs and prints one row a file.
///
/// # Errors
/// When the plugin fails.
pub(super) fn execute(args: &BenchArgs, handle: &Handle) -> anyhow::Result<Exit> {
    let path = plugin_file(&args.plugin)?;
    let engine = Engine::new(EngineOptions::default())?;
    let plugin = engine.load(&path)?;
    let counting = Engine::counting_instructions(EngineOptions::default())?;
    let counted = counting.load(&path)?;
    let found = find(&plugin, &args.input, &args.settings, handle)?;
    let header = [
        "file",
        "MiB",
        "rows",
        "MiB/s",
        "best ms",
        "median ms",
        "normalize ms",
        "summarize ms",
        "memory MiB",
        "Minstr/MiB",
    ];
    let mut rows = table::Table::new(&header);
    for report in &found.findings.reports {
        for file in &report.files {
            let loaded = Loaded::read(&plugin, &found, report, file, handle)?;
            let mut runs = Vec::new();
            for _ in 0..args.runs {
                runs.push(loaded.drive(&plugin, 0)?);
            }
            let instructions = loaded.drive(&counted, 0)?.usage.instructions.unwrap_or_default();
            rows.add(row(&file.path, loaded.bytes, &mut runs, instructions));
        }
    }
    rows.write(args.output, &mut Output::default())?;
    Ok(Exit::Done)
}

fn row(path: &str, bytes: u64, runs: &mut [Driven], instructions: u64) -> [String; 10] {
    let took = |driven: &Driven| driven.normalizing + driven.summarizing;
    let ms = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1e3);
    let mib = bytes as f64 / MIB;
    runs.sort_by_key(took);
    let nothing = Driven::default();
    let best = runs.first().unwrap_or(&nothing);
    let median = runs.get(runs.len() / 2).map(took).unwrap_or_default();
    [
        path.to_owned(),
        format!("{mib:.1}"),
        best.rows.to_string(),
        format!("{:.0}", mib / took(best).as_secs_f64().max(1e-9)),
        ms(took(best)),
        ms(median),
        ms(best.normalizing),
        ms(best.summarizing),
        format!("{:.1}", best.usage.peak_memory_bytes as f64 / MIB),
        format!("{:.1}", instructions as f64 / 1e6 / mib.max(1e-9)),
    ]
}
