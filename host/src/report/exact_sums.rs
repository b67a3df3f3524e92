//! Sums and averages in free SQL that cannot overflow.
//!
//! DataFusion adds `decimal(38, 18)` in 38 digits and wraps silently past 10^20, and fails on averages. Here `sum` and
//! `avg` of such columns run in 76 digits instead, under the same name.

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunction};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{ExprSchemable, WindowFunctionDefinition};
use datafusion::prelude::{Expr, cast};

/// Digits of a `Decimal256`.
const DIGITS: u8 = 76;

#[derive(Debug)]
pub(super) struct ExactSums;

impl FunctionRewrite for ExactSums {
    fn name(&self) -> &'static str {
        "exact_sums"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        match expr {
            Expr::AggregateFunction(AggregateFunction { func, mut params }) => {
                let changed = adds_up(func.name()) && widen(&mut params.args, schema);
                let expr = Expr::AggregateFunction(AggregateFunction { func, params });
                Ok(Transformed::new_transformed(expr, changed))
            }
            Expr::WindowFunction(mut window) => {
                let WindowFunction { fun, params } = window.as_mut();
                let is_sum = matches!(fun, WindowFunctionDefinition::AggregateUDF(func) if adds_up(func.name()));
                let changed = is_sum && widen(&mut params.args, schema);
                Ok(Transformed::new_transformed(Expr::WindowFunction(window), changed))
            }
            other => Ok(Transformed::no(other)),
        }
    }
}

fn adds_up(function: &str) -> bool {
    matches!(function, "sum" | "avg")
}

/// Casts narrow decimals among the arguments; whether there were any.
fn widen(args: &mut [Expr], schema: &DFSchema) -> bool {
    let mut changed = false;
    for arg in args {
        if let Ok(DataType::Decimal128(_, scale)) = arg.get_type(schema) {
            let narrow = std::mem::take(arg);
            *arg = cast(narrow, DataType::Decimal256(DIGITS, scale));
            changed = true;
        }
    }
    changed
}
