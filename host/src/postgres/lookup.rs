//! Columns that are filled with the `id` of a row of a reference table.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Field, Int64Type, Schema};
use arrow::error::ArrowError;
use sqlx::Row as _;

use super::connect::Database;
use super::definition::{ColumnKind, DatabaseDefinition, DatabaseLookup};
use super::digest::Parts;
use super::error::DatabaseError;
use super::identifier::quoted;
use super::looked_up::{KEY_DIGEST, LookedUp, key_digest};
use super::partitions::date;
use super::publication::Publication;
use super::session::Session;
use super::tables::safe;

/// The rows of reference tables that lookups need, as they are now.
pub struct References {
    lookups: Vec<(DatabaseLookup, Candidates)>,
    /// Changes whenever a lookup of any rows may find another row.
    digest: String,
}

/// Rows by what they are looked up by, the best first.
type Candidates = HashMap<Vec<u8>, Vec<Candidate>>;

struct Candidate {
    id: i64,
    /// The first day, and the one after the last, in days since 1970.
    valid: (i32, i32),
}

impl fmt::Debug for References {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("References").field("digest", &self.digest).finish_non_exhaustive()
    }
}

impl Database {
    /// What lookups find in the reference tables now, to be compared with publications.
    ///
    /// # Errors
    /// When the server refuses, or a table is missing.
    pub async fn current_references(&self, definition: &DatabaseDefinition) -> Result<References, DatabaseError> {
        let mut session = self.session().await?;
        let references = self.references(&mut session, definition).await?;
        session.keep();
        Ok(references)
    }

    /// Reads what the lookups of a definition need.
    pub(super) async fn references(
        &self,
        session: &mut Session<'_>,
        definition: &DatabaseDefinition,
    ) -> Result<References, DatabaseError> {
        let mut digest = Parts::default();
        let mut lookups = Vec::new();
        for lookup in &definition.lookups {
            digest.add(lookup.table.as_bytes());
            digest.add(lookup.column.as_bytes());
            let candidates = self.candidates(session, definition, lookup, &mut digest).await?;
            lookups.push((lookup.clone(), candidates));
        }
        Ok(References { lookups, digest: digest.hex() })
    }

    async fn candidates(
        &self,
        session: &mut Session<'_>,
        definition: &DatabaseDefinition,
        lookup: &DatabaseLookup,
        digest: &mut Parts,
    ) -> Result<Candidates, DatabaseError> {
        let kind = |name: &str| {
            let table = definition.table(&lookup.reference);
            table.and_then(|table| table.columns.iter().find(|column| column.name == name)).map(|column| column.kind)
        };
        let on = lookup.on.iter().map(|(_, name)| match kind(name) {
            Some(ColumnKind::Decimal) => format!("trim_scale({})::text", quoted(name)),
            _ => format!("{}::text", quoted(name)),
        });
        let mut columns: Vec<String> = on.collect();
        let days = lookup.valid.as_ref().map(|valid| [&valid.from, &valid.until]);
        columns.extend(days.iter().flatten().map(|name| day_number(name)));
        let query =
            format!("SELECT id, {} FROM {} ORDER BY id", columns.join(", "), self.schema().qualify(&lookup.reference));
        let rows = sqlx::query(safe(query)).persistent(false).fetch_all(&mut **session).await;
        let action = format!("reading reference table {}", lookup.reference);
        let rows = rows.map_err(|source| session.failed(&action, &source))?;
        let mut candidates = Candidates::new();
        for row in &rows {
            let read = candidate(row, lookup, digest).map_err(|source| session.failed(&action, &source))?;
            if let Some((key, candidate)) = read {
                candidates.entry(key).or_default().push(candidate);
            }
        }
        for found in candidates.values_mut() {
            // What became valid last comes first; among equals the newest row.
            found.sort_by_key(|candidate| std::cmp::Reverse((candidate.valid.0, candidate.id)));
        }
        Ok(candidates)
    }
}

/// A day as a number, infinite ones at the ends of the range.
fn day_number(column: &str) -> String {
    let column = quoted(column);
    format!(
        "CASE {column} WHEN 'infinity' THEN {} WHEN '-infinity' THEN {} ELSE {column} - date '1970-01-01' END",
        i32::MAX,
        -i32::MAX
    )
}

