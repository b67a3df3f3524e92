//! `costhost maintain`: gives back the space of what was replaced or never finished.

use std::time::Duration;

use clap::Args;

use super::args::LakeArgs;
use super::{Exit, table};
use crate::cli::output::Output;
use crate::ingest::error::chain;
use crate::lake::{Lake, LakeError, Maintained, TableRef};
use crate::report::Format;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Flags of `costhost maintain`.
#[derive(Debug, Args)]
pub struct MaintainArgs {
    /// The lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Keep files that were replaced in the last so many days; queries that began before then may still read them
    #[arg(long, env = "COSTHOST_RETENTION", value_name = "DAYS", default_value_t = 7,
          value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub retention: u32,
    /// Form of the result
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Format,
}

/// Maintains every table of the tenant and prints what was removed. A table that fails does not keep the others.
///
/// # Errors
/// When the lake cannot be listed.
pub async fn execute(args: MaintainArgs) -> anyhow::Result<Exit> {
    let config = args.lake.config()?;
    let tenant = args.lake.tenant(&config)?;
    let lake = args.lake.open(&config)?;
    let retention = DAY * args.retention;
    let mut rows = table::Table::new(&["table", "data_files", "log_files", "leftovers", "problem"]);
    let mut exit = Exit::Done;
    let places: Vec<TableRef> = lake.tables().await?.into_iter().filter(|table| table.tenant == tenant).collect();
    if places.is_empty() {
        tracing::warn!(lake = %lake.url(), tenant, "there is no table to maintain; check --lake and --tenant");
    }
    for place in places {
        let (done, problem) = match maintain(&lake, &place, retention).await {
            Ok(done) => (done, String::new()),
            Err(error) => {
                exit = Exit::Failed;
                (Maintained::default(), chain(&error))
            }
        };
        let name = format!("{}.{}", place.provider, place.name);
        rows.add([name, done.files.to_string(), done.log.to_string(), done.leftovers.to_string(), problem]);
    }
    rows.write(args.output, &mut Output::default())?;
    Ok(exit)
}

async fn maintain(lake: &Lake, table: &TableRef, retention: Duration) -> Result<Maintained, LakeError> {
    lake.stored(table)?.maintain(retention).await
}
