//! Saved pieces: groups as an Arrow IPC stream, to be merged into another accumulator.
//!
//! Every piece stands alone, and texts are dictionaries: the host holds the pieces of a whole month. Columns: the day,
//! the key's texts, the sums and maxima as they are (a null sum cannot be told from zero, so `present` has a bit for each
//! that is known), and resource ids. A group with very many resources is saved as several rows, all but the first
//! without amounts; merging adds them up.

use super::arrays::{coded_resources, coded_texts, days, unbuildable};
use super::columns::{AMOUNT, KEY_TEXTS, MAXIMA, SUMS};
use super::facts::Facts;
use super::groups::{Group, Groups};
use super::intern::{Interner, NONE};
use super::key::GroupKey;
use super::measures::Measures;
use super::state_facts;
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type, Int32Type, UInt16Type};
use arrow_array::{ArrayRef, Decimal128Array, RecordBatch, UInt16Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use costhost_sdk::contract::Failure;
use costhost_sdk::failure::abort;
use costhost_sdk::ipc;
use std::sync::Arc;

/// Groups of one piece: with some 350 bytes for each below 2 MiB.
pub(crate) const ROWS: usize = 4096;
/// Resource ids of one piece: with some 60 bytes for each at most 2 MiB.
pub(crate) const RESOURCES: usize = 32 * 1024;

fn schema() -> SchemaRef {
    let mut fields = vec![Field::new("usage_start", DataType::Date32, false)];
    let text = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    fields.extend(KEY_TEXTS.iter().map(|name| Field::new(*name, text.clone(), true)));
    fields.extend(SUMS.iter().map(|name| Field::new(*name, AMOUNT, false)));
    fields.extend(MAXIMA.iter().map(|name| Field::new(*name, AMOUNT, false)));
    fields.push(Field::new("present", DataType::UInt16, false));
    let member = Field::new_list_field(text, true);
    fields.push(Field::new("resource_ids", DataType::List(Arc::new(member)), false));
    Arc::new(Schema::new(fields))
}

/// Cuts groups with more resources than fit one piece.
pub(crate) fn cut(groups: Vec<Group>, most: usize) -> Vec<Group> {
    let mut rows = Vec::with_capacity(groups.len());
    for group in groups {
        if group.resources.len() <= most {
            rows.push(group);
            continue;
        }
        let mut measures = group.measures;
        for part in group.resources.chunks(most) {
            rows.push(Group { key: group.key, measures: std::mem::take(&mut measures), resources: part.to_vec() });
        }
    }
    rows
}

/// One piece of groups.
pub(crate) fn save(groups: &[Group], interner: &Interner) -> Result<Vec<u8>, Failure> {
    let mut columns: Vec<ArrayRef> = vec![days(groups)];
    for place in 0..KEY_TEXTS.len() {
        let ids = groups.iter().map(|group| group.key.texts.get(place).copied().unwrap_or(NONE));
        columns.push(coded_texts(ids, interner)?);
    }
    let numbers = |number: &dyn Fn(&Group) -> Option<i128>| -> Result<ArrayRef, Failure> {
        let values = Decimal128Array::from_iter_values(groups.iter().map(|group| number(group).unwrap_or_default()));
        Ok(Arc::new(values.with_precision_and_scale(38, 18).map_err(|error| unbuildable(&error))?))
    };
    for index in 0..SUMS.len() {
        columns.push(numbers(&|group| group.measures.sums.get(index).copied())?);
    }
    for index in 0..MAXIMA.len() {
        columns.push(numbers(&|group| group.measures.maxima.get(index).copied())?);
    }
    columns.push(Arc::new(UInt16Array::from_iter_values(groups.iter().map(|group| group.measures.present))));
    columns.push(coded_resources(groups, interner)?);
    let batch = RecordBatch::try_new(schema(), columns).map_err(|error| unbuildable(&error))?;
    ipc::encode(&batch).map_err(|error| unbuildable(&error))
}

/// Adds a saved piece, of groups or of facts, to what has been folded.
pub(crate) fn merge(piece: &[u8], groups: &mut Groups, facts: &mut Facts) -> Result<(), Failure> {
    let batches = ipc::decode(piece).map_err(|error| foreign(&error.to_string()))?;
    for batch in &batches {
        if batch.schema().fields() == state_facts::schema().fields() {
            state_facts::merge(batch, facts, &mut groups.interner)?;
            continue;
        }
        if batch.schema().fields() != schema().fields() {
            return Err(foreign("its columns are others"));
        }
        merge_batch(batch, groups).ok_or_else(|| foreign("its columns are of other types"))??;
    }
    Ok(())
}

/// The failure of a saved piece that is none of this version's.
pub(crate) fn foreign(why: &str) -> Failure {
    abort("summary.foreign-state", format!("a saved piece was not written by this version of aws-cur: {why}"))
}

/// `None` when a column is not of its type, which the schema's comparison rules out.
fn merge_batch(batch: &RecordBatch, into: &mut Groups) -> Option<Result<(), Failure>> {
    let column = |name: &str| batch.column_by_name(name);
    let days = column("usage_start")?.as_primitive_opt::<Date32Type>()?;
    let interner = &mut into.interner;
    let texts = KEY_TEXTS.iter().map(|name| numbers(column(name)?, interner)).collect::<Option<Vec<_>>>()?;
    let amounts = |name: &&str| column(name)?.as_primitive_opt::<Decimal128Type>();
    let sums: Vec<_> = SUMS.iter().map(amounts).collect::<Option<_>>()?;
    let maxima: Vec<_> = MAXIMA.iter().map(amounts).collect::<Option<_>>()?;
    let present = column("present")?.as_primitive_opt::<UInt16Type>()?;
    let lists = column("resource_ids")?.as_list_opt::<i32>()?;
    let resources = numbers(lists.values(), interner)?;

    for row in 0..batch.num_rows() {
        let mut key = GroupKey { day: days.value(row), ..GroupKey::default() };
        for (slot, texts) in key.texts.iter_mut().zip(&texts) {
            *slot = *texts.get(row)?;
        }
        let mut measures = Measures { present: present.value(row), ..Measures::default() };
        measures.sums.iter_mut().zip(&sums).for_each(|(slot, values)| *slot = values.value(row));
        measures.maxima.iter_mut().zip(&maxima).for_each(|(slot, values)| *slot = values.value(row));
        let (group, merged) = into.group(&key);
        if let Some(Err(failure)) = merged.map(|merged| merged.merge(&measures)) {
            return Some(Err(failure));
        }
        let own = lists.value_offsets().get(row..=row + 1)?;
        let own = resources.get(*own.first()? as usize..*own.last()? as usize)?;
        own.iter().for_each(|&resource| into.resource(group, resource));
    }
    Some(Ok(()))
}

/// Texts of a dictionary as numbers of this accumulator, by row; each text is looked up once.
fn numbers(array: &ArrayRef, interner: &mut Interner) -> Option<Vec<u32>> {
    let texts = array.as_dictionary_opt::<Int32Type>()?;
    let values = texts.values().as_string_opt::<i32>()?;
    let ids: Vec<u32> = values.iter().map(|text| text.map_or(NONE, |text| interner.id(text))).collect();
    let id = |key: Option<i32>| ids.get(usize::try_from(key?).ok()?).copied();
    Some(texts.keys().iter().map(|key| id(key).unwrap_or(NONE)).collect())
}
