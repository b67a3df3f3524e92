//! Which fields of a vendor's rows become which columns of a table, said once for CSV, Parquet and JSON lines.
//!
//! A mapping is turned into a [`Plan`] for each file, because files may have their columns in any order.
//!
//! ```
//! use costhost_sdk::arrow_schema::{DataType, Field, Schema};
//! use costhost_sdk::mapping::Mapping;
//! use costhost_sdk::plan::{amount_type, instant_type, map_type};
//!
//! let columns = Schema::new(vec![
//!     Field::new("charged_at", instant_type(), false),
//!     Field::new("cost", amount_type(), true),
//!     Field::new("currency", DataType::Utf8, true),
//!     Field::new("extra", map_type(), true),
//! ]);
//! let mapping = Mapping::new(columns)
//!     .time("date", "charged_at")
//!     .amount("net", "cost")
//!     .currency("currency", "currency")
//!     .rest("extra");
//!
//! // A file may have its columns in any order, and more of them than the plugin knows.
//! let header = ["net", "region", "currency", "date"].map(str::to_owned);
//! assert_eq!(mapping.for_header(&header)?.time, 3);
//! # Ok::<(), costhost_sdk::contract::Failure>(())
//! ```

use crate::contract::Failure;
use crate::failure::{abort, skip_report};
use crate::plan::{Input, Plan, Target};
use arrow_schema::{Schema, SchemaRef};
use std::sync::Arc;

/// Fields of rows, and the columns they become.
#[derive(Debug, Clone)]
pub struct Mapping {
    schema: SchemaRef,
    fields: Vec<Mapped>,
    time: Option<usize>,
    amount: Option<usize>,
    currency: Option<usize>,
    rest: Option<String>,
}

#[derive(Debug, Clone)]
struct Mapped {
    field: String,
    column: String,
    /// Whether cells are JSON objects, for a map column.
    object: bool,
}

impl Mapping {
    /// No field yet. Columns that no field is mapped to are null.
    #[must_use]
    pub fn new(schema: Schema) -> Mapping {
        let schema = Arc::new(schema);
        Mapping { schema, fields: Vec::new(), time: None, amount: None, currency: None, rest: None }
    }

    /// A field becomes a column: text, an amount or an instant, by the column's type. In JSON lines a field inside another
    /// is written with points: `usage.unit`.
    #[must_use]
    pub fn field(mut self, field: &str, column: &str) -> Mapping {
        self.add(field, column, false);
        self
    }

    /// A field that holds a JSON object becomes a map column.
    #[must_use]
    pub fn object(mut self, field: &str, column: &str) -> Mapping {
        self.add(field, column, true);
        self
    }

    /// The field that tells when a row was charged. A row without it belongs to no day and is set aside.
    #[must_use]
    pub fn time(mut self, field: &str, column: &str) -> Mapping {
        self.time = Some(self.add(field, column, false));
        self
    }

    /// The field with the money of a row. A row in which it cannot be read is set aside.
    #[must_use]
    pub fn amount(mut self, field: &str, column: &str) -> Mapping {
        self.amount = Some(self.add(field, column, false));
        self
    }

    /// The field with the currency of a row's money.
    #[must_use]
    pub fn currency(mut self, field: &str, column: &str) -> Mapping {
        self.currency = Some(self.add(field, column, false));
        self
    }

    /// Fields that are not mapped are kept in this map column, by their names, so that nothing a vendor adds is lost.
    #[must_use]
    pub fn rest(mut self, column: &str) -> Mapping {
        self.rest = Some(column.to_owned());
        self
    }

    fn add(&mut self, field: &str, column: &str, object: bool) -> usize {
        self.fields.push(Mapped { field: field.to_owned(), column: column.to_owned(), object });
        self.fields.len() - 1
    }

    /// The plan for a file whose columns have these names, in the file's order.
    ///
    /// # Errors
    /// When the file lacks the time, the amount or the currency: then it is another kind of file. And when the mapping
    /// names a column that the table does not have: a bug of the plugin.
    pub fn for_header(&self, names: &[String]) -> Result<Plan, Failure> {
        let rest = self.rest_column()?;
        let mut inputs = Vec::with_capacity(names.len());
        for name in names {
            let target = match (self.fields.iter().find(|mapped| mapped.field == *name), rest) {
                (Some(mapped), _) => self.target(mapped)?,
                (None, Some(column)) => Target::Entry { column, key: name.clone() },
                (None, None) => Target::Skip,
            };
            inputs.push(Input { name: name.clone(), target, run: None });
        }
        let find = |index: usize| {
            let field = self.fields.get(index).map_or("", |mapped| mapped.field.as_str());
            names.iter().position(|name| name == field).ok_or_else(|| {
                let message =
                    format!("the file has no column {field}: it is not a report of this kind, or not a whole one");
                skip_report("input.wrong-header", message)
            })
        };
        self.plan(inputs, &find)
    }

