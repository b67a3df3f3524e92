//! What can go wrong between rows and a committed table.

use deltalake::DeltaTableError;
use parquet::errors::ParquetError;

use crate::source::error::SourceError;

/// Why the lake could not do what it was asked.
///
/// Unless a variant says otherwise nothing was committed, and readers see what they saw before.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The lake's own address is unusable.
    #[error("the lake's location {location:?} cannot be used: {reason}")]
    Location {
        /// As it was given.
        location: String,
        /// What to change.
        reason: String,
    },
    /// The store of the lake could not be opened.
    #[error("the lake cannot be opened: {source}")]
    Open {
        /// The cause.
        #[source]
        source: Box<SourceError>,
    },
    /// A tenant, provider, table, document or source whose name would not make a safe path.
    #[error("{what} {name:?} cannot name a place in the lake: {reason}")]
    Name {
        /// Which kind of name.
        what: &'static str,
        /// The name.
        name: String,
        /// The rule it breaks.
        reason: &'static str,
    },
    /// A column of a type that the lake does not hold, or whose type differs from the table's.
    #[error("table {table}, column {column:?}: {reason}")]
    Schema {
        /// `<tenant>/<provider>/<table>`.
        table: String,
        /// The column.
        column: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A file, directory or object could not be written, read or removed.
    #[error("{action} {place} failed")]
    Io {
        /// Such as `writing`.
        action: &'static str,
        /// The file or object.
        place: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The object store refused.
    #[error("{action} {place} failed")]
    Store {
        /// Such as `listing`.
        action: &'static str,
        /// The object or prefix.
        place: String,
        /// The cause.
        #[source]
        source: object_store::Error,
    },
    /// Rows could not be encoded.
    #[error("encoding {place} as Parquet failed")]
    Parquet {
        /// The file.
        place: String,
        /// The cause.
        #[source]
        source: ParquetError,
    },
    /// Rows could not be brought into the table's shape.
    #[error("building rows for {place} failed")]
    Arrow {
        /// The table or file.
        place: String,
        /// The cause.
        #[source]
        source: arrow::error::ArrowError,
    },
    /// The transaction log could not be read or written.
    #[error("{action} the log of table {table} failed")]
    Delta {
        /// Such as `reading`.
        action: &'static str,
        /// `<tenant>/<provider>/<table>`.
        table: String,
        /// The cause.
        #[source]
        source: Box<DeltaTableError>,
    },
    /// Other writers kept winning, or the store kept failing, until the time for one commit was over.
    ///
    /// Where `unknown` is set the last attempt may still have landed: its files are kept, and the next run
    /// finds out.
    #[error(
        "no commit to table {table} within {seconds} s and {attempts} attempts{}; run again",
        if *.unknown { " (the last attempt may have landed)" } else { "" }
    )]
    Contended {
        /// `<tenant>/<provider>/<table>`.
        table: String,
        /// How often it was tried.
        attempts: u32,
        /// For how long.
        seconds: u64,
        /// Whether the outcome of the last attempt is open.
        unknown: bool,
        /// What the last attempt met.
        #[source]
        source: Box<DeltaTableError>,
    },
    /// Stored JSON or a stored record is not what it should be.
    #[error("{place} is damaged: {reason}")]
    Corrupt {
        /// The object or table.
        place: String,
        /// What was found.
        reason: String,
    },
}

impl LakeError {
    pub(crate) fn io(action: &'static str, place: impl std::fmt::Display, source: std::io::Error) -> Self {
        Self::Io { action, place: place.to_string(), source }
    }

    pub(crate) fn store(action: &'static str, place: impl std::fmt::Display, source: object_store::Error) -> Self {
        Self::Store { action, place: place.to_string(), source }
    }

    pub(crate) fn delta(action: &'static str, table: &str, source: DeltaTableError) -> Self {
        Self::Delta { action, table: table.to_owned(), source: Box::new(source) }
    }

    /// A full disk or a refusing store surfaces through the encoder; it is still a failure to write.
    pub(crate) fn parquet(place: &str, source: ParquetError) -> Self {
        match source {
            ParquetError::External(cause) => match cause.downcast::<std::io::Error>() {
                Ok(cause) => Self::io("writing", place, *cause),
                Err(cause) => Self::Parquet { place: place.to_owned(), source: ParquetError::External(cause) },
            },
            source => Self::Parquet { place: place.to_owned(), source },
        }
    }

    pub(crate) fn arrow(place: &str, source: arrow::error::ArrowError) -> Self {
        Self::Arrow { place: place.to_owned(), source }
    }
}
