//! Reconciliation: does what was read, what the lake holds and what a database holds come to the same, to the last digit?

mod check;
mod lake_sums;

pub use check::{Check, Figure, InvoiceTotal, Reconciliation, Verdict};
pub use lake_sums::{LakeSums, Sums};

use std::collections::BTreeMap;

use crate::ingest::loaded::month_of;
use crate::ingest::totals::parse_decimal_exact;
use crate::lake::LoadRecord;
use crate::postgres::definition::{DatabaseDefinition, RowsTable};
use crate::report::ReportError;

/// What a database holds of one bill: exact sums by table and currency.
pub type DatabaseSums = BTreeMap<String, Sums>;

/// Compares one load with what the lake holds of it, and with a database where its sums are given.
///
/// # Errors
/// When the lake cannot be read.
pub async fn reconcile(
    lake: &LakeSums,
    definition: &DatabaseDefinition,
    record: &LoadRecord,
    receipt: &serde_json::Value,
    database: Option<&DatabaseSums>,
) -> Result<Reconciliation, ReportError> {
    let month = month_of(record).map(|month| month.to_string()).unwrap_or_default();
    let mut result = Reconciliation { source: record.source.clone(), period: month, ..Reconciliation::default() };
    let read = totals_as_read(record);
    let set_aside = lake.rows_set_aside(record).await?;
    for rows in &definition.rows {
        let count = lake.count(&rows.name, record).await?;
        if definition.rows.len() == 1 {
            let unlisted = receipt["rejects_unlisted"].as_i64().unwrap_or_default();
            let most = record.rows - set_aside;
            // Of rejects that were too many to list it is not known which left out their whole row.
            let expected = if unlisted > 0 { count.clamp(most - unlisted, most) } else { most };
            result.compare_counts("rows read, less those set aside", expected, &format!("{}: rows", rows.name), count);
        }
        let Some((column, currency)) = &rows.total else { continue };
        let in_lake = lake.sums(&rows.name, column, currency, record).await?;
        let as_read = read.get(column).cloned().unwrap_or_default();
        result.compare(&Figure::new("as read", column), &as_read, &Figure::new(&rows.name, column), &in_lake);
        for name in &rows.summaries {
            compare_summary(&mut result, lake, definition, record, (rows, name), &in_lake, database).await?;
        }
        if let Some(invoice) = &rows.invoice {
            result.invoices.extend(lake.invoices(&rows.name, invoice, (column, currency), record).await?);
        }
    }
    result.add_identities(receipt);
    result.add_files(record, receipt);
    Ok(result)
}

async fn compare_summary(
    result: &mut Reconciliation,
    lake: &LakeSums,
    definition: &DatabaseDefinition,
    record: &LoadRecord,
    (rows, name): (&RowsTable, &str),
    of_rows: &Sums,
    database: Option<&DatabaseSums>,
) -> Result<(), ReportError> {
    let Some((column, currency)) = definition.table(name).and_then(|table| table.total.clone()) else { return Ok(()) };
    let summary = lake.sums(name, &column, &currency, record).await?;
    let from = rows.total.as_ref().map_or("", |(column, _)| column);
    result.compare(&Figure::new(&rows.name, from), of_rows, &Figure::new(name, &column), &summary);
    if let Some(database) = database {
        let published = database.get(name).cloned().unwrap_or_default();
        let figure = Figure::new(&format!("postgres {name}"), &column);
        result.compare(&Figure::new(name, &column), &summary, &figure, &published);
    }
    Ok(())
}

/// Totals by column and currency, from the record of the load.
fn totals_as_read(record: &LoadRecord) -> BTreeMap<String, Sums> {
    let totals: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_str(&record.totals).unwrap_or_default();
    let sums = |by_currency: BTreeMap<String, String>| {
        by_currency.into_iter().filter_map(|(currency, text)| Some((currency, parse_decimal_exact(&text)?))).collect()
    };
    totals.into_iter().map(|(column, by_currency)| (column, sums(by_currency))).collect()
}