    /// The plan for rows that name each of their fields, such as JSON lines: one input for each mapped field in the
    /// mapping's order, and a last one for the rest as a JSON object, where that is kept.
    ///
    /// # Errors
    /// When the mapping names a column that the table does not have: a bug of the plugin.
    pub fn for_named_fields(&self) -> Result<Plan, Failure> {
        let mut inputs = Vec::with_capacity(self.fields.len() + 1);
        for mapped in &self.fields {
            inputs.push(Input { name: mapped.field.clone(), target: self.target(mapped)?, run: None });
        }
        if let Some(column) = self.rest_column()? {
            inputs.push(Input { name: "(rest)".to_owned(), target: Target::Object(column), run: None });
        }
        self.plan(inputs, &Ok)
    }

    /// Whether fields that are not mapped are kept.
    #[must_use]
    pub fn keeps_rest(&self) -> bool {
        self.rest.is_some()
    }

    fn plan(&self, inputs: Vec<Input>, find: &dyn Fn(usize) -> Result<usize, Failure>) -> Result<Plan, Failure> {
        let unsaid =
            |what: &str| abort("plugin.bug", format!("the plugin's mapping names no field for the {what} of a row"));
        let time = find(self.time.ok_or_else(|| unsaid("time"))?)?;
        let amount = find(self.amount.ok_or_else(|| unsaid("amount"))?)?;
        let currency = self.currency.map(find).transpose()?;
        let keys = std::iter::once(time).chain(currency).collect();
        Ok(Plan { schema: Arc::clone(&self.schema), inputs, time, amount, currency, keys, slashed_dates: false })
    }

    fn target(&self, mapped: &Mapped) -> Result<Target, Failure> {
        let column = self.column(&mapped.column)?;
        Ok(if mapped.object { Target::Object(column) } else { Target::Column(column) })
    }

    fn rest_column(&self) -> Result<Option<usize>, Failure> {
        self.rest.as_deref().map(|rest| self.column(rest)).transpose()
    }

    fn column(&self, name: &str) -> Result<usize, Failure> {
        self.schema.index_of(name).map_err(|_| {
            abort("plugin.bug", format!("the plugin's mapping names the column {name}, which its table does not have"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{amount_type, instant_type, map_type};
    use arrow_schema::{DataType, Field};

    fn mapping() -> Mapping {
        let schema = Schema::new(vec![
            Field::new("at", instant_type(), true),
            Field::new("service", DataType::Utf8, true),
            Field::new("cost", amount_type(), true),
            Field::new("currency", DataType::Utf8, true),
            Field::new("extra", map_type(), true),
        ]);
        Mapping::new(schema)
            .time("date", "at")
            .field("product", "service")
            .amount("net", "cost")
            .currency("cur", "currency")
    }

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn columns_may_come_in_any_order_and_more_than_is_known() {
        let plan = mapping().rest("extra").for_header(&owned(&["net", "new", "cur", "date"])).unwrap();
        assert_eq!((plan.time, plan.amount, plan.currency), (3, 0, Some(2)));
        let kept = Target::Entry { column: 4, key: "new".to_owned() };
        let targets: Vec<_> = plan.inputs.iter().map(|input| input.target.clone()).collect();
        assert_eq!(targets, [Target::Column(2), kept, Target::Column(3), Target::Column(0)]);
        let plan = mapping().for_header(&owned(&["net", "new", "cur", "date"])).unwrap();
        assert_eq!(plan.inputs[1].target, Target::Skip);
    }

    #[test]
    fn a_file_without_money_or_time_is_another_kind_of_file() {
        for (names, missing) in [(["date", "cur"], "net"), (["net", "cur"], "date"), (["net", "date"], "cur")] {
            let failure = mapping().for_header(&owned(&names)).unwrap_err();
            assert_eq!(failure.code, "input.wrong-header");
            assert!(failure.message.contains(missing), "{}", failure.message);
        }
    }

    #[test]
    fn a_column_that_is_not_there_is_told_as_the_plugins_bug() {
        let failure = mapping().field("x", "nowhere").for_named_fields().unwrap_err();
        assert!(failure.code == "plugin.bug" && failure.message.contains("nowhere"), "{failure:?}");
    }
}
