//! `costhost plan`: what a run would read, and why.

use clap::Args;

use super::args::{LakeArgs, SourceArgs};
use super::database::{self, DatabaseArgs};
use super::{Exit, table};
use crate::cli::output::Output;
use crate::ingest::plan;
use crate::plugin::Cancel;
use crate::report::Format;

/// Flags of `costhost plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Sources and how to read them.
    #[command(flatten)]
    pub source: SourceArgs,
    /// The database that the run would publish to: its disabled tag keys are settings of summaries.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// The lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Form of the result
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Format,
}

/// Discovers and prints; reads no data file and writes nothing.
///
/// # Errors
/// When discovery could not start or the lake cannot be read.
pub async fn execute(args: PlanArgs) -> anyhow::Result<Exit> {
    let config = args.lake.config()?;
    let tenant = args.lake.tenant(&config)?;
    let database = args.database.connect(&config, &tenant).await?;
    let mut request = args.source.request(&config, tenant)?;
    if let Some(database) = &database {
        database::ask_sources(database, &mut request.sources).await?;
    }
    let lake = args.lake.open(&config)?;
    let mut plan = plan::plan(&lake, &request.sources, &request.options, &Cancel::default()).await?;
    plan.problems.splice(0..0, request.unreadable);
    let mut rows = table::Table::new(&["source", "period", "decision", "files", "bytes", "revision", "why"]);
    for period in &plan.periods {
        let decision = serde_json::to_value(period.decision)?;
        rows.add([
            period.source.clone(),
            period.month.to_string(),
            decision.as_str().unwrap_or_default().to_owned(),
            period.files.len().to_string(),
            period.bytes().to_string(),
            period.report.revision.clone(),
            period.why.clone(),
        ]);
    }
    for problem in &plan.problems {
        let month = problem.month.map(|month| month.to_string()).unwrap_or_default();
        let empty = String::new;
        rows.add([
            problem.source.clone(),
            month,
            "problem".to_owned(),
            empty(),
            empty(),
            empty(),
            problem.message.clone(),
        ]);
    }
    rows.write(args.output, &mut Output::default())?;
    Ok(if plan.problems.is_empty() { Exit::Done } else { Exit::Failed })
}
