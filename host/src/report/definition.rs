//! A report's declaration met with a question: names become expressions over the table's columns.

use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use chrono::NaiveDate;
use datafusion::functions::expr_fn::{contains, date_trunc, lower};
use datafusion::prelude::{Expr, cast, ident, lit};
use datafusion::scalar::ScalarValue;

use super::answer::Meaning;
use super::error::ReportError;
use super::json_text::json_get_text;
use super::query::{Filter, ReportQuery, Resolution};
use crate::plugin::manifest::{Condition, Measure, ReportDefinition, Unit};

/// What a missing value is called.
pub(super) const MISSING: &str = "(none)";

/// Something rows are grouped by.
#[derive(Debug)]
pub(super) struct Key {
    /// Column of the answer.
    pub(super) name: String,
    pub(super) expr: Expr,
    pub(super) meaning: Meaning,
    /// Whether it says what measures count in: totals are kept apart by it.
    pub(super) unit: bool,
}

/// A declaration and the schema it is about.
pub(super) struct Declared<'a> {
    pub(super) report: &'a ReportDefinition,
    pub(super) schema: SchemaRef,
}

impl Declared<'_> {
    fn unknown<'b>(&self, kind: &'static str, name: &str, known: impl Iterator<Item = &'b str>) -> ReportError {
        let mut known: Vec<&str> = known.collect();
        if kind != "measure" && self.report.tags.is_some() {
            known.push("tag:<key>");
        }
        ReportError::Unknown { kind, name: name.to_owned(), report: self.report.name.clone(), known: known.join(", ") }
    }

    /// The column, as a quoted identifier, with its type.
    pub(super) fn column(&self, name: &str) -> Result<(Expr, DataType), ReportError> {
        match self.schema.field_with_name(name) {
            Ok(field) => Ok((ident(name), field.data_type().clone())),
            Err(_) => Err(ReportError::Column { report: self.report.name.clone(), column: name.to_owned() }),
        }
    }

    /// A column to group by: dictionaries as the text they hold.
    fn plain_column(&self, name: &str) -> Result<Expr, ReportError> {
        let (expr, data_type) = self.column(name)?;
        Ok(match data_type {
            DataType::Dictionary(_, values) => cast(expr, *values),
            _ => expr,
        })
    }

    fn dimension(&self, name: &str, kind: &'static str) -> Result<Expr, ReportError> {
        if let (Some(key), Some(tags)) = (name.strip_prefix("tag:"), &self.report.tags) {
            return Ok(json_get_text().call(vec![self.column(tags)?.0, lit(key)]));
        }
        match self.report.dimensions.iter().find(|dimension| dimension.name == name) {
            Some(dimension) => self.plain_column(&dimension.column),
            None => Err(self.unknown(kind, name, self.report.dimensions.iter().map(|known| known.name.as_str()))),
        }
    }

    /// The measures asked for, or the first one.
    pub(super) fn measures(&self, query: &ReportQuery) -> Result<Vec<&Measure>, ReportError> {
        let known = || self.report.measures.iter().map(|measure| measure.name.as_str());
        if query.measures.is_empty() {
            return Ok(self.report.measures.iter().take(1).collect());
        }
        let mut measures: Vec<&Measure> = Vec::new();
        for name in &query.measures {
            let found = self.report.measures.iter().find(|measure| measure.name == *name);
            let measure = found.ok_or_else(|| self.unknown("measure", name, known()))?;
            if !measures.contains(&measure) {
                measures.push(measure);
            }
        }
        Ok(measures)
    }

    /// What rows are grouped by: time, what was asked for, and whatever the measures count in.
    pub(super) fn keys(&self, query: &ReportQuery, measures: &[&Measure]) -> Result<Vec<Key>, ReportError> {
        let mut keys = Vec::new();
        let (time, _) = self.column(&self.report.time)?;
        let day = cast(time, DataType::Date32);
        match query.resolution {
            Resolution::Total => {}
            Resolution::Daily => {
                keys.push(Key { name: "date".to_owned(), expr: day, meaning: Meaning::Plain, unit: false });
            }
            Resolution::Monthly => {
                let start = cast(day, DataType::Timestamp(TimeUnit::Microsecond, None));
                let expr = cast(date_trunc(lit("month"), start), DataType::Date32);
                keys.push(Key { name: "month".to_owned(), expr, meaning: Meaning::Month, unit: false });
            }
        }
        for name in &query.group_by {
            if !keys.iter().any(|key| key.name == *name) {
                let expr = self.dimension(name, "dimension")?;
                keys.push(Key { name: name.clone(), expr, meaning: Meaning::Plain, unit: false });
            }
        }
        for measure in measures {
            let (short, column) = match &measure.unit {
                Unit::Currency(column) => ("currency", column),
                Unit::Column(column) => ("unit", column),
                Unit::None => continue,
            };
            let expr = self.plain_column(column)?;
            if let Some(key) = keys.iter_mut().find(|key| key.expr == expr) {
                key.unit = true;
                continue;
            }
            let taken = keys.iter().any(|key| key.name == short);
            let name = if taken { column.clone() } else { short.to_owned() };
            keys.push(Key { name, expr, meaning: Meaning::Plain, unit: true });
        }
        Ok(keys)
    }

    /// Everything that must hold of a row.
    pub(super) fn conditions(&self, query: &ReportQuery) -> Result<Vec<Expr>, ReportError> {
        let mut all = Vec::new();
        for clause in &self.report.clauses {
            let any = clause.iter().map(|condition| self.condition(condition)).collect::<Result<Vec<_>, _>>()?;
            all.extend(any.into_iter().reduce(Expr::or));
        }
        let (time, time_type) = self.column(&self.report.time)?;
        if let Some(from) = query.from {
            all.push(time.clone().gt_eq(instant(from, &time_type)));
        }
        // The day after the last one, so that all of its hours are in.
        if let Some(end) = query.to.and_then(|day| day.succ_opt()) {
            all.push(time.lt(instant(end, &time_type)));
        }
        for filter in &query.filters {
            all.push(self.filter(filter)?);
        }
        Ok(all)
    }

    fn condition(&self, condition: &Condition) -> Result<Expr, ReportError> {
        Ok(match condition {
            Condition::NotNull(column) => self.column(column)?.0.is_not_null(),
            Condition::OneOf(column, values) => as_text(self.column(column)?.0).in_list(lit_list(values), false),
            Condition::Contains(column, text) => contains(as_text(self.column(column)?.0), lit(text.as_str())),
            Condition::ContainsInAnyCase(column, text) => {
                contains(lower(as_text(self.column(column)?.0)), lit(text.to_lowercase()))
            }
        })
    }

    fn filter(&self, filter: &Filter) -> Result<Expr, ReportError> {
        let value = self.dimension(&filter.name, "filter")?;
        let missing = filter.values.iter().any(|value| value.is_empty() || value == MISSING);
        let listed = as_text(value.clone()).in_list(lit_list(&filter.values), filter.exclude);
        // `in` is null for a missing value, so what happens to those is said apart.
        Ok(match (filter.exclude, missing) {
            (false, false) => listed,
            (false, true) => listed.or(value.is_null()),
            (true, false) => listed.or(value.is_null()),
            (true, true) => listed.and(value.is_not_null()),
        })
    }
}

fn as_text(expr: Expr) -> Expr {
    cast(expr, DataType::Utf8)
}

fn lit_list(values: &[String]) -> Vec<Expr> {
    values.iter().map(|value| lit(value.as_str())).collect()
}

/// The start of a day as a literal of the time column's own type, so that files can be skipped by their statistics.
fn instant(day: NaiveDate, data_type: &DataType) -> Expr {
    let seconds = day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp();
    let value = match data_type {
        DataType::Timestamp(TimeUnit::Second, zone) => ScalarValue::TimestampSecond(Some(seconds), zone.clone()),
        DataType::Timestamp(TimeUnit::Millisecond, zone) => {
            ScalarValue::TimestampMillisecond(Some(seconds * 1_000), zone.clone())
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            ScalarValue::TimestampMicrosecond(Some(seconds * 1_000_000), zone.clone())
        }
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            ScalarValue::TimestampNanosecond(seconds.checked_mul(1_000_000_000), zone.clone())
        }
        _ => ScalarValue::Date32(i32::try_from(seconds / 86_400).ok()),
    };
    Expr::Literal(value, None)
}
