//! `costhost report PROVIDER NAME`: the questions that plugins declare.

use clap::Args;

use super::args::LakeArgs;
use super::database::DatabaseArgs;
use super::{Exit, UsageError};
use crate::cli::output::Output;
use crate::plugin::manifest::ReportDefinition;
use crate::postgres::Database;
use crate::report::{self, Filter, Format, Order, ReportQuery, Resolution};

/// Flags of `costhost report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Whose costs, such as aws
    pub provider: String,
    /// Which report, such as costs
    pub name: String,
    /// Dimensions such as account, service, region, or tag:KEY
    #[arg(long, value_delimiter = ',', value_name = "D1,D2")]
    pub group_by: Vec<String>,
    /// What to add up [default: the report's first measure]
    #[arg(long, value_delimiter = ',', value_name = "M1,M2")]
    pub measures: Vec<String>,
    /// First day or month
    #[arg(long, value_name = "YYYY-MM[-DD]")]
    pub from: Option<String>,
    /// Last day or month, inclusive
    #[arg(long, value_name = "YYYY-MM[-DD]")]
    pub to: Option<String>,
    /// Rows per day, per month, or one over all time
    #[arg(long, value_enum, default_value = "total")]
    pub resolution: Resolution,
    /// Only rows where DIMENSION is one of these; != for all but these. Give it several times for more conditions
    #[arg(long = "filter", value_name = "DIMENSION=V1,V2")]
    pub filters: Vec<Filter>,
    /// Order by columns; measures descend by themselves, the others ascend
    #[arg(long, value_delimiter = ',', value_name = "COLUMN[:asc|:desc]")]
    pub order_by: Vec<Order>,
    /// At most so many rows
    #[arg(long)]
    pub limit: Option<usize>,
    /// Answer from this database instead of the lake.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Answer from the lake, although a database is configured
    #[arg(long)]
    pub from_lake: bool,
    /// The lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Form of the result
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Format,
}

/// Runs the report and prints its rows.
///
/// # Errors
/// When the report is not known, a name or value is off, or the lake cannot be read.
pub async fn execute(args: ReportArgs) -> anyhow::Result<Exit> {
    let config = args.lake.config()?;
    let tenant = args.lake.tenant(&config)?;
    let query = ReportQuery {
        group_by: args.group_by,
        measures: args.measures,
        from: args.from.as_deref().map(report::parse_from).transpose()?,
        to: args.to.as_deref().map(report::parse_to).transpose()?,
        resolution: args.resolution,
        filters: args.filters,
        order_by: args.order_by,
        limit: args.limit,
    };
    let database = if args.from_lake { None } else { args.database.connect(&config, &tenant).await? };
    let answer = match database {
        Some(database) => from_database(&database, &args.provider, &args.name, &query).await?,
        None => {
            let lake = args.lake.open(&config)?;
            let definitions = report::definitions::definitions(&lake, &tenant, &args.provider).await?;
            let definition = chosen(&definitions, &args.provider, &args.name, "lake; see `costhost sources`")?;
            report::answer(&lake, &tenant, &args.provider, definition, &query).await?
        }
    };
    report::render(&answer, args.output, &mut Output::default())?;
    Ok(Exit::Done)
}

async fn from_database(
    database: &Database,
    provider: &str,
    name: &str,
    query: &ReportQuery,
) -> anyhow::Result<report::Answer> {
    let stored = database.definitions().await?;
    let mut definitions = Vec::new();
    for stored in stored.iter().filter(|stored| stored.definition.provider == provider) {
        let reports: Vec<ReportDefinition> = serde_json::from_value(stored.reports.clone())?;
        definitions.extend(reports);
    }
    let definition = chosen(&definitions, provider, name, "database; publish with `costhost run --postgres`")?;
    let mut tables = stored.iter().filter(|stored| stored.definition.provider == provider);
    let table = tables.find_map(|stored| stored.definition.table(&definition.table)).ok_or_else(|| {
        UsageError(format!("report `{name}` is about rows that only the lake has; ask with --from-lake"))
    })?;
    Ok(report::database_answer(database, table, definition, query).await?)
}

fn chosen<'a>(
    definitions: &'a [ReportDefinition],
    provider: &str,
    name: &str,
    place: &str,
) -> Result<&'a ReportDefinition, UsageError> {
    definitions.iter().find(|definition| definition.name == name).ok_or_else(|| {
        if definitions.is_empty() {
            UsageError(format!("nothing of `{provider}` is loaded in this {place}"))
        } else {
            let known = definitions.iter().map(|d| d.name.as_str()).collect::<Vec<_>>().join(", ");
            UsageError(format!("{provider} has no report `{name}`; it has {known}"))
        }
    })
}
