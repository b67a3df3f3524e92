//! Times a plugin on plain CSV files in its sandbox, its rows checked by the host and folded into its first summary, on one
//! core and without reading or writing anything else. The plugins' own examples do the same with their native libraries.
//!
//! `plugin_stage PLUGIN.wasm FILE..`
#![allow(clippy::expect_used, reason = "a measuring tool may stop at the first error")]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use costhost::plugin::{
    CallContext, Cancel, Compression, Engine, EngineOptions, Form, InputFile, Limits, NormalizeJob, Period, Plugin,
    PluginError, SummaryTask,
};

/// What a run pushes at once.
const CHUNK: usize = 1 << 20;
/// Every row is of it.
const ALL_TIME: Period = Period { start: -62_135_596_800, end: 253_402_300_800 };

fn main() {
    let mut args = std::env::args().skip(1);
    let plugin = args.next().expect("plugin_stage PLUGIN.wasm FILE..");
    let engine = Engine::new(EngineOptions::default()).expect("this machine runs plugins");
    let plugin = engine.load(Path::new(&plugin)).expect("the plugin loads");
    for path in args {
        let text = std::fs::read(&path).expect("the file can be read");
        let start = Instant::now();
        let (rows, guest) = run(&plugin, &path, &text).expect("the plugin reads the file");
        let (seconds, megabytes) = (start.elapsed().as_secs_f64(), text.len() as f64 / 1e6);
        println!(
            "{path}: {rows} rows, {megabytes:.0} MB in {seconds:.3} s = {:.0} MB/s, {:.0} rows/s; of it {guest:.3} s in the plugin",
            megabytes / seconds,
            rows as f64 / seconds,
        );
    }
}

/// Rows that were read, and seconds in the plugin.
fn run(plugin: &Arc<Plugin>, path: &str, text: &[u8]) -> Result<(u64, f64), PluginError> {
    let mut instance = plugin.instance(CallContext::default(), &Limits::default(), &Cancel::default())?;
    let mut normalizer = instance.open_normalizer(&job(path))?;
    let summary = plugin.manifest().summaries.first().expect("the plugin makes a summary").name.clone();
    let task = SummaryTask { summary, settings: "{}".to_owned(), now: 0, source: String::new(), period: ALL_TIME };
    let accumulator = instance.open_accumulator(&task)?;
    let mut rows = 0;
    for chunk in text.chunks(CHUNK) {
        rows += instance.push(&mut normalizer, chunk)?.rows;
        instance.fold(&normalizer, &accumulator)?;
    }
    rows += instance.finish(&mut normalizer)?.rows;
    instance.fold(&normalizer, &accumulator)?;
    Ok((rows, instance.usage().guest_time.as_secs_f64()))
}

fn job(path: &str) -> NormalizeJob {
    NormalizeJob {
        settings: "{}".to_owned(),
        now: 0,
        source: String::new(),
        revision: String::new(),
        period: ALL_TIME,
        labels: Vec::new(),
        file: InputFile {
            path: path.to_owned(),
            compression: Compression::None,
            form: Form::Bytes,
            dataset: String::new(),
            rows: None,
            bytes: None,
        },
    }
}
