//! Rows out of a table through `COPY .. TO STDOUT BINARY`, as the lake has them.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int32Builder, Int64Builder,
    ListBuilder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema};
use bytes::{Buf as _, BytesMut};
use futures::TryStreamExt as _;
use uuid::Uuid;

use super::connect::Database;
use super::definition::{ColumnKind, DatabaseTable};
use super::error::DatabaseError;
use super::field::{EPOCH_DAYS, EPOCH_MICROSECONDS};
use super::identifier::{list, quoted};
use super::json;
use super::numeric::{self, DoesNotFit};
use super::partitions::date;

/// Rows of one batch.
const ROWS: usize = 8192;
/// The signature, the flags and the length of what follows them.
const HEADER: usize = 19;
/// All amounts of the lake have as many decimals.
const SCALE: u8 = 18;

/// The days to read, of the column that partitions are by: from the first to before the last, in days since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Days {
    /// The first day.
    pub from: Option<i32>,
    /// The day after the last.
    pub until: Option<i32>,
}

impl Database {
    /// Reads columns of a table, in the types of the lake: text, JSON and UUIDs are `Utf8`, decimals
    /// `Decimal128(38, 18)`, times UTC microseconds. Rows come in no order. Days are those of the partitions; a table
    /// without partitions is read whole.
    ///
    /// # Errors
    /// When a column is not the table's, a number does not fit its type, or the server refuses.
    pub async fn scan(
        &self,
        table: &DatabaseTable,
        columns: &[&str],
        days: Days,
    ) -> Result<Vec<RecordBatch>, DatabaseError> {
        let found = columns.iter().map(|name| {
            let column = table.columns.iter().find(|column| column.name == *name);
            column.map(|column| Decoder::new(&column.name, column.kind)).ok_or_else(|| DatabaseError::Schema {
                table: format!("{}.{}", self.schema(), table.name),
                problem: format!("it has no column {name:?}"),
            })
        });
        let mut rows =
            Rows { decoders: found.collect::<Result<_, _>>()?, table: table.name.clone(), ..Rows::default() };
        let mut select =
            format!("SELECT {} FROM {}", list(columns.iter().copied()), self.schema().qualify(&table.name));
        if let Some(column) = &table.partition_by {
            let bounds = [(">=", days.from), ("<", days.until)];
            // Days before all and after all rows bound nothing.
            let bounds = bounds.iter().filter_map(|(sign, day)| Some((sign, day.and_then(date)?)));
            let conditions: Vec<_> =
                bounds.map(|(sign, day)| format!("{} {sign} date '{day}'", quoted(column))).collect();
            if !conditions.is_empty() {
                select.push_str(&format!(" WHERE {}", conditions.join(" AND ")));
            }
        }
        let action = format!("reading table {}.{}", self.schema(), table.name);
        let mut session = self.session().await?;
        let place = session.place().to_owned();
        let failed = |source| DatabaseError::of(&action, &place, &source);
        let statement = format!("COPY ({select}) TO STDOUT (FORMAT binary)");
        {
            let mut pieces = session.copy_out_raw(&statement).await.map_err(failed)?;
            while let Some(piece) = pieces.try_next().await.map_err(failed)? {
                rows.take(&piece)?;
            }
        }
        session.keep();
        rows.finish()
    }
}

/// Rows as they come in.
#[derive(Default)]
struct Rows {
    table: String,
    decoders: Vec<Decoder>,
    pending: BytesMut,
    past_header: bool,
    count: usize,
    batches: Vec<RecordBatch>,
}

