//! The `loads` table: one row per load that went in, kept for audit. It outlives the log's own history.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray as _, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType};
use datafusion::prelude::{SessionContext, ident, lit};
use deltalake::DeltaTable;
use deltalake::kernel::Add;

use super::Lake;
use super::commit::load_hash;
use super::error::LakeError;
use super::table::{LakeTable, TAG_LOAD, tag};
use crate::settings::Month;

/// Name of the table, one per tenant and provider.
pub const LOADS_TABLE: &str = "loads";

/// One load: what came in, from where, by which plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadRecord {
    /// See [`super::Load::id`].
    pub load_id: String,
    /// The identity of its normalized rows alone: a later load may be other summaries of the same rows.
    pub rows_id: String,
    /// Microseconds since the epoch.
    pub loaded_at: i64,
    /// The source's id. Stored as the partition column.
    pub source: String,
    /// The source's UUID.
    pub source_uuid: String,
    /// Where the reports lie, as a URL without credentials.
    pub location: String,
    /// Such as `aws`.
    pub provider: String,
    /// The plugin's id.
    pub plugin: String,
    /// Its semantic version.
    pub plugin_version: String,
    /// SHA-256 of the component.
    pub plugin_digest: String,
    /// The delivery.
    pub revision: String,
    /// When it was delivered, in microseconds since the epoch.
    pub delivered: i64,
    /// Start of the billing period, in microseconds since the epoch.
    pub period_start: i64,
    /// Its end, exclusive.
    pub period_end: i64,
    /// Rows read, the rejected ones among them.
    pub rows: i64,
    /// Rows and cells set aside.
    pub rejects: i64,
    /// Input files.
    pub files: i64,
    /// Bytes of the input as stored.
    pub bytes: i64,
    /// SHA-256 of the settings.
    pub settings_digest: String,
    /// JSON: exact decimal text per column and currency.
    pub totals: String,
    /// JSON: the run's receipt for this load. It is long, and [`latest_loads`] leaves it empty.
    pub receipt: String,
}

