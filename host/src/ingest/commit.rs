//! Commits of one source and period, table by table.
//!
//! Each is one atomic replacement of the period in one table, and each is skipped when this very load is in already; so
//! a crash between two of them leaves every table whole, and the next run, which finds one of them missing, makes the
//! rest.

use std::sync::Arc;

use futures::future::join_all;

use super::error::IngestError;
use super::receipt::TableReceipt;
use super::tables::PluginTables;
use crate::lake::{
    Committed, LakeTable, Load, LoadRecord, Partition, RejectRow, StagedFile, WriterOptions, loads_batch, rejects_batch,
};
use crate::plugin::Plugin;

/// Staged files of each table of a plugin, in the manifest's order.
pub type Staged = Vec<Vec<StagedFile>>;

/// Which tables are committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tables {
    /// Those that `normalize` fills.
    Normalized,
    /// Those that were made of them.
    Made,
}

/// Where the commits go.
#[derive(Debug)]
pub struct Commits<'a> {
    /// Tables of the plugin.
    pub tables: &'a PluginTables,
    /// Whose tables they are.
    pub plugin: &'a Arc<Plugin>,
    /// What is replaced in each.
    pub partition: Partition,
}

impl Commits<'_> {
    /// Replaces the period in all tables of one kind. `None` when a newer delivery is in: what is staged is removed then.
    ///
    /// # Errors
    /// When a commit fails. Tables committed before stay committed, each whole; what is staged is removed.
    pub fn replace(
        &self,
        kind: Tables,
        staged: &mut Staged,
        load: &Load,
    ) -> Result<Option<Vec<TableReceipt>>, IngestError> {
        let manifest = self.plugin.manifest();
        let mut going = Vec::new();
        for ((table, declared), files) in self.tables.declared.iter().zip(&manifest.tables).zip(staged.iter_mut()) {
            if declared.role.is_normalized() == (kind == Tables::Normalized) {
                going.push((table, declared.name.as_str(), std::mem::take(files)));
            }
        }
        // They lie in stores that may be far away, and none of them waits for another.
        let commits = going.into_iter().map(|(table, name, files)| async move {
            let (rows, bytes) = (files.iter().map(StagedFile::rows).sum(), files.iter().map(StagedFile::bytes).sum());
            let committed = table.replace(&self.partition, files, load).await?;
            Ok::<_, IngestError>((TableReceipt { table: name.to_owned(), rows, bytes, version: None }, committed))
        });
        let results = tokio::runtime::Handle::current().block_on(join_all(commits));
        let mut receipts = Vec::with_capacity(results.len());
        let (mut superseded, mut failure) = (false, None);
        for result in results {
            match result {
                Ok((receipt, Committed::New { version })) => {
                    receipts.push(TableReceipt { version: Some(version), ..receipt });
                }
                Ok((receipt, Committed::AlreadyThere)) => receipts.push(receipt),
                Ok((_, Committed::Superseded { .. })) => superseded = true,
                Err(error) => _ = failure.get_or_insert(error),
            }
        }
        if superseded || failure.is_some() {
            self.discard(std::mem::take(staged));
        }
        match failure {
            Some(error) => Err(error),
            None if superseded => Ok(None),
            None => Ok(Some(receipts)),
        }
    }

    /// Replaces what was set aside.
    ///
    /// # Errors
    /// When it cannot be written or committed.
    pub fn rejects(&self, rejects: &[RejectRow], load: &Load) -> Result<(), IngestError> {
        let table = &self.tables.rejects;
        let mut files = Vec::new();
        if !rejects.is_empty() {
            let mut writer = table.writer(&self.partition, &WriterOptions::default())?;
            writer.write(&rejects_batch(rejects)?)?;
            files.push(writer.finish()?);
        }
        tokio::runtime::Handle::current().block_on(table.replace(&self.partition, files, load))?;
        Ok(())
    }

    /// Adds the record of the load, which ends it.
    ///
    /// # Errors
    /// When it cannot be written or committed.
    pub fn record(&self, record: LoadRecord, load: &Load) -> Result<(), IngestError> {
        let table = &self.tables.loads;
        let mut writer = table.writer(&self.partition, &WriterOptions::default())?;
        writer.write(&loads_batch(&[record])?)?;
        let files = vec![writer.finish()?];
        tokio::runtime::Handle::current().block_on(table.append(&self.partition, files, load))?;
        Ok(())
    }

    /// Removes staged files that will not be committed.
    pub fn discard(&self, staged: Staged) {
        self.tables.declared.iter().zip(staged).for_each(|(table, files)| discard(table, files));
    }
}

/// Removes files that were written and will not be committed.
pub fn discard(table: &LakeTable, files: Vec<StagedFile>) {
    tokio::runtime::Handle::current().block_on(table.discard(files));
}
