//! Committing staged files, exactly once, whoever else writes and whatever replies are lost.
//!
//! A commit is built on one version of the table and lands as the next version or not at all: `deltalake`'s own
//! conflict resolution is switched off, and the loop here reloads and decides anew. So every decision (is this load in
//! already, is a newer one, which files go) was made on exactly the state that the commit follows.
//!
//! Each commit carries a token of its own. After a failure, newer versions are searched for it before anything else: a
//! commit whose reply was lost is found, not repeated. Staged files are removed only when they are known not to be in.

use std::collections::HashMap;

use deltalake::DeltaTable;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::kernel::{Action, Add, MetadataExt as _, Remove, Transaction};
use deltalake::logstore::get_actions;
use deltalake::operations::create::CreateBuilder;
use deltalake::protocol::{DeltaOperation, SaveMode};
use uuid::Uuid;

use super::error::LakeError;
use super::partition::{PARTITION_COLUMNS, Partition};
use super::retries::{Failure, Tries, classify};
use super::schema;
use super::stats::is_indexed;
use super::table::{LakeTable, LoadedMark, TAG_DELIVERED, TAG_LOAD, TAG_REVISION, TAG_VERSION};
use super::writer::StagedFile;

/// Under these names the commit's own record and token lie in `commitInfo`.
const INFO_RECORD: &str = "costhost";
const INFO_TOKEN: &str = "costhostCommit";
/// Opening a table reads the commits since its last checkpoint.
const CHECKPOINT_EVERY: u32 = 20;

/// One load: what makes it this one, and what is recorded about it.
#[derive(Debug, Clone)]
pub struct Load {
    /// SHA-256 in hexadecimal over revision, etags of the files, plugin digest and settings digest.
    pub id: String,
    /// When the revision was delivered, in seconds since the epoch. An older delivery never replaces a newer one.
    pub delivered: i64,
    /// The revision, for people and other tools.
    pub revision: String,
    /// What does not keep it from being loaded.
    pub force: Force,
    /// The record kept in the table's history.
    pub metadata: serde_json::Value,
}

/// What does not keep a load from being committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Force {
    /// This very load, or a newer delivery, does.
    #[default]
    No,
    /// A newer delivery does; this very load is committed once more.
    Same,
    /// Nothing does.
    Older,
}

/// How a commit ended. In every case the staged files are taken care of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// It is in, as this version of the table.
    New {
        /// Delta version.
        version: u64,
    },
    /// This very load was in already; the staged files were removed.
    AlreadyThere,
    /// A newer delivery is in; the staged files were removed.
    Superseded {
        /// What is in.
        by: LoadedMark,
    },
}

/// What becomes of the files that are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Replace,
    Append,
}

/// The first 63 bits of a load's id.
pub(crate) fn load_hash(id: &str) -> Result<i64, LakeError> {
    let bad = LakeError::Name { what: "load", name: id.to_owned(), reason: "it must be a hexadecimal digest" };
    let Some(head) = id.get(..16) else { return Err(bad) };
    let bits = u64::from_str_radix(head, 16).map_err(|_| bad)?;
    Ok(i64::try_from(bits >> 1).unwrap_or(i64::MAX))
}

/// One commit on its way.
struct Attempt<'a> {
    partition: &'a Partition,
    load: &'a Load,
    hash: i64,
    mode: Mode,
    token: String,
    files: Vec<StagedFile>,
}

impl LakeTable {
    /// Puts `files` in the place of everything the table holds of this partition, in one commit.
    ///
    /// An empty list is a load too: afterwards the partition has no rows.
    ///
    /// # Errors
    /// When the log cannot be read or written, the table has a column of another type, or other writers won for two
    /// minutes. The partition's earlier rows stay, unless the error says that the outcome is open.
    pub async fn replace(
        &self,
        partition: &Partition,
        files: Vec<StagedFile>,
        load: &Load,
    ) -> Result<Committed, LakeError> {
        self.commit(partition, files, load, Mode::Replace).await
    }

    /// Adds `files` to the partition, unless this load was the last to do so.
    ///
    /// # Errors
    /// As [`LakeTable::replace`].
    pub async fn append(
        &self,
        partition: &Partition,
        files: Vec<StagedFile>,
        load: &Load,
    ) -> Result<Committed, LakeError> {
        self.commit(partition, files, load, Mode::Append).await
    }