/// A row of a reference table, if it can be found at all.
fn candidate(
    row: &sqlx::postgres::PgRow,
    lookup: &DatabaseLookup,
    digest: &mut Parts,
) -> Result<Option<(Vec<u8>, Candidate)>, sqlx::Error> {
    let id: i64 = row.try_get(0)?;
    digest.add(&id.to_be_bytes());
    let mut key = Vec::new();
    let mut complete = true;
    for place in 1..=lookup.on.len() {
        let text: Option<String> = row.try_get(place)?;
        digest.add_option(text.as_ref().map(String::as_bytes));
        match text {
            Some(text) => add_key(&mut key, &text),
            None => complete = false,
        }
    }
    let mut valid = (i32::MIN, i32::MAX);
    if lookup.valid.is_some() {
        let from: Option<i32> = row.try_get(lookup.on.len() + 1)?;
        let until: Option<i32> = row.try_get(lookup.on.len() + 2)?;
        digest.add_option(from.map(i32::to_be_bytes).as_ref().map(<[u8; 4]>::as_slice));
        digest.add_option(until.map(i32::to_be_bytes).as_ref().map(<[u8; 4]>::as_slice));
        valid = (from.unwrap_or(valid.0), until.unwrap_or(valid.1));
    }
    Ok(complete.then_some((key, Candidate { id, valid })))
}

fn add_key(key: &mut Vec<u8>, text: &str) {
    key.extend_from_slice(&text.len().to_be_bytes());
    key.extend_from_slice(text.as_bytes());
}

impl References {
    /// Whether a publication holds the ids that its rows would find now. Rows of reference tables that it does not look up
    /// do not matter.
    #[must_use]
    pub fn are_those_of(&self, publication: &Publication) -> bool {
        let now = match &publication.looked_up {
            Some(keys) => self.digest_for(keys),
            None => self.digest.clone(),
        };
        now == publication.references_digest
    }

    /// For the record of a publication: the digest of what its rows can find, and what they were looked up by.
    pub(super) fn digest_of(&self, looked_up: &LookedUp) -> (String, Option<Vec<Vec<u8>>>) {
        match looked_up.digests(self.lookups.len()) {
            Some(keys) => (self.digest_for(&keys), Some(keys)),
            None => (self.digest.clone(), None),
        }
    }

    /// The digest of what these keys find. Later lookups may be by what earlier ones found: when the keys change, so does
    /// what the earlier ones find, and that is in the digest.
    fn digest_for(&self, keys: &[Vec<u8>]) -> String {
        let mut digest = Parts::default();
        digest.add(&keys.len().to_be_bytes());
        for (place, (lookup, candidates)) in self.lookups.iter().enumerate() {
            digest.add(serde_json::to_string(lookup).unwrap_or_default().as_bytes());
            let found: HashMap<_, _> = candidates.iter().map(|(key, found)| (key_digest(key), found)).collect();
            for key in keys.get(place).into_iter().flat_map(|keys| keys.chunks(KEY_DIGEST)) {
                digest.add(key);
                for candidate in found.get(key).into_iter().copied().flatten() {
                    digest.add(&candidate.id.to_be_bytes());
                    digest.add(&candidate.valid.0.to_be_bytes());
                    digest.add(&candidate.valid.1.to_be_bytes());
                }
            }
        }
        digest.hex()
    }

    /// The rows of a table with its looked-up columns filled in. Lookups are done in their order, so that one may use what
    /// an earlier one found. What is looked up by is added to `looked_up`.
    ///
    /// # Errors
    /// When rows lack a column that a lookup needs.
    pub(super) fn fill(
        &self,
        table: &str,
        batches: Vec<RecordBatch>,
        looked_up: &mut LookedUp,
    ) -> Result<Vec<RecordBatch>, DatabaseError> {
        let lookups = self.lookups.iter().enumerate().filter(|(_, (lookup, _))| lookup.table == table);
        let lookups: Vec<_> = lookups.collect();
        if lookups.is_empty() {
            return Ok(batches);
        }
        let fill = |mut batch: RecordBatch| {
            for (place, (lookup, candidates)) in &lookups {
                let found = look_up(lookup, candidates, &batch, looked_up.of(*place))
                    .and_then(|ids| with_column(&batch, &lookup.column, ids));
                batch = found.map_err(|source| DatabaseError::Value {
                    table: table.to_owned(),
                    column: lookup.column.clone(),
                    problem: format!("looking rows of {} up failed: {source}", lookup.reference),
                })?;
            }
            Ok(batch)
        };
        batches.into_iter().map(fill).collect()
    }
}

