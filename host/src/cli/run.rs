//! `costhost run`: the main job.

use std::io::{IsTerminal, Write};

use clap::Args;

use super::args::{LakeArgs, SourceArgs};
use super::database::{self, DatabaseArgs};
use super::{Exit, table};
use crate::cli::output::Output;
use crate::ingest::receipt::{PeriodStatus, Receipt};
use crate::job::Job;
use crate::plugin::Cancel;

/// Flags of `costhost run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Sources and how to read them.
    #[command(flatten)]
    pub source: SourceArgs,
    /// The database to publish to, if any.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// The lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// End with exit code 3 when rows or cells were set aside or sums that should agree do not
    #[arg(long, env = "COSTHOST_STRICT", value_parser = clap::builder::FalseyValueParser::new())]
    pub strict: bool,
    /// Print the run's receipt as JSON
    #[arg(long, env = "COSTHOST_JSON", value_parser = clap::builder::FalseyValueParser::new())]
    pub json: bool,
}

/// Plans and loads.
///
/// # Errors
/// When the run could not start; what fails for single periods is in the receipt and the exit code.
pub async fn execute(args: RunArgs) -> anyhow::Result<Exit> {
    let config = args.lake.config()?;
    let tenant = args.lake.tenant(&config)?;
    let database = args.database.connect(&config, &tenant).await?;
    let request = args.source.request(&config, tenant)?;
    let lake = args.lake.open(&config)?;
    let cancel = Cancel::default();
    stop_on_signal(cancel.clone());
    let job = Job {
        lake: &lake,
        database: database.as_ref(),
        sources: request.sources,
        unreadable: request.unreadable,
        options: request.options,
        cancel,
        bars: !args.json && std::io::stderr().is_terminal(),
    };
    let receipt = job.execute().await?;
    let strict = args.strict || config.strict.unwrap_or(false);
    show(&receipt, args.json)?;
    Ok(exit(&receipt, strict))
}

/// Prints a receipt, for people or as JSON.
pub(super) fn show(receipt: &Receipt, json: bool) -> anyhow::Result<()> {
    let mut out = Output::default();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(receipt)?)?;
        return Ok(());
    }
    print(receipt, &mut out)
}

/// The exit code that a receipt asks for.
pub(super) fn exit(receipt: &Receipt, strict: bool) -> Exit {
    if receipt.failed() {
        Exit::Failed
    } else if strict && (receipt.rejects > 0 || receipt.identity_broken()) {
        Exit::Rejects
    } else {
        Exit::Done
    }
}

/// Ctrl-C and SIGTERM stop guests and workers; whatever is not committed by then is not loaded. A second one ends the
/// process at once, which the lake survives as it survives a crash.
pub(super) fn stop_on_signal(cancel: Cancel) {
    tokio::spawn(async move {
        for again in [false, true] {
            signalled().await;
            if again {
                std::process::exit(130);
            }
            cancel.cancel();
            tracing::warn!("stopping; once more to stop at once");
        }
    });
}

pub(super) async fn signalled() {
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! { _ = tokio::signal::ctrl_c() => {}, _ = terminate.recv() => {} }
        return;
    }
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn print(receipt: &Receipt, out: &mut impl Write) -> anyhow::Result<()> {
    let mut rows = table::Table::new(&["source", "period", "status", "rows", "rejects", "why"]);
    for period in &receipt.periods {
        let status = match period.status {
            PeriodStatus::Loaded => "loaded",
            PeriodStatus::Summarized => "summarized",
            PeriodStatus::Unchanged => "unchanged",
            PeriodStatus::Superseded => "superseded",
            PeriodStatus::Failed => "FAILED",
        };
        let number = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
        let outcome = period.outcome.as_ref();
        rows.add([
            period.source.clone(),
            period.period.clone(),
            status.to_owned(),
            number(outcome.map(|o| o.rows)),
            number(outcome.map(|o| o.rejects)),
            period.why.clone(),
        ]);
    }
    rows.print(out)?;
    for problem in &receipt.problems {
        let period = problem.period.as_deref().map(|period| format!(" {period}")).unwrap_or_default();
        writeln!(out, "FAILED  {}{period}: {}", problem.source, problem.message)?;
    }
    let outcomes = || receipt.periods.iter().filter_map(|p| p.outcome.as_ref().map(|o| (p, o)));
    for (period, outcome) in outcomes() {
        for note in &outcome.notes {
            writeln!(out, "note  {} {}: {note}", period.source, period.period)?;
        }
        for identity in outcome.identities.iter().filter(|identity| !identity.holds) {
            writeln!(
                out,
                "check  {} {}: {} differs by {} {} ({} against {})",
                period.source,
                period.period,
                identity.name,
                identity.residual,
                identity.currency,
                identity.total,
                identity.parts
            )?;
        }
    }
    if outcomes().next().is_none() && !receipt.failed() {
        writeln!(out, "nothing new: no data file was read")?;
    } else {
        print_totals(receipt, out)?;
    }
    database::print(&receipt.publications, out)?;
    if receipt.rejects > 0 {
        writeln!(
            out,
            "{} rows or cells were set aside; see `costhost sql \"select * from rejects\"`",
            receipt.rejects
        )?;
    }
    Ok(())
}

fn print_totals(receipt: &Receipt, out: &mut impl Write) -> anyhow::Result<()> {
    let seconds = receipt.wall_ms as f64 / 1000.0;
    let count = |status| receipt.periods.iter().filter(|period| period.status == status).count();
    let again = count(PeriodStatus::Summarized);
    if again > 0 && count(PeriodStatus::Loaded) == 0 {
        writeln!(out, "summaries of {again} periods made anew in {seconds:.2} s; no report was read")?;
        return Ok(());
    }
    writeln!(out, "{} rows in {seconds:.2} s", receipt.rows)?;
    let by_source = receipt.totals_by_source.as_object();
    // Two sources may tell of the same charges, so they are not added up.
    let several = by_source.is_some_and(|sources| sources.len() > 1);
    for (source, totals) in by_source.into_iter().flatten() {
        let of = if several { format!(" of {source}") } else { String::new() };
        for (column, by_currency) in totals.as_object().into_iter().flatten() {
            for (currency, amount) in by_currency.as_object().into_iter().flatten() {
                writeln!(out, "total {column}{of}: {} {currency}", amount.as_str().unwrap_or_default())?;
            }
        }
    }
    Ok(())
}
