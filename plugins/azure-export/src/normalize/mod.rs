//! One file of an export into line items.
//!
//! Every agreement's schema, CSV and Parquet, goes through the same plan and the same conversion; only where rows come from
//! differs.

mod dates;
pub(crate) mod header;

use crate::columns::METRIC;
use crate::manifest::LINE_ITEMS;
use crate::metric::Metric;
use crate::settings::Settings;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, DictionaryArray, RecordBatch, StringArray, UInt8Array};
use arrow_schema::{ArrowError, Field, Schema};
use costhost_sdk::Rows;
use costhost_sdk::billing_period::BillingPeriod;
use costhost_sdk::contract::{Failure, Job};
use costhost_sdk::failure::{abort, skip_report};
use costhost_sdk::file_rows::FileRows;
use costhost_sdk::table::TableBuilder;
use dates::Dates;
use std::sync::Arc;

/// Name of the label that says what the costs of a report are.
pub const METRIC_LABEL: &str = "metric";
/// Name of the label with the manifest's path: a report that has it was told by a manifest.
pub const MANIFEST_LABEL: &str = "manifest";
/// Name of the label that says that the billing period was read from the file's own dates.
pub const PERIOD_OF_ROWS_LABEL: &str = "period_told_by_rows";
/// The column that says of which billing period a row is.
const PERIOD: &str = "billing_period_start_date";
/// Charges that only amortized exports have.
const ONLY_AMORTIZED: [&str; 2] = ["UnusedReservation", "UnusedSavingsPlan"];

/// Turns one file into line items.
#[derive(Debug)]
pub struct Normalizer {
    rows: FileRows,
    period: BillingPeriod,
    dates: Dates,
    metric: Metric,
    /// Whether a manifest told the metric.
    certain: bool,
}

impl Normalizer {
    /// Starts on a file.
    ///
    /// # Errors
    /// When the settings do not fit.
    pub fn open(job: &Job) -> Result<Normalizer, Failure> {
        let label = |name: &str| job.labels.iter().find(|label| label.0 == name).map(|label| label.1.as_str());
        let settings = Settings::parse(&job.settings)?;
        let told = label(METRIC_LABEL).and_then(Metric::of_name);
        let certain = label(MANIFEST_LABEL).is_some();
        let period = Some(job.period).filter(|_| label(PERIOD_OF_ROWS_LABEL).is_none());
        Ok(Normalizer {
            rows: FileRows::new(job),
            period: BillingPeriod::new(job, PERIOD, certain),
            dates: Dates::new(period),
            metric: told.or(settings.metric).unwrap_or_default(),
            certain,
        })
    }

    /// Takes the next piece: bytes of CSV cut anywhere, or one IPC stream of the Parquet file's own columns.
    ///
    /// # Errors
    /// When the file is no export of cost and usage details, lacks a column without which no row counts, or has a row that
    /// is too long to read, or dates or charges that its place or manifest contradict.
    pub fn push(&mut self, data: &[u8]) -> Result<Rows, Failure> {
        self.rows.push(data, &mut header::plan)?;
        self.output().map_err(|failure| self.rows.here(failure))
    }

    /// The file has ended.
    ///
    /// # Errors
    /// When the file has no header, or its dates can be read in two ways; or as [`Normalizer::push`].
    pub fn finish(&mut self) -> Result<Rows, Failure> {
        self.rows.finish(&mut header::plan)?;
        let mut rows = self.output().map_err(|failure| self.rows.here(failure))?;
        let order = self.rows.table().map(TableBuilder::date_order).unwrap_or_default();
        self.dates.settle(order).map_err(|failure| self.rows.here(failure))?;
        rows.notes.extend(self.rows.rounded_note());
        rows.notes.extend(self.period.note());
        Ok(rows)
    }

    fn output(&mut self) -> Result<Rows, Failure> {
        let output = self.rows.take();
        if let Some(table) = self.rows.table() {
            self.dates.check(&output.batches, table.time_order(), table.date_order())?;
            self.period.check(&output, table.plan())?;
        }
        let mut rows = Rows::of(LINE_ITEMS, output, Vec::new());
        for (_, batch) in &mut rows.batches {
            self.fits_metric(batch)?;
            *batch = with_metric(batch, self.metric).map_err(|error| bug(&error))?;
        }
        Ok(rows)
    }

    /// Without a manifest the metric is what a path or setting says, or else assumed: then rows must not contradict it.
    fn fits_metric(&self, batch: &RecordBatch) -> Result<(), Failure> {
        let unused = || batch.column_by_name("charge_type").is_some_and(|column| has_any(column, &ONLY_AMORTIZED));
        if self.certain || self.metric == Metric::Amortized || !unused() {
            return Ok(());
        }
        let message = "the file is taken for actual costs, and has charges for unused commitments, which only amortized \
                       exports have: set `metric` to \"amortized\" for this source, or put the word into the export's path";
        Err(skip_report("input.wrong-metric", message))
    }
}

/// Whether a text column has one of these texts. Dictionaries hold the texts of their rows alone.
fn has_any(column: &ArrayRef, texts: &[&str]) -> bool {
    let values = match column.as_any_dictionary_opt() {
        Some(dictionary) => dictionary.values(),
        None => column,
    };
    let values = values.as_string_opt::<i32>();
    values.is_some_and(|values| values.iter().flatten().any(|text| texts.contains(&text)))
}

fn with_metric(batch: &RecordBatch, metric: Metric) -> Result<RecordBatch, ArrowError> {
    let at = batch.schema().index_of(METRIC)?;
    let keys = UInt8Array::from_value(0, batch.num_rows());
    let column = DictionaryArray::try_new(keys, Arc::new(StringArray::from(vec![metric.name()])))?;
    let schema = batch.schema();
    let fields = schema.fields().iter().enumerate();
    let fields: Vec<Arc<Field>> = fields
        .map(|(index, field)| {
            if index == at { Arc::new(Field::new(METRIC, column.data_type().clone(), true)) } else { Arc::clone(field) }
        })
        .collect();
    let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
    if let Some(slot) = columns.get_mut(at) {
        *slot = Arc::new(column);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

fn bug(error: &ArrowError) -> Failure {
    abort("plugin.bug", format!("line items could not be given their metric ({error}): this is a bug of the plugin"))
}
