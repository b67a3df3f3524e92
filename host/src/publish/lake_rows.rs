//! The rows of one unit, from the lake's tables as they are now.

use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use std::sync::Arc;

use super::ReadError;
use crate::ingest::loaded::{month_of, partition_of};
use crate::lake::{Lake, LakeTable, LoadRecord, Partition, latest_loads};
use crate::plugin::manifest::TableRole;
use crate::postgres::UnitRows;
use crate::postgres::definition::{DatabaseDefinition, DatabaseTable};
use crate::source::fetch::{Compression, InputSpec};
use crate::source::parquet::open_parquet;
use crate::source::store::Location;

/// Another host that is just committing is waited for: so often, so long each time.
const LOOKS: u32 = 20;
const WAIT: Duration = Duration::from_millis(500);

/// What the lake holds now of the source and period of `record`.
pub(super) async fn newest(
    lake: &Lake,
    tenant: &str,
    definition: &DatabaseDefinition,
    record: &LoadRecord,
) -> Result<UnitRows, ReadError> {
    let title = title(record);
    let Some(partition) = partition_of(record) else { return Err(ReadError::Internal(title)) };
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(WAIT).await;
        }
        let Some((load_id, tables)) = one_load(lake, tenant, definition, &partition, record).await? else { continue };
        // The record ends a load: without it, the load is on its way or was given up.
        let Some(current) = record_of(lake, tenant, &definition.provider, record, &load_id).await? else { continue };
        let mut rows = Vec::with_capacity(tables.len());
        for held in tables {
            let read = tokio::task::spawn_blocking(move || held.read());
            rows.push(read.await.map_err(|_| ReadError::Internal(title.clone()))??);
        }
        let (plugin, plugin_version) = (current.plugin, current.plugin_version);
        return Ok(UnitRows { load_id, plugin, plugin_version, tables: rows });
    }
    Err(ReadError::Unfinished(title))
}

fn title(record: &LoadRecord) -> String {
    month_of(record).map_or_else(|| record.source.clone(), |month| format!("{} {month}", record.source))
}

/// The files of one table's partition.
struct Held {
    table: String,
    columns: Vec<String>,
    location: Location,
    files: Vec<String>,
}

impl Held {
    fn read(self) -> Result<(String, Vec<RecordBatch>), ReadError> {
        let mut batches = Vec::new();
        for file in &self.files {
            let spec = InputSpec::new(file, Compression::None);
            let mut rows = open_parquet(&self.location, &spec, &self.columns, tokio::runtime::Handle::current())?;
            while let Some(batch) = rows.next_batch()? {
                batches.push(batch);
            }
        }
        Ok((self.table, batches))
    }
}

/// The one load that all tables hold of a partition; `None` where they hold different ones.
async fn one_load(
    lake: &Lake,
    tenant: &str,
    definition: &DatabaseDefinition,
    partition: &Partition,
    record: &LoadRecord,
) -> Result<Option<(String, Vec<Held>)>, ReadError> {
    let looking = definition.tables.iter().map(|declared| look(lake, tenant, definition, declared, partition));
    let mut load: Option<String> = None;
    let mut all = Vec::new();
    for (declared, found) in definition.tables.iter().zip(futures::future::try_join_all(looking).await?) {
        match found {
            Look::Load(id, held) => {
                if load.get_or_insert_with(|| id.clone()) != &id {
                    return Ok(None);
                }
                all.push(held);
            }
            // Nothing makes its rows, although every load marks it.
            Look::Never | Look::Unknown if declared.role == TableRole::Reference => {}
            // The load is older than the table.
            Look::Never if record.plugin_version != definition.version => {}
            Look::Never | Look::Unknown => return Ok(None),
        }
    }
    Ok(load.map(|load| (load, all)))
}

/// What a table holds of a partition.
enum Look {
    /// No load ever filled it.
    Never,
    /// The last load left no file, so its whole id is not known.
    Unknown,
    /// This load, in these files.
    Load(String, Held),
}

async fn look(
    lake: &Lake,
    tenant: &str,
    definition: &DatabaseDefinition,
    declared: &DatabaseTable,
    partition: &Partition,
) -> Result<Look, ReadError> {
    let table: LakeTable = lake.table(tenant, &definition.provider, &declared.name, Arc::new(Schema::empty()))?;
    let Some((mark, files)) = table.files_of(partition).await? else { return Ok(Look::Never) };
    // Only files carry the whole id of their load; every load of a table that is made leaves one.
    let Some(load_id) = mark.load_id else { return Ok(Look::Unknown) };
    let columns = declared.columns.iter().map(|column| column.name.clone()).collect();
    let location = lake.source_location(table.table_ref())?;
    Ok(Look::Load(load_id, Held { table: declared.name.clone(), columns, location, files }))
}

/// The record of a load of the same source and period.
async fn record_of(
    lake: &Lake,
    tenant: &str,
    provider: &str,
    like: &LoadRecord,
    load_id: &str,
) -> Result<Option<LoadRecord>, ReadError> {
    if like.load_id == load_id {
        return Ok(Some(like.clone()));
    }
    let loads = latest_loads(lake, tenant, provider).await?;
    let same = |load: &LoadRecord| load.source == like.source && month_of(load) == month_of(like);
    Ok(loads.into_iter().find(|load| load.load_id == load_id && same(load)))
}
