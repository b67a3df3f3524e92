//! What a plugin says of itself, checked and in the host's own types.
//!
//! Nothing else in the host looks at a plugin's declarations before they have passed through here: every identifier
//! matches `[a-z][a-z0-9_]{0,62}`, every index points at something, every named column exists with a fitting type.

use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};

/// A plugin's checked declarations.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Lower case letters, digits and `-`.
    pub id: String,
    /// The name under which its tables lie in the lake, such as `aws`.
    pub provider: String,
    /// For people.
    pub title: String,
    /// Semantic version.
    pub version: String,
    /// JSON Schema of the settings.
    pub settings_schema: String,
    /// Tables it fills.
    pub tables: Vec<Table>,
    /// Summaries it makes.
    pub summaries: Vec<Summary>,
    /// What the host makes of them.
    pub rollups: Vec<Rollup>,
    /// Columns that a database fills from reference tables, in the order in which it does.
    pub lookups: Vec<Lookup>,
    /// Questions its tables answer.
    pub reports: Vec<ReportDefinition>,
}

/// One table of the lake.
#[derive(Debug, Clone)]
pub struct Table {
    /// A checked identifier.
    pub name: String,
    /// What its rows are.
    pub role: TableRole,
    /// Logical schema: text is `Utf8`, whatever encoding a plugin sends. Without the columns the host adds.
    pub schema: SchemaRef,
    /// Columns that hold money.
    pub money: Vec<Money>,
    /// The text column that names the invoice a charge stands on.
    pub invoice: Option<String>,
    /// Columns that tell the rows of a reference table apart.
    pub key: Vec<String>,
    /// A date column: in a database each of its months is a partition.
    pub partition_by: Option<String>,
    /// Indexes in a database.
    pub indexes: Vec<Index>,
}

/// An index of a table where it stands in a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// What it is on.
    pub columns: Vec<String>,
    /// How it finds rows.
    pub method: IndexMethod,
}

/// How an index finds rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IndexMethod {
    /// By equality and order.
    Btree,
    /// By keys and members of JSON.
    Gin,
    /// By parts of text in any case.
    TrigramUpper,
}

/// What the rows of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TableRole {
    /// One row per charge.
    LineItems,
    /// Measured use without money.
    Usage,
    /// Rows others look up.
    Reference,
    /// Made by `summarize`.
    Summary,
    /// Made by `summarize`: one row, what the bill says of itself.
    Bill,
    /// Made by `summarize`: keys of tags that reports hold.
    TagKeys,
    /// Made by the host from a summary.
    Rollup,
}

impl TableRole {
    /// Whether rows come from `normalize`, and not from what was made of its rows.
    pub fn is_normalized(self) -> bool {
        matches!(self, Self::LineItems | Self::Usage)
    }
}

/// A column that holds money and the one that holds its currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// A decimal column.
    pub column: String,
    /// A text column.
    pub currency: String,
    /// Whether receipts and load records carry its total.
    pub total: bool,
}

/// A summary: which rows it folds and what must hold of the result.
#[derive(Debug, Clone)]
pub struct Summary {
    /// A checked identifier.
    pub name: String,
    /// Indexes of the tables it fills, the summary itself first.
    pub outputs: Vec<usize>,
    /// Index of the table it folds.
    pub input: usize,
    /// Columns of the input it is sent.
    pub columns: Vec<String>,
    /// Sums that must agree.
    pub identities: Vec<Identity>,
}

/// A table made of a summary's rows: grouped, filtered and added up.
#[derive(Debug, Clone)]
pub struct Rollup {
    /// Index of the table it makes.
    pub output: usize,
    /// Index of the summary's table.
    pub input: usize,
    /// Columns of the input that are columns of the output.
    pub group_by: Vec<String>,
    /// The other columns of the output, but for those that lookups fill.
    pub columns: Vec<RollupColumn>,
    /// All must hold.
    pub clauses: Vec<Clause>,
    /// A text column of JSON objects: a row counts once for each member, known as `key` and `value`.
    pub explode: Option<String>,
}

/// A column of a rollup that is not grouped by.
#[derive(Debug, Clone)]
pub struct RollupColumn {
    /// The column of the output.
    pub name: String,
    /// How a group's values become one.
    pub aggregate: RollupAggregate,
    /// The column of the input.
    pub of: String,
}

/// How the values of a group become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RollupAggregate {
    /// Exact sum of decimals or integers; null when every value is.
    Sum,
    /// The largest number or text.
    Max,
    /// Distinct texts, sorted.
    Members,
    /// How many distinct texts.
    CountMembers,
}

/// A column that a database fills with the `id` of a row of a reference table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// Index of the table.
    pub table: usize,
    /// Its `Int64` column.
    pub column: String,
    /// Index of the reference table.
    pub reference: usize,
    /// Columns of the table and of the reference table that must be equal; the latter may be `id`.
    pub on: Vec<(String, String)>,
    /// When rows of the reference table count.
    pub valid: Option<Validity>,
}

/// When a row of a reference table counts. All are date columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    /// The looking table's day.
    pub at: String,
    /// The reference's first day.
    pub from: String,
    /// The day after its last; null while it lasts.
    pub until: String,
}

/// `total` = the sum of `parts`, within every currency.
#[derive(Debug, Clone)]
pub struct Identity {
    /// For messages.
    pub name: String,
    /// A decimal column of the summary's output.
    pub total: String,
    /// Decimal columns of the summary's output.
    pub parts: Vec<String>,
    /// Largest difference that passes, in units of 10^-18.
    pub tolerance: i128,
    /// The text column that holds the currency.
    pub currency: String,
}

/// A question the tables of a plugin answer. Kept in the lake as JSON, so that reading needs no plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportDefinition {
    /// What users type: `costhost report <provider> <name>`.
    pub name: String,
    /// For people.
    pub title: String,
    /// Name of the table.
    pub table: String,
    /// A date or timestamp column.
    pub time: String,
    /// What users group and filter by.
    pub dimensions: Vec<Dimension>,
    /// What is added up; the first is the default.
    pub measures: Vec<Measure>,
    /// What always holds of its rows.
    pub clauses: Vec<Clause>,
    /// A JSON object column that users reach as `tag:<key>`.
    pub tags: Option<String>,
}

/// An everyday name of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dimension {
    /// Such as `account`.
    pub name: String,
    /// The column.
    pub column: String,
    /// For people.
    pub title: String,
}

/// A number to add up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// Such as `cost`.
    pub name: String,
    /// The column.
    pub column: String,
    /// For people.
    pub title: String,
    /// How rows are put together.
    pub aggregate: Aggregate,
    /// What it counts in.
    pub unit: Unit,
}

/// How the rows of a group become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aggregate {
    /// Exact sum.
    Sum,
    /// Largest.
    Max,
    /// How many distinct members a list column has.
    CountDistinct,
}

/// What a measure counts in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Money, in the currency this column names.
    Currency(String),
    /// Units this column names.
    Column(String),
    /// Plain numbers.
    None,
}

/// A condition on one column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// It is not null.
    NotNull(String),
    /// It is one of these.
    OneOf(String, Vec<String>),
    /// Its text contains this.
    Contains(String, String),
    /// Its text contains this, in any case.
    ContainsInAnyCase(String, String),
}

/// At least one of these conditions holds.
pub type Clause = Vec<Condition>;
