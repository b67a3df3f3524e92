//! `costhost sources`: what is loaded.

use clap::Args;

use super::args::LakeArgs;
use super::{Exit, table};
use crate::cli::output::Output;
use crate::ingest::time_text;
use crate::lake::{LOADS_TABLE, latest_loads};
use crate::report::Format;
use crate::settings::Month;

/// Flags of `costhost sources`.
#[derive(Debug, Args)]
pub struct SourcesArgs {
    /// The lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Form of the result
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Format,
}

/// Lists the newest load of every source and period.
///
/// # Errors
/// When the lake cannot be read.
pub async fn execute(args: SourcesArgs) -> anyhow::Result<Exit> {
    let config = args.lake.config()?;
    let tenant = args.lake.tenant(&config)?;
    let lake = args.lake.open(&config)?;
    let mut providers: Vec<String> = lake
        .tables()
        .await?
        .into_iter()
        .filter(|table| table.tenant == tenant && table.name == LOADS_TABLE)
        .map(|table| table.provider)
        .collect();
    providers.sort();
    let columns =
        ["provider", "source", "period", "revision", "rows", "rejects", "loaded", "plugin", "source_uuid", "location"];
    let mut rows = table::Table::new(&columns);
    for provider in providers {
        for load in latest_loads(&lake, &tenant, &provider).await? {
            rows.add([
                provider.clone(),
                load.source,
                Month::of(load.period_start.div_euclid(1_000_000)).map(|month| month.to_string()).unwrap_or_default(),
                load.revision,
                load.rows.to_string(),
                load.rejects.to_string(),
                time_text(load.loaded_at.div_euclid(1_000_000)),
                format!("{} {}", load.plugin, load.plugin_version),
                load.source_uuid,
                load.location,
            ]);
        }
    }
    rows.write(args.output, &mut Output::default())?;
    Ok(Exit::Done)
}
