//! Daily costs by declaration: what rows have in common, what is added up, and nothing to program.
//!
//! ```
//! use costhost_sdk::daily::{Daily, DailyRule, DailySums};
//!
//! #[derive(Debug)]
//! struct DailyCosts;
//!
//! impl Daily for DailyCosts {
//!     const RULE: DailyRule = DailyRule {
//!         name: "acme_daily_costs",
//!         input: 0,
//!         output: 1,
//!         time: "charged_at",
//!         group_by: &["account", "service", "currency"],
//!         labels: Some("labels"),
//!         costs: &["cost"],
//!         currency: "currency",
//!         quantities: &["usage"],
//!     };
//! }
//!
//! // What a plugin names as its `Summarize::Accumulator`, and what its manifest declares.
//! type Accumulator = DailySums<DailyCosts>;
//! assert_eq!(DailyCosts::RULE.summary().columns.len(), 7);
//! assert_eq!(DailyCosts::RULE.schema().field(0).name(), "day");
//! ```
//!
//! The law of summaries holds by construction: sums are exact integers, groups are told apart and sorted by their texts,
//! and what is saved are rows of the result, which add up as rows of the input do.

mod groups;
mod rows;

use crate::contract::{Failure, IndexMethod, Summary, Table, TableRole, Task};
use crate::declare::{self, index, json_field, money, owned};
use crate::failure::{abort, fix_settings};
use crate::plan::amount_type;
use crate::plugin::Accumulate;
use crate::settings::TagKeys;
use crate::summary::objects::Objects;
use crate::{ipc, summary::arrays::unbuildable};
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, DataType, Field, Schema};
use groups::Groups;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::Arc;

/// The column of the result with the day.
pub const DAY: &str = "day";
/// Rows of one saved piece and of one batch of the result.
const ROWS: usize = 16 * 1024;

/// A summary of days.
#[derive(Debug, Clone, Copy)]
pub struct DailyRule {
    /// Name of the summary and of the table it fills.
    pub name: &'static str,
    /// Index of the table it folds.
    pub input: u32,
    /// Index of the table it fills.
    pub output: u32,
    /// The column of the input with the time of a row; its UTC day becomes the column `day`.
    pub time: &'static str,
    /// Text columns of the input that are columns of the result, the currency among them.
    pub group_by: &'static [&'static str],
    /// A map column of the input by which rows are grouped too; in the result it is a JSON object with its keys sorted.
    /// Keys that the operator disabled are left out.
    pub labels: Option<&'static str>,
    /// Columns of money that are added up. The first is what receipts carry the total of.
    pub costs: &'static [&'static str],
    /// The column with the currency of the costs.
    pub currency: &'static str,
    /// Other decimal columns that are added up.
    pub quantities: &'static [&'static str],
}

impl DailyRule {
    /// Columns of the result: `day`, what rows are grouped by, the labels, costs and quantities.
    #[must_use]
    pub fn schema(&self) -> Schema {
        let mut fields = vec![Field::new(DAY, DataType::Date32, false)];
        fields.extend(self.group_by.iter().map(|name| Field::new(*name, DataType::Utf8, true)));
        fields.extend(self.labels.map(|name| json_field(name, false)));
        fields.extend(self.sums().map(|name| Field::new(name, amount_type(), true)));
        Schema::new(fields)
    }

    /// The table of the result, as a manifest declares it. The first column of costs is the one receipts total.
    ///
    /// # Errors
    /// When Arrow cannot encode the schema; a bug.
    pub fn table(&self) -> Result<Table, ArrowError> {
        Ok(Table {
            money: money(self.costs, self.currency, self.costs.first().copied().unwrap_or_default()),
            partition_by: Some(DAY.to_owned()),
            indexes: vec![index(IndexMethod::Btree, &[DAY])],
            ..declare::table(self.name, TableRole::Summary, &self.schema())?
        })
    }

