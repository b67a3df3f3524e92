//! Exports as Parquet: the host decodes them, and their rows are those of the same export as CSV.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::result_large_err,
    reason = "tests fail by panicking"
)]

mod support;

use arrow_array::{
    ArrayRef, Date32Array, Decimal128Array, Float64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use costhost_sdk::contract::{Form, Period};
use costhost_sdk::{ipc, time};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::sync::Arc;
use support::{csv, job, pushed, summary};

const CSV: &str = "date,SubscriptionId,meterCategory,unitOfMeasure,quantity,costInBillingCurrency,billingCurrency,tags,\
    additionalInfo,billingPeriodStartDate\n\
    10/02/2025,s,Storage,1 GB/Month,0.1,1.25,EUR,\"\"\"a\"\": \"\"x,y\"\"\",,10/01/2025\n\
    10/31/2025,s,Virtual Machines,100 Hours,3,-0.000000001,EUR,,\"{\"\"ServiceType\"\": \"\"B2s\"\"}\",10/01/2025\n";

fn batch() -> RecordBatch {
    let micros = |day: &str| time::parse(day.as_bytes()).unwrap();
    let day = |day: &str| i32::try_from(micros(day) / 86_400_000_000).unwrap();
    let text = |values: [Option<&str>; 2]| -> ArrayRef { Arc::new(StringArray::from(values.to_vec())) };
    let dates = TimestampMillisecondArray::from(vec![micros("2025-10-02") / 1000, micros("2025-10-31") / 1000]);
    let costs = Decimal128Array::from(vec![1_250_000_000_i128, -1]).with_precision_and_scale(24, 9).unwrap();
    RecordBatch::try_from_iter([
        ("date", Arc::new(dates) as ArrayRef),
        ("SubscriptionId", text([Some("s"); 2])),
        ("meterCategory", text([Some("Storage"), Some("Virtual Machines")])),
        ("unitOfMeasure", text([Some("1 GB/Month"), Some("100 Hours")])),
        ("quantity", Arc::new(Float64Array::from(vec![0.1, 3.0]))),
        ("costInBillingCurrency", Arc::new(costs)),
        ("billingCurrency", text([Some("EUR"); 2])),
        ("tags", text([Some(r#""a": "x,y""#), None])),
        ("additionalInfo", text([None, Some(r#"{"ServiceType": "B2s"}"#)])),
        ("billingPeriodStartDate", Arc::new(Date32Array::from(vec![day("2025-10-01"); 2]))),
    ])
    .unwrap()
}

#[test]
fn parquet_and_csv_of_one_export_are_the_same_rows() {
    let mut file = Vec::new();
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = ArrowWriter::try_new(&mut file, batch().schema(), Some(properties)).unwrap();
    writer.write(&batch()).unwrap();
    writer.close().unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(file)).unwrap().with_batch_size(1);
    let pieces: Vec<Vec<u8>> = reader.build().unwrap().map(|batch| ipc::encode(&batch.unwrap()).unwrap()).collect();
    assert_eq!(pieces.len(), 2);

    let at = |day: &str| time::parse(day.as_bytes()).unwrap() / 1_000_000;
    let period = Period { start: at("2025-10-01"), end: at("2025-11-01") };
    let parquet = pushed(&job(Form::Parquet(Vec::new()), period, &[]), pieces.iter().map(Vec::as_slice)).unwrap();
    let text = csv(&job(Form::Bytes, period, &[]), CSV.as_bytes(), 11).unwrap();
    assert_eq!((parquet.rows, &parquet.rejects), (2, &text.rejects));
    for column in
        ["date", "quantity", "cost_in_billing_currency", "tags", "additional_info", "billing_period_start_date"]
    {
        assert_eq!(parquet.texts(column), text.texts(column), "{column}");
    }
    assert_eq!(summary(&parquet, "{}"), summary(&text, "{}"));
    let [rows, ..] = summary(&parquet, "{}");
    assert_eq!((&rows[0]["unit_of_measure"], &rows[1]["instance_type"]), (&"GB-Mo".into(), &"B2s".into()));
}
