//! Exact sums of what the lake holds of one load.

use std::collections::BTreeMap;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal256Type, Int64Type, i256};
use datafusion::common::TableReference;
use datafusion::functions_aggregate::expr_fn::{count, sum};
use datafusion::prelude::{DataFrame, Expr, SessionContext, ident, lit};

use super::InvoiceTotal;
use crate::ingest::loaded::partition_of;
use crate::ingest::totals::decimal_text;
use crate::lake::{Lake, LoadRecord, REJECTS_TABLE};
use crate::report::{EXACT_SUM, ReportError, lake_session};

/// By currency, in units of 10^-18.
pub type Sums = BTreeMap<String, i256>;

/// One state of the lake's tables of one provider.
pub struct LakeSums {
    context: SessionContext,
    provider: String,
}

impl std::fmt::Debug for LakeSums {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LakeSums").field("provider", &self.provider).finish_non_exhaustive()
    }
}

impl LakeSums {
    /// Opens the tables as they are now.
    ///
    /// # Errors
    /// When the lake cannot be read.
    pub async fn open(lake: &Lake, tenant: &str, provider: &str) -> Result<Self, ReportError> {
        Ok(Self { context: lake_session(lake, tenant).await?, provider: provider.to_owned() })
    }

    /// The rows of one load in a table; none where the table does not exist.
    async fn rows(&self, table: &str, record: &LoadRecord) -> Result<Option<DataFrame>, ReportError> {
        let name = TableReference::partial(self.provider.as_str(), table);
        if !self.context.table_exist(name.clone()).map_err(ReportError::Read)? {
            return Ok(None);
        }
        let Some(partition) = partition_of(record) else { return Ok(None) };
        let here = ident("source").eq(lit(partition.source));
        let here = here.and(ident("year").eq(lit(partition.year))).and(ident("month").eq(lit(partition.month as i32)));
        let rows = self.context.table(name).await.and_then(|rows| rows.filter(here));
        rows.map(Some).map_err(ReportError::Read)
    }

    /// The sum of a column by currency.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn sums(
        &self,
        table: &str,
        column: &str,
        currency: &str,
        record: &LoadRecord,
    ) -> Result<Sums, ReportError> {
        let Some(rows) = self.rows(table, record).await? else { return Ok(Sums::new()) };
        let mut sums = Sums::new();
        for batch in grouped(rows, vec![ident(currency)], total(column)).await? {
            for (keys, sum) in lines(&batch, 1)? {
                // No currency and an empty one are the same.
                let known = sums.entry(keys.into_iter().next().unwrap_or_default()).or_insert(i256::ZERO);
                *known = known.wrapping_add(sum);
            }
        }
        Ok(sums)
    }

    /// Rows of a table.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn count(&self, table: &str, record: &LoadRecord) -> Result<i64, ReportError> {
        match self.rows(table, record).await? {
            Some(rows) => Ok(i64::try_from(rows.count().await.map_err(ReportError::Read)?).unwrap_or(i64::MAX)),
            None => Ok(0),
        }
    }

    /// Whole rows of the input that were set aside.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn rows_set_aside(&self, record: &LoadRecord) -> Result<i64, ReportError> {
        let Some(rows) = self.rows(REJECTS_TABLE, record).await? else { return Ok(0) };
        let rows = rows.filter(ident("whole_row")).map_err(ReportError::Read)?;
        let counted = rows.aggregate(Vec::new(), vec![count(lit(1_i64))]).map_err(ReportError::Read)?;
        let batches = counted.collect().await.map_err(ReportError::Read)?;
        let first = batches.first().and_then(|batch| batch.columns().first()?.as_primitive_opt::<Int64Type>());
        Ok(first.filter(|counts| !counts.is_empty()).map_or(0, |counts| counts.value(0)))
    }

    /// The sum of a column by invoice and currency, in their order.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn invoices(
        &self,
        table: &str,
        invoice: &str,
        (column, currency): (&str, &str),
        record: &LoadRecord,
    ) -> Result<Vec<InvoiceTotal>, ReportError> {
        let Some(rows) = self.rows(table, record).await? else { return Ok(Vec::new()) };
        let mut totals: BTreeMap<Vec<String>, i256> = BTreeMap::new();
        for batch in grouped(rows, vec![ident(invoice), ident(currency)], total(column)).await? {
            for (keys, sum) in lines(&batch, 2)? {
                let known = totals.entry(keys).or_insert(i256::ZERO);
                *known = known.wrapping_add(sum);
            }
        }
        let total = |(keys, sum): (Vec<String>, i256)| {
            let mut keys = keys.into_iter();
            let mut next = || keys.next().unwrap_or_default();
            InvoiceTotal { invoice: next(), currency: next(), total: decimal_text(sum) }
        };
        Ok(totals.into_iter().map(total).collect())
    }
}

fn total(column: &str) -> Expr {
    sum(datafusion::prelude::cast(ident(column), EXACT_SUM))
}

async fn grouped(rows: DataFrame, keys: Vec<Expr>, total: Expr) -> Result<Vec<RecordBatch>, ReportError> {
    rows.aggregate(keys, vec![total]).map_err(ReportError::Read)?.collect().await.map_err(ReportError::Read)
}

/// The first columns as texts, empty where null, with the sum after them. A group without an amount has the sum zero.
fn lines(batch: &RecordBatch, keys: usize) -> Result<Vec<(Vec<String>, i256)>, ReportError> {
    let failed = |error: arrow::error::ArrowError| ReportError::Read(error.into());
    let texts = batch.columns().iter().take(keys).map(|column| cast(column, &DataType::Utf8));
    let texts = texts.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let Some(sums) = batch.columns().get(keys) else { return Ok(Vec::new()) };
    let sums = cast(sums, &EXACT_SUM).map_err(failed)?;
    let sums = sums.as_primitive::<Decimal256Type>();
    let key = |row: usize| {
        let cell = |column: &arrow::array::ArrayRef| {
            let column = column.as_string::<i32>();
            if column.is_null(row) { String::new() } else { column.value(row).to_owned() }
        };
        texts.iter().map(cell).collect()
    };
    Ok((0..batch.num_rows())
        .map(|row| (key(row), if sums.is_null(row) { i256::ZERO } else { sums.value(row) }))
        .collect())
}
