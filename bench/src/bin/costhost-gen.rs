//! Writes generated cost reports: `costhost-gen cur --out DIR --months 2025-10..2025-12 --rows 20000`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use costhost_bench::aws::month::Month;
use costhost_bench::aws::{Compression, Headers, Layout, Settings, generate};
use costhost_bench::azure::{self, Dates, Metric};

/// Makes realistic cost reports from a seed. The same arguments give the same bytes.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// An AWS Cost and Usage Report (version 1), with `expected.json` beside it
    Cur(Cur),
    /// Azure cost exports of an enterprise agreement, with `expected.json` beside them
    Azure(Azure),
}

/// Where reports go, and how many of what.
#[derive(Debug, Args)]
struct Size {
    /// Folder that stands for the bucket or container
    #[arg(long)]
    out: PathBuf,
    /// Billing months, both ends included
    #[arg(long, default_value = "2025-10..2025-12")]
    months: String,
    /// Rows of each month
    #[arg(long, default_value_t = 20_000)]
    rows: u64,
    /// Files of each month
    #[arg(long, default_value_t = 2)]
    files: u64,
    /// Decides every value
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

#[derive(Debug, Args)]
struct Azure {
    #[command(flatten)]
    size: Size,
    /// Number of subscriptions
    #[arg(long, default_value_t = 5)]
    subscriptions: u64,
    /// The billing currency
    #[arg(long, default_value = "EUR")]
    currency: String,
    /// Name of the export
    #[arg(long, default_value = "costs")]
    export: String,
    /// An export for each of these
    #[arg(long, value_enum, value_delimiter = ',', default_value = "actual")]
    metrics: Vec<Metric>,
    /// How dates are written
    #[arg(long, value_enum, default_value = "month-first")]
    dates: Dates,
    /// Gzip the partitions
    #[arg(long)]
    gzip: bool,
    /// Leave the manifests out
    #[arg(long)]
    no_manifest: bool,
}

#[derive(Debug, Args)]
struct Cur {
    #[command(flatten)]
    size: Size,
    /// Number of accounts
    #[arg(long, default_value_t = 5)]
    accounts: u64,
    /// Currencies, dealt out to the accounts in turn
    #[arg(long, value_delimiter = ',', default_value = "USD")]
    currencies: Vec<String>,
    /// Name of the report
    #[arg(long, default_value = "acme-cur")]
    report: String,
    /// Prefix of the report in the bucket
    #[arg(long, default_value = "cur")]
    prefix: String,
    /// What manifests call the bucket
    #[arg(long, default_value = "acme-billing")]
    bucket: String,
    /// How deliveries of one month relate
    #[arg(long, value_enum, default_value = "create-new")]
    layout: Layout,
    /// How data files are packed
    #[arg(long, value_enum, default_value = "gzip")]
    compression: Compression,
    /// How header names are spelled
    #[arg(long, value_enum, default_value = "slash")]
    headers: Headers,
    /// A month that is delivered a second time, with other amounts and 1 % more rows
    #[arg(long, value_name = "MONTH")]
    restate: Vec<Month>,
}

fn main() -> ExitCode {
    let made = match Cli::parse().command {
        Command::Cur(cur) => run(cur),
        Command::Azure(azure) => run_azure(azure),
    };
    match made {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cur: Cur) -> anyhow::Result<()> {
    let expected = generate(&Settings {
        months: Month::parse_range(&cur.size.months)?,
        out: cur.size.out,
        prefix: cur.prefix,
        report: cur.report,
        bucket: cur.bucket,
        rows: cur.size.rows,
        files: cur.size.files,
        seed: cur.size.seed,
        accounts: cur.accounts,
        currencies: cur.currencies,
        layout: cur.layout,
        compression: cur.compression,
        headers: cur.headers,
        restate: cur.restate,
    })?;
    for (month, expected) in &expected.months {
        for (currency, totals) in &expected.totals.currencies {
            println!("{month}  {:>9} rows  {} {currency}", totals.rows, totals.unblended_cost);
        }
    }
    Ok(())
}

fn run_azure(azure: Azure) -> anyhow::Result<()> {
    let expected = azure::generate(&azure::Settings {
        months: Month::parse_range(&azure.size.months)?,
        out: azure.size.out,
        export: azure.export,
        rows: azure.size.rows,
        files: azure.size.files,
        seed: azure.size.seed,
        subscriptions: azure.subscriptions,
        currency: azure.currency,
        metrics: azure.metrics,
        dates: azure.dates,
        gzip: azure.gzip,
        manifest: !azure.no_manifest,
    })?;
    for (export, months) in &expected.exports {
        for (month, totals) in months {
            for (currency, share) in &totals.currencies {
                println!("{export}  {month}  {:>9} rows  {} {currency}", share.rows, share.cost);
            }
        }
    }
    Ok(())
}
