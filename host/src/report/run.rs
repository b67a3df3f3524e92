//! A declared report, run: project, group, add up exactly, sort, total.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Decimal256Type, DecimalType, i256};
use datafusion::catalog::TableProvider;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::expr_fn::{array_agg, count_distinct, max, sum};
use datafusion::functions_nested::expr_fn::{array_distinct, array_length, flatten};
use datafusion::logical_expr::{ExprFunctionExt, SortExpr};
use datafusion::prelude::{Expr, SessionContext, cast, ident};

use super::answer::{Answer, AnswerColumn, Meaning, Total};
use super::definition::{Declared, Key};
use super::error::ReportError;
use super::number::trim;
use super::query::{Order, ReportQuery};
use super::render::text_of;
use crate::plugin::manifest::{Aggregate, Measure, ReportDefinition, Unit};

/// 38 digits are enough for a row, not for the sum of many: 20 of them stand before the point.
pub const EXACT_SUM: DataType = DataType::Decimal256(76, 18);

/// Answers a question to a declared report from its table.
///
/// # Errors
/// [`ReportError::is_usage`] ones for names and values that do not fit the report; others when reading fails.
pub async fn run_report(
    ctx: &SessionContext,
    table: Arc<dyn TableProvider>,
    definition: &ReportDefinition,
    query: &ReportQuery,
) -> Result<Answer, ReportError> {
    let declared = Declared { report: definition, schema: table.schema() };
    let measures = declared.measures(query)?;
    let keys = declared.keys(query, &measures)?;
    let mut rows = ctx.read_table(table).map_err(ReportError::Read)?;
    for condition in declared.conditions(query)? {
        rows = rows.filter(condition).map_err(ReportError::Read)?;
    }
    let mut inputs = Vec::new();
    for measure in &measures {
        inputs.push(declared.column(&measure.column)?);
    }
    let order = sort_order(definition, query, &keys, &measures)?;
    let grouped = group(rows, &keys, &measures, inputs).map_err(ReportError::Read)?;
    let sorted = grouped.sort(order).map_err(ReportError::Read)?;
    let schema = Arc::new(sorted.schema().as_arrow().clone());
    let batches = sorted.collect().await.map_err(ReportError::Read)?;
    let schema = batches.first().map_or(schema, RecordBatch::schema);
    let all = concat_batches(&schema, &batches).map_err(|error| ReportError::Read(error.into()))?;
    let totals = totals(&all, &keys, &measures);
    let shown = query.limit.map_or(all.num_rows(), |limit| limit.min(all.num_rows()));
    Ok(Answer {
        columns: columns(&keys, &measures),
        row_count: all.num_rows(),
        rows: vec![all.slice(0, shown)],
        totals,
    })
}

fn columns(keys: &[Key], measures: &[&Measure]) -> Vec<AnswerColumn> {
    let keys = keys.iter().map(|key| AnswerColumn { name: key.name.clone(), meaning: key.meaning.clone() });
    let measures = measures.iter().map(|measure| AnswerColumn {
        name: measure.name.clone(),
        meaning: if matches!(measure.unit, Unit::Currency(_)) { Meaning::Money } else { Meaning::Plain },
    });
    keys.chain(measures).collect()
}

