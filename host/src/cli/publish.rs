//! `costhost publish`: brings the database to what the lake holds, without reading reports.

use std::io::Write;

use clap::Args;

use super::args::LakeArgs;
use super::database::{self, DatabaseArgs};
use super::selection::{self, SelectionArgs};
use super::{Exit, run};
use crate::cli::output::Output;
use crate::ingest::loaded::selected;
use crate::plugin::Cancel;
use crate::publish::Publisher;

/// Flags of `costhost publish`.
#[derive(Debug, Args)]
pub struct PublishArgs {
    /// Which loads.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Publish again what stands in the database already
    #[arg(long, env = "COSTHOST_FORCE", value_parser = clap::builder::FalseyValueParser::new())]
    pub force: bool,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// The lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Print what was published as JSON
    #[arg(long, env = "COSTHOST_JSON", value_parser = clap::builder::FalseyValueParser::new())]
    pub json: bool,
}

/// Publishes what the database lacks.
///
/// # Errors
/// When nothing of that is loaded, the lake cannot be read, or the database cannot be reached.
pub async fn execute(args: PublishArgs) -> anyhow::Result<Exit> {
    let config = args.lake.config()?;
    let tenant = args.lake.tenant(&config)?;
    let lake = args.lake.open(&config)?;
    let database = args.database.required(&config, &tenant).await?;
    let selection = args.selection.selection()?;
    let cancel = Cancel::default();
    run::stop_on_signal(cancel.clone());
    let publisher = Publisher { lake: &lake, tenant: &tenant, database: &database, cancel: &cancel };
    let (mut receipts, mut found) = (Vec::new(), 0);
    for provider in database::providers(&lake, &tenant).await? {
        let records = selected(&lake, &tenant, &provider, &selection).await?;
        found += records.len();
        receipts.extend(database::publish(&publisher, &provider, &records, args.force).await?);
    }
    if found == 0 {
        return Err(selection::nothing_loaded().into());
    }
    let mut out = Output::default();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&receipts)?)?;
    } else if receipts.is_empty() {
        writeln!(out, "nothing to publish: the database has what the lake has")?;
    } else {
        database::print(&receipts, &mut out)?;
    }
    Ok(if receipts.iter().any(|receipt| receipt.error.is_some()) { Exit::Failed } else { Exit::Done })
}
