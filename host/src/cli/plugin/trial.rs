//! `costhost plugin try`: which numbers a new version of a plugin would change.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use crate::cli::args::{LakeArgs, LimitArgs, WorkArgs};
use crate::cli::output::Output;
use crate::cli::plugin_files::LookupArgs;
use crate::cli::{Exit, UsageError, run, table};
use crate::compare::difference::{Difference, ReadChange, Values};
use crate::compare::{Months, Trial, tolerance};
use crate::ingest::request::{SourceRequest, derived_name};
use crate::plugin::{Cancel, Engine, EngineOptions, Plugin};
use crate::settings::{ConfigFile, Month, SourceSection};

/// Flags of `costhost plugin try`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 nothing changes by more than the tolerance, 1 failed, 2 usage, 4 something changes"
)]
pub struct TryArgs {
    /// The version to be tried: a .wasm file or a plugin's name
    #[arg(value_name = "NEW")]
    pub new: String,
    /// The version to compare with [default: the source's plugin in the configuration]
    #[arg(long, value_name = "OLD")]
    pub against: Option<String>,
    /// What both read: a source's name in the configuration, or a bucket prefix, folder or file
    #[arg(long, value_name = "SOURCE")]
    pub source: String,
    /// The billing month both read; with --until, the first one [default: all months]
    #[arg(long, value_name = "YYYY-MM")]
    pub period: Option<Month>,
    /// The last billing month both read
    #[arg(long, value_name = "YYYY-MM", requires = "period")]
    pub until: Option<Month>,
    /// The largest difference of a number that counts as none
    #[arg(long, value_name = "AMOUNT", default_value = "0")]
    pub tolerance: String,
    /// Dimensions of reports to compare by [default: account and service, or the first two that a report has]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub by: Vec<String>,
    /// At most so many numbers of each kind are shown; JSON has all
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// Print everything as JSON
    #[arg(long)]
    pub json: bool,
    /// Tag keys that summaries keep [default: all]
    #[arg(long, env = "COSTHOST_TAGS", value_delimiter = ',', value_name = "K1,K2")]
    pub tags: Option<Vec<String>>,
    /// Percent added to costs in the markup columns
    #[arg(long, env = "COSTHOST_MARKUP", value_name = "PERCENT", allow_negative_numbers = true)]
    pub markup: Option<String>,
    /// Files worked on at once [default: one a core]
    #[arg(long, env = "COSTHOST_WORKERS")]
    pub workers: Option<usize>,
    /// Configuration file with the source, its settings and limits
    #[arg(long, env = "COSTHOST_CONFIG")]
    pub config: Option<PathBuf>,
    /// Where names of plugins are looked up.
    #[command(flatten)]
    pub lookup: LookupArgs,
    /// What plugins may use.
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// Compares and shows.
///
/// # Errors
/// When either version cannot be loaded or fails on the reports.
pub(super) async fn execute(args: TryArgs) -> anyhow::Result<Exit> {
    let json = args.json;
    let limit = args.limit;
    let difference = compare(args).await?;
    let mut out = Output::default();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&difference)?)?;
    } else {
        show(&difference, limit, &mut out)?;
    }
    Ok(if difference.changed { Exit::Changed } else { Exit::Done })
}

async fn compare(args: TryArgs) -> anyhow::Result<Difference> {
    let lake = LakeArgs { lake: None, tenant: None, config: args.config };
    let config = lake.config()?;
    let tenant = lake.tenant(&config)?;
    let section = section(&config, &args.source)?;
    let tolerance = tolerance(&args.tolerance).map_err(|problem| UsageError(format!("--tolerance: {problem}")))?;
    let old = args.against.as_ref().or(section.plugin.as_ref()).or(config.defaults.plugin.as_ref());
    let old = old.ok_or_else(|| UsageError("no version to compare with; name one with --against".to_owned()))?;
    let work = WorkArgs {
        plugin: None,
        from: None,
        to: None,
        tags: args.tags,
        tags_file: None,
        markup: args.markup,
        workers: args.workers,
        lookup: args.lookup.clone(),
        limits: args.limits,
    };
    let engine = Engine::new(EngineOptions::default())?;
    let resolver = args.lookup.resolver(&config)?;
    let load = |name: &str| -> anyhow::Result<Arc<Plugin>> { Ok(resolver.load(&engine, name)?) };
    let (old, new) = (load(old)?, load(&args.new)?);
    let months = match (args.period, args.until) {
        (Some(first), last) => (Some(first), last.or(args.period)),
        (None, _) => (None, None),
    };
    let source = SourceRequest {
        name: section.name.clone().map_or_else(|| derived_name(&section.location), Ok)?,
        name_is_derived: false,
        uuid: section.uuid,
        location: section.location.clone(),
        plugin: old,
        settings: work.settings(&config, Some(&section))?,
        months: crate::cli::args::checked(months)?,
    };
    let cancel = Cancel::default();
    run::stop_on_signal(cancel.clone());
    let options = work.options(&config, tenant, false);
    let trial = Trial { source, new, months: Months::All, by: args.by, tolerance, options, cancel };
    Ok(trial.compare().await?)
}

