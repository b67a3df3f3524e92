//! Saved pieces: groups as an Arrow IPC stream, to be merged into another accumulator.
//!
//! Every piece stands alone, and texts are dictionaries: the host holds the pieces of a whole month. Columns: the day,
//! the key's texts, the sums and maxima as they are (a null sum cannot be told from zero, so `present` has a bit for each
//! that is known), and resource ids. A group with very many resources is saved as several rows, all but the first
//! without amounts; merging adds them up.

use super::arrays::{coded_resources, coded_texts, days, unbuildable};
use super::facts::Facts;
use super::groups::{Group, Groups};
use super::layout::{GroupKey, Layout};
use super::measures::Measures;
use super::state_facts;
use super::texts::{Interner, NONE};
use crate::contract::Failure;
use crate::failure::abort;
use crate::ipc;
use crate::plan::amount_type;
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type, Int32Type, UInt32Type};
use arrow_array::{ArrayRef, Decimal128Array, RecordBatch, UInt32Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use std::sync::Arc;

/// Names of the columns that every piece has. No column of a summary is named so.
const DAY: &str = "(day)";
const PRESENT: &str = "(present)";
const RESOURCE_IDS: &str = "(resources)";

/// Groups of one piece: with some 350 bytes for each below 2 MiB.
pub(super) const ROWS: usize = 4096;
/// Resource ids of one piece: with some 60 bytes for each at most 2 MiB.
pub(super) const RESOURCES: usize = 32 * 1024;

fn schema<const T: usize, const S: usize, const M: usize>(layout: &Layout<T, S, M>) -> SchemaRef {
    let mut fields = vec![Field::new(DAY, DataType::Date32, false)];
    let text = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    fields.extend(layout.texts.iter().map(|name| Field::new(*name, text.clone(), true)));
    fields.extend(layout.sums.iter().map(|name| Field::new(*name, amount_type(), false)));
    fields.extend(layout.maxima.iter().map(|name| Field::new(*name, amount_type(), false)));
    fields.push(Field::new(PRESENT, DataType::UInt32, false));
    let member = Field::new_list_field(text, true);
    fields.push(Field::new(RESOURCE_IDS, DataType::List(Arc::new(member)), false));
    Arc::new(Schema::new(fields))
}

/// Cuts groups with more resources than fit one piece.
pub(super) fn cut<const T: usize, const S: usize, const M: usize>(
    groups: Vec<Group<T, S, M>>,
    most: usize,
) -> Vec<Group<T, S, M>> {
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
pub(super) fn save<const T: usize, const S: usize, const M: usize>(
    groups: &[Group<T, S, M>],
    layout: &Layout<T, S, M>,
    interner: &Interner,
) -> Result<Vec<u8>, Failure> {
    let mut columns: Vec<ArrayRef> = vec![days(groups)];
    for place in 0..T {
        let ids = groups.iter().map(|group| group.key.texts.get(place).copied().unwrap_or(NONE));
        columns.push(coded_texts(ids, interner)?);
    }
    let numbers = |number: &dyn Fn(&Group<T, S, M>) -> Option<i128>| -> Result<ArrayRef, Failure> {
        let values = Decimal128Array::from_iter_values(groups.iter().map(|group| number(group).unwrap_or_default()));
        Ok(Arc::new(values.with_precision_and_scale(38, 18).map_err(|error| unbuildable(&error))?))
    };
    for index in 0..S {
        columns.push(numbers(&|group| group.measures.sums.get(index).copied())?);
    }
    for index in 0..M {
        columns.push(numbers(&|group| group.measures.maxima.get(index).copied())?);
    }
    columns.push(Arc::new(UInt32Array::from_iter_values(groups.iter().map(|group| group.measures.present))));
    columns.push(coded_resources(groups, interner)?);
    let batch = RecordBatch::try_new(schema(layout), columns).map_err(|error| unbuildable(&error))?;
    ipc::encode(&batch).map_err(|error| unbuildable(&error))
}

/// Adds a saved piece, of groups or of facts, to what has been folded.
pub(super) fn merge<const T: usize, const S: usize, const M: usize>(
    piece: &[u8],
    layout: &Layout<T, S, M>,
    groups: &mut Groups<T, S, M>,
    facts: &mut Facts,
) -> Result<(), Failure> {
    let batches = ipc::decode(piece).map_err(|error| foreign(&error.to_string()))?;
    for batch in &batches {
        if batch.schema().fields() == state_facts::schema().fields() {
            state_facts::merge(batch, facts, &mut groups.interner)?;
            continue;
        }
        if batch.schema().fields() != schema(layout).fields() {
            return Err(foreign("its columns are others"));
        }
        merge_batch(batch, layout, groups).ok_or_else(|| foreign("its columns are of other types"))??;
    }
    Ok(())
}

/// The failure of a saved piece that is none of this version's.
pub(super) fn foreign(why: &str) -> Failure {
    abort("summary.foreign-state", format!("a saved piece was not written by this version of the plugin: {why}"))
}

/// `None` when a column is not of its type, which the schema's comparison rules out.
fn merge_batch<const T: usize, const S: usize, const M: usize>(
    batch: &RecordBatch,
    layout: &Layout<T, S, M>,
    into: &mut Groups<T, S, M>,
) -> Option<Result<(), Failure>> {
    let column = |name: &str| batch.column_by_name(name);
    let days = column(DAY)?.as_primitive_opt::<Date32Type>()?;
    let interner = &mut into.interner;
    let texts = layout.texts.iter().map(|name| numbers(column(name)?, interner)).collect::<Option<Vec<_>>>()?;
    let amounts = |name: &&str| column(name)?.as_primitive_opt::<Decimal128Type>();
    let sums: Vec<_> = layout.sums.iter().map(amounts).collect::<Option<_>>()?;
    let maxima: Vec<_> = layout.maxima.iter().map(amounts).collect::<Option<_>>()?;
    let present = column(PRESENT)?.as_primitive_opt::<UInt32Type>()?;
    let lists = column(RESOURCE_IDS)?.as_list_opt::<i32>()?;
    let resources = numbers(lists.values(), interner)?;

    for row in 0..batch.num_rows() {
        let mut key = GroupKey { day: days.value(row), texts: [NONE; T] };
        for (slot, texts) in key.texts.iter_mut().zip(&texts) {
            *slot = *texts.get(row)?;
        }
        let mut measures = Measures { present: present.value(row), ..Measures::default() };
        measures.sums.iter_mut().zip(&sums).for_each(|(slot, values)| *slot = values.value(row));
        measures.maxima.iter_mut().zip(&maxima).for_each(|(slot, values)| *slot = values.value(row));
        let (group, merged) = into.group(&key);
        if let Some(Err(overflow)) = merged.map(|merged| merged.merge(&measures)) {
            return Some(Err(layout.overflow(overflow)));
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
