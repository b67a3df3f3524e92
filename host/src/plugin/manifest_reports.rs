//! Checks of the reports a plugin declares: every column they name exists and has a type the question makes sense for.

use arrow::datatypes::DataType;

use super::abi::v0_1::describe as wit;
use super::imports::log::printable;
use super::manifest::{Aggregate, Clause, Condition, Dimension, Measure, ReportDefinition, Table, Unit};
use super::manifest_check::{column, is_name, is_text, typed_column, unique};

const MAX_TITLE: usize = 200;

pub(super) fn report(declared: wit::Report, tables: &[Table]) -> Result<ReportDefinition, String> {
    name("report", &declared.name)?;
    let place = format!("report {}", declared.name);
    let Some(table) = tables.get(declared.table as usize) else {
        return Err(format!("{place} points at table {}, and there are {}", declared.table, tables.len()));
    };
    typed_column(table, &place, &declared.time, "a date or timestamp column", |found| {
        matches!(found, DataType::Date32 | DataType::Timestamp(_, _))
    })?;
    let dimensions = declared.dimensions.into_iter().map(|declared| dimension(declared, table, &place));
    let dimensions = dimensions.collect::<Result<Vec<_>, _>>()?;
    let measures = declared.measures.into_iter().map(|declared| measure(declared, table, &place));
    let measures = measures.collect::<Result<Vec<_>, _>>()?;
    if measures.is_empty() {
        return Err(format!("{place} has no measure"));
    }
    // One name space: both are what users write after `--order-by`.
    let names = dimensions.iter().map(|each| each.name.as_str()).chain(measures.iter().map(|each| each.name.as_str()));
    unique("dimension and measure", names).map_err(|problem| format!("{place}: {problem}"))?;
    let clauses = clauses(declared.where_, table, &place)?;
    if let Some(tags) = &declared.tags {
        typed_column(table, &place, tags, "a map or text column for tags", |found| {
            is_text(found) || matches!(found, DataType::Map(_, _))
        })?;
    }
    Ok(ReportDefinition {
        name: declared.name,
        title: printable(&declared.title, MAX_TITLE),
        table: table.name.clone(),
        time: declared.time,
        dimensions,
        measures,
        clauses,
        tags: declared.tags,
    })
}

fn name(what: &str, name: &str) -> Result<(), String> {
    if is_name(name, '-') {
        return Ok(());
    }
    Err(format!("the {what} name `{}` is not of the form [a-z][a-z0-9-]{{0,62}}", printable(name, 80)))
}

fn dimension(declared: wit::Dimension, table: &Table, place: &str) -> Result<Dimension, String> {
    name("dimension", &declared.name).map_err(|problem| format!("{place}: {problem}"))?;
    let place = format!("{place}, dimension {}", declared.name);
    typed_column(table, &place, &declared.column, "a column of plain values", |found| !found.is_nested())?;
    Ok(Dimension { name: declared.name, column: declared.column, title: printable(&declared.title, MAX_TITLE) })
}

fn measure(declared: wit::Measure, table: &Table, place: &str) -> Result<Measure, String> {
    name("measure", &declared.name).map_err(|problem| format!("{place}: {problem}"))?;
    let place = format!("{place}, measure {}", declared.name);
    let aggregate = match declared.aggregate {
        wit::Aggregate::Sum => Aggregate::Sum,
        wit::Aggregate::Max => Aggregate::Max,
        wit::Aggregate::CountDistinct => Aggregate::CountDistinct,
    };
    match aggregate {
        Aggregate::Sum | Aggregate::Max => {
            typed_column(table, &place, &declared.column, "a column of numbers", DataType::is_numeric)?;
        }
        // A list column, or text that holds a JSON list.
        Aggregate::CountDistinct => {
            typed_column(table, &place, &declared.column, "a list or text column", |found| {
                is_text(found) || matches!(found, DataType::List(_))
            })?;
        }
    }
    let unit = match declared.unit {
        wit::Unit::Currency(column) => Unit::Currency(column),
        wit::Unit::Column(column) => Unit::Column(column),
        wit::Unit::None => Unit::None,
    };
    if let Unit::Currency(column) | Unit::Column(column) = &unit {
        typed_column(table, &place, column, "a text column for the unit", is_text)?;
    }
    let title = printable(&declared.title, MAX_TITLE);
    Ok(Measure { name: declared.name, column: declared.column, title, aggregate, unit })
}

/// Conditions of a table's rows: all clauses must hold, and of each at least one condition.
pub(super) fn clauses(declared: Vec<wit::Clause>, table: &Table, place: &str) -> Result<Vec<Clause>, String> {
    let clause = |declared: wit::Clause| {
        let conditions = declared.into_iter().map(|declared| condition(declared, table, place));
        let conditions = conditions.collect::<Result<Clause, _>>()?;
        if conditions.is_empty() {
            Err(format!("{place}: a clause without conditions never holds"))
        } else {
            Ok(conditions)
        }
    };
    declared.into_iter().map(clause).collect()
}

fn condition(declared: wit::Condition, table: &Table, place: &str) -> Result<Condition, String> {
    let place = format!("{place}, condition");
    Ok(match declared {
        wit::Condition::NotNull(name) => {
            column(table, &place, &name)?;
            Condition::NotNull(name)
        }
        wit::Condition::OneOf((name, values)) => {
            typed_column(table, &place, &name, "a text column", is_text)?;
            Condition::OneOf(name, values)
        }
        wit::Condition::Contains((name, text)) => {
            typed_column(table, &place, &name, "a text column", is_text)?;
            Condition::Contains(name, text)
        }
        wit::Condition::ContainsInAnyCase((name, text)) => {
            typed_column(table, &place, &name, "a text column", is_text)?;
            Condition::ContainsInAnyCase(name, text)
        }
    })
}
