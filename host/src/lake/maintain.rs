//! Removing what no reader needs any more: replaced files, staged files that were never committed, half-written ones,
//! and log entries that a checkpoint stands for.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use deltalake::checkpoints::{cleanup_metadata, create_checkpoint};
use deltalake::operations::vacuum::VacuumMode;

use super::error::LakeError;
use super::table::LakeTable;

/// Files younger than this are never removed: they may belong to a load that is about to commit, or to a query
/// that began before they were replaced.
pub const MIN_RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// What [`LakeTable::maintain`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Maintained {
    /// Data files removed.
    pub files: usize,
    /// Files of the log removed.
    pub log: usize,
    /// Half-written local files removed.
    pub leftovers: usize,
}

impl LakeTable {
    /// Removes data files that have been out of use for `retention`, or for [`MIN_RETENTION`] if that is longer, and
    /// log entries that are older than the table's own log retention, 30 days unless the table says otherwise.
    /// Versions of the table that need them can no longer be read. Leaves a checkpoint of the newest version, so that
    /// the next reader opens the table quickly.
    ///
    /// # Errors
    /// When the log or the store cannot be read or written. Nothing that is in use is ever removed.
    pub async fn maintain(&self, retention: Duration) -> Result<Maintained, LakeError> {
        self.sweep(retention.max(MIN_RETENTION)).await
    }

    async fn sweep(&self, retention: Duration) -> Result<Maintained, LakeError> {
        let Some(table) = self.delta().await? else { return Ok(Maintained::default()) };
        let period = chrono::Duration::from_std(retention).unwrap_or(chrono::Duration::MAX);
        let (table, vacuumed) = table
            .vacuum()
            .with_mode(VacuumMode::Full)
            .with_retention_period(period)
            // Delta's own minimum is a week.
            .with_enforce_retention_duration(false)
            .await
            .map_err(|error| LakeError::delta("vacuuming", &self.name, error))?;
        let tidying = |error| LakeError::delta("tidying", &self.name, error);
        create_checkpoint(&table, None).await.map_err(tidying)?;
        let log = cleanup_metadata(&table, None).await.map_err(tidying)?;
        self.remember(table).await;
        let leftovers = match self.lake.location.file(&self.name) {
            Some(directory) => {
                let sweep = move || sweep_leftovers(&directory, retention);
                tokio::task::spawn_blocking(sweep)
                    .await
                    .map_err(std::io::Error::other)
                    .and_then(|swept| swept)
                    .map_err(|error| LakeError::io("sweeping", &self.name, error))?
            }
            None => 0,
        };
        Ok(Maintained { files: vacuumed.files_deleted.len(), log, leftovers })
    }
}

/// Removes files named `<name>#<digits>`, the mark of a write that a crash cut short.
fn sweep_leftovers(directory: &Path, retention: Duration) -> std::io::Result<usize> {
    let mut removed = 0;
    let mut open: Vec<PathBuf> = vec![directory.to_path_buf()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                open.push(entry.path());
                continue;
            }
            let name = entry.file_name();
            let unfinished = name
                .to_str()
                .and_then(|name| name.rsplit_once('#'))
                .is_some_and(|(_, mark)| !mark.is_empty() && mark.bytes().all(|byte| byte.is_ascii_digit()));
            if !unfinished {
                continue;
            }
            // Whoever else removes it first has done the work.
            let Ok(modified) = entry.metadata().and_then(|metadata| metadata.modified()) else { continue };
            let old = SystemTime::now().duration_since(modified).is_ok_and(|age| age >= retention);
            if old && std::fs::remove_file(entry.path()).is_ok() {
                removed += 1;
            }
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, RecordBatch};
    use arrow::datatypes::{DataType, Field, Schema};

    use super::super::{Committed, Force, Lake, Load, Partition, WriterOptions};
    use super::*;
    use crate::source::store::StoreOptions;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_committed_stays_and_the_rest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let lake = Lake::open(dir.path().to_str().unwrap(), &StoreOptions::default()).unwrap();
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
        let table = lake.table("default", "aws", "items", Arc::clone(&schema)).unwrap();
        let partition = Partition { source: "a/b".to_owned(), year: 2024, month: 1 };
        let stage = || {
            let mut writer = table.writer(&partition, &WriterOptions::default()).unwrap();
            let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(Int64Array::from(vec![1, 2]))]);
            writer.write(&batch.unwrap()).unwrap();
            writer.finish().unwrap()
        };
        for n in 1..=2 {
            let load = Load {
                id: format!("{n}").repeat(64),
                delivered: n,
                revision: n.to_string(),
                force: Force::No,
                metadata: serde_json::json!({}),
            };
            let done = table.replace(&partition, vec![stage()], &load).await.unwrap();
            assert!(matches!(done, Committed::New { .. }), "{done:?}");
        }
        let orphan = stage();
        std::fs::write(dir.path().join("default/aws/items").join(format!("{}#77", orphan.path())), "half").unwrap();
        assert_eq!(table.maintain(Duration::ZERO).await.unwrap(), Maintained::default());
        let swept = table.sweep(Duration::ZERO).await.unwrap();
        assert_eq!(swept, Maintained { files: 2, log: 0, leftovers: 1 });
        let log = dir.path().join("default/aws/items/_delta_log");
        assert!(log.join("_last_checkpoint").exists());
        // A reader that knows nothing yet begins at the checkpoint.
        let table = lake.stored(table.table_ref()).unwrap();
        let active = table.delta().await.unwrap().unwrap();
        let (mark, files) = table.read_mark(&active, &partition).await.unwrap();
        assert_eq!((mark.unwrap().delivered, files.len()), (Some(2), 1));
        assert!(dir.path().join("default/aws/items").join(&files[0].path).exists());
    }
}