/// Groups and aggregates. Inner columns are named by their place, so that no name can stand for two things.
fn group(
    rows: DataFrame,
    keys: &[Key],
    measures: &[&Measure],
    inputs: Vec<(Expr, DataType)>,
) -> Result<DataFrame, DataFusionError> {
    let (key, input, output) = (|i| format!("k{i}"), |i| format!("m{i}"), |i| format!("a{i}"));
    let types: Vec<DataType> = inputs.iter().map(|(_, data_type)| data_type.clone()).collect();
    let projected = rows.select(
        keys.iter()
            .enumerate()
            .map(|(i, k)| k.expr.clone().alias(key(i)))
            .chain(inputs.into_iter().enumerate().map(|(i, (expr, _))| expr.alias(input(i))))
            .collect::<Vec<_>>(),
    )?;
    let mut aggregates = Vec::new();
    let mut finals: Vec<Expr> = keys.iter().enumerate().map(|(i, k)| ident(key(i)).alias(k.name.clone())).collect();
    for (i, (measure, data_type)) in measures.iter().zip(&types).enumerate() {
        let column = ident(input(i));
        let is_list = matches!(data_type, DataType::List(_) | DataType::LargeList(_));
        let (aggregate, result) = match measure.aggregate {
            Aggregate::Sum if data_type.is_floating() => (sum(column), ident(output(i))),
            Aggregate::Sum => (sum(cast(column, EXACT_SUM)), ident(output(i))),
            Aggregate::Max => (max(column), ident(output(i))),
            Aggregate::CountDistinct if is_list => {
                let lists = array_agg(column.clone()).filter(column.is_not_null()).build()?;
                (lists, array_length(array_distinct(flatten(ident(output(i))))))
            }
            Aggregate::CountDistinct => (count_distinct(column), ident(output(i))),
        };
        aggregates.push(aggregate.alias(output(i)));
        finals.push(result.alias(measure.name.clone()));
    }
    projected.aggregate((0..keys.len()).map(|i| ident(key(i))).collect(), aggregates)?.select(finals)
}

fn sort_order(
    definition: &ReportDefinition,
    query: &ReportQuery,
    keys: &[Key],
    measures: &[&Measure],
) -> Result<Vec<SortExpr>, ReportError> {
    let is_measure = |name: &str| measures.iter().any(|measure| measure.name == name);
    let is_key = |name: &str| keys.iter().any(|key| key.name == name);
    let mut order: Vec<(String, bool)> = Vec::new();
    for Order { name, descending } in &query.order_by {
        if !is_measure(name) && !is_key(name) {
            let known: Vec<&str> =
                keys.iter().map(|key| key.name.as_str()).chain(measures.iter().map(|m| m.name.as_str())).collect();
            return Err(ReportError::Unknown {
                kind: "column to order by",
                name: name.clone(),
                report: definition.name.clone(),
                known: known.join(", "),
            });
        }
        order.push((name.clone(), descending.unwrap_or_else(|| is_measure(name))));
    }
    if query.order_by.is_empty() {
        // Amounts of two currencies do not compare, so currencies come one after the other.
        let first = keys.iter().filter(|key| key.unit || matches!(key.name.as_str(), "date" | "month"));
        order.extend(first.map(|key| (key.name.clone(), false)));
        order.extend(measures.first().map(|measure| (measure.name.clone(), true)));
    }
    // Whatever else, the same question has the same answer in the same order.
    order.extend(keys.iter().map(|key| (key.name.clone(), false)));
    order.dedup_by(|later, earlier| later.0 == earlier.0);
    Ok(order.into_iter().map(|(name, descending)| ident(name).sort(!descending, false)).collect())
}

/// One line of totals for each currency (and unit) that occurs. Only sums can be added up.
fn totals(rows: &RecordBatch, keys: &[Key], measures: &[&Measure]) -> Vec<Total> {
    let mut sums: BTreeMap<Vec<Option<String>>, Vec<Option<i256>>> = BTreeMap::new();
    for row in 0..rows.num_rows() {
        let units = keys.iter().zip(rows.columns()).map(
            |(key, column)| {
                if key.unit { text_of(column.as_ref(), row) } else { None }
            },
        );
        let line = sums.entry(units.collect()).or_insert_with(|| vec![None; measures.len()]);
        for (cell, column) in line.iter_mut().zip(rows.columns().iter().skip(keys.len())) {
            if let Some(values) = column.as_primitive_opt::<Decimal256Type>().filter(|values| values.is_valid(row)) {
                *cell = Some(cell.unwrap_or(i256::ZERO).wrapping_add(values.value(row)));
            }
        }
    }
    sums.into_iter()
        .map(|(units, line)| {
            let cells = line.into_iter().zip(measures).map(|(cell, measure)| {
                let cell = cell.filter(|_| measure.aggregate == Aggregate::Sum)?;
                Some(trim(&Decimal256Type::format_decimal(cell, 76, 18)))
            });
            units.into_iter().chain(cells).collect()
        })
        .collect()
}
