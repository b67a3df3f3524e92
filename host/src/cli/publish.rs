//! `costhost publish`: brings the database to what the lake holds, without reading reports.

use std::io::Write;

use clap::Args;

use super::args::{LakeArgs, checked};
use super::database::{self, DatabaseArgs};
use super::{Exit, UsageError, run};
use crate::ingest::loaded::{Selection, selected};
use crate::plugin::Cancel;
use crate::publish::Publisher;
use crate::settings::Month;

/// Flags of `costhost publish`.
#[derive(Debug, Args)]
pub struct PublishArgs {
    /// Sources as `costhost sources` names them; a name also stands for the reports below it [default: all]
    #[arg(value_name = "NAME")]
    pub sources: Vec<String>,
    /// First billing month
    #[arg(long, env = "COSTHOST_FROM", value_name = "YYYY-MM")]
    pub from: Option<Month>,
    /// Last billing month
    #[arg(long, env = "COSTHOST_TO", value_name = "YYYY-MM")]
    pub to: Option<Month>,
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
    let selection = Selection { sources: args.sources.clone(), months: checked((args.from, args.to))? };
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
        return Err(UsageError("nothing of that is loaded in this lake; see `costhost sources`".to_owned()).into());
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&receipts)?)?;
    } else if receipts.is_empty() {
        writeln!(out, "nothing to publish: the database has what the lake has")?;
    } else {
        database::print(&receipts, &mut out)?;
    }
    Ok(if receipts.iter().any(|receipt| receipt.error.is_some()) { Exit::Failed } else { Exit::Done })
}
