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
use deltalake::kernel::Action;
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
pub(crate) struct Transactions(HashMap<String, i64>);

impl Transactions {
    /// Reads those of this state of the table. `None` when its log is not as costhost writes logs, or could not be read.
    pub(crate) async fn read(table: &DeltaTable) -> Option<Self> {
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
    pub(crate) fn version(&self, application: &str) -> Option<i64> {
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use arrow::datatypes::{Field, Schema};

    use super::super::{Force, Lake, LakeTable, Load, Partition};
    use super::*;
    use crate::source::store::StoreOptions;

    fn table(dir: &Path) -> LakeTable {
        let lake = Lake::open(dir.to_str().unwrap(), &StoreOptions::default()).unwrap();
        lake.table("default", "aws", "items", Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)])))
            .unwrap()
    }

    fn month(month: u32) -> Partition {
        Partition { source: "a/b".to_owned(), year: 2024, month }
    }

    /// Loads without rows of nine months, some of them more than once, and more than one checkpoint covers.
    async fn fill(table: &LakeTable) {
        for round in 1..=5 {
            for at in (1..=9).step_by(if round % 2 == 0 { 2 } else { 1 }) {
                let load = Load {
                    id: format!("{round}{at}").repeat(32),
                    delivered: round,
                    revision: String::new(),
                    force: Force::No,
                    metadata: serde_json::json!({}),
                };
                table.replace(&month(at), vec![], &load).await.unwrap();
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_look_at_the_log_and_a_look_for_each_period_agree() {
        let dir = tempfile::tempdir().unwrap();
        fill(&table(dir.path())).await;
        let months: Vec<Partition> = (1..=12).map(month).collect();
        let log = dir.path().join("default/aws/items/_delta_log");
        let hint = log.join("_last_checkpoint");
        assert!(hint.is_file(), "there is no checkpoint");
        for without_hint in [false, true] {
            if without_hint {
                std::fs::remove_file(&hint).unwrap();
            }
            // A handle that knows nothing yet.
            let table = table(dir.path());
            let together = table.loaded_all(&months).await.unwrap();
            for (month, known) in months.iter().zip(&together) {
                assert_eq!(&table.loaded(month).await.unwrap(), known, "{month:?}");
            }
            assert_eq!(together.iter().flatten().filter_map(|mark| mark.delivered).collect::<Vec<_>>(), [5; 9]);
            let delta = table.delta().await.unwrap().unwrap();
            assert!(Transactions::read(&delta).await.is_some());
        }
        // Readers still begin at the checkpoint, which nothing points to now.
        std::fs::remove_file(log.join("00000000000000000000.json")).unwrap();
        let delta = table(dir.path()).delta().await.unwrap().unwrap();
        assert!(Transactions::read(&delta).await.is_none());
    }
}
