use arrow::array::{
    Decimal128Array, DictionaryArray, Int8Array, MapBuilder, NullArray, StringArray, StringBuilder,
    StringDictionaryBuilder,
};
use arrow::datatypes::{Int8Type, UInt16Type};

use super::*;

fn declared() -> SchemaRef {
    let mut tags = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    Arc::new(Schema::new(vec![
        Field::new("account", DataType::Utf8, false),
        Field::new("cost", DataType::Decimal128(38, 18), false),
        Field::new("note", DataType::Utf8, true),
        Field::new("tags", tags.finish().data_type().clone(), true),
    ]))
}

/// Two rows as the fastest plugin would send them.
fn columns() -> Vec<ArrayRef> {
    let mut accounts = StringDictionaryBuilder::<UInt16Type>::new();
    accounts.extend(["a", "b"].map(Some));
    let mut tags = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    tags.keys().append_value("team");
    tags.values().append_value("x");
    tags.append(true).unwrap();
    tags.append(false).unwrap();
    vec![
        Arc::new(accounts.finish()),
        Arc::new(Decimal128Array::from(vec![1, -2]).with_precision_and_scale(38, 18).unwrap()),
        Arc::new(NullArray::new(2)),
        Arc::new(tags.finish()),
    ]
}

fn value(columns: Vec<ArrayRef>) -> Vec<u8> {
    let declared = declared();
    let fields = declared.fields().iter().zip(&columns);
    let fields: Vec<Field> =
        fields.map(|(field, column)| Field::new(field.name(), column.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
    encode_ipc(&schema, &[batch]).unwrap()
}

fn read(bytes: Vec<u8>) -> Result<Vec<RecordBatch>, String> {
    Intake::default().read(bytes, &declared())
}

fn problem_with(index: usize, column: ArrayRef) -> String {
    let mut columns = columns();
    columns[index] = column;
    read(value(columns)).unwrap_err()
}

#[test]
fn text_keeps_its_encoding_and_nulls_become_text() {
    let batches = read(value(columns())).unwrap();
    let batch = &batches[0];
    assert_eq!(batch.num_rows(), 2);
    let types: Vec<String> = batch.schema().fields().iter().map(|field| field.data_type().to_string()).collect();
    assert_eq!(&types[..3], ["Dictionary(UInt16, Utf8)", "Decimal128(38, 18)", "Dictionary(Int8, Utf8)"]);
    assert!(!batch.schema().field(0).is_nullable() && batch.schema().field(2).is_nullable());
    assert_eq!(batch.column(2).logical_null_count(), 2);
}

#[test]
fn null_stands_for_a_column_of_any_type() {
    let declared = declared();
    let nullable: Vec<Field> =
        declared.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
    let schema = Arc::new(Schema::new(nullable));
    let sent = Arc::new(Schema::new(
        schema.fields().iter().map(|f| Field::new(f.name(), DataType::Null, true)).collect::<Vec<_>>(),
    ));
    let mut intake = Intake::default();
    for rows in [2, 700, 3] {
        let columns = vec![Arc::new(NullArray::new(rows)) as ArrayRef; 4];
        let batch = RecordBatch::try_new(Arc::clone(&sent), columns).unwrap();
        let batch = intake.read(encode_ipc(&sent, &[batch]).unwrap(), &schema).unwrap().remove(0);
        assert_eq!(batch.num_rows(), rows);
        for (column, field) in batch.columns().iter().zip(schema.fields()) {
            assert_eq!((column.len(), column.logical_null_count()), (rows, rows), "{field}");
            column.to_data().validate_full().unwrap();
            let text = field.data_type() == &DataType::Utf8;
            assert!(text || column.data_type() == field.data_type(), "{field}");
        }
    }
}

#[test]
fn a_few_bytes_of_null_do_not_become_gigabytes() {
    let members: Vec<Field> =
        (0..100).map(|at| Field::new(format!("m{at}"), DataType::Decimal128(38, 18), true)).collect();
    let declared = Arc::new(Schema::new(vec![Field::new("s", DataType::Struct(members.into()), true)]));
    let sent = Arc::new(Schema::new(vec![Field::new("s", DataType::Null, true)]));
    let nulls =
        |rows| RecordBatch::try_new(Arc::clone(&sent), vec![Arc::new(NullArray::new(rows)) as ArrayRef]).unwrap();
    let read = |rows| Intake::default().read(encode_ipc(&sent, &[nulls(rows)]).unwrap(), &declared);
    assert_eq!(read(1000).unwrap()[0].column(0).null_count(), 1000);
    assert!(read(ipc_frames::MAX_ROWS).unwrap_err().contains("send fewer at a time"));
}

#[test]
fn names_order_and_types_have_to_be_the_declared_ones() {
    let mut swapped = columns();
    swapped.swap(0, 1);
    assert!(read(value(swapped)).unwrap_err().contains("column `account` was sent as Decimal128(38, 18)"));
    let renamed = Schema::new(vec![Field::new("acount", DataType::Utf8, true)]);
    assert!(read(encode_ipc(&renamed, &[]).unwrap()).unwrap_err().contains("1 columns were sent and 4 are declared"));
    let scale = Decimal128Array::from(vec![1, 2]).with_precision_and_scale(38, 10).unwrap();
    assert!(problem_with(1, Arc::new(scale)).contains("is declared as Decimal128(38, 18)"));
    let large = arrow::array::LargeStringArray::from(vec!["a", "b"]);
    assert!(problem_with(0, Arc::new(large)).contains("LargeUtf8"));
}

#[test]
fn nulls_where_none_are_declared_are_refused_also_in_disguise() {
    let plain = StringArray::from(vec![Some("a"), None]);
    assert!(problem_with(0, Arc::new(plain)).contains("holds nulls"));
    let keys = Int8Array::from(vec![0, 1]);
    let hidden = DictionaryArray::<Int8Type>::new(keys, Arc::new(StringArray::from(vec![Some("a"), None])));
    assert!(problem_with(0, Arc::new(hidden)).contains("holds nulls"));
    assert!(problem_with(0, Arc::new(NullArray::new(2))).contains("holds nulls"));
}

#[test]
fn decimals_stay_within_their_digits() {
    let beyond = Decimal128Array::from(vec![i128::MAX, 0]).with_precision_and_scale(38, 18).unwrap();
    assert!(problem_with(1, Arc::new(beyond)).contains("beyond its 38 digits"));
}

#[test]
fn every_cut_of_a_value_is_refused() {
    let good = value(columns());
    for length in 0..good.len() {
        assert!(read(good[..length].to_vec()).is_err(), "{length} of {} bytes", good.len());
    }
    let mut longer = good;
    longer.push(0);
    assert!(read(longer).unwrap_err().contains("1 bytes after the end"));
}

#[test]
fn no_changed_byte_gets_past_the_checks_or_takes_the_host_down() {
    let good = value(columns());
    std::panic::set_hook(Box::new(|_| {}));
    let mut refused = 0;
    for at in 0..good.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[at] ^= change;
            match read(bad) {
                Err(_) => refused += 1,
                Ok(batches) => {
                    for column in batches.iter().flat_map(RecordBatch::columns) {
                        column.to_data().validate_full().unwrap();
                    }
                }
            }
        }
    }
    let _ = std::panic::take_hook();
    assert!(refused > good.len() / 4, "{refused} refused of {}", good.len() * 3);
}

#[test]
fn a_value_cannot_claim_rows_it_does_not_carry() {
    let schema = Arc::new(Schema::new(vec![Field::new("note", DataType::Null, true)]));
    let declared: SchemaRef = Arc::new(Schema::new(vec![Field::new("note", DataType::Utf8, true)]));
    let nulls =
        |rows| RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(NullArray::new(rows)) as ArrayRef]).unwrap();
    let most = ipc_frames::MAX_ROWS;
    let read = |batches: &[RecordBatch]| Intake::default().read(encode_ipc(&schema, batches).unwrap(), &declared);
    assert_eq!(read(&[nulls(most)]).unwrap()[0].num_rows(), most);
    assert!(read(&[nulls(most + 1)]).unwrap_err().contains("says it has"));
    assert!(read(&[nulls(most), nulls(1)]).unwrap_err().contains("rows in one value"));
}
