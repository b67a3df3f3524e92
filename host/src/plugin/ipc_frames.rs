//! The frames of an Arrow IPC stream from a plugin, looked over before Arrow's reader sees them.
//!
//! Arrow's reader checks values; it trusts lengths more than a host can. Here every length is held against the bytes that
//! are really there, so that nothing a plugin writes can make the reader allocate, repeat or skip more than the value's
//! own size: no compression, no overlapping buffers, no more rows and messages than a bound, and nothing after the end.

use arrow::datatypes::Schema;
use arrow::ipc::{self, MessageHeader, MetadataVersion};

/// Rows of one value, over all its batches.
pub(super) const MAX_ROWS: usize = 1 << 22;
/// Messages of one value: batches and dictionaries. Every batch becomes arrays, however few its rows are.
const MAX_MESSAGES: usize = 1 << 14;
/// Columns and nested fields of a schema.
const MAX_FIELDS: usize = 4096;
const CONTINUATION: [u8; 4] = [0xff; 4];

/// Walks a stream and gives its schema.
pub(super) fn check(bytes: &[u8]) -> Result<Schema, String> {
    let mut rest = Cursor { bytes, at: 0 };
    let Some(first) = rest.next()? else { return Err("an empty stream".to_owned()) };
    let schema = schema(&first)?;
    let (mut rows, mut messages) = (0usize, 0usize);
    while let Some(message) = rest.next()? {
        messages += 1;
        if messages > MAX_MESSAGES {
            return Err(format!(
                "more than {MAX_MESSAGES} batches and dictionaries in one value; send fewer and larger batches"
            ));
        }
        rows += body(&message)?;
        if rows > MAX_ROWS {
            return Err(format!("more than {MAX_ROWS} rows in one value; send fewer at a time"));
        }
    }
    if rest.at != bytes.len() {
        return Err(format!("{} bytes after the end of the stream", bytes.len() - rest.at));
    }
    Ok(schema)
}

struct Framed<'a> {
    message: ipc::Message<'a>,
    body_length: u64,
    at: usize,
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// The next message, or nothing at the end-of-stream marker.
    fn next(&mut self) -> Result<Option<Framed<'a>>, String> {
        let at = self.at;
        let cut = || format!("the stream is cut short at byte {at}");
        if self.take(4).ok_or_else(cut)? != CONTINUATION {
            return Err(format!("no message starts at byte {at}"));
        }
        let length: [u8; 4] = self.take(4).and_then(|bytes| bytes.try_into().ok()).ok_or_else(cut)?;
        let length = u32::from_le_bytes(length);
        if length == 0 {
            return Ok(None);
        }
        let metadata = self.take(length as usize).ok_or_else(cut)?;
        let message = ipc::root_as_message(metadata).map_err(|error| format!("bad message at byte {at}: {error}"))?;
        if message.version() != MetadataVersion::V5 {
            return Err(format!("message at byte {at}: only metadata version 5 is taken"));
        }
        let body_length = u64::try_from(message.bodyLength()).map_err(|_| cut())?;
        usize::try_from(body_length).ok().and_then(|length| self.take(length)).ok_or_else(cut)?;
        Ok(Some(Framed { message, body_length, at }))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }
}

fn schema(first: &Framed<'_>) -> Result<Schema, String> {
    let Some(schema) = first.message.header_as_schema() else {
        return Err("the stream does not start with a schema".to_owned());
    };
    if first.body_length != 0 {
        return Err("the schema message has a body".to_owned());
    }
    if schema.endianness() != ipc::Endianness::Little {
        return Err("big-endian data".to_owned());
    }
    let mut left = MAX_FIELDS;
    for field in schema.fields().into_iter().flatten() {
        count_fields(field, &mut left)?;
    }
    Ok(ipc::convert::fb_to_schema(schema))
}

/// Fields may be shared in a flatbuffer, so a small message can spell an enormous tree.
fn count_fields(field: ipc::Field<'_>, left: &mut usize) -> Result<(), String> {
    *left = left.checked_sub(1).ok_or_else(|| format!("a schema of more than {MAX_FIELDS} fields"))?;
    // Union, run-end and such would need further checks; the types of `fits` never include them.
    field.children().into_iter().flatten().try_for_each(|child| count_fields(child, left))
}

/// Checks a message that carries data and gives the rows it holds.
fn body(framed: &Framed<'_>) -> Result<usize, String> {
    let message = &framed.message;
    let at = framed.at;
    match message.header_type() {
        MessageHeader::RecordBatch => {
            let batch = message.header_as_record_batch().ok_or_else(|| format!("bad record batch at byte {at}"))?;
            buffers(batch, framed)
        }
        MessageHeader::DictionaryBatch => {
            let dictionary =
                message.header_as_dictionary_batch().ok_or_else(|| format!("bad dictionary at byte {at}"))?;
            if dictionary.isDelta() {
                return Err(format!("message at byte {at}: dictionaries are sent whole, not as deltas"));
            }
            let batch = dictionary.data().ok_or_else(|| format!("dictionary without values at byte {at}"))?;
            buffers(batch, framed)?;
            Ok(0)
        }
        other => Err(format!("unexpected message {other:?} at byte {at}")),
    }
}

fn buffers(batch: ipc::RecordBatch<'_>, framed: &Framed<'_>) -> Result<usize, String> {
    let at = framed.at;
    if batch.compression().is_some() {
        return Err(format!("message at byte {at} is compressed; bodies are sent as they are"));
    }
    let rows = usize::try_from(batch.length()).ok().filter(|rows| *rows <= MAX_ROWS);
    let Some(rows) = rows else { return Err(format!("message at byte {at} says it has {} rows", batch.length())) };
    let most = framed.body_length.saturating_mul(8).max(MAX_ROWS as u64);
    for node in batch.nodes().into_iter().flatten() {
        let (length, nulls) = (u64::try_from(node.length()), u64::try_from(node.null_count()));
        if !matches!((length, nulls), (Ok(length), Ok(nulls)) if nulls <= length && length <= most) {
            return Err(format!("message at byte {at} has a column of impossible length"));
        }
    }
    let mut total = 0u64;
    for buffer in batch.buffers().into_iter().flatten() {
        let (Ok(offset), Ok(length)) = (u64::try_from(buffer.offset()), u64::try_from(buffer.length())) else {
            return Err(format!("message at byte {at} has a buffer at a negative place"));
        };
        if offset.checked_add(length).is_none_or(|end| end > framed.body_length) {
            return Err(format!("message at byte {at} has a buffer beyond its body"));
        }
        total += length;
    }
    if total > framed.body_length {
        return Err(format!("message at byte {at} has buffers that overlap"));
    }
    Ok(rows)
}
