//! `costhost reconcile`: does what was read, the lake and the database come to the same, to the last digit?

use std::collections::BTreeMap;
use std::io::Write;

use clap::Args;

use super::args::LakeArgs;
use super::database::{self, DatabaseArgs};
use super::selection::{self, SelectionArgs};
use super::{Exit, table};
use crate::cli::output::Output;
use crate::ingest::load_id::bill_id;
use crate::ingest::loaded::selected;
use crate::ingest::totals::parse_decimal_exact;
use crate::lake::{LoadRecord, load_receipt};
use crate::postgres::definition::DatabaseDefinition;
use crate::postgres::{BillTotals, Database};
use crate::reconcile::{DatabaseSums, LakeSums, Reconciliation, Sums, Verdict, reconcile};
use crate::report::Format;
use crate::report::definitions;

/// Flags of `costhost reconcile`.
#[derive(Debug, Args)]
pub struct ReconcileArgs {
    /// Which loads.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// The database to compare with the lake, if any.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// The lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Form of the result
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Format,
}

/// Compares and prints. Exit code 1 when anything differs.
///
/// # Errors
/// When nothing of that is loaded, or the lake or the database cannot be read.
pub async fn execute(args: ReconcileArgs) -> anyhow::Result<Exit> {
    let config = args.lake.config()?;
    let tenant = args.lake.tenant(&config)?;
    let lake = args.lake.open(&config)?;
    let database = args.database.connect(&config, &tenant).await?;
    let selection = args.selection.selection()?;
    let mut all = Vec::new();
    for provider in database::providers(&lake, &tenant).await? {
        let records = selected(&lake, &tenant, &provider, &selection).await?;
        if records.is_empty() {
            continue;
        }
        let definitions = definitions::databases(&lake, &tenant, &provider).await?;
        let sums = LakeSums::open(&lake, &tenant, &provider).await?;
        for record in records {
            let receipt = load_receipt(&lake, &tenant, &provider, &record).await?.unwrap_or_default();
            let receipt = serde_json::from_str(&receipt).unwrap_or_default();
            all.push(one(&sums, &definitions, &record, &receipt, database.as_ref()).await?);
        }
    }
    if all.is_empty() {
        return Err(selection::nothing_loaded().into());
    }
    let mut out = Output::default();
    match args.output {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?,
        form => print(&all, form, &mut out)?,
    }
    Ok(if all.iter().all(Reconciliation::passes) { Exit::Done } else { Exit::Failed })
}

async fn one(
    sums: &LakeSums,
    definitions: &BTreeMap<String, DatabaseDefinition>,
    record: &LoadRecord,
    receipt: &serde_json::Value,
    database: Option<&Database>,
) -> anyhow::Result<Reconciliation> {
    let definition = definitions.get(&record.plugin).ok_or_else(|| {
        let plugin = &record.plugin;
        anyhow::anyhow!("the lake does not know what tables plugin {plugin} has; run it once on any of its sources")
    })?;
    let stands = match database {
        Some(database) => {
            let source_uuid = uuid::Uuid::parse_str(&record.source_uuid)?;
            let bill = bill_id(source_uuid, record.period_start.div_euclid(1_000_000));
            Some(exact(&database.bill_totals(definition, bill).await?)?)
        }
        None => None,
    };
    Ok(reconcile(sums, definition, record, receipt, stands.as_ref()).await?)
}

/// Texts of sums as the numbers they are.
fn exact(totals: &BillTotals) -> anyhow::Result<DatabaseSums> {
    let sum = |(currency, text): (&String, &String)| {
        let sum = parse_decimal_exact(text);
        let sum = sum.ok_or_else(|| anyhow::anyhow!("the database has a sum with more than 18 decimals: {text}"))?;
        Ok((currency.clone(), sum))
    };
    let sums = totals.iter().map(|(table, by_currency)| {
        Ok((table.clone(), by_currency.iter().map(sum).collect::<anyhow::Result<Sums>>()?))
    });
    sums.collect()
}

fn print(all: &[Reconciliation], form: Format, out: &mut impl Write) -> anyhow::Result<()> {
    let columns =
        ["source", "period", "result", "what should be", "what is", "currency", "should be", "is", "difference"];
    let mut rows = table::Table::new(&columns);
    for one in all {
        for check in &one.checks {
            let verdict = if check.verdict == Verdict::Pass { "PASS" } else { "FAIL" };
            rows.add([
                one.source.clone(),
                one.period.clone(),
                verdict.to_owned(),
                check.expected.clone(),
                check.found.clone(),
                check.currency.clone(),
                check.expected_value.clone(),
                check.found_value.clone(),
                check.difference.clone(),
            ]);
        }
    }
    rows.write(form, out)?;
    if matches!(form, Format::Csv) {
        return Ok(());
    }
    let mut invoices = table::Table::new(&["source", "period", "invoice", "currency", "total"]);
    for one in all {
        for invoice in &one.invoices {
            let name = if invoice.invoice.is_empty() { "(not invoiced)" } else { &invoice.invoice };
            let row = [&one.source, &one.period, name, &invoice.currency, &invoice.total];
            invoices.add(row.map(str::to_owned));
        }
    }
    writeln!(out)?;
    invoices.write(form, out)?;
    let failed = all.iter().filter(|one| !one.passes()).count();
    match failed {
        0 => writeln!(out, "\nPASS: {} periods agree to the last digit", all.len())?,
        failed => writeln!(out, "\nFAIL: {failed} of {} periods do not agree", all.len())?,
    }
    Ok(())
}
