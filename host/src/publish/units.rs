//! What a run publishes: databases are made ready for plugins beforehand, and given the sources and months of the run
//! afterwards.

use std::collections::BTreeMap;

use super::Publisher;
use crate::ingest::error::chain;
use crate::ingest::loaded::{Selection, selected};
use crate::ingest::plan::Plan;
use crate::ingest::receipt::PublicationReceipt;
use crate::ingest::request::SourceRequest;
use crate::lake::{LOADS_TABLE, Lake, LoadRecord};
use crate::plugin::{Cancel, Plugin};
use crate::postgres::Database;
use crate::postgres::definition::DatabaseDefinition;
use crate::report::definitions;
use crate::settings::Month;

/// Makes the tables of a plugin, keeps what it declares, and tells which tag keys are not to be used.
///
/// # Errors
/// When the database refuses, or what stands there does not fit.
pub async fn prepare(database: &Database, plugin: &Plugin) -> anyhow::Result<Vec<String>> {
    let definition = DatabaseDefinition::of(plugin.manifest());
    for note in database.migrate(&definition).await?.notes {
        tracing::warn!("{note}");
    }
    database.save_definition(&definition, &serde_json::to_value(&plugin.manifest().reports)?).await?;
    Ok(database.disabled_tag_keys(&definition).await?)
}

/// Tells the settings of all sources which tag keys are not to be used, and changes nothing in the database.
///
/// # Errors
/// When the database refuses.
pub async fn ask_sources(database: &Database, sources: &mut [SourceRequest]) -> anyhow::Result<()> {
    for source in sources.iter_mut().filter(|source| !source.settings.names_tag_keys()) {
        let definition = DatabaseDefinition::of(source.plugin.manifest());
        source.settings.disable_tag_keys(&database.disabled_tag_keys(&definition).await?);
    }
    Ok(())
}

/// As [`prepare`] for the plugins of all sources, whose settings are told which tag keys are not to be used, unless the
/// operator has said which are.
///
/// # Errors
/// As [`prepare`].
pub async fn prepare_sources(database: &Database, sources: &mut [SourceRequest]) -> anyhow::Result<()> {
    let mut disabled: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources {
        let digest = source.plugin.digest().to_owned();
        if !disabled.contains_key(&digest) {
            disabled.insert(digest.clone(), prepare(database, &source.plugin).await?);
        }
        if let Some(keys) = disabled.get(&digest) {
            source.settings.disable_tag_keys(keys);
        }
    }
    Ok(())
}

/// Sources and months by provider: what a run was about, and what it publishes.
pub type Units = BTreeMap<String, Vec<(String, Month)>>;

/// What a plan is about.
pub fn units_of(plan: &Plan) -> Units {
    let mut units = Units::new();
    for period in &plan.periods {
        let provider = period.plugin.manifest().provider.clone();
        units.entry(provider).or_default().push((period.source.clone(), period.month));
    }
    units
}

/// Publishes what the lake holds of these units, where the database does not have it. A failure is told by the receipts:
/// what is in the lake is in.
pub async fn publish_units(
    lake: &Lake,
    tenant: &str,
    database: &Database,
    units: &Units,
    cancel: &Cancel,
) -> Vec<PublicationReceipt> {
    let published = try_publish_units(lake, tenant, database, units, cancel).await;
    published.unwrap_or_else(|error| {
        let why = chain(error.as_ref());
        let failed = |(source, month): &(String, Month)| PublicationReceipt::new(source, Some(*month)).because(&why);
        units.values().flatten().map(failed).collect()
    })
}

async fn try_publish_units(
    lake: &Lake,
    tenant: &str,
    database: &Database,
    units: &Units,
    cancel: &Cancel,
) -> anyhow::Result<Vec<PublicationReceipt>> {
    let publisher = Publisher { lake, tenant, database, cancel };
    let mut receipts = Vec::new();
    for (provider, units) in units {
        let mut records = selected(lake, tenant, provider, &Selection::default()).await?;
        records.retain(|record| {
            let month = crate::ingest::loaded::month_of(record);
            units.iter().any(|(source, unit)| *source == record.source && Some(*unit) == month)
        });
        receipts.extend(publish(&publisher, provider, &records, false).await?);
    }
    Ok(receipts)
}

/// Publishes these loads of one provider.
///
/// # Errors
/// When the lake cannot be read or the database not be asked. What fails for single loads is told by the receipts.
pub async fn publish(
    publisher: &Publisher<'_>,
    provider: &str,
    records: &[LoadRecord],
    force: bool,
) -> anyhow::Result<Vec<PublicationReceipt>> {
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let definitions = definitions::databases(publisher.lake, publisher.tenant, provider).await?;
    Ok(publisher.catch_up(&definitions, records, force).await?)
}

/// Providers with loads in the lake, in order.
///
/// # Errors
/// When the lake cannot be listed.
pub async fn providers(lake: &Lake, tenant: &str) -> anyhow::Result<Vec<String>> {
    let tables = lake.tables().await?.into_iter();
    let loads = tables.filter(|table| table.tenant == tenant && table.name == LOADS_TABLE);
    Ok(loads.map(|table| table.provider).collect())
}
