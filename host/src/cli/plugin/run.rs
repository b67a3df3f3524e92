//! `costhost plugin run`: one input through a plugin, and what comes out.

use std::io::Write;

use clap::Args;
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use serde_json::Value;
use tokio::runtime::Handle;

use super::super::Exit;
use super::super::plugin_files::plugin_file;
use super::drive::{Driven, Found, Loaded, find};
use crate::cli::output::Output;
use crate::conformance::json_rows;
use crate::ingest::time_text;
use crate::plugin::{Engine, EngineOptions, Plugin, Reject};

/// Rejects that are shown of each file.
const SHOWN_REJECTS: usize = 20;
const MIB: f64 = 1_048_576.0;

/// Flags of `costhost plugin run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// A .wasm file or a plugin's name
    pub plugin: String,
    /// A folder or file with reports, or the URL of a bucket's prefix
    pub input: String,
    /// Show the first rows of each table
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub rows: usize,
    /// Show rows as JSON lines, and nothing else on standard output
    #[arg(long)]
    pub json: bool,
    /// What the plugin is told, as JSON
    #[arg(long, default_value = "{}")]
    pub settings: String,
}

/// Runs and prints.
///
/// # Errors
/// When the plugin fails. Deliveries that cannot be loaded are exit code 1.
pub(super) fn execute(args: &RunArgs, handle: &Handle) -> anyhow::Result<Exit> {
    let engine = Engine::counting_instructions(EngineOptions::default())?;
    let plugin = engine.load(&plugin_file(&args.plugin)?)?;
    let found = find(&plugin, &args.input, &args.settings, handle)?;
    // Rows for programs go to standard output alone; what is for people goes beside them.
    let mut out: Box<dyn Write> = if args.json { Box::new(std::io::stderr()) } else { Box::new(Output::default()) };
    let mut failed = show_problems(&found, &mut out)?;
    for report in &found.findings.reports {
        let source = if report.source.is_empty() { String::new() } else { format!("{} ", report.source) };
        let (start, end) = (time_text(report.period.start), time_text(report.period.end));
        writeln!(out, "report {source}{start} to {end}, revision {}", report.revision)?;
        for file in &report.files {
            let loaded = Loaded::read(&plugin, &found, report, file, handle)?;
            match loaded.drive(&plugin, args.rows) {
                Ok(driven) => {
                    show_file(&plugin, &file.path, &driven, loaded.bytes, &mut out)?;
                    show_rows(&plugin, &driven, args.json, &mut out)?;
                }
                Err(error) => {
                    failed = true;
                    writeln!(out, "  {}: {error:#}", file.path)?;
                }
            }
        }
    }
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

fn show_problems(found: &Found, out: &mut dyn Write) -> std::io::Result<bool> {
    for problem in &found.findings.problems {
        writeln!(out, "problem {}: {}", problem.source, problem.failure)?;
    }
    Ok(!found.findings.problems.is_empty())
}

fn show_file(plugin: &Plugin, path: &str, driven: &Driven, bytes: u64, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "  {path}: {} rows, {} rejects, {:.2} MiB", driven.rows, driven.rejects_counted, bytes as f64 / MIB)?;
    for (index, rows) in &driven.table_rows {
        writeln!(out, "    table {}: {rows} rows", table_name(plugin, *index))?;
    }
    for reject in driven.rejects.iter().take(SHOWN_REJECTS) {
        writeln!(out, "    reject {}", told(reject))?;
    }
    let more = driven.rejects_counted.saturating_sub(SHOWN_REJECTS as u64);
    if more > 0 {
        writeln!(out, "    and {more} more rejects")?;
    }
    for note in &driven.notes {
        writeln!(out, "    note {note}")?;
    }
    writeln!(
        out,
        "    used {:.1} MiB of memory, {:.1} ms normalizing, {:.1} ms summarizing, {} instructions{}; state {} bytes",
        driven.usage.peak_memory_bytes as f64 / MIB,
        driven.normalizing.as_secs_f64() * 1e3,
        driven.summarizing.as_secs_f64() * 1e3,
        driven.usage.instructions.unwrap_or_default(),
        per_mib(driven.usage.instructions.unwrap_or_default(), bytes),
        driven.state_bytes
    )
}

/// What it is for each MiB, where the input is large enough to say.
fn per_mib(instructions: u64, bytes: u64) -> String {
    if bytes < 1 << 16 {
        return String::new();
    }
    format!(" ({:.1} million for each MiB)", instructions as f64 / 1e6 / (bytes as f64 / MIB))
}

fn told(reject: &Reject) -> String {
    let what = if reject.whole_row { "the row is left out" } else { "the cell became null" };
    let stake = match (&reject.amount, &reject.currency) {
        (Some(amount), Some(currency)) => format!("; {amount} {currency} at stake"),
        (Some(amount), None) => format!("; {amount} at stake"),
        (None, _) => String::new(),
    };
    format!("{} at {}: {} ({what}{stake})", reject.code, reject.at, reject.message)
}

fn show_rows(plugin: &Plugin, driven: &Driven, json: bool, out: &mut dyn Write) -> std::io::Result<()> {
    for (index, batches) in driven.first_rows.iter().filter(|(_, batches)| !batches.is_empty()) {
        let rows = json_rows(batches);
        if json {
            let mut out = Output::default();
            for row in &rows {
                writeln!(out, "{row}")?;
            }
            continue;
        }
        writeln!(out, "\n{}", table_name(plugin, *index))?;
        writeln!(out, "{}\n", table_of(&rows))?;
    }
    Ok(())
}

/// Rows with the columns that have a value in any of them.
fn table_of(rows: &[Value]) -> Table {
    let mut columns: Vec<&String> = Vec::new();
    for row in rows.iter().filter_map(Value::as_object) {
        columns.extend(row.keys().filter(|name| !columns.contains(name)).collect::<Vec<_>>());
    }
    let mut table = Table::new();
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(&columns);
    for row in rows {
        table.add_row(columns.iter().map(|name| match row.get(name.as_str()) {
            None => String::new(),
            Some(Value::String(text)) => text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
            Some(other) => other.to_string(),
        }));
    }
    table
}

fn table_name(plugin: &Plugin, index: usize) -> &str {
    plugin.manifest().tables.get(index).map_or("", |table| table.name.as_str())
}