/// The source of that name in the configuration, else a place.
fn section(config: &ConfigFile, text: &str) -> Result<SourceSection, UsageError> {
    if let Some(section) = config.sources.iter().find(|section| section.name.as_deref() == Some(text)) {
        return Ok(section.clone());
    }
    let is_place = text.contains(['/', std::path::MAIN_SEPARATOR]) || std::path::Path::new(text).exists();
    if is_place {
        return Ok(SourceSection { location: text.to_owned(), ..SourceSection::default() });
    }
    let known: Vec<&str> = config.sources.iter().filter_map(|section| section.name.as_deref()).collect();
    let known = if known.is_empty() { "none; give a --config".to_owned() } else { known.join(", ") };
    Err(UsageError(format!("no source is called `{text}`, and it is no folder either; the configuration has {known}")))
}

fn show(difference: &Difference, limit: usize, out: &mut impl Write) -> anyhow::Result<()> {
    let Difference { old, new, .. } = difference;
    let short = |digest: &str| digest.get(..12).unwrap_or(digest).to_owned();
    writeln!(out, "old  {} {} {}", old.id, old.version, short(&old.digest))?;
    writeln!(out, "new  {} {} {}", new.id, new.version, short(&new.digest))?;
    for unit in &difference.units {
        writeln!(out, "read {} {}: {} files, revision {}", unit.source, unit.period, unit.files, unit.revision)?;
    }
    for (what, names) in
        [("breaks", &difference.breaks), ("added", &difference.added), ("unanswered", &difference.unanswered)]
    {
        names.iter().try_for_each(|name| writeln!(out, "{what}  {name}"))?;
    }
    show_read(&difference.read, limit, out)?;
    show_tables(difference, limit, out)?;
    show_groups(difference, limit, out)?;
    if difference.changed {
        writeln!(out, "CHANGED")?;
    } else {
        writeln!(out, "unchanged: no number differs by more than {}", difference.tolerance)?;
    }
    Ok(())
}

fn cells(values: &Values) -> [String; 3] {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "(none)".to_owned());
    [text(&values.old), text(&values.new), values.difference.clone()]
}

fn show_read(changes: &[ReadChange], limit: usize, out: &mut impl Write) -> anyhow::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nWhat was read")?;
    let mut rows = table::Table::new(&["source", "period", "what", "currency", "old", "new", "difference"]);
    for change in changes.iter().take(limit) {
        let [old, new, by] = cells(&change.values);
        let currency = change.currency.clone().unwrap_or_default();
        rows.add([change.source.clone(), change.period.clone(), change.what.clone(), currency, old, new, by]);
    }
    rows.print(out)?;
    more(changes.len(), limit, out)
}

fn show_tables(difference: &Difference, limit: usize, out: &mut impl Write) -> anyhow::Result<()> {
    for change in &difference.tables {
        let [before, after] = change.rows;
        writeln!(
            out,
            "\nTable {}: {before} rows, now {after}; {} only in the old version, {} only in the new, {} with other numbers",
            change.table, change.only_old, change.only_new, change.changed
        )?;
        if change.columns.is_empty() {
            continue;
        }
        let mut rows = table::Table::new(&["column", "currency", "rows", "old", "new", "difference"]);
        for column in change.columns.iter().take(limit) {
            let [old, new, by] = cells(&column.values);
            let currency = column.currency.clone().unwrap_or_default();
            rows.add([column.column.clone(), currency, column.rows.to_string(), old, new, by]);
        }
        rows.print(out)?;
        more(change.columns.len(), limit, out)?;
    }
    Ok(())
}

fn show_groups(difference: &Difference, limit: usize, out: &mut impl Write) -> anyhow::Result<()> {
    let mut reports: Vec<&str> = difference.groups.iter().map(|change| change.report.as_str()).collect();
    reports.dedup();
    for report in reports {
        let changes = || difference.groups.iter().filter(|change| change.report == report);
        writeln!(out, "\nReport {report}")?;
        let mut rows = table::Table::new(&["measure", "of", "old", "new", "difference"]);
        for change in changes().take(limit) {
            let none = || "(none)".to_owned();
            let of = change.by.iter().map(|(name, value)| format!("{name}={}", value.clone().unwrap_or_else(none)));
            let [old, new, by] = cells(&change.values);
            rows.add([change.measure.clone(), of.collect::<Vec<_>>().join(" "), old, new, by]);
        }
        rows.print(out)?;
        more(changes().count(), limit, out)?;
    }
    Ok(())
}

fn more(count: usize, limit: usize, out: &mut impl Write) -> anyhow::Result<()> {
    if count > limit {
        writeln!(out, "and {} more; --limit shows them", count - limit)?;
    }
    Ok(())
}
