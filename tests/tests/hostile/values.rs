//! Arrow IPC values: an honest one, and one for every lie that can be told in one.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, DictionaryArray, Float64Array, Int8Array, StringArray};
use arrow::datatypes::{DataType, Field, Int8Type, Schema};
use arrow::ipc::writer::StreamWriter;
use arrow::ipc::{self, root_as_message};
use arrow::record_batch::RecordBatch;

/// Node and buffers of a column in the honest value's record batch.
const ACCOUNT: (usize, usize) = (0, 0);
const AMOUNT: (usize, usize) = (1, 3);
/// Places of a text column's buffers after its first.
const OFFSETS: usize = 1;
const TEXTS: usize = 2;
const LAST_KEY: i8 = 2;

/// The table every guest declares.
fn schema() -> Schema {
    Schema::new(vec![
        Field::new("account", DataType::Utf8, false),
        Field::new("amount", DataType::Decimal128(38, 18), false),
        Field::new("note", DataType::Utf8, true),
        Field::new("ratio", DataType::Float64, true),
    ])
}

/// Its schema as a manifest declares it.
pub(crate) fn schema_alone() -> Vec<u8> {
    stream(&schema(), &[])
}

/// A table of one column, as a manifest declares it.
pub(crate) fn column_alone(name: &str) -> Vec<u8> {
    stream(&Schema::new(vec![Field::new(name, DataType::Utf8, true)]), &[])
}

/// Three rows.
pub(crate) fn honest() -> Vec<u8> {
    let batch = batch(Arc::new(StringArray::from(vec!["one", "two", "three"])));
    stream(&batch.schema(), &[batch])
}

/// The same rows with a dictionary.
pub(crate) fn with_dictionary() -> Vec<u8> {
    let batch = batch(Arc::new(dictionary(vec![0, 1, LAST_KEY], &["one", "two", "three"])));
    stream(&batch.schema(), &[batch])
}

fn dictionary(keys: Vec<i8>, texts: &[&str]) -> DictionaryArray<Int8Type> {
    DictionaryArray::new(Int8Array::from(keys), Arc::new(StringArray::from(texts.to_vec())))
}

fn batch(accounts: ArrayRef) -> RecordBatch {
    let amounts = Decimal128Array::from(vec![1, 2, 3]).with_precision_and_scale(38, 18).unwrap();
    let columns: [ArrayRef; 4] = [
        accounts,
        Arc::new(amounts),
        Arc::new(StringArray::from(vec![None, Some("a note"), None])),
        Arc::new(Float64Array::from(vec![0.5, 1.5, 2.5])),
    ];
    // Whether nulls are allowed is declared in the manifest; what a value says of it counts for nothing.
    let fields: Vec<Field> = std::iter::zip(schema().fields(), &columns)
        .map(|(field, column)| Field::new(field.name(), column.data_type().clone(), true))
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into()).unwrap()
}

fn stream(schema: &Schema, batches: &[RecordBatch]) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), schema).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.into_inner().unwrap()
}

/// A batch without rows.
pub(crate) fn no_rows() -> Vec<u8> {
    let batch = batch(Arc::new(StringArray::from(vec!["one", "two", "three"]))).slice(0, 0);
    stream(&batch.schema(), &[batch])
}

