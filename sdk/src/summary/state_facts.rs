//! Saved facts: an Arrow IPC stream of topic, subject and text, to be merged into another accumulator.

use super::arrays::unbuildable;
use super::facts::{Fact, Facts};
use super::state::foreign;
use super::texts::Interner;
use crate::contract::Failure;
use crate::ipc;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt8Type;
use arrow_array::{RecordBatch, StringArray, UInt8Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use std::sync::Arc;

/// Facts of one piece: with some 60 bytes for each at most 2 MiB.
const ROWS: usize = 32 * 1024;

/// The columns of a saved piece.
fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("topic", DataType::UInt8, false),
        Field::new("subject", DataType::Utf8, false),
        Field::new("text", DataType::Utf8, false),
    ]))
}

/// Sorted facts in pieces; none where there are no facts.
pub(super) fn save(facts: &[Fact<'_>]) -> Result<Vec<Vec<u8>>, Failure> {
    facts.chunks(ROWS).map(piece).collect()
}

fn piece(facts: &[Fact<'_>]) -> Result<Vec<u8>, Failure> {
    let topics = UInt8Array::from_iter_values(facts.iter().map(|fact| fact.topic));
    let subjects = StringArray::from_iter_values(facts.iter().map(|fact| fact.subject));
    let texts = StringArray::from_iter_values(facts.iter().map(|fact| fact.text));
    let columns: Vec<arrow_array::ArrayRef> = vec![Arc::new(topics), Arc::new(subjects), Arc::new(texts)];
    let batch = RecordBatch::try_new(schema(), columns).map_err(|error| unbuildable(&error))?;
    ipc::encode(&batch).map_err(|error| unbuildable(&error))
}

/// Adds a saved piece of facts.
pub(super) fn merge(piece: &[u8], into: &mut Facts, interner: &mut Interner) -> Result<(), Failure> {
    let batches = ipc::decode(piece).map_err(|error| foreign(&error.to_string()))?;
    batches.iter().try_for_each(|batch| merge_batch(batch, into, interner))
}

fn merge_batch(batch: &RecordBatch, into: &mut Facts, interner: &mut Interner) -> Result<(), Failure> {
    if batch.schema().fields() != schema().fields() {
        return Err(foreign("its columns are others"));
    }
    let rows = rows(batch).ok_or_else(|| foreign("its columns are of other types"))?;
    for (topic, subject, text) in rows {
        let (subject, text) = (interner.id(subject), interner.id(text));
        into.note(topic, subject, text);
    }
    Ok(())
}

/// `None` when a column is not of its type, which the schema's comparison rules out.
fn rows(batch: &RecordBatch) -> Option<impl Iterator<Item = (u8, &str, &str)>> {
    let topics = batch.column_by_name("topic")?.as_primitive_opt::<UInt8Type>()?;
    let texts = |name: &str| batch.column_by_name(name)?.as_string_opt::<i32>();
    let (subjects, texts) = (texts("subject")?, texts("text")?);
    Some(
        topics
            .values()
            .iter()
            .zip(subjects)
            .zip(texts)
            .filter_map(|((topic, subject), text)| Some((*topic, subject?, text?))),
    )
}
