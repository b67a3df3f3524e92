//! A rollup: the rows of a summary, filtered, grouped and added up.
//!
//! Exact, and the same for the same rows in whatever batches and order they come: sums are of integers, and groups come
//! out in the order of their keys.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, BooleanArray, RecordBatch, UInt32Array, new_null_array};
use arrow::compute::{cast, filter_record_batch, partition, take};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};

use super::aggregate::{self, Aggregator};
use super::{explode, filter};
use crate::plugin::manifest::{Manifest, Rollup, RollupAggregate, RollupColumn};

/// Rows of one batch of the result: small enough to write, large enough to be few.
const ROWS: usize = 8192;

/// Why a rollup could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RollupError {
    /// A sum that its column cannot hold.
    #[error("the sum of {column} is too large for its column; look for a wrong amount in the report")]
    Overflow {
        /// The rollup's column.
        column: String,
    },
    /// Rows that are not what the manifest says, or text that is not the JSON it should be.
    #[error("making the rollup {table} failed")]
    Rows {
        /// The rollup.
        table: String,
        /// The cause.
        #[source]
        source: ArrowError,
    },
}

/// The rows of a rollup, made of all rows of its input. Columns are those of the rollup's declared table; those that
/// only a database can look up are null.
///
/// # Errors
/// When a sum does not fit 38 digits, or a column that is to be exploded does not hold JSON objects.
pub fn rollup(manifest: &Manifest, rollup: &Rollup, input: &[RecordBatch]) -> Result<Vec<RecordBatch>, RollupError> {
    let Some(output) = manifest.tables.get(rollup.output) else { return Ok(Vec::new()) };
    let failed = |source| RollupError::Rows { table: output.name.clone(), source };
    let mut groups = Groups::new(rollup, &output.schema).map_err(failed)?;
    for batch in input {
        let kept = filter::rows(&rollup.clauses, batch).map_err(failed)?;
        let batch = match kept {
            Some(kept) => filter_record_batch(batch, &kept).map_err(failed)?,
            None => batch.clone(),
        };
        let rows = Rows::of(rollup, &batch).map_err(failed)?;
        groups.add(&rows).map_err(failed)?;
    }
    groups.finish(&output.schema, &output.name)
}

/// The rows of a batch, exploded where that is asked for.
struct Rows {
    batch: RecordBatch,
    /// For each exploded row the row it came from, its key and its value.
    exploded: Option<explode::Exploded>,
}

impl Rows {
    fn of(rollup: &Rollup, batch: &RecordBatch) -> Result<Self, ArrowError> {
        let exploded =
            rollup.explode.as_ref().map(|name| explode::explode(batch.column(batch.schema().index_of(name)?)));
        Ok(Self { batch: batch.clone(), exploded: exploded.transpose()? })
    }

    fn count(&self) -> usize {
        self.exploded.as_ref().map_or(self.batch.num_rows(), |exploded| exploded.from.len())
    }

    /// A column, text in it plain.
    fn column(&self, name: &str) -> Result<ArrayRef, ArrowError> {
        match &self.exploded {
            Some(exploded) if name == "key" => Ok(Arc::clone(&exploded.keys)),
            Some(exploded) if name == "value" => Ok(Arc::clone(&exploded.values)),
            Some(exploded) => plain(&take(self.own(name)?, &exploded.from, None)?),
            None => plain(self.own(name)?),
        }
    }

    fn own(&self, name: &str) -> Result<&ArrayRef, ArrowError> {
        Ok(self.batch.column(self.batch.schema_ref().index_of(name)?))
    }
}

/// Plugins may send text in any encoding.
pub(super) fn plain(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match column.data_type() {
        DataType::Dictionary(_, values) => cast(column, values),
        DataType::List(member) if matches!(member.data_type(), DataType::Dictionary(..)) => {
            cast(column, &DataType::new_list(DataType::Utf8, true))
        }
        _ => Ok(Arc::clone(column)),
    }
}

/// Groups by the bytes of their keys, which sort as the keys do.
struct Groups<'a> {
    rollup: &'a Rollup,
    converter: RowConverter,
    by_key: HashMap<Box<[u8]>, usize, foldhash::fast::RandomState>,
    aggregators: Vec<Aggregator>,
}