impl Rows {
    /// Takes in some bytes, and all rows that are complete now.
    fn take(&mut self, piece: &[u8]) -> Result<(), DatabaseError> {
        self.pending.extend_from_slice(piece);
        if !self.past_header {
            if self.pending.len() < HEADER {
                return Ok(());
            }
            self.pending.advance(HEADER);
            self.past_header = true;
        }
        while let Some(length) = complete_row(&self.pending) {
            let row = self.pending.split_to(length);
            let mut fields = row.get(2..).unwrap_or_default();
            for decoder in &mut self.decoders {
                let field = next_field(&mut fields);
                decoder.append(field.flatten()).map_err(|problem| DatabaseError::Value {
                    table: self.table.clone(),
                    column: decoder.name.clone(),
                    problem,
                })?;
            }
            self.count += 1;
            if self.count == ROWS {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), DatabaseError> {
        let columns: Vec<ArrayRef> = self.decoders.iter_mut().map(Decoder::finish).collect();
        let fields: Vec<Field> = self
            .decoders
            .iter()
            .zip(&columns)
            .map(|(decoder, column)| Field::new(&decoder.name, column.data_type().clone(), true))
            .collect();
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(self.count));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options);
        let batch = batch.map_err(|source| DatabaseError::Schema {
            table: self.table.clone(),
            problem: format!("its rows make no batch: {source}"),
        })?;
        self.batches.push(batch);
        self.count = 0;
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<RecordBatch>, DatabaseError> {
        if self.count > 0 || self.batches.is_empty() {
            self.flush()?;
        }
        Ok(self.batches)
    }
}

/// The length of the row that the bytes begin with, when all of it is there and it is no trailer.
fn complete_row(bytes: &[u8]) -> Option<usize> {
    let (count, _) = bytes.split_first_chunk::<2>()?;
    let mut at = 2;
    for _ in 0..u16::try_from(i16::from_be_bytes(*count)).ok()? {
        let (length, _) = bytes.get(at..)?.split_first_chunk::<4>()?;
        at += 4 + usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
    }
    (at <= bytes.len()).then_some(at)
}

/// The next field, `None` inside when it is NULL.
fn next_field<'a>(fields: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let (length, rest) = fields.split_first_chunk::<4>()?;
    let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
        *fields = rest;
        return Some(None);
    };
    let (field, rest) = rest.split_at_checked(length)?;
    *fields = rest;
    Some(Some(field))
}

/// Builds one column.
struct Decoder {
    name: String,
    builder: Builder,
}

