//! Publishing: what the lake holds of a source and period goes into the database, whenever that is not what stands there.
//!
//! The lake is the truth. A unit is read from it after all other publishers of the unit have been waited for, and
//! only where all its tables hold one and the same load; so whoever publishes last publishes the newest load, whole.

mod lake_rows;
pub mod units;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::ingest::error::chain;
use crate::ingest::load_id::bill_id;
use crate::ingest::receipt::PublicationReceipt;
use crate::lake::{Lake, LakeError, LoadRecord};
use crate::plugin::Cancel;
use crate::postgres::definition::DatabaseDefinition;
use crate::postgres::{Database, DatabaseError, Publication, PublishError, References, Unit};
use crate::source::error::SourceError;

/// How often a publication looks whether it must stop: while it waits for another host too.
const CANCEL_LOOK: Duration = Duration::from_millis(50);
/// What the receipt of a publication says that was.
const STOPPED: &str = "stopped before it was published";

/// Why the rows of a unit cannot be had from the lake.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The lake's log or store failed.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// A file of the lake cannot be read.
    #[error(transparent)]
    File(#[from] SourceError),
    /// Tables hold different loads.
    #[error(
        "the tables of {0} hold different loads: another run is at it, or one was not finished; `costhost run` on its \
         source puts that right"
    )]
    Unfinished(String),
    /// A worker ended without a result: a defect of costhost.
    #[error("internal error while reading {0} for the database; please report it")]
    Internal(String),
}

/// A lake and a database.
#[derive(Debug, Clone, Copy)]
pub struct Publisher<'a> {
    /// What is published.
    pub lake: &'a Lake,
    /// Whose.
    pub tenant: &'a str,
    /// Where to.
    pub database: &'a Database,
    /// Set when publishing must stop: what is not committed by then is rolled back.
    pub cancel: &'a Cancel,
}

impl Publisher<'_> {
    /// Publishes those of these loads of one provider that do not stand in the database as they are in the lake, or all
    /// of them by force. `definitions` are those of the provider's plugins, by plugin.
    ///
    /// # Errors
    /// When the database cannot be asked what it holds, or its schema not be made. What fails for single loads is told by
    /// the receipts.
    pub async fn catch_up(
        &self,
        definitions: &BTreeMap<String, DatabaseDefinition>,
        records: &[LoadRecord],
        force: bool,
    ) -> Result<Vec<PublicationReceipt>, DatabaseError> {
        let mut receipts = Vec::new();
        let mut standing: BTreeMap<&str, (Vec<Publication>, References)> = BTreeMap::new();
        for record in records {
            if self.cancel.is_cancelled() {
                receipts.push(PublicationReceipt::of(record).because(STOPPED));
                continue;
            }
            let Some(definition) = definitions.get(&record.plugin) else {
                let why = format!("the lake does not know what tables plugin {} has; run it once", record.plugin);
                receipts.push(PublicationReceipt::of(record).because(&why));
                continue;
            };
            if !standing.contains_key(record.plugin.as_str()) {
                for note in self.database.migrate(definition).await?.notes {
                    tracing::warn!("{note}");
                }
                let held = self.database.publications(&definition.provider).await?;
                let references = self.database.current_references(definition).await?;
                standing.insert(&record.plugin, (held, references));
            }
            let stands = standing.get(record.plugin.as_str()).is_some_and(|(held, references)| {
                held.iter().any(|publication| is(publication, record) && references.are_those_of(publication))
            });
            if force || !stands {
                receipts.push(self.publish(definition, record).await);
            }
        }
        Ok(receipts)
    }

    async fn publish(&self, definition: &DatabaseDefinition, record: &LoadRecord) -> PublicationReceipt {
        let started = Instant::now();
        let source_uuid = Uuid::parse_str(&record.source_uuid).unwrap_or_default();
        let period_start = record.period_start.div_euclid(1_000_000);
        let unit = Unit {
            provider: definition.provider.clone(),
            source: record.source.clone(),
            source_uuid,
            period_start,
            bill_id: bill_id(source_uuid, period_start),
        };
        let read = || lake_rows::newest(self.lake, self.tenant, definition, record);
        let done = tokio::select! {
            biased;
            done = self.database.publish(definition, &unit, read) => Some(done),
            () = self.cancelled() => None,
        };
        let mut receipt = PublicationReceipt::of(record);
        receipt.wall_ms = started.elapsed().as_millis() as u64;
        let Some(done) = done else {
            tracing::warn!(source = record.source, period = receipt.period, "{STOPPED}");
            return receipt.because(STOPPED);
        };
        match done {
            Ok(published) => (receipt.rows, receipt.notes) = (published.rows, published.notes),
            Err(error) => {
                let why = match &error {
                    PublishError::Read(error) => chain(error),
                    PublishError::Database(error) => chain(error),
                };
                tracing::error!(source = record.source, period = receipt.period, "not published: {why}");
                return receipt.because(&why);
            }
        }
        receipt
    }

    /// Ends once publishing must stop.
    async fn cancelled(&self) {
        while !self.cancel.is_cancelled() {
            tokio::time::sleep(CANCEL_LOOK).await;
        }
    }
}

/// Whether the very load stands in the database.
fn is(publication: &Publication, record: &LoadRecord) -> bool {
    publication.source == record.source
        && publication.source_uuid.to_string() == record.source_uuid
        && publication.period_start == record.period_start.div_euclid(1_000_000)
        && publication.load_id == record.load_id
}