impl<'a> Groups<'a> {
    fn new(rollup: &'a Rollup, schema: &SchemaRef) -> Result<Self, ArrowError> {
        let fields =
            rollup.group_by.iter().map(|name| Ok(SortField::new(schema.field_with_name(name)?.data_type().clone())));
        let aggregators = rollup.columns.iter().enumerate().map(|(at, column)| {
            let members_of =
                |other: &RollupColumn| other.aggregate == RollupAggregate::Members && other.of == column.of;
            let counted = rollup.columns.iter().take(at).position(members_of);
            if let Some(members) = counted.filter(|_| column.aggregate == RollupAggregate::CountMembers) {
                return Ok(Aggregator::CountOf(members));
            }
            let held = schema.field_with_name(&column.name)?.data_type();
            Aggregator::new(column.aggregate, held)
        });
        Ok(Self {
            rollup,
            converter: RowConverter::new(fields.collect::<Result<_, ArrowError>>()?)?,
            by_key: HashMap::default(),
            aggregators: aggregators.collect::<Result<_, ArrowError>>()?,
        })
    }

    fn add(&mut self, rows: &Rows) -> Result<(), ArrowError> {
        if rows.count() == 0 {
            return Ok(());
        }
        let keys = self.rollup.group_by.iter().map(|name| rows.column(name)).collect::<Result<Vec<_>, _>>()?;
        let groups = self.groups_of(&keys, rows.count())?;
        let count = self.by_key.len();
        for (column, aggregator) in self.rollup.columns.iter().zip(&mut self.aggregators) {
            aggregator.add(&rows.column(&column.of)?, &groups, count)?;
        }
        Ok(())
    }

    /// The group of each row. Summaries are sorted, mostly by what rollups group by: rows that stand beside each other and
    /// are of one group are looked up once.
    fn groups_of(&mut self, keys: &[ArrayRef], rows: usize) -> Result<Vec<usize>, ArrowError> {
        if keys.is_empty() {
            self.by_key.entry(Box::default()).or_insert(0);
            return Ok(vec![0; rows]);
        }
        let runs: Vec<Range<usize>> = partition(keys)?.ranges();
        let first = UInt32Array::from_iter_values(runs.iter().map(|run| run.start as u32));
        let keys = keys.iter().map(|key| take(key, &first, None)).collect::<Result<Vec<_>, _>>()?;
        let keys = self.converter.convert_columns(&keys)?;
        let mut groups = Vec::with_capacity(rows);
        for (run, key) in runs.iter().zip(&keys) {
            let next = self.by_key.len();
            let group = match self.by_key.get(key.as_ref()) {
                Some(known) => *known,
                None => {
                    self.by_key.insert(key.as_ref().into(), next);
                    next
                }
            };
            groups.resize(run.end, group);
        }
        Ok(groups)
    }

    fn finish(mut self, schema: &SchemaRef, table: &str) -> Result<Vec<RecordBatch>, RollupError> {
        let failed = |source| RollupError::Rows { table: table.to_owned(), source };
        let mut order: Vec<(Box<[u8]>, usize)> = self.by_key.into_iter().collect();
        order.sort_unstable();
        let parser = self.converter.parser();
        let keys = order.iter().map(|(key, _)| parser.parse(key));
        let keys = self.converter.convert_rows(keys).map_err(failed)?;
        let groups: Vec<usize> = order.iter().map(|(_, group)| *group).collect();
        let mut made: HashMap<&str, ArrayRef> = HashMap::new();
        for (name, column) in self.rollup.group_by.iter().zip(keys) {
            made.insert(name, column);
        }
        let counts = aggregate::counts(&self.aggregators, &groups);
        self.aggregators.iter_mut().zip(counts).for_each(|(aggregator, counts)| {
            if let Some(counts) = counts {
                *aggregator = Aggregator::Counted(counts);
            }
        });
        for (column, aggregator) in self.rollup.columns.iter().zip(self.aggregators) {
            let values = aggregator.finish(&groups).map_err(failed)?;
            let values = values.ok_or_else(|| RollupError::Overflow { column: column.name.clone() })?;
            made.insert(&column.name, values);
        }
        let column =
            |(name, held): (&str, &DataType)| made.remove(name).unwrap_or_else(|| new_null_array(held, groups.len()));
        let fields = schema.fields().iter().map(|field| (field.name().as_str(), field.data_type()));
        let columns: Vec<ArrayRef> = fields.map(column).collect();
        let columns = columns.iter().zip(schema.fields()).map(|(column, field)| cast(column, field.data_type()));
        let columns = columns.collect::<Result<_, _>>().map_err(failed)?;
        let all = RecordBatch::try_new(Arc::clone(schema), columns).map_err(failed)?;
        let starts = (0..all.num_rows()).step_by(ROWS);
        Ok(starts.map(|start| all.slice(start, ROWS.min(all.num_rows() - start))).collect())
    }
}

/// The empty selection is told apart from none at all.
pub(super) type Selection = Option<BooleanArray>;