fn look_up(
    lookup: &DatabaseLookup,
    candidates: &Candidates,
    batch: &RecordBatch,
    seen: &mut HashSet<Vec<u8>>,
) -> Result<ArrayRef, ArrowError> {
    let named = |name: &str| {
        let found = batch.column_by_name(name);
        found.ok_or_else(|| ArrowError::SchemaError(format!("rows have no column {name}")))
    };
    let keys = lookup.on.iter().map(|(name, _)| plain(named(name)?)).collect::<Result<Vec<_>, _>>()?;
    let days = match &lookup.valid {
        Some(valid) => Some(cast(named(&valid.at)?, &DataType::Date32)?),
        None => None,
    };
    let days = days.as_ref().map(|days| days.as_primitive::<Date32Type>());
    let mut key = Vec::new();
    let ids = (0..batch.num_rows()).map(|row| {
        key.clear();
        for column in &keys {
            if column.is_null(row) {
                return Ok(None);
            }
            add_value(&mut key, column, row)?;
        }
        LookedUp::add(seen, &key);
        let Some(found) = candidates.get(key.as_slice()) else { return Ok(None) };
        let day = match days {
            Some(days) if days.is_null(row) => return Ok(None),
            Some(days) => Some(days.value(row)),
            None => None,
        };
        let fits = |candidate: &&Candidate| day.is_none_or(|day| candidate.valid.0 <= day && day < candidate.valid.1);
        Ok(found.iter().find(fits).map(|candidate| candidate.id))
    });
    Ok(Arc::new(ids.collect::<Result<Int64Array, ArrowError>>()?))
}

/// Text in one encoding.
fn plain(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match column.data_type() {
        DataType::Dictionary(_, values) => plain(&cast(column, values)?),
        DataType::LargeUtf8 | DataType::Utf8View => cast(column, &DataType::Utf8),
        DataType::Int32 => cast(column, &DataType::Int64),
        _ => Ok(Arc::clone(column)),
    }
}

/// A value as PostgreSQL writes it as text.
fn add_value(key: &mut Vec<u8>, column: &ArrayRef, row: usize) -> Result<(), ArrowError> {
    match column.data_type() {
        DataType::Utf8 => add_key(key, column.as_string::<i32>().value(row)),
        DataType::Int64 => add_key(key, &column.as_primitive::<Int64Type>().value(row).to_string()),
        DataType::Boolean => add_key(key, if column.as_boolean().value(row) { "true" } else { "false" }),
        DataType::Date32 => {
            let day = column.as_primitive::<Date32Type>().value(row);
            add_key(key, &date(day).map(|date| date.to_string()).unwrap_or_default());
        }
        DataType::Decimal128(..) => {
            let text = arrow::util::display::array_value_to_string(column, row)?;
            let trimmed = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
            add_key(key, trimmed);
        }
        other => return Err(ArrowError::NotYetImplemented(format!("nothing is looked up by {other}"))),
    }
    Ok(())
}

fn with_column(batch: &RecordBatch, name: &str, values: ArrayRef) -> Result<RecordBatch, ArrowError> {
    let mut fields: Vec<Arc<Field>> = batch.schema_ref().fields().iter().map(Arc::clone).collect();
    let mut columns = batch.columns().to_vec();
    let field = Arc::new(Field::new(name, DataType::Int64, true));
    match batch.schema_ref().index_of(name) {
        Ok(place) => {
            fields.splice(place..=place, [field]);
            columns.splice(place..=place, [values]);
        }
        Err(_) => {
            fields.push(field);
            columns.push(values);
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}