    async fn commit(
        &self,
        partition: &Partition,
        files: Vec<StagedFile>,
        load: &Load,
        mode: Mode,
    ) -> Result<Committed, LakeError> {
        partition.check()?;
        let hash = load_hash(&load.id)?;
        let mut attempt = Attempt { partition, load, hash, mode, token: Uuid::new_v4().to_string(), files };
        let mut tries = Tries::new();
        loop {
            let turn = self.turn.lock().await;
            let step = self.step(&mut attempt, &mut tries).await;
            drop(turn);
            match step {
                Ok(Some(committed)) => {
                    if !matches!(committed, Committed::New { .. }) {
                        self.discard(attempt.files).await;
                    }
                    return Ok(committed);
                }
                Ok(None) => tries.pause().await,
                Err(error) => {
                    if !tries.open() {
                        self.discard(attempt.files).await;
                    }
                    return Err(error);
                }
            }
        }
    }

    /// One round: look, decide, try. `None` asks for another.
    async fn step(&self, attempt: &mut Attempt<'_>, tries: &mut Tries) -> Result<Option<Committed>, LakeError> {
        let table = match self.delta().await {
            Ok(Some(table)) => table,
            Ok(None) => return self.create(tries).await.map(|()| None),
            Err(LakeError::Delta { source, .. }) => {
                return tries.failed(&self.name, Failure::Unknown(*source)).map(|()| None);
            }
            Err(error) => return Err(error),
        };
        let version = table.version().unwrap_or_default();
        if let Some(base) = tries.base {
            if let Some(landed) = self.find_token(&table, base, version, &attempt.token).await? {
                return Ok(Some(Committed::New { version: landed }));
            }
            if version > base {
                tries.base = None;
            }
        }
        tries.check(&self.name)?;
        let (mark, active) = self.read_mark(&table, attempt.partition).await?;
        if let Some(decided) = attempt.decide(mark) {
            return Ok(Some(decided));
        }
        // Whatever is refused here was not tried: from `base` on the attempt may land, and its files stay.
        let grown = self.grown(&table)?;
        let actions = attempt.actions(&grown, &active, version.saturating_add(1));
        tries.base = Some(version);
        match self.land(&table, attempt, actions).await {
            Ok(version) => Ok(Some(Committed::New { version })),
            Err(failure) => tries.failed(&self.name, failure).map(|()| None),
        }
    }

    async fn land(&self, table: &DeltaTable, attempt: &Attempt<'_>, actions: Vec<Action>) -> Result<u64, Failure> {
        let operation = DeltaOperation::Write {
            mode: if attempt.mode == Mode::Replace { SaveMode::Overwrite } else { SaveMode::Append },
            partition_by: Some(PARTITION_COLUMNS.map(str::to_owned).to_vec()),
            predicate: Some(attempt.partition.predicate()),
        };
        let state = table.snapshot().map_err(Failure::Unknown)?;
        let prepared = CommitBuilder::from(attempt.properties())
            .with_actions(actions)
            .build(Some(state), table.log_store(), operation)
            .into_prepared_commit_future()
            .await
            .map_err(Failure::Unknown)?;
        let landed = prepared.await.map_err(classify)?;
        let version = landed.version;
        // From here on it is in: a checkpoint that fails is written by a later commit.
        match landed.await {
            Ok(finalized) => {
                let mut newer = table.clone();
                newer.state = Some(finalized.snapshot());
                self.remember(newer).await;
            }
            Err(error) => {
                tracing::warn!(table = %self.name, version, %error, "committed, but the checkpoint or log cleanup failed")
            }
        }
        Ok(version)
    }

    /// Looks for our own commit in the versions after `base`.
    async fn find_token(
        &self,
        table: &DeltaTable,
        base: u64,
        latest: u64,
        token: &str,
    ) -> Result<Option<u64>, LakeError> {
        let log_store = table.log_store();
        for version in base.saturating_add(1)..=latest {
            let failed = |error| LakeError::delta("reading", &self.name, error);
            let Some(bytes) = log_store.read_commit_entry(version).await.map_err(failed)? else { continue };
            let ours = get_actions(version, &bytes).map_err(failed)?.iter().any(|action| match action {
                Action::CommitInfo(info) => info.info.get(INFO_TOKEN).and_then(|value| value.as_str()) == Some(token),
                _ => false,
            });
            if ours {
                return Ok(Some(version));
            }
        }
        Ok(None)
    }

    /// The metadata action that declares columns the table lacks.
    fn grown(&self, table: &DeltaTable) -> Result<Option<Action>, LakeError> {
        let failed = |error| LakeError::delta("extending", &self.name, error);
        let state = table.snapshot().map_err(failed)?;
        let Some(schema) = schema::grow(&self.name, state.schema().as_ref(), &self.declared)? else { return Ok(None) };
        let metadata = state.metadata().clone().with_schema(&schema).map_err(|error| failed(error.into()))?;
        Ok(Some(Action::Metadata(metadata)))
    }

