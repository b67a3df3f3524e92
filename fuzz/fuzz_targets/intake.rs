//! Bytes that a plugin says are rows: refused, or a batch that holds to everything declared and can be sent on.
#![no_main]

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, MapBuilder, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use costhost_fuzz::plugin::{encode_ipc, expect_caught_panics, read};
use libfuzzer_sys::fuzz_target;

/// Every kind of column that tables of plugins have. The seeds of `seeds.py` are values of this schema.
static DECLARED: LazyLock<SchemaRef> = LazyLock::new(|| {
    let mut tags = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    let item = Arc::new(Field::new("item", DataType::Utf8, true));
    Arc::new(Schema::new(vec![
        Field::new("account", DataType::Utf8, false),
        Field::new("cost", DataType::Decimal128(38, 18), false),
        Field::new("note", DataType::Utf8, true),
        Field::new("tags", tags.finish().data_type().clone(), true),
        Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
        Field::new("names", DataType::List(item), true),
        Field::new("day", DataType::Date32, true),
        Field::new("whole", DataType::Int64, true),
        Field::new("ratio", DataType::Float64, true),
        Field::new("yes", DataType::Boolean, true),
    ]))
});

fuzz_target!(init: expect_caught_panics(), |data: &[u8]| {
    let Ok(batches) = read(data.to_vec(), &DECLARED) else { return };
    for batch in batches {
        assert_eq!(batch.num_columns(), DECLARED.fields().len());
        for ((column, field), declared) in batch.columns().iter().zip(batch.schema().fields()).zip(DECLARED.fields()) {
            assert_eq!(field.name(), declared.name());
            assert_eq!(column.len(), batch.num_rows());
            column.to_data().validate_full().expect("a column that passed is valid");
            assert!(declared.is_nullable() || column.logical_null_count() == 0);
        }
        let again = encode_ipc(&batch.schema(), std::slice::from_ref(&batch)).expect("what passed can be sent on");
        let again = read(again, &DECLARED).expect("and passes again");
        assert_eq!(again.iter().map(|batch| batch.num_rows()).sum::<usize>(), batch.num_rows());
    }
});
