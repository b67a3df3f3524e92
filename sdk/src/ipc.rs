//! Arrow IPC: each value is one whole stream.

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, Schema};

/// One batch as a whole stream.
///
/// # Errors
/// When Arrow cannot encode the batch's types.
pub fn encode(batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let room = batch.get_array_memory_size() + 64 * 1024;
    let mut writer = StreamWriter::try_new(Vec::with_capacity(room), &batch.schema())?;
    writer.write(batch)?;
    writer.into_inner()
}

/// A schema as a whole stream without batches.
///
/// # Errors
/// When Arrow cannot encode the schema's types.
pub fn encode_schema(schema: &Schema) -> Result<Vec<u8>, ArrowError> {
    StreamWriter::try_new(Vec::new(), schema)?.into_inner()
}

/// The batches of a whole stream.
///
/// # Errors
/// When the bytes are not a valid stream.
pub fn decode(bytes: &[u8]) -> Result<Vec<RecordBatch>, ArrowError> {
    StreamReader::try_new(bytes, None)?.collect()
}
