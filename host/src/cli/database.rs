//! The database of a command: its flag, and how people are told what was published.

use std::io::Write;

use clap::Args;

use super::UsageError;
use crate::ingest::receipt::PublicationReceipt;
use crate::postgres::Database;
pub use crate::publish::units::{
    Units, ask_sources, prepare, prepare_sources, providers, publish, publish_units, units_of,
};
use crate::settings::ConfigFile;

/// Which database.
#[derive(Debug, Clone, Args)]
pub struct DatabaseArgs {
    /// PostgreSQL database: postgres://user:password@host:5432/name. A password is better kept in PGPASSWORD or ~/.pgpass
    #[arg(long, env = "COSTHOST_POSTGRES", value_name = "URL", hide_env_values = true)]
    pub postgres: Option<String>,
}

impl DatabaseArgs {
    /// Connects, where a database is named.
    ///
    /// # Errors
    /// When it cannot be reached or refuses.
    pub async fn connect(&self, config: &ConfigFile, tenant: &str) -> anyhow::Result<Option<Database>> {
        match self.postgres.as_deref().or(config.postgres.as_deref()) {
            Some(url) => Ok(Some(Database::connect(url, tenant).await?)),
            None => Ok(None),
        }
    }

    /// Connects.
    ///
    /// # Errors
    /// When no database is named, and as [`Self::connect`].
    pub async fn required(&self, config: &ConfigFile, tenant: &str) -> anyhow::Result<Database> {
        let named = self.connect(config, tenant).await?;
        Ok(named.ok_or_else(|| UsageError("no database; name one with --postgres postgres://...".to_owned()))?)
    }
}

/// Tells people what was published.
///
/// # Errors
/// When the output is closed.
pub fn print(receipts: &[PublicationReceipt], out: &mut impl Write) -> std::io::Result<()> {
    for receipt in receipts {
        let PublicationReceipt { source, period, rows, wall_ms, .. } = receipt;
        match &receipt.error {
            None => writeln!(out, "published  {source} {period}: {rows} rows in {:.2} s", *wall_ms as f64 / 1000.0)?,
            Some(error) => {
                writeln!(out, "NOT PUBLISHED  {source} {period}: {error}")?;
            }
        }
        receipt.notes.iter().try_for_each(|note| writeln!(out, "note  {source} {period}: {note}"))?;
    }
    if receipts.iter().any(|receipt| receipt.error.is_some()) {
        writeln!(out, "the lake has what was not published; the next run or `costhost publish` catches up")?;
    }
    Ok(())
}
