//! One table: its staged files, and what its log says is loaded.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use deltalake::DeltaTable;
use deltalake::kernel::{Add, StructType};
use deltalake::logstore::LogStoreRef;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::ObjectStoreExt as _;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::Lake;
use super::commit::load_hash;
use super::error::LakeError;
use super::partition::{Partition, check_segment};
use super::schema;
use super::sink::Sink;
use super::transactions::Transactions;
use super::writer::{DataFileWriter, StagedFile, WriterOptions};

/// Tags of data files: who loaded them. Other tools may drop these when they rewrite files.
pub(crate) const TAG_LOAD: &str = "costhost.load";
pub(crate) const TAG_DELIVERED: &str = "costhost.delivered";
pub(crate) const TAG_REVISION: &str = "costhost.revision";
/// The table version that brought the file: of files that were appended, the last load's have the highest.
pub(crate) const TAG_VERSION: &str = "costhost.version";

/// Lookups of transactions read the log, which may be far away.
const LOOKUPS_AT_ONCE: usize = 16;

/// Which table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableRef {
    /// Whose rows.
    pub tenant: String,
    /// Whose bills.
    pub provider: String,
    /// The table's name.
    pub name: String,
}

impl TableRef {
    pub(crate) fn new(tenant: &str, provider: &str, name: &str) -> Result<Self, LakeError> {
        check_segment("tenant", tenant)?;
        check_segment("provider", provider)?;
        check_segment("table", name)?;
        Ok(Self { tenant: tenant.to_owned(), provider: provider.to_owned(), name: name.to_owned() })
    }
}

impl std::fmt::Display for TableRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.tenant, self.provider, self.name)
    }
}

/// What a table holds of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedMark {
    /// The load's id, shortened to a positive number. Equality with another load's is what counts.
    pub version_hash: i64,
    /// When what is in was delivered, in seconds since the epoch.
    pub delivered: Option<i64>,
    /// The whole id, where the files still carry it.
    pub load_id: Option<String>,
    /// The revision, where the files still carry it.
    pub revision: Option<String>,
    /// Data files of the partition.
    pub files: usize,
}

impl LoadedMark {
    /// Whether this very load is in.
    ///
    /// # Errors
    /// When `load_id` is no hexadecimal digest.
    pub fn is(&self, load_id: &str) -> Result<bool, LakeError> {
        Ok(self.version_hash == load_hash(load_id)?)
    }
}

/// A handle on one table. Clones share what they know of the log.
#[derive(Debug, Clone)]
pub struct LakeTable {
    pub(crate) lake: Lake,
    pub(crate) table: TableRef,
    /// [`TableRef`] as text: the directory below the lake, and the name in messages.
    pub(crate) name: String,
    pub(crate) files: SchemaRef,
    pub(crate) declared: Arc<StructType>,
    known: Arc<Mutex<Option<DeltaTable>>>,
    /// Commits through one handle take turns: they would only be in each other's way.
    pub(crate) turn: Arc<Mutex<()>>,
}

impl LakeTable {
    pub(crate) fn new(lake: &Lake, table: TableRef, declared: &SchemaRef) -> Result<Self, LakeError> {
        let name = table.to_string();
        let files = schema::file_schema(&name, declared)?;
        let declared = Arc::new(schema::table_schema(&name, &files)?);
        Ok(Self { lake: lake.clone(), table, name, files, declared, known: Arc::default(), turn: Arc::default() })
    }

    /// Which table this is.
    #[must_use]
    pub fn table_ref(&self) -> &TableRef {
        &self.table
    }

