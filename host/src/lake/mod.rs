//! The lake: our own Parquet files, committed to one Delta table per plugin table.
//!
//! Layout: `<lake>/<tenant>/<provider>/<table>/source=<id>/year=YYYY/month=MM/<uuid>.zstd.parquet`, and
//! `<lake>/<tenant>/<provider>/_costhost/<document>.json`.
//!
//! Invariant: one commit replaces the rows of one (source, billing period) of one table, so a reader sees one whole
//! load of it, before or after, never a mixture; whatever fails, and whoever else writes, no load is lost, doubled or
//! replaced by an older one. What was written but not committed is invisible and swept by [`LakeTable::maintain`].

mod commit;
mod documents;
mod durable;
mod error;
mod loads;
mod location;
mod maintain;
mod pages;
mod partition;
mod rejects;
mod retries;
mod schema;
mod shape;
mod sink;
mod stats;
mod table;
mod transactions;
mod writer;

pub use commit::{Committed, Force, Load};
pub use durable::DurableFiles;
pub use error::LakeError;
pub use loads::{LOADS_TABLE, LoadRecord, latest_loads, load_receipt, loads_batch, loads_schema};
pub use location::LakeLocation;
pub use maintain::{MIN_RETENTION, Maintained};
pub use partition::{PARTITION_COLUMNS, Partition};
pub use rejects::{REJECTS_TABLE, RejectRow, rejects_batch, rejects_schema};
pub(crate) use schema::holds;
pub use table::{LakeTable, LoadedMark, TableRef};
pub use writer::{DataFileWriter, PageCompression, StagedFile, WriterOptions};

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use futures::TryStreamExt as _;
use object_store::path::Path;
use tokio::runtime::Handle;

use crate::source;
use crate::source::store::{Location, StoreOptions};

/// One lake. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Lake {
    pub(crate) location: Arc<LakeLocation>,
    pub(crate) runtime: Handle,
    /// How its store was opened.
    options: Arc<StoreOptions>,
}

impl Lake {
    /// Opens a lake by path or URL. Nothing is created before the first commit.
    ///
    /// Must be called within a tokio runtime; uploads run there.
    ///
    /// # Errors
    /// When the address or the store's settings cannot be understood.
    pub fn open(address: &str, options: &StoreOptions) -> Result<Self, LakeError> {
        let opened = Self::at(location::store_for(address, options)?);
        Ok(Self { options: Arc::new(options.clone()), ..opened })
    }

    /// A lake at a place whose store is already known. Must be called within a tokio runtime.
    #[must_use]
    pub fn at(location: LakeLocation) -> Self {
        Self { location: Arc::new(location), runtime: Handle::current(), options: Arc::default() }
    }

    /// Where it lies, without credentials.
    #[must_use]
    pub fn url(&self) -> &url::Url {
        self.location.url()
    }

    /// One table, which need not exist yet. `schema` is the declared one, without partition columns.
    ///
    /// # Errors
    /// For names that are no plain path segment and types that the lake does not hold.
    pub fn table(&self, tenant: &str, provider: &str, name: &str, schema: SchemaRef) -> Result<LakeTable, LakeError> {
        LakeTable::new(self, TableRef::new(tenant, provider, name)?, &schema)
    }

    /// A table as it is stored, to be read or maintained: nothing is declared, so nothing but partitions can be written.
    ///
    /// # Errors
    /// For names that are no plain path segment.
    pub fn stored(&self, table: &TableRef) -> Result<LakeTable, LakeError> {
        self.table(&table.tenant, &table.provider, &table.name, Arc::new(Schema::empty()))
    }

    /// A table's directory as a place to read files from.
    ///
    /// # Errors
    /// When the store cannot be opened.
    pub fn source_location(&self, table: &TableRef) -> Result<Location, LakeError> {
        let address = match self.location.file(&table.to_string()) {
            Some(directory) => directory.display().to_string(),
            None => format!("{}{table}/", self.url()),
        };
        let opened = source::store::open(&address, &self.options);
        opened.map_err(|source| LakeError::Open { source: Box::new(source) })
    }

    /// The tables that exist, in order.
    ///
    /// # Errors
    /// When the store cannot be listed.
    pub async fn tables(&self) -> Result<Vec<TableRef>, LakeError> {
        let mut found = Vec::new();
        for tenant in self.folders("").await? {
            for provider in self.folders(&tenant).await? {
                for name in self.folders(&format!("{tenant}/{provider}")).await? {
                    // Other things may lie in the directory of a lake.
                    let Ok(table) = TableRef::new(&tenant, &provider, &name) else { continue };
                    if self.has_log(&table).await? {
                        found.push(table);
                    }
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// Whether the store answers. A lake that has nothing in it yet is there, too.
    ///
    /// # Errors
    /// When the store cannot be listed.
    pub async fn reachable(&self) -> Result<(), LakeError> {
        self.folders("").await.map(|_| ())
    }

    async fn folders(&self, below: &str) -> Result<Vec<String>, LakeError> {
        let prefix = self.location.key(below)?;
        let listed = self.location.store().list_with_delimiter(Some(&prefix)).await;
        let listed = listed.map_err(|error| LakeError::store("listing", &prefix, error))?;
        let names = listed.common_prefixes.iter().filter_map(Path::filename);
        Ok(names.filter(|name| !name.starts_with(['_', '.'])).map(str::to_owned).collect())
    }

    pub(crate) async fn has_log(&self, table: &TableRef) -> Result<bool, LakeError> {
        let prefix = self.location.key(&format!("{table}/_delta_log"))?;
        let first = self.location.store().list(Some(&prefix)).try_next().await;
        Ok(first.map_err(|error| LakeError::store("listing", &prefix, error))?.is_some())
    }
}
