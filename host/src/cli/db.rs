//! `costhost db`: the database's own tables and reference rows.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::args::LakeArgs;
use super::database::{self, DatabaseArgs};
use super::plugin_files::LookupArgs;
use super::{Exit, UsageError};
use crate::cli::output::Output;
use crate::plugin::manifest::TableRole;
use crate::plugin::{Engine, EngineOptions};
use crate::postgres::Database;
use crate::postgres::definition::{DatabaseDefinition, DatabaseTable};
use crate::report::definitions;

/// Flags of `costhost db`.
#[derive(Debug, Args)]
pub struct DbArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: DbCommand,
}

/// The subcommands of `costhost db`.
#[derive(Debug, Subcommand)]
pub enum DbCommand {
    /// Make or complete the tables of a plugin, or of all that the lake knows. `run` does it by itself
    Migrate {
        /// Provider plugin: the name of an installed one, or a .wasm file [default: all that have loaded something into the lake]
        #[arg(long, env = "COSTHOST_PLUGIN")]
        plugin: Option<String>,
        /// The database.
        #[command(flatten)]
        database: DatabaseArgs,
        /// The lake.
        #[command(flatten)]
        lake: LakeArgs,
    },
    /// Fill a reference table, such as the names of accounts, from a CSV file whose header names its columns
    LoadAliases {
        /// The file
        #[arg(value_name = "FILE.csv")]
        file: PathBuf,
        /// The table [default: the one that has the columns of the file's header]
        #[arg(long)]
        table: Option<String>,
        /// The database.
        #[command(flatten)]
        database: DatabaseArgs,
        /// The lake.
        #[command(flatten)]
        lake: LakeArgs,
    },
}

/// Does it.
///
/// # Errors
/// When the database cannot be reached or refuses, or a file does not fit.
pub async fn execute(args: DbArgs) -> anyhow::Result<Exit> {
    match args.command {
        DbCommand::Migrate { plugin, database, lake } => {
            let config = lake.config()?;
            let tenant = lake.tenant(&config)?;
            let database = database.required(&config, &tenant).await?;
            let name = plugin.or_else(|| config.defaults.plugin.clone());
            migrate(&database, name.as_deref(), &lake, &tenant).await
        }
        DbCommand::LoadAliases { file, table, database, lake } => {
            let config = lake.config()?;
            let tenant = lake.tenant(&config)?;
            let database = database.required(&config, &tenant).await?;
            load(&database, &file, table.as_deref()).await
        }
    }
}

async fn migrate(database: &Database, plugin: Option<&str>, lake: &LakeArgs, tenant: &str) -> anyhow::Result<Exit> {
    let stands = |plugin: &str| format!("the tables of {plugin} stand in {}", database.place());
    let mut said = Vec::new();
    if let Some(name) = plugin {
        let engine = Engine::new(EngineOptions::default())?;
        let plugin = LookupArgs::default().resolver(&lake.config()?)?.load(&engine, name)?;
        database::prepare(database, &plugin).await?;
        let migrated = database.check(&DatabaseDefinition::of(plugin.manifest())).await?;
        said.extend(migrated.notes.iter().map(|note| format!("note  {note}")));
        said.push(stands(&plugin.manifest().id));
    } else {
        let lake = lake.open(&lake.config()?)?;
        for provider in database::providers(&lake, tenant).await? {
            for (plugin, definition) in definitions::databases(&lake, tenant, &provider).await? {
                // By hand is also after someone changed the tables by hand.
                let migrated = database.check(&definition).await?;
                said.extend(migrated.notes.iter().map(|note| format!("note  {note}")));
                said.push(stands(&plugin));
            }
        }
    }
    if said.is_empty() {
        return Err(UsageError("the lake knows no plugin yet; name one with --plugin".to_owned()).into());
    }
    let mut out = Output::default();
    said.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    Ok(Exit::Done)
}

async fn load(database: &Database, file: &std::path::Path, table: Option<&str>) -> anyhow::Result<Exit> {
    let stored = database.definitions().await?;
    let tables = stored.iter().flat_map(|stored| &stored.definition.tables);
    let references: Vec<&DatabaseTable> = tables.filter(|table| table.role == TableRole::Reference).collect();
    let found = match table {
        Some(name) => references.iter().find(|table| table.name == name),
        None => {
            let header = header(file)?;
            let fits = |table: &&&DatabaseTable| {
                header.iter().all(|name| table.columns.iter().any(|column| column.name == *name))
            };
            references.iter().find(fits)
        }
    };
    let Some(table) = found else {
        let known = references.iter().map(|table| table.name.as_str()).collect::<Vec<_>>().join(", ");
        let message = format!("{} fits no reference table of this database; it has: {known}", file.display());
        return Err(UsageError(message).into());
    };
    let loaded = database.load_reference(table, file).await?;
    let mut out = Output::default();
    writeln!(out, "{}: {} rows, {} of them new or changed", table.name, loaded.rows, loaded.changed)?;
    if loaded.changed > 0 {
        writeln!(out, "published rows get them with the next `costhost publish` or run")?;
    }
    Ok(Exit::Done)
}

/// The names in the first line of a CSV file.
fn header(file: &std::path::Path) -> anyhow::Result<Vec<String>> {
    let wrong = |error: &dyn std::fmt::Display| UsageError(format!("cannot read {}: {error}", file.display()));
    let mut reader = csv::Reader::from_path(file).map_err(|error| wrong(&error))?;
    let header = reader.headers().map_err(|error| wrong(&error))?;
    Ok(header.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect())
}
