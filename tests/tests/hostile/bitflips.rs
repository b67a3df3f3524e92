//! A value as a real plugin sends it, with some of its bits turned over: refused, or rows that are valid in full; never a panic.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use costhost::plugin::{
    Cache, CallContext, Cancel, Compression, DiscoverRequest, Engine, EngineOptions, Form, FoundReport, InputFile,
    Limits, NormalizeJob, Period, Plugin, PluginError, encode_ipc,
};
use costhost::source::bucket::{Bucket, GrantLimits};
use costhost::source::store::{self, StoreOptions};
use costhost_tests::program::{plugin, shared};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::guest::Guest;

/// Rows of the value.
const ROWS: usize = 20;
const FLIPPED: u32 = 500;

#[test]
fn a_real_value_with_flipped_bits_is_refused_or_valid() {
    let engine = Engine::new(EngineOptions { cache: Cache::Off, ..EngineOptions::default() }).unwrap();
    let (batch, declared) = real_rows(&engine);
    let value = encode_ipc(&batch.schema(), std::slice::from_ref(&batch)).unwrap();
    let guest = echo(&engine, &declared);
    assert_eq!(push(&guest, &value).unwrap()[0], batch, "as it is, it passes");

    // Arrow's reader panics on some of what it is given, which the host catches.
    std::panic::set_hook(Box::new(|_| {}));
    let bits = proptest::collection::vec(0..value.len() * 8, 1..5);
    let (mut refused, mut passed) = (0, 0);
    let result =
        TestRunner::new(Config { cases: FLIPPED, failure_persistence: None, ..Config::default() }).run(&bits, |bits| {
            let mut flipped = value.clone();
            bits.iter().for_each(|bit| flipped[bit / 8] ^= 1 << (bit % 8));
            match push(&guest, &flipped) {
                Ok(batches) => {
                    for column in batches.iter().flat_map(RecordBatch::columns) {
                        prop_assert!(column.to_data().validate_full().is_ok());
                    }
                }
                Err(PluginError::BadRows { .. }) => {}
                Err(other) => prop_assert!(false, "{}", other),
            }
            Ok(())
        });
    let _ = std::panic::take_hook();
    result.unwrap();
    for bit in (0..value.len() * 8).step_by(9_973) {
        let mut flipped = value.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        *if push(&guest, &flipped).is_ok() { &mut passed } else { &mut refused } += 1;
    }
    assert!(refused > 0 && passed > 0, "{refused} refused, {passed} passed: not both ways were tried");
}

/// Rows that the AWS plugin made of a real report, and what it declares of them.
fn real_rows(engine: &Engine) -> (RecordBatch, SchemaRef) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let file = shared("aws/cur1-slash-csv/anonymized.csv");
    let location = store::open(&file, &StoreOptions::default()).unwrap();
    let location = runtime.block_on(location.resolve()).unwrap();
    let bucket = Bucket::new(location, GrantLimits::default(), runtime.handle().clone());
    let aws = engine.load(plugin("aws-cur").as_ref()).unwrap();
    let request = DiscoverRequest { settings: "{}".to_owned(), window: None, now: 0 };
    let found = aws.discover(Arc::new(bucket), request, &Limits::default(), &Cancel::default()).unwrap();
    let report = found.reports.into_iter().next().unwrap();
    let mut instance = aws.instance(CallContext::default(), &Limits::default(), &Cancel::default()).unwrap();
    let mut normalizer = instance.open_normalizer(&job(report)).unwrap();
    let pushed = instance.push(&mut normalizer, &std::fs::read(file).unwrap()).unwrap();
    let rest = instance.finish(&mut normalizer).unwrap();
    let rows = pushed.outputs.into_iter().chain(rest.outputs).find(|output| !output.batches.is_empty()).unwrap();
    let declared = Arc::clone(&aws.manifest().tables[rows.table].schema);
    (rows.batches[0].slice(0, ROWS), declared)
}

fn job(report: FoundReport) -> NormalizeJob {
    NormalizeJob {
        settings: "{}".to_owned(),
        now: 0,
        source: report.source,
        revision: report.revision,
        period: report.period,
        labels: report.labels,
        file: report.files.into_iter().next().unwrap(),
    }
}

/// The honest guest, which returns what it is pushed, with a table of this schema.
fn echo(engine: &Engine, declared: &SchemaRef) -> Arc<Plugin> {
    let mut guest = Guest::honest();
    guest.manifest.schema = encode_ipc(declared, &[]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echo.wasm");
    std::fs::write(&path, guest.component()).unwrap();
    engine.load(&path).unwrap()
}

fn push(guest: &Arc<Plugin>, value: &[u8]) -> Result<Vec<RecordBatch>, PluginError> {
    let mut instance = guest.instance(CallContext::default(), &Limits::default(), &Cancel::default())?;
    let report = FoundReport {
        source: String::new(),
        revision: "r1".to_owned(),
        delivered: 0,
        period: Period { start: 0, end: 1 },
        closed: false,
        files: vec![InputFile {
            path: "input".to_owned(),
            compression: Compression::None,
            form: Form::Bytes,
            dataset: String::new(),
            rows: None,
            bytes: None,
        }],
        labels: Vec::new(),
    };
    let mut normalizer = instance.open_normalizer(&job(report))?;
    let outcome = instance.push(&mut normalizer, value)?;
    Ok(outcome.outputs.into_iter().flat_map(|output| output.batches).collect())
}
