//! Declared reports answered from a database: the columns a question needs are read from it, and the same query runs over
//! them as over the lake's tables, so that both give the same answer.

use std::sync::Arc;

use arrow::datatypes::{Date32Type, Schema};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;

use super::answer::Answer;
use super::error::ReportError;
use super::query::ReportQuery;
use super::run::run_report;
use crate::plugin::manifest::{Condition, ReportDefinition, Unit};
use crate::postgres::definition::DatabaseTable;
use crate::postgres::{Database, Days};

/// The answer of a database to a declared report over one of its tables.
///
/// # Errors
/// When the question is not one the report can answer, or the database cannot be read.
pub async fn database_answer(
    database: &Database,
    table: &DatabaseTable,
    definition: &ReportDefinition,
    query: &ReportQuery,
) -> Result<Answer, ReportError> {
    let columns = columns(definition, query);
    let names: Vec<&str> = columns.iter().map(String::as_str).collect();
    let by_day = table.partition_by.as_deref() == Some(definition.time.as_str());
    let days = if by_day { days(query) } else { Days::default() };
    let batches = database.scan(table, &names, days).await.map_err(|error| ReportError::Database(Box::new(error)))?;
    let schema = batches.first().map_or_else(|| Arc::new(Schema::empty()), |batch| batch.schema());
    let rows = MemTable::try_new(schema, vec![batches]).map_err(ReportError::Read)?;
    run_report(&SessionContext::new(), Arc::new(rows), definition, query).await
}

/// The columns that a question looks at. Names that the report does not know are left to the query, which says so.
fn columns(definition: &ReportDefinition, query: &ReportQuery) -> Vec<String> {
    let mut columns = vec![definition.time.clone()];
    let mut add = |name: &str| {
        if !columns.iter().any(|known| known == name) {
            columns.push(name.to_owned());
        }
    };
    for name in query.group_by.iter().chain(query.filters.iter().map(|filter| &filter.name)) {
        match (&definition.tags, name.starts_with("tag:")) {
            (Some(tags), true) => add(tags),
            _ => {
                let known = definition.dimensions.iter().filter(|dimension| dimension.name == *name);
                known.for_each(|dimension| add(&dimension.column));
            }
        }
    }
    let asked = |name: &str| query.measures.iter().any(|measure| measure == name);
    for (place, measure) in definition.measures.iter().enumerate() {
        if asked(&measure.name) || (query.measures.is_empty() && place == 0) {
            add(&measure.column);
            match &measure.unit {
                Unit::Currency(column) | Unit::Column(column) => add(column),
                Unit::None => {}
            }
        }
    }
    for condition in definition.clauses.iter().flatten() {
        match condition {
            Condition::NotNull(column)
            | Condition::OneOf(column, _)
            | Condition::Contains(column, _)
            | Condition::ContainsInAnyCase(column, _) => add(column),
        }
    }
    columns
}

/// The days that a question is about.
fn days(query: &ReportQuery) -> Days {
    let day = Date32Type::from_naive_date;
    Days { from: query.from.map(day), until: query.to.map(|last| day(last) + 1) }
}
