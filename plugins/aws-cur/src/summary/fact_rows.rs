//! The result beside the daily summary: the bill, tag keys and accounts' names, made of facts.

use super::facts::Topic;
use crate::manifest::{ACCOUNTS, BILLS, KEYS};
use crate::tables::{PROVIDER_TYPE, aliases_schema, bill_schema};
use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::SchemaRef;
use costhost_sdk::contract::{Failure, Period};
use costhost_sdk::failure::abort;
use costhost_sdk::summary::arrays::unbuildable;
use costhost_sdk::summary::facts::Fact;
use costhost_sdk::tag_keys;
use std::sync::Arc;

const MICROS: i64 = 1_000_000;
/// The type of the bill that AWS makes at the end of each month; others are of purchases and refunds in between.
const MONTHLY: &str = "Anniversary";

/// The tables of these facts, which are sorted. There is always one bill; of the others, those that have rows.
///
/// # Errors
/// When the period is beyond what a timestamp holds.
pub(crate) fn tables(facts: &[Fact<'_>], period: Period) -> Result<Vec<(u32, RecordBatch)>, Failure> {
    let tables = [(BILLS, bill(facts, period)?), (KEYS, keys(facts)?), (ACCOUNTS, aliases(facts)?)];
    Ok(tables.into_iter().filter(|(_, rows)| rows.num_rows() > 0).collect())
}

fn of<'f, 'a>(facts: &'f [Fact<'a>], topic: Topic) -> impl Iterator<Item = &'f Fact<'a>> {
    facts.iter().filter(move |fact| fact.topic == topic.number())
}

fn bill(facts: &[Fact<'_>], period: Period) -> Result<RecordBatch, Failure> {
    let texts = |topic| of(facts, topic).map(|fact| fact.text);
    let kind = texts(Topic::BillType).find(|kind| *kind == MONTHLY).or_else(|| texts(Topic::BillType).next());
    let mut invoices = ListBuilder::new(StringBuilder::new());
    texts(Topic::Invoice).for_each(|invoice| invoices.values().append_value(invoice));
    invoices.append(true);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter([kind])),
        Arc::new(StringArray::from_iter([texts(Topic::Payer).next()])),
        instant(period.start)?,
        instant(period.end)?,
        Arc::new(invoices.finish()),
    ];
    batch(bill_schema(), columns)
}

fn instant(seconds: i64) -> Result<ArrayRef, Failure> {
    let micros = seconds.checked_mul(MICROS).ok_or_else(|| {
        abort("summary.period", "the billing period is beyond what a timestamp holds; this is a bug of the host")
    })?;
    Ok(Arc::new(TimestampMicrosecondArray::from_iter_values([micros]).with_timezone("UTC")))
}

fn keys(facts: &[Fact<'_>]) -> Result<RecordBatch, Failure> {
    tag_keys::rows(of(facts, Topic::TagKey).map(|fact| fact.text), PROVIDER_TYPE)
}

/// An account has one name. Of several, as after a change of name within the month, the largest text stands: any rule
/// would do that does not ask which came first.
fn aliases(facts: &[Fact<'_>]) -> Result<RecordBatch, Failure> {
    let mut named: Vec<&Fact<'_>> = Vec::new();
    for fact in of(facts, Topic::AccountName) {
        match named.last_mut() {
            Some(last) if last.subject == fact.subject => *last = fact,
            _ => named.push(fact),
        }
    }
    let accounts = StringArray::from_iter_values(named.iter().map(|fact| fact.subject));
    let names = StringArray::from_iter_values(named.iter().map(|fact| fact.text));
    batch(aliases_schema(), vec![Arc::new(accounts), Arc::new(names)])
}

fn batch(schema: SchemaRef, columns: Vec<ArrayRef>) -> Result<RecordBatch, Failure> {
    RecordBatch::try_new(schema, columns).map_err(|error| unbuildable(&error))
}