    /// Creates the table. When another writer was faster, its table is as good.
    async fn create(&self, tries: &mut Tries) -> Result<(), LakeError> {
        tries.check(&self.name)?;
        let indexed: Vec<&str> = self
            .files
            .fields()
            .iter()
            .filter(|field| is_indexed(field.data_type()))
            .map(|field| field.name().as_str())
            .collect();
        // Readers then expect ranges of the columns that have them, and of no other.
        let statistics = if indexed.is_empty() {
            ("delta.dataSkippingNumIndexedCols", "0".to_owned())
        } else {
            ("delta.dataSkippingStatsColumns", indexed.join(","))
        };
        let created = CreateBuilder::new()
            .with_log_store(self.log_store()?)
            .with_table_name(self.table.name.clone())
            .with_columns(self.declared.fields().cloned())
            .with_partition_columns(PARTITION_COLUMNS)
            .with_configuration([
                ("delta.checkpointInterval", Some(CHECKPOINT_EVERY.to_string())),
                (statistics.0, Some(statistics.1)),
            ])
            .with_save_mode(SaveMode::ErrorIfExists)
            .with_commit_properties(CommitProperties::default().with_max_retries(0))
            .await;
        match created {
            Ok(table) => {
                self.remember(table).await;
                Ok(())
            }
            Err(error) => tries.failed(&self.name, Failure::Unknown(error)),
        }
    }
}

impl Attempt<'_> {
    /// Whether there is nothing left to do.
    fn decide(&self, mark: Option<LoadedMark>) -> Option<Committed> {
        let mark = mark.filter(|_| self.load.force != Force::Older)?;
        if mark.version_hash == self.hash {
            return (self.load.force == Force::No).then_some(Committed::AlreadyThere);
        }
        let newer =
            self.mode == Mode::Replace && mark.delivered.is_some_and(|delivered| delivered > self.load.delivered);
        newer.then_some(Committed::Superseded { by: mark })
    }

    /// What is to land as `version`.
    fn actions(&self, metadata: &Option<Action>, active: &[Add], version: u64) -> Vec<Action> {
        let mut actions: Vec<Action> = metadata.iter().cloned().collect();
        if self.mode == Mode::Replace {
            actions.extend(active.iter().map(|file| Action::Remove(remove(file))));
        }
        actions.extend(self.files.iter().map(|file| Action::Add(self.add(file, version))));
        actions
    }

    fn add(&self, file: &StagedFile, version: u64) -> Add {
        let tags = [
            (TAG_LOAD, self.load.id.clone()),
            (TAG_DELIVERED, self.load.delivered.to_string()),
            (TAG_REVISION, self.load.revision.clone()),
            (TAG_VERSION, version.to_string()),
        ];
        Add {
            path: file.path.clone(),
            partition_values: self.partition.values(),
            size: i64::try_from(file.bytes).unwrap_or(i64::MAX),
            modification_time: file.modified,
            data_change: true,
            stats: Some(file.stats.clone()),
            tags: Some(tags.into_iter().map(|(name, value)| (name.to_owned(), Some(value))).collect()),
            deletion_vector: None,
            base_row_id: None,
            default_row_commit_version: None,
            clustering_provider: None,
        }
    }

    fn properties(&self) -> CommitProperties {
        let now = chrono::Utc::now().timestamp_millis();
        let transaction = |id: String, version: i64| Transaction::new_with_last_update(id, version, Some(now));
        CommitProperties::default()
            .with_max_retries(0)
            .with_metadata(HashMap::from([
                (INFO_RECORD.to_owned(), self.load.metadata.clone()),
                (INFO_TOKEN.to_owned(), serde_json::Value::from(self.token.clone())),
            ]))
            .with_application_transaction(transaction(self.partition.app_id(), self.hash))
            .with_application_transaction(transaction(self.partition.delivered_id(), self.load.delivered))
    }
}

fn remove(file: &Add) -> Remove {
    Remove {
        path: file.path.clone(),
        data_change: true,
        deletion_timestamp: Some(chrono::Utc::now().timestamp_millis()),
        extended_file_metadata: Some(true),
        partition_values: Some(file.partition_values.clone()),
        size: Some(file.size),
        tags: None,
        deletion_vector: file.deletion_vector.clone(),
        base_row_id: file.base_row_id,
        default_row_commit_version: file.default_row_commit_version,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_ids_become_positive_numbers() {
        assert_eq!(load_hash(&"f".repeat(64)).unwrap(), i64::MAX);
        assert_eq!(load_hash("0000000000000003ff").unwrap(), 1);
        assert!(load_hash("short").is_err());
        assert!(load_hash("not hexadecimal!").is_err());
    }
}
