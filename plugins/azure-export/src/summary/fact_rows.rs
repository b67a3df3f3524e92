//! The result beside the daily summary: the bill and tag keys, made of facts.

use super::facts::Topic;
use crate::manifest::{BILLS, KEYS};
use crate::tables::{PROVIDER_TYPE, bill_schema};
use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use costhost_sdk::contract::{Failure, Period};
use costhost_sdk::failure::abort;
use costhost_sdk::summary::arrays::unbuildable;
use costhost_sdk::summary::facts::Fact;
use costhost_sdk::tag_keys;
use std::sync::Arc;

const MICROS: i64 = 1_000_000;

/// The tables of these facts, which are sorted. There is always one bill; tag keys only where there are some.
///
/// # Errors
/// When the period is beyond what a timestamp holds.
pub(crate) fn tables(facts: &[Fact<'_>], period: Period) -> Result<Vec<(u32, RecordBatch)>, Failure> {
    let keys = tag_keys::rows(texts(facts, Topic::TagKey), PROVIDER_TYPE)?;
    let tables = [(BILLS, bill(facts, period)?), (KEYS, keys)];
    Ok(tables.into_iter().filter(|(_, rows)| rows.num_rows() > 0).collect())
}

fn texts<'a>(facts: &[Fact<'a>], topic: Topic) -> impl Iterator<Item = &'a str> {
    facts.iter().filter(move |fact| fact.topic == topic.number()).map(|fact| fact.text)
}

/// A delivery is of one billing account. Should lines name several, the first of them stands for the bill.
fn bill(facts: &[Fact<'_>], period: Period) -> Result<RecordBatch, Failure> {
    let first = |topic| -> ArrayRef { Arc::new(StringArray::from_iter([texts(facts, topic).next()])) };
    let mut invoices = ListBuilder::new(StringBuilder::new());
    texts(facts, Topic::Invoice).for_each(|invoice| invoices.values().append_value(invoice));
    invoices.append(true);
    let columns: Vec<ArrayRef> = vec![
        first(Topic::BillingAccount),
        first(Topic::BillingAccountName),
        first(Topic::Metric),
        instant(period.start)?,
        instant(period.end)?,
        Arc::new(invoices.finish()),
    ];
    RecordBatch::try_new(bill_schema(), columns).map_err(|error| unbuildable(&error))
}

fn instant(seconds: i64) -> Result<ArrayRef, Failure> {
    let micros = seconds.checked_mul(MICROS).ok_or_else(|| {
        abort("summary.period", "the billing period is beyond what a timestamp holds; this is a bug of the host")
    })?;
    Ok(Arc::new(TimestampMicrosecondArray::from_iter_values([micros]).with_timezone("UTC")))
}