    /// Schema of the data files: the declared one as it is stored, without partition columns.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.files
    }

    /// Begins a data file. Blocks, as everything the writer does: call it from a worker thread, never from a task.
    ///
    /// # Errors
    /// When the partition cannot be a directory, or the file cannot be created.
    pub fn writer(&self, partition: &Partition, options: &WriterOptions) -> Result<DataFileWriter, LakeError> {
        partition.check()?;
        let path = format!("{}/{}.zstd.parquet", partition.directory(), Uuid::new_v4());
        let below = format!("{}/{path}", self.name);
        let location = &self.lake.location;
        let sink = match location.file(&below) {
            Some(file) => Sink::file(&file).map_err(|error| LakeError::io("creating", file.display(), error))?,
            None => Sink::upload(Arc::clone(location.store()), location.key(&below)?, &self.lake.runtime),
        };
        DataFileWriter::new(&self.name, path, Arc::clone(&self.files), sink, options.clone())
    }

    /// Removes staged files that will not be committed. What cannot be removed is left for [`LakeTable::maintain`].
    pub async fn discard(&self, files: Vec<StagedFile>) {
        for file in files {
            let Ok(key) = self.lake.location.key(&format!("{}/{}", self.name, file.path)) else { continue };
            if let Err(error) = self.lake.location.store().delete(&key).await {
                tracing::warn!(%key, %error, "a data file that is not needed could not be removed");
            }
        }
    }

    /// What is loaded of one partition; `None` when nothing ever was.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn loaded(&self, partition: &Partition) -> Result<Option<LoadedMark>, LakeError> {
        match self.delta().await? {
            Some(table) => Ok(self.read_mark(&table, partition).await?.0),
            None => Ok(None),
        }
    }

    /// What is loaded of one partition, and its files: paths below the table, sorted. `None` when nothing ever was loaded.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn files_of(&self, partition: &Partition) -> Result<Option<(LoadedMark, Vec<String>)>, LakeError> {
        let Some(table) = self.delta().await? else { return Ok(None) };
        let (mark, files) = self.read_mark(&table, partition).await?;
        let mut paths: Vec<String> = files.into_iter().map(|file| file.path).collect();
        paths.sort();
        Ok(mark.map(|mark| (mark, paths)))
    }

    /// What is loaded of each of these partitions, in their order, all in one state of the table.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn loaded_all(&self, partitions: &[Partition]) -> Result<Vec<Option<LoadedMark>>, LakeError> {
        let Some(table) = self.delta().await? else { return Ok(vec![None; partitions.len()]) };
        let files = self.files_by_partition(&table).await?;
        let files_of = |partition| files.get(partition).map(Vec::as_slice).unwrap_or_default();
        // One without files takes the long way, which is shorter for all of them together.
        let transactions =
            match partitions.iter().filter(|partition| mark_of_tags(files_of(partition)).is_none()).count() {
                0 => None,
                _ => Transactions::read(&table).await,
            };
        // Not a closure of the stream: this future may then be a task.
        let marks = partitions.iter().map(|partition| {
            let files = files_of(partition);
            self.mark(&table, partition, files, transactions.as_ref())
        });
        let marks: Vec<_> = marks.collect();
        futures::stream::iter(marks).buffered(LOOKUPS_AT_ONCE).try_collect().await
    }

    /// The table as it is now, for readers; `None` before its first commit.
    ///
    /// For DataFusion: `delta.update_datafusion_session(&ctx.state())`, then register `delta.table_provider().await`.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn delta(&self) -> Result<Option<DeltaTable>, LakeError> {
        let mut known = self.known.lock().await;
        if let Some(table) = known.as_mut() {
            table.update_state().await.map_err(|error| LakeError::delta("reading", &self.name, error))?;
            return Ok(Some(table.clone()));
        }
        if !self.lake.has_log(&self.table).await? {
            return Ok(None);
        }
        let mut table = DeltaTable::new(self.log_store()?);
        table.load().await.map_err(|error| LakeError::delta("reading", &self.name, error))?;
        *known = Some(table.clone());
        Ok(Some(table))
    }

    pub(crate) fn log_store(&self) -> Result<LogStoreRef, LakeError> {
        self.lake.location.log_store(&self.name)
    }

    /// The mark of a partition in this state of the table, and its files.
    pub(crate) async fn read_mark(
        &self,
        table: &DeltaTable,
        partition: &Partition,
    ) -> Result<(Option<LoadedMark>, Vec<Add>), LakeError> {
        let values = partition.values();
        let files = self.active_files(table, |found| *found == values).await?;
        Ok((self.mark(table, partition, &files, None).await?, files))
    }

    /// The mark of a partition that holds these files. Transactions are looked up in the log unless they are known.
    pub(crate) async fn mark(
        &self,
        table: &DeltaTable,
        partition: &Partition,
        files: &[Add],
        known: Option<&Transactions>,
    ) -> Result<Option<LoadedMark>, LakeError> {
        if let Some(mark) = mark_of_tags(files) {
            return Ok(Some(mark));
        }
        // Going through the log takes a hundred times longer than tags.
        let failed = |error| LakeError::delta("reading", &self.name, error);
        let state = table.snapshot().map_err(failed)?;
        let log_store = table.log_store();
        let version = async |id: String| match known {
            Some(known) => Ok(known.version(&id)),
            None => state.transaction_version(log_store.as_ref(), id).await.map_err(failed),
        };
        let Some(version_hash) = version(partition.app_id()).await? else { return Ok(None) };
        let delivered = version(partition.delivered_id()).await?;
        Ok(Some(LoadedMark { version_hash, delivered, load_id: None, revision: None, files: files.len() }))
    }

    /// Every file of this state of the table, in one pass over it.
    pub(crate) async fn files_by_partition(
        &self,
        table: &DeltaTable,
    ) -> Result<BTreeMap<Partition, Vec<Add>>, LakeError> {
        let mut files: BTreeMap<Partition, Vec<Add>> = BTreeMap::new();
        for file in self.active_files(table, |_| true).await? {
            // Whatever else lies in the table was not put there by a load.
            let Some(partition) = Partition::of_values(&file.partition_values) else { continue };
            files.entry(partition).or_default().push(file);
        }
        Ok(files)
    }

    /// The files of this state of the table whose partition values are `wanted`. They are in memory, all of them, and
    /// compared as they are: a filter of Delta's would read the log again and make its own of odd source ids.
    async fn active_files(
        &self,
        table: &DeltaTable,
        wanted: impl Fn(&HashMap<String, Option<String>>) -> bool + Send + Sync,
    ) -> Result<Vec<Add>, LakeError> {
        let views = table.get_active_add_actions_by_partitions(&[]);
        #[expect(deprecated, reason = "the one public way to the tags of a file")]
        let files = views.try_filter_map(|view| {
            std::future::ready(Ok(wanted(&view.partition_values_map()).then(|| view.add_action())))
        });
        files.try_collect().await.map_err(|error| LakeError::delta("reading", &self.name, error))
    }

    /// Remembers a newer state of the table.
    pub(crate) async fn remember(&self, table: DeltaTable) {
        *self.known.lock().await = Some(table);
    }
}

/// The mark of the load whose files came last, by their tags. There is none when the last load brought no file or
/// another tool rewrote the files.
fn mark_of_tags(files: &[Add]) -> Option<LoadedMark> {
    let first = files.first()?;
    let last = if files.iter().all(|file| tag(file, TAG_LOAD) == tag(first, TAG_LOAD)) {
        first
    } else {
        let versions: Option<Vec<(u64, &Add)>> =
            files.iter().map(|file| Some((tag(file, TAG_VERSION)?.parse().ok()?, file))).collect();
        versions?.into_iter().max_by_key(|(version, _)| *version)?.1
    };
    let load_id = tag(last, TAG_LOAD)?;
    Some(LoadedMark {
        version_hash: load_hash(load_id).ok()?,
        delivered: Some(tag(last, TAG_DELIVERED)?.parse().ok()?),
        load_id: Some(load_id.to_owned()),
        revision: tag(last, TAG_REVISION).map(str::to_owned),
        files: files.len(),
    })
}

/// A tag of a file.
pub(crate) fn tag<'a>(file: &'a Add, name: &str) -> Option<&'a str> {
    file.tags.as_ref()?.get(name)?.as_deref()
}