    /// The summary, as a manifest declares it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let columns: Vec<&str> = std::iter::once(self.time)
            .chain(self.group_by.iter().copied())
            .chain(self.labels)
            .chain(self.sums())
            .collect();
        Summary {
            name: self.name.to_owned(),
            outputs: vec![self.output],
            input: self.input,
            columns: owned(&columns),
            identities: Vec::new(),
        }
    }

    /// Columns that are added up, costs first.
    fn sums(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.costs.iter().chain(self.quantities).copied()
    }

    fn overflow(&self, sum: usize) -> Failure {
        let column = self.sums().nth(sum).unwrap_or("a column");
        let message = format!(
            "the sum of {column} is too large for 38 digits, 18 of them decimals; look for a wrong amount in the report"
        );
        abort("summary.overflow", message)
    }
}

/// Names the rule of a summary.
pub trait Daily: std::fmt::Debug + 'static {
    /// The rule.
    const RULE: DailyRule;
}

/// Folds rows by a rule.
#[derive(Debug)]
pub struct DailySums<D> {
    groups: Groups,
    objects: Objects,
    tag_keys: TagKeys,
    /// Rows that wait to be saved or pulled, the next ones last; none before `save` or `complete`.
    waiting: Option<Vec<RecordBatch>>,
    rule: PhantomData<D>,
}

impl<D: Daily> Accumulate for DailySums<D> {
    fn open(task: &Task) -> Result<Self, Failure> {
        if task.summary != D::RULE.name {
            return Err(abort("summary.unknown", format!("this plugin makes no summary {}", task.summary)));
        }
        let mut groups = Groups::default();
        let objects = Objects::new(&mut groups.interner);
        Ok(DailySums { groups, objects, tag_keys: tag_keys(&task.settings)?, waiting: None, rule: PhantomData })
    }

    fn update(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        rows::add_rows(&D::RULE, batch, &mut self.groups, &mut self.objects, &self.tag_keys)
    }

    fn fold(&mut self, table: u32, batch: &RecordBatch) -> Result<(), Failure> {
        if table == D::RULE.input { self.update(batch) } else { Ok(()) }
    }

    fn save(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let rows = self.next()?;
        rows.map(|batch| ipc::encode(&batch).map_err(|error| unbuildable(&error))).transpose()
    }

    fn merge(&mut self, piece: &[u8]) -> Result<(), Failure> {
        let foreign = |why: &str| {
            abort(
                "summary.foreign-state",
                format!("a saved state was not written by this version of the plugin: {why}"),
            )
        };
        let schema = D::RULE.schema();
        for batch in ipc::decode(piece).map_err(|error| foreign(&error.to_string()))? {
            if batch.schema_ref().fields() != schema.fields() {
                return Err(foreign("its columns are others"));
            }
            rows::add_result(&D::RULE, &batch, &mut self.groups)?;
        }
        Ok(())
    }

    fn complete(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn pull(&mut self) -> Result<Option<(u32, RecordBatch)>, Failure> {
        Ok(self.next()?.map(|batch| (D::RULE.output, batch)))
    }
}

impl<D: Daily> DailySums<D> {
    /// The next rows of the result; when they are first asked for, the sums end.
    fn next(&mut self) -> Result<Option<RecordBatch>, Failure> {
        if self.waiting.is_none() {
            let schema = Arc::new(D::RULE.schema());
            let sorted = self.groups.sorted();
            let batches =
                sorted.chunks(ROWS).map(|groups| rows::batch(&D::RULE, &schema, groups, &self.groups.interner));
            self.waiting = Some(batches.rev().collect::<Result<_, _>>()?);
        }
        Ok(self.waiting.as_mut().and_then(Vec::pop))
    }
}

/// Which labels are kept. Other settings are none of a summary's business.
fn tag_keys(settings: &str) -> Result<TagKeys, Failure> {
    #[derive(Deserialize)]
    struct Written {
        enabled_tag_keys: Option<BTreeSet<String>>,
        disabled_tag_keys: Option<BTreeSet<String>>,
    }
    if settings.trim().is_empty() {
        return Ok(TagKeys::default());
    }
    let written: Written = serde_json::from_str(settings)
        .map_err(|error| fix_settings("settings.invalid", format!("the settings do not fit: {error}")))?;
    Ok(TagKeys { enabled: written.enabled_tag_keys, disabled: written.disabled_tag_keys.unwrap_or_default() })
}

#[cfg(test)]
mod tests;