fn time() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// A column's name, and the field of a record that it holds: to read and to set.
type TextColumn = (&'static str, fn(&LoadRecord) -> &String, fn(&mut LoadRecord) -> &mut String);
/// The same for numbers.
type NumberColumn = (&'static str, fn(&LoadRecord) -> i64, fn(&mut LoadRecord) -> &mut i64);

/// Text columns in the order of the schema, and `source` is not among them: it is the partition column.
const TEXTS: [TextColumn; 12] = [
    ("load_id", |r| &r.load_id, |r| &mut r.load_id),
    ("rows_id", |r| &r.rows_id, |r| &mut r.rows_id),
    ("source_uuid", |r| &r.source_uuid, |r| &mut r.source_uuid),
    ("location", |r| &r.location, |r| &mut r.location),
    ("provider", |r| &r.provider, |r| &mut r.provider),
    ("plugin", |r| &r.plugin, |r| &mut r.plugin),
    ("plugin_version", |r| &r.plugin_version, |r| &mut r.plugin_version),
    ("plugin_digest", |r| &r.plugin_digest, |r| &mut r.plugin_digest),
    ("revision", |r| &r.revision, |r| &mut r.revision),
    ("settings_digest", |r| &r.settings_digest, |r| &mut r.settings_digest),
    ("totals", |r| &r.totals, |r| &mut r.totals),
    ("receipt", |r| &r.receipt, |r| &mut r.receipt),
];

const TIMES: [NumberColumn; 4] = [
    ("loaded_at", |r| r.loaded_at, |r| &mut r.loaded_at),
    ("delivered", |r| r.delivered, |r| &mut r.delivered),
    ("period_start", |r| r.period_start, |r| &mut r.period_start),
    ("period_end", |r| r.period_end, |r| &mut r.period_end),
];

const COUNTS: [NumberColumn; 4] = [
    ("rows", |r| r.rows, |r| &mut r.rows),
    ("rejects", |r| r.rejects, |r| &mut r.rejects),
    ("files", |r| r.files, |r| &mut r.files),
    ("bytes", |r| r.bytes, |r| &mut r.bytes),
];

/// Schema of the `loads` table, without partition columns.
#[must_use]
pub fn loads_schema() -> SchemaRef {
    let texts = TEXTS.iter().map(|(name, ..)| Field::new(*name, DataType::Utf8, true));
    let times = TIMES.iter().map(|(name, ..)| Field::new(*name, time(), true));
    let counts = COUNTS.iter().map(|(name, ..)| Field::new(*name, DataType::Int64, true));
    Arc::new(Schema::new(texts.chain(times).chain(counts).collect::<Vec<_>>()))
}

/// Rows of the `loads` table.
///
/// # Errors
/// Never for records of this type; kept for a schema that grows.
pub fn loads_batch(records: &[LoadRecord]) -> Result<RecordBatch, LakeError> {
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (_, get, _) in TEXTS {
        columns.push(Arc::new(StringArray::from_iter_values(records.iter().map(get))));
    }
    for (_, get, _) in TIMES {
        let times = TimestampMicrosecondArray::from_iter_values(records.iter().map(get));
        columns.push(Arc::new(times.with_timezone("UTC")));
    }
    for (_, get, _) in COUNTS {
        columns.push(Arc::new(Int64Array::from_iter_values(records.iter().map(get))));
    }
    RecordBatch::try_new(loads_schema(), columns).map_err(|error| LakeError::arrow(LOADS_TABLE, error))
}

/// The current load of every source and period, ordered by both, without its receipt.
///
/// The current one is the one that was committed last. Hosts' clocks may differ, so when it was loaded, as the record
/// says, only counts between records of one load, or where the table does not tell.
///
/// # Errors
/// When the table cannot be read.
pub async fn latest_loads(lake: &Lake, tenant: &str, provider: &str) -> Result<Vec<LoadRecord>, LakeError> {
    let table = lake.table(tenant, provider, LOADS_TABLE, loads_schema())?;
    let Some(delta) = table.delta().await? else { return Ok(Vec::new()) };
    let mut current: BTreeSet<i64> = BTreeSet::new();
    let mut wanted: Vec<Add> = Vec::new();
    for (partition, mut files) in table.files_by_partition(&delta).await? {
        if let Some(mark) = table.mark(&delta, &partition, &files, None).await? {
            current.insert(mark.version_hash);
            if mark.load_id.is_some() {
                files.retain(|file| tag(file, TAG_LOAD) == mark.load_id.as_deref());
            }
        }
        wanted.extend(files);
    }
    // The lake replaces by month; a period that begins at another time in it is the same period.
    let mut newest: BTreeMap<(String, Option<Month>), LoadRecord> = BTreeMap::new();
    let order = |record: &LoadRecord| {
        let marked = load_hash(&record.load_id).is_ok_and(|hash| current.contains(&hash));
        (marked, record.loaded_at, record.load_id.clone())
    };
    for record in read(&table, &delta, wanted).await? {
        let key = (record.source.clone(), Month::of(record.period_start.div_euclid(1_000_000)));
        match newest.get_mut(&key) {
            Some(known) if order(known) > order(&record) => {}
            Some(known) => *known = record,
            None => _ = newest.insert(key, record),
        }
    }
    Ok(newest.into_values().collect())
}

/// The receipt of a load, as JSON; `None` when the table does not hold it.
///
/// # Errors
/// When the table cannot be read.
pub async fn load_receipt(
    lake: &Lake,
    tenant: &str,
    provider: &str,
    record: &LoadRecord,
) -> Result<Option<String>, LakeError> {
    let table = lake.table(tenant, provider, LOADS_TABLE, loads_schema())?;
    let Some(delta) = table.delta().await? else { return Ok(None) };
    let place = table.table_ref().to_string();
    let failed = |error: datafusion::error::DataFusionError| LakeError::delta("querying", &place, error.into());
    let context = SessionContext::new();
    delta.update_datafusion_session(&context.state()).map_err(|error| LakeError::delta("querying", &place, error))?;
    let provider = delta.table_provider().await.map_err(|error| LakeError::delta("querying", &place, error.into()))?;
    let this = ident("source").eq(lit(record.source.as_str())).and(ident("load_id").eq(lit(record.load_id.as_str())));
    let rows = context.read_table(provider).and_then(|rows| rows.filter(this));
    let rows = rows.and_then(|rows| rows.sort(vec![ident("loaded_at").sort(false, false)]));
    let rows = rows.and_then(|rows| rows.select_columns(&["receipt"])).map_err(failed)?;
    let batches = rows.limit(0, Some(1)).map_err(failed)?.collect().await.map_err(failed)?;
    let Some(batch) = batches.iter().find(|batch| batch.num_rows() > 0) else { return Ok(None) };
    let texts = cast(batch.column(0), &DataType::Utf8).map_err(|error| LakeError::arrow(&place, error))?;
    Ok(texts.as_string::<i32>().iter().next().flatten().map(str::to_owned))
}

/// The records in these files, without receipts.
async fn read(table: &LakeTable, delta: &DeltaTable, files: Vec<Add>) -> Result<Vec<LoadRecord>, LakeError> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let place = table.table_ref().to_string();
    let failed = |error: datafusion::error::DataFusionError| LakeError::delta("querying", &place, error.into());
    let context = SessionContext::new();
    delta.update_datafusion_session(&context.state()).map_err(|error| LakeError::delta("querying", &place, error))?;
    let provider = delta.table_provider().with_adds(files).await.map_err(failed)?;
    // Tables of earlier versions lack columns, which the next load adds.
    let schema = provider.schema();
    let columns: Vec<&str> = columns_read().filter(|name| schema.index_of(name).is_ok()).collect();
    let rows = context.read_table(provider).and_then(|rows| rows.select_columns(&columns)).map_err(failed)?;
    let batches = rows.collect().await.map_err(failed)?;
    let records: Result<Vec<_>, _> = batches.iter().map(records).collect();
    Ok(records.map_err(|error| LakeError::arrow(&place, error))?.concat())
}

/// The partition column that holds a record's source.
const SOURCE: TextColumn = ("source", |r| &r.source, |r| &mut r.source);

/// Text columns that are read back.
fn texts_read() -> impl Iterator<Item = TextColumn> {
    TEXTS.into_iter().filter(|(name, ..)| *name != "receipt").chain([SOURCE])
}

fn columns_read() -> impl Iterator<Item = &'static str> {
    texts_read().map(|(name, ..)| name).chain(TIMES.into_iter().chain(COUNTS).map(|(name, ..)| name))
}

/// The rows of a batch as readers return it. A null stands for nothing: an empty text or zero.
fn records(batch: &RecordBatch) -> Result<Vec<LoadRecord>, arrow::error::ArrowError> {
    let mut records = vec![LoadRecord::default(); batch.num_rows()];
    let column = |name: &str, held: &DataType| match batch.column_by_name(name) {
        Some(column) => cast(column, held),
        None => Ok(new_null_array(held, batch.num_rows())),
    };
    for (name, _, set) in texts_read() {
        let values = column(name, &DataType::Utf8)?;
        for (record, value) in records.iter_mut().zip(values.as_string::<i32>()) {
            *set(record) = value.unwrap_or_default().to_owned();
        }
    }
    for (name, _, set) in TIMES {
        let values = column(name, &time())?;
        for (record, value) in records.iter_mut().zip(values.as_primitive::<TimestampMicrosecondType>()) {
            *set(record) = value.unwrap_or_default();
        }
    }
    for (name, _, set) in COUNTS {
        let values = column(name, &DataType::Int64)?;
        for (record, value) in records.iter_mut().zip(values.as_primitive::<Int64Type>()) {
            *set(record) = value.unwrap_or_default();
        }
    }
    Ok(records)
}
