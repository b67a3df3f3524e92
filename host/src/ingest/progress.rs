//! Progress bars on a terminal; nothing elsewhere.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The bars of one run.
#[derive(Debug, Clone)]
pub struct Progress {
    bars: MultiProgress,
    total: ProgressBar,
}

impl Progress {
    /// Bars for `bytes` compressed bytes to read. Draws only when `visible` and standard error is a terminal.
    pub fn new(bytes: u64, visible: bool) -> Self {
        let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bars = MultiProgress::with_draw_target(target);
        let total = bars.add(ProgressBar::new(bytes));
        total.set_style(style("{elapsed_precise} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} eta {eta}"));
        Self { bars, total }
    }

    /// A bar for one file.
    pub fn file(&self, name: &str, bytes: u64) -> FileProgress {
        let bar = self.bars.add(ProgressBar::new(bytes));
        bar.set_style(style("         {bar:30.dim} {percent:>3}% {msg}"));
        bar.set_message(name.to_owned());
        FileProgress { bar, total: self.total.clone(), bars: self.bars.clone(), bytes }
    }

    /// Takes the bars off the terminal.
    pub fn finish(&self) {
        self.total.finish_and_clear();
    }
}

/// The template is ours, so a failure to parse it can only mean a plain bar.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// The bar of one file.
#[derive(Debug)]
pub struct FileProgress {
    bar: ProgressBar,
    total: ProgressBar,
    bars: MultiProgress,
    bytes: u64,
}

impl FileProgress {
    /// Bytes of the file read so far.
    pub fn set(&self, bytes: u64) {
        self.total.inc(bytes.saturating_sub(self.bar.position()));
        self.bar.set_position(bytes);
    }
}

impl Drop for FileProgress {
    fn drop(&mut self) {
        self.set(self.bytes);
        self.bar.finish_and_clear();
        self.bars.remove(&self.bar);
    }
}
