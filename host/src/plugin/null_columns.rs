//! Columns that came as `Null`, in their declared type.
//!
//! Most columns of a wide report are null throughout, so one column of each type is made and handed out again and again.
//! A few bytes of `Null` stand for any number of rows: what is made of them is bounded.

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::datatypes::{DataType, Field};

/// Most bytes of the columns of one instance.
const MAX_BYTES: usize = 64 << 20;

/// One all-null column of each type that was asked for.
#[derive(Debug, Default)]
pub(super) struct NullColumns {
    columns: Vec<ArrayRef>,
}

/// The type that a column of this declared type has when it came as `Null`: for text the smallest encoding of it.
pub(super) fn held_as(declared: &DataType) -> DataType {
    match declared {
        DataType::Utf8 => DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8)),
        other => other.clone(),
    }
}

impl NullColumns {
    /// An all-null column of a field's type.
    pub(super) fn column(&mut self, field: &Field, rows: usize) -> Result<ArrayRef, String> {
        if !field.is_nullable() && rows > 0 {
            return Err(format!("column `{}` holds nulls and is declared without", field.name()));
        }
        let known = self.columns.iter().position(|column| column.data_type() == field.data_type());
        if let Some(column) = known.and_then(|at| self.columns.get(at)).filter(|column| column.len() >= rows) {
            return Ok(column.slice(0, rows));
        }
        let room = rows.next_power_of_two();
        let others = self.columns.iter().filter(|column| column.data_type() != field.data_type());
        let bytes: usize = others.map(|column| bytes(column.data_type(), column.len())).sum();
        if bytes.saturating_add(self::bytes(field.data_type(), room)) > MAX_BYTES {
            let name = field.name();
            return Err(format!(
                "column `{name}` is null over {rows} rows, too many for one value; send fewer at a time"
            ));
        }
        let column = new_null_array(field.data_type(), room);
        let slice = column.slice(0, rows);
        match known.and_then(|at| self.columns.get_mut(at)) {
            Some(smaller) => *smaller = column,
            None => self.columns.push(column),
        }
        Ok(slice)
    }
}

/// What an all-null column takes, at most.
fn bytes(kind: &DataType, rows: usize) -> usize {
    let own = match kind {
        DataType::Struct(fields) => {
            fields.iter().map(|field| bytes(field.data_type(), rows)).fold(0, usize::saturating_add)
        }
        DataType::Dictionary(key, _) => rows.saturating_mul(key.primitive_width().unwrap_or(8)),
        // Texts, lists and maps: offsets, and nothing in them.
        other => rows.saturating_mul(other.primitive_width().unwrap_or(8)),
    };
    own.saturating_add(rows / 8)
}
