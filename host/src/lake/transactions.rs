//! What transactions a table's log holds, all at once.
//!
//! `deltalake` finds one by going through the log anew, and a plan asks for two of every period of which a table has no
//! file: of 36 months, 72 times the whole log. Here the log is read once: the checkpoint, and the commits after it. Of a log
//! of another make nothing is said, and whoever asks goes the long way.

use std::collections::HashMap;

use arrow::array::{Array as _, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use deltalake::DeltaTable;
use deltalake::kernel::{Action, MetadataExt as _};
use deltalake::logstore::{LogStore, get_actions};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::ObjectStoreExt as _;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// Commits after the checkpoint that are read at a time.
const READS_AT_ONCE: usize = 16;
/// More commits than this are not read: deltalake's own way does not hold them all in memory.
const MOST_COMMITS: u64 = 200;
/// With this property old transactions do not count.
const EXPIRY: &str = "delta.setTransactionRetentionDuration";

/// Newest version of each application's transactions, in one state of a table.
#[derive(Debug, Default)]
pub(super) struct Transactions(HashMap<String, i64>);

impl Transactions {
    /// Reads those of this state of the table. `None` when its log is not as costhost writes logs, or could not be read.
    pub(super) async fn read(table: &DeltaTable) -> Option<Self> {
        let last = table.version()?;
        if table.snapshot().ok()?.metadata().configuration().contains_key(EXPIRY) {
            return None;
        }
        let log_store = table.log_store();
        let mut found = Self::default();
        let first = match last_checkpoint(log_store.as_ref()).await? {
            None => 0,
            Some(version) => {
                found.take_checkpoint(
                    log_file(log_store.as_ref(), &format!("{version:020}.checkpoint.parquet")).await?,
                )?;
                version + 1
            }
        };
        if first > last + 1 || last - first.min(last) > MOST_COMMITS {
            return None;
        }
        let commits = futures::stream::iter(first..=last).map(|version| {
            let log_store = &log_store;
            async move { Ok::<_, deltalake::DeltaTableError>((version, log_store.read_commit_entry(version).await?)) }
        });
        let commits: Vec<_> = commits.buffered(READS_AT_ONCE).try_collect().await.ok()?;
        for (version, commit) in commits {
            for action in get_actions(version, &commit?).ok()? {
                if let Action::Txn(transaction) = action {
                    found.0.insert(transaction.app_id, transaction.version);
                }
            }
        }
        Some(found)
    }

    /// The newest version of an application's transactions.
    pub(super) fn version(&self, application: &str) -> Option<i64> {
        self.0.get(application).copied()
    }

    fn take_checkpoint(&mut self, file: Bytes) -> Option<()> {
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).ok()?;
        let columns = ProjectionMask::columns(reader.parquet_schema(), ["txn.appId", "txn.version"]);
        for batch in reader.with_projection(columns).build().ok()? {
            self.take_transactions(&batch.ok()?)?;
        }
        Some(())
    }

    fn take_transactions(&mut self, batch: &RecordBatch) -> Option<()> {
        let transactions = batch.column_by_name("txn")?.as_struct_opt()?;
        let names = cast(transactions.column_by_name("appId")?, &DataType::Utf8).ok()?;
        let versions = transactions.column_by_name("version")?.as_primitive_opt::<Int64Type>()?;
        for (at, (name, version)) in names.as_string::<i32>().iter().zip(versions).enumerate() {
            if transactions.is_valid(at) {
                self.0.insert(name?.to_owned(), version?);
            }
        }
        Some(())
    }
}

/// The version of the checkpoint to begin with: `Some(None)` when there is none yet, `None` when it is of several files.
async fn last_checkpoint(log_store: &dyn LogStore) -> Option<Option<u64>> {
    let path = log_store.log_path().clone().join("_last_checkpoint");
    let hint = match log_store.object_store(None).get(&path).await {
        Ok(hint) => hint.bytes().await.ok()?,
        Err(object_store::Error::NotFound { .. }) => return Some(None),
        Err(_) => return None,
    };
    let hint: serde_json::Value = serde_json::from_slice(&hint).ok()?;
    if hint.get("parts").is_some_and(|parts| !parts.is_null()) {
        return None;
    }
    Some(Some(hint.get("version")?.as_u64()?))
}

async fn log_file(log_store: &dyn LogStore, name: &str) -> Option<Bytes> {
    let path = log_store.log_path().clone().join(name);
    log_store.object_store(None).get(&path).await.ok()?.bytes().await.ok()
}