enum Builder {
    Text(StringBuilder),
    Json(StringBuilder),
    Uuid(StringBuilder),
    Boolean(BooleanBuilder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float64(Float64Builder),
    Date(Date32Builder),
    Decimal(Decimal128Builder),
    Timestamp(TimestampMicrosecondBuilder),
    TextList(ListBuilder<StringBuilder>),
}

impl Decoder {
    fn new(name: &str, kind: ColumnKind) -> Self {
        let builder = match kind {
            ColumnKind::Text => Builder::Text(StringBuilder::new()),
            ColumnKind::Json | ColumnKind::Nested => Builder::Json(StringBuilder::new()),
            ColumnKind::Uuid => Builder::Uuid(StringBuilder::new()),
            ColumnKind::Boolean => Builder::Boolean(BooleanBuilder::new()),
            ColumnKind::Int32 => Builder::Int32(Int32Builder::new()),
            ColumnKind::Int64 => Builder::Int64(Int64Builder::new()),
            ColumnKind::Float64 => Builder::Float64(Float64Builder::new()),
            ColumnKind::Date => Builder::Date(Date32Builder::new()),
            ColumnKind::Decimal => {
                Builder::Decimal(Decimal128Builder::new().with_data_type(DataType::Decimal128(38, SCALE as i8)))
            }
            ColumnKind::Timestamp => Builder::Timestamp(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            ColumnKind::TextList => Builder::TextList(ListBuilder::new(StringBuilder::new())),
        };
        Self { name: name.to_owned(), builder }
    }

    fn append(&mut self, field: Option<&[u8]>) -> Result<(), String> {
        match &mut self.builder {
            Builder::Text(builder) => builder.append_option(field.map(text).transpose()?),
            Builder::Json(builder) => {
                let text = field.map(|field| text(field.get(1..).unwrap_or_default())).transpose()?;
                builder.append_option(text.map(json::compact));
            }
            Builder::Uuid(builder) => {
                let uuid = field.map(Uuid::from_slice).transpose().map_err(|error| error.to_string())?;
                builder.append_option(uuid.map(|uuid| uuid.to_string()));
            }
            Builder::Boolean(builder) => {
                builder.append_option(field.map(fixed::<1>).transpose()?.map(|[byte]| byte != 0))
            }
            Builder::Int32(builder) => builder.append_option(field.map(fixed).transpose()?.map(i32::from_be_bytes)),
            Builder::Int64(builder) => builder.append_option(field.map(fixed).transpose()?.map(i64::from_be_bytes)),
            Builder::Float64(builder) => builder.append_option(field.map(fixed).transpose()?.map(f64::from_be_bytes)),
            Builder::Date(builder) => {
                let day = field.map(fixed).transpose()?.map(i32::from_be_bytes);
                builder
                    .append_option(day.map(|day| day.checked_add(EPOCH_DAYS).ok_or("infinity is no day")).transpose()?);
            }
            Builder::Timestamp(builder) => {
                let time = field.map(fixed).transpose()?.map(i64::from_be_bytes);
                let time = time.map(|time| time.checked_add(EPOCH_MICROSECONDS).ok_or("infinity is no time"));
                builder.append_option(time.transpose()?);
            }
            Builder::Decimal(builder) => {
                let value = field.map(|field| numeric::read(field, SCALE)).transpose();
                builder.append_option(value.map_err(|problem| number_problem(problem).to_owned())?);
            }
            Builder::TextList(builder) => match field {
                Some(field) => append_list(builder, field)?,
                None => builder.append_null(),
            },
        }
        Ok(())
    }

    fn finish(&mut self) -> ArrayRef {
        match &mut self.builder {
            Builder::Text(builder) | Builder::Json(builder) | Builder::Uuid(builder) => Arc::new(builder.finish()),
            Builder::Boolean(builder) => Arc::new(builder.finish()),
            Builder::Int32(builder) => Arc::new(builder.finish()),
            Builder::Int64(builder) => Arc::new(builder.finish()),
            Builder::Float64(builder) => Arc::new(builder.finish()),
            Builder::Date(builder) => Arc::new(builder.finish()),
            Builder::Decimal(builder) => Arc::new(builder.finish()),
            Builder::Timestamp(builder) => Arc::new(builder.finish()),
            Builder::TextList(builder) => Arc::new(builder.finish()),
        }
    }
}

fn number_problem(problem: DoesNotFit) -> &'static str {
    match problem {
        DoesNotFit::Decimals => "a number has more than 18 decimals; round it, or drop what was added by hand",
        DoesNotFit::Digits => "a number is infinite, no number, or has more than 20 digits before the point",
        DoesNotFit::Form => "the server sent a number in an unknown form",
    }
}

fn text(field: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(field).map_err(|error| format!("text is not UTF-8: {error}"))
}

fn fixed<const N: usize>(field: &[u8]) -> Result<[u8; N], String> {
    field.try_into().map_err(|_| format!("the server sent {} bytes, and not {N}", field.len()))
}

/// A one-dimensional array of texts.
fn append_list(builder: &mut ListBuilder<StringBuilder>, field: &[u8]) -> Result<(), String> {
    const DIMENSIONS_AT: usize = 12;
    let broken = || "the server sent an array in an unknown form".to_owned();
    let (dimensions, _) = field.split_first_chunk::<4>().ok_or_else(broken)?;
    match i32::from_be_bytes(*dimensions) {
        0 => {}
        1 => {
            let (count, _) = field.get(DIMENSIONS_AT..).and_then(<[u8]>::split_first_chunk::<4>).ok_or_else(broken)?;
            let mut members = field.get(DIMENSIONS_AT + 8..).ok_or_else(broken)?;
            for _ in 0..i32::from_be_bytes(*count) {
                let member = next_field(&mut members).ok_or_else(broken)?;
                builder.values().append_option(member.map(text).transpose()?);
            }
        }
        more => return Err(format!("an array has {more} dimensions, and should have one")),
    }
    builder.append(true);
    Ok(())
}
