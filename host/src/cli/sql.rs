//! `costhost sql`: questions to the lake in SQL.

use clap::Args;

use super::Exit;
use super::args::LakeArgs;
use crate::cli::output::Output;
use crate::report::{self, Format};

/// Flags of `costhost sql`.
#[derive(Debug, Args)]
pub struct SqlArgs {
    /// One SELECT statement; tables are `<provider>.<table>`, or plain names while there is one provider
    pub sql: String,
    /// The lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Form of the result
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Format,
}

/// Runs the statement and prints its rows.
///
/// # Errors
/// When the lake cannot be read or the statement cannot be run.
pub async fn execute(args: SqlArgs) -> anyhow::Result<Exit> {
    let config = args.lake.config()?;
    let tenant = args.lake.tenant(&config)?;
    let lake = args.lake.open(&config)?;
    let context = report::lake_session(&lake, &tenant).await?;
    let answer = report::run_sql(&context, &args.sql).await?;
    report::render(&answer, args.output, &mut Output::default())?;
    Ok(Exit::Done)
}