/// Every lie by its name.
pub(crate) fn lies() -> Vec<(&'static str, Vec<u8>)> {
    let (account, amount) = (ACCOUNT.1, AMOUNT.1);
    vec![
        ("ipc-garbage", b"not arrow at all".to_vec()),
        ("ipc-cut", honest()[..honest().len() / 2].to_vec()),
        ("ipc-bytes-after-the-end", [honest(), b"more".to_vec()].concat()),
        ("ipc-message-of-absurd-length", changed(honest(), |value| value.bytes[4..8].fill(0xf0))),
        ("ipc-body-of-absurd-length", body_length()),
        ("ipc-columns-missing", column_alone("account")),
        ("ipc-other-types", other_types()),
        ("ipc-schema-drifts", [without_end(honest()), stream(&drifted().schema(), &[drifted()])].concat()),
        ("ipc-rows-of-another-schema", [without_end(honest()), tail(&drifted())].concat()),
        ("ipc-more-rows-than-values", changed(honest(), |value| value.set(value.rows(), 1_000_000))),
        ("ipc-node-of-absurd-length", changed(honest(), |value| value.set(value.node(ACCOUNT.0), i64::MAX))),
        ("ipc-node-of-negative-length", changed(honest(), |value| value.set(value.node(AMOUNT.0), -1))),
        (
            "ipc-buffer-beyond-its-body",
            changed(honest(), |value| value.set(value.buffer(account + TEXTS) + 8, 1 << 40)),
        ),
        ("ipc-buffer-at-a-negative-place", changed(honest(), |value| value.set(value.buffer(account + TEXTS), -8))),
        ("ipc-buffers-overlap", overlapping()),
        ("ipc-offsets-descend", changed(honest(), |value| value.body(account + OFFSETS, 4, &[0xff, 0, 0, 0]))),
        ("ipc-offsets-beyond-the-text", changed(honest(), |value| value.body(account + OFFSETS, 12, &[0, 1, 0, 0]))),
        ("ipc-not-utf8", changed(honest(), |value| value.body(account + TEXTS, 1, &[0xff]))),
        ("ipc-null-where-none-is-declared", nulls()),
        ("ipc-null-hidden-in-a-dictionary", hidden_null()),
        ("ipc-key-beyond-its-dictionary", changed(with_dictionary(), |value| value.body(account + 1, 2, &[100]))),
        ("ipc-negative-key", changed(with_dictionary(), |value| value.body(account + 1, 2, &[0x80]))),
        ("ipc-dictionary-missing", without_dictionary()),
        ("ipc-dictionary-as-delta", delta_dictionary()),
        ("ipc-decimal-beyond-its-digits", changed(honest(), |value| value.body(amount + 1, 15, &[0x7f]))),
        ("ipc-compressed", compressed()),
    ]
}

/// An IPC value whose parts can be found and changed.
struct Value {
    bytes: Vec<u8>,
}

fn changed(bytes: Vec<u8>, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut value = Value { bytes };
    change(&mut value);
    value.bytes
}

impl Value {
    /// Start, metadata and body of every message.
    fn messages(&self) -> Vec<(usize, ipc::Message<'_>, usize)> {
        let mut found = Vec::new();
        let mut at = 0;
        loop {
            let length = u32::from_le_bytes(self.bytes[at + 4..at + 8].try_into().unwrap()) as usize;
            if length == 0 {
                return found;
            }
            let body = at + 8 + length;
            let message = root_as_message(&self.bytes[at + 8..body]).unwrap();
            found.push((at, message, body));
            at = body + message.bodyLength() as usize;
        }
    }

    fn record_batch(&self) -> (ipc::RecordBatch<'_>, usize) {
        let messages = self.messages();
        let found = messages.iter().find_map(|(_, message, body)| Some((message.header_as_record_batch()?, *body)));
        found.expect("a record batch")
    }

    /// Where some bytes of this value lie in it.
    fn place(&self, bytes: &[u8]) -> usize {
        bytes.as_ptr() as usize - self.bytes.as_ptr() as usize
    }

    /// Place of the batch's number of rows: the longs before it in the table are none.
    fn rows(&self) -> usize {
        let batch = self.record_batch().0;
        let table = batch._tab;
        let field = table.vtable().get(ipc::RecordBatch::VT_LENGTH) as usize;
        self.place(table.buf()) + table.loc() + field
    }

    /// Place of a column's length; that of its null count is 8 further.
    fn node(&self, index: usize) -> usize {
        self.place(self.record_batch().0.nodes().unwrap().bytes()) + index * 16
    }

    /// Place of a buffer's offset; that of its length is 8 further.
    fn buffer(&self, index: usize) -> usize {
        self.place(self.record_batch().0.buffers().unwrap().bytes()) + index * 16
    }

    fn set(&mut self, at: usize, long: i64) {
        self.bytes[at..at + 8].copy_from_slice(&long.to_le_bytes());
    }

    /// Overwrites bytes in a buffer.
    fn body(&mut self, buffer: usize, at: usize, bytes: &[u8]) {
        let (batch, body) = self.record_batch();
        let start = body + batch.buffers().unwrap().get(buffer).offset() as usize + at;
        self.bytes[start..start + bytes.len()].copy_from_slice(bytes);
    }
}

fn without_end(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() - 8);
    bytes
}

