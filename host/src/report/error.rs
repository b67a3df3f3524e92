//! What can go wrong with a question.

use datafusion::error::DataFusionError;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A name that the report does not have.
    #[error("there is no {kind} `{name}` in report `{report}`; it has: {known}")]
    Unknown {
        /// Dimension, measure, ..
        kind: &'static str,
        /// What was asked for.
        name: String,
        /// Name of the report.
        report: String,
        /// What there is.
        known: String,
    },
    /// An option that cannot be read.
    #[error("`{text}` is not {wanted}")]
    Option {
        /// What was given.
        text: String,
        /// What it should look like.
        wanted: &'static str,
    },
    /// A report whose table does not hold what the report says.
    #[error(
        "report `{report}` names column `{column}`, which its table does not have; load the source again with the plugin that declared it"
    )]
    Column {
        /// Name of the report.
        report: String,
        /// Name of the column.
        column: String,
    },
    /// A table that is not in the lake.
    #[error("there is no table `{name}` in the lake; there are: {known}")]
    Table {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A statement that would change something.
    #[error("`costhost sql` only reads: {what} is refused; use SELECT, SHOW TABLES, DESCRIBE or EXPLAIN")]
    ReadOnly {
        /// The kind of statement.
        what: String,
    },
    /// A statement that is not right.
    #[error("the query is not valid")]
    Sql(#[source] DataFusionError),
    /// Reading failed.
    #[error("reading the lake failed")]
    Read(#[source] DataFusionError),
    /// The table could not be opened.
    #[error("cannot open table `{table}`")]
    Open {
        /// `provider.table`
        table: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The lake cannot be read.
    #[error(transparent)]
    Lake(#[from] crate::lake::LakeError),
    /// The database cannot be read.
    #[error(transparent)]
    Database(Box<crate::postgres::DatabaseError>),
    /// The answer could not be written.
    #[error("cannot write the answer")]
    Write(#[from] std::io::Error),
}

impl ReportError {
    /// Whether the one who asked can mend it by asking otherwise.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Unknown { .. } | Self::Option { .. } | Self::Table { .. } | Self::ReadOnly { .. } | Self::Sql(_)
        )
    }
}
