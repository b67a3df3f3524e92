//! Times the normalizer and the summary's fold on plain CSV files, natively and on one core:
//! `cargo run --release -p aws-cur --example normalize FILE..`
#![allow(clippy::expect_used, reason = "a measuring tool may stop at the first error")]

use aws_cur::normalize::{Batches, Normalizer};
use aws_cur::summary::{DailySummary, columns::DAILY_SUMMARY};
use costhost_sdk::bindings::costhost::provider::types::{Compression, Form, InputFile, Period};
use costhost_sdk::bindings::exports::costhost::provider::normalize::Job;
use costhost_sdk::contract::Task;
use costhost_sdk::{Accumulate, ipc};
use std::io::Read as _;
use std::time::{Duration, Instant};

/// What the host pushes at once.
const CHUNK: usize = 1 << 20;

struct Tally {
    summary: DailySummary,
    rows: u64,
    rejects: u64,
    ipc: usize,
    encoding: Duration,
    folding: Duration,
}

impl Tally {
    fn new() -> Tally {
        let task = Task {
            summary: DAILY_SUMMARY.to_owned(),
            settings: "{}".to_owned(),
            now: 0,
            source: String::new(),
            // Whatever the file holds.
            period: Period { start: i64::MIN, end: i64::MAX },
        };
        let summary = DailySummary::open(&task).expect("summary opens");
        let none = Duration::ZERO;
        Tally { summary, rows: 0, rejects: 0, ipc: 0, encoding: none, folding: none }
    }

    fn add(&mut self, out: &Batches) {
        self.rows += out.rows;
        self.rejects += out.rejects.len() as u64 + out.rejects_uncounted;
        let start = Instant::now();
        self.ipc += out.batches.iter().map(|b| ipc::encode(b).expect("batch encodes").len()).sum::<usize>();
        self.encoding += start.elapsed();
        let start = Instant::now();
        for batch in &out.batches {
            self.summary.update(batch).expect("batch folds");
        }
        self.folding += start.elapsed();
    }
}

fn main() {
    for path in std::env::args().skip(1) {
        let mut file = std::fs::File::open(&path).expect("file can be opened");
        let (mut chunk, mut bytes) = (Vec::with_capacity(CHUNK), 0);
        let start = Instant::now();
        let mut normalizer = Normalizer::open(&job(&path)).expect("job opens");
        let mut tally = Tally::new();
        while file.by_ref().take(CHUNK as u64).read_to_end(&mut chunk).expect("file can be read") > 0 {
            tally.add(&normalizer.push(&chunk).expect("file is a report"));
            bytes += chunk.len();
            chunk.clear();
        }
        tally.add(&normalizer.finish().expect("file is a report"));
        let seconds = start.elapsed().as_secs_f64();
        let megabytes = bytes as f64 / 1e6;
        println!(
            "{path}: {} rows, {} rejects, {megabytes:.0} MB in {seconds:.3} s = {:.0} MB/s; of it {:.3} s encode {} MB of IPC, {:.3} s fold",
            tally.rows,
            tally.rejects,
            megabytes / seconds,
            tally.encoding.as_secs_f64(),
            tally.ipc / 1_000_000,
            tally.folding.as_secs_f64(),
        );
    }
}

fn job(path: &str) -> Job {
    Job {
        settings: "{}".to_owned(),
        now: 0,
        source: String::new(),
        revision: String::new(),
        // Whatever the file holds.
        period: Period { start: i64::MIN, end: i64::MAX },
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