/// The messages of a batch after the schema.
fn tail(batch: &RecordBatch) -> Vec<u8> {
    let value = Value { bytes: stream(&batch.schema(), std::slice::from_ref(batch)) };
    let second = value.messages()[1].0;
    value.bytes[second..].to_vec()
}

fn drifted() -> RecordBatch {
    let accounts: ArrayRef = Arc::new(Int8Array::from(vec![1, 2, 3]));
    RecordBatch::try_from_iter([("account", accounts)]).unwrap()
}

fn other_types() -> Vec<u8> {
    let batch = batch(Arc::new(Int8Array::from(vec![1, 2, 3])));
    stream(&batch.schema(), &[batch])
}

fn body_length() -> Vec<u8> {
    let value = Value { bytes: honest() };
    let messages = value.messages();
    let table = messages[1].1._tab;
    let at = value.place(table.buf()) + table.loc() + table.vtable().get(ipc::Message::VT_BODYLENGTH) as usize;
    changed(honest(), |value| value.set(at, 1 << 62))
}

/// The account's text lies where its offsets lie.
fn overlapping() -> Vec<u8> {
    changed(honest(), |value| {
        let whole = value.messages()[1].1.bodyLength();
        for buffer in [ACCOUNT.1 + OFFSETS, ACCOUNT.1 + TEXTS] {
            value.set(value.buffer(buffer), 0);
            value.set(value.buffer(buffer) + 8, whole);
        }
    })
}

fn nulls() -> Vec<u8> {
    let batch = batch(Arc::new(StringArray::from(vec![Some("one"), None, None])));
    stream(&batch.schema(), &[batch])
}

fn hidden_null() -> Vec<u8> {
    let texts = StringArray::from(vec![Some("one"), None, Some("three")]);
    let batch = batch(Arc::new(DictionaryArray::<Int8Type>::new(Int8Array::from(vec![0, 1, 2]), Arc::new(texts))));
    stream(&batch.schema(), &[batch])
}

fn without_dictionary() -> Vec<u8> {
    let value = Value { bytes: with_dictionary() };
    let messages = value.messages();
    let (dictionary, next) = (messages[1].0, messages[2].0);
    [&value.bytes[..dictionary], &value.bytes[next..]].concat()
}

/// The dictionary of the first batch, made longer for the second.
fn delta_dictionary() -> Vec<u8> {
    let options =
        ipc::writer::IpcWriteOptions::default().with_dictionary_handling(ipc::writer::DictionaryHandling::Delta);
    let first = batch(Arc::new(dictionary(vec![0, 0, 0], &["one"])));
    let second = batch(Arc::new(dictionary(vec![0, 1, 1], &["one", "two"])));
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &first.schema(), options).unwrap();
    writer.write(&first).unwrap();
    writer.write(&second).unwrap();
    writer.into_inner().unwrap()
}

/// The honest batch, which now says that its body is compressed.
fn compressed() -> Vec<u8> {
    let value = Value { bytes: honest() };
    let messages = value.messages();
    let (at, message, body) = messages[1];
    let batch = message.header_as_record_batch().unwrap();
    let mut builder = flatbuffers::FlatBufferBuilder::new();
    let nodes: Vec<ipc::FieldNode> = batch.nodes().unwrap().iter().copied().collect();
    let buffers: Vec<ipc::Buffer> = batch.buffers().unwrap().iter().copied().collect();
    let (nodes, buffers) = (builder.create_vector(&nodes), builder.create_vector(&buffers));
    let compression = ipc::BodyCompression::create(&mut builder, &ipc::BodyCompressionArgs::default());
    let args = ipc::RecordBatchArgs {
        length: batch.length(),
        nodes: Some(nodes),
        buffers: Some(buffers),
        compression: Some(compression),
        ..Default::default()
    };
    let header = ipc::RecordBatch::create(&mut builder, &args);
    let args = ipc::MessageArgs {
        version: ipc::MetadataVersion::V5,
        header_type: ipc::MessageHeader::RecordBatch,
        header: Some(header.as_union_value()),
        bodyLength: message.bodyLength(),
        custom_metadata: None,
    };
    let message = ipc::Message::create(&mut builder, &args);
    builder.finish(message, None);
    let mut metadata = builder.finished_data().to_vec();
    metadata.resize(metadata.len().next_multiple_of(8), 0);
    let length = (metadata.len() as u32).to_le_bytes();
    [&value.bytes[..at + 4], &length, &metadata, &value.bytes[body..]].concat()
}
