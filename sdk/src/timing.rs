//! For plugins' native measurements: how long a file takes to become rows and a summary, on one core.

use crate::contract::{Compression, Failure, Form, InputFile, Job, Period, Task};
use crate::failure::abort;
use crate::{Accumulate, Normalize, Plugin, Rows, Summarize, ipc};
use arrow_array::RecordBatch;
use std::io::Read as _;
use std::time::{Duration, Instant};

/// What the host pushes at once.
const CHUNK: usize = 1 << 20;

/// What a file took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Timing {
    /// Rows, those left out among them.
    pub rows: u64,
    /// Rows and cells set aside.
    pub rejects: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Bytes of its rows as Arrow IPC.
    pub ipc: u64,
    /// All of it.
    pub whole: Duration,
    /// Encoding rows.
    pub encoding: Duration,
    /// Folding rows.
    pub folding: Duration,
}

impl std::fmt::Display for Timing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (seconds, megabytes) = (self.whole.as_secs_f64(), self.bytes as f64 / 1e6);
        write!(
            f,
            "{} rows, {} rejects, {megabytes:.0} MB in {seconds:.3} s = {:.0} MB/s, {:.0} rows/s; of it {:.3} s encode {} MB \
             of IPC, {:.3} s fold",
            self.rows,
            self.rejects,
            megabytes / seconds,
            self.rows as f64 / seconds,
            self.encoding.as_secs_f64(),
            self.ipc / 1_000_000,
            self.folding.as_secs_f64(),
        )
    }
}

/// Reads a plain CSV file, whatever its period, and folds its rows into this summary.
///
/// # Errors
/// When the file cannot be read, or the plugin finds something wrong with it.
pub fn csv_file<P: Summarize>(path: &str, summary: &str) -> Result<Timing, Failure> {
    let period = Period { start: i64::MIN, end: i64::MAX };
    folded::<P>(path, summary, period).map(|(timing, _)| timing)
}

fn folded<P: Summarize>(path: &str, summary: &str, period: Period) -> Result<(Timing, P::Accumulator), Failure> {
    let unreadable = |error: std::io::Error| abort("timing.unreadable", format!("{path} cannot be read: {error}"));
    let mut file = std::fs::File::open(path).map_err(unreadable)?;
    let mut accumulator = P::Accumulator::open(&task(summary, period))?;
    let (mut chunk, mut timing, start) = (Vec::with_capacity(CHUNK), Timing::default(), Instant::now());
    let mut normalizer = <P as Plugin>::Normalizer::open(&job(path, period))?;
    while file.by_ref().take(CHUNK as u64).read_to_end(&mut chunk).map_err(unreadable)? > 0 {
        timing.take(normalizer.push(&chunk)?, &mut accumulator)?;
        timing.bytes += chunk.len() as u64;
        chunk.clear();
    }
    timing.take(normalizer.finish()?, &mut accumulator)?;
    timing.whole = start.elapsed();
    Ok((timing, accumulator))
}

/// What the stages of a summary took that was made in parts, one after another on one core.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stages {
    /// Files into rows and rows into accumulators.
    pub files: Timing,
    /// Accumulators into saved pieces.
    pub saving: Duration,
    /// Bytes of these.
    pub saved: u64,
    /// Saved pieces into one accumulator.
    pub merging: Duration,
    /// That accumulator into the result.
    pub completing: Duration,
    /// Encoding the result, batch by batch.
    pub pulling: Duration,
    /// Rows of all tables of the result.
    pub rows: u64,
}

impl std::fmt::Display for Stages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}\nsummary: {:.3} s save {} MB, {:.3} s merge, {:.3} s complete, {:.3} s pull {} rows",
            self.files,
            self.saving.as_secs_f64(),
            self.saved / 1_000_000,
            self.merging.as_secs_f64(),
            self.completing.as_secs_f64(),
            self.pulling.as_secs_f64(),
            self.rows,
        )
    }
}

/// Reads plain CSV files, each into an accumulator of its own, and makes one summary of all of them.
///
/// # Errors
/// When a file cannot be read, or the plugin finds something wrong with it.
pub fn csv_files_in_parts<P: Summarize>(paths: &[String], summary: &str) -> Result<Stages, Failure> {
    let period = Period { start: 0, end: i64::from(i32::MAX) };
    let mut stages = Stages::default();
    let mut pieces = Vec::new();
    for path in paths {
        let (timing, mut part) = folded::<P>(path, summary, period)?;
        stages.files.add(&timing);
        let start = Instant::now();
        while let Some(piece) = part.save()? {
            stages.saved += piece.len() as u64;
            pieces.push(piece);
        }
        stages.saving += start.elapsed();
    }
    let mut last = P::Accumulator::open(&task(summary, period))?;
    let start = Instant::now();
    pieces.iter().try_for_each(|piece| last.merge(piece))?;
    stages.merging = start.elapsed();
    let start = Instant::now();
    last.complete()?;
    stages.completing = start.elapsed();
    let start = Instant::now();
    while let Some((_, batch)) = last.pull()? {
        stages.rows += batch.num_rows() as u64;
        encoded(&batch)?;
    }
    stages.pulling = start.elapsed();
    Ok(stages)
}

impl Timing {
    fn add(&mut self, other: &Timing) {
        self.rows += other.rows;
        self.rejects += other.rejects;
        self.bytes += other.bytes;
        self.ipc += other.ipc;
        self.whole += other.whole;
        self.encoding += other.encoding;
        self.folding += other.folding;
    }

    fn take(&mut self, rows: Rows, accumulator: &mut impl Accumulate) -> Result<(), Failure> {
        self.rows += rows.rows;
        self.rejects += rows.rejects.len() as u64 + rows.rejects_uncounted;
        for (table, batch) in &rows.batches {
            let start = Instant::now();
            self.ipc += encoded(batch)?;
            self.encoding += start.elapsed();
            let start = Instant::now();
            accumulator.fold(*table, batch)?;
            self.folding += start.elapsed();
        }
        Ok(())
    }
}

/// How many bytes it takes as Arrow IPC.
fn encoded(batch: &RecordBatch) -> Result<u64, Failure> {
    let bytes = ipc::encode(batch).map_err(|error| abort("timing.encode", error.to_string()))?;
    Ok(bytes.len() as u64)
}

fn task(summary: &str, period: Period) -> Task {
    Task { summary: summary.to_owned(), settings: String::new(), now: 0, source: String::new(), period }
}

fn job(path: &str, period: Period) -> Job {
    Job {
        settings: String::new(),
        now: 0,
        source: String::new(),
        revision: String::new(),
        period,
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
