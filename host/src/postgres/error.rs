//! What can go wrong with a database, and what to do about it.

use std::io;

use uuid::Uuid;

/// Why the database could not do what it was asked.
///
/// Unless a variant says otherwise nothing was changed: readers see what they saw before.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The address is unusable. The address itself is not shown: it may hold a password.
    #[error("the database's address cannot be used: {reason}; write postgres://user@host:5432/database")]
    Address {
        /// What is wrong with it.
        reason: String,
    },
    /// A tenant whose name cannot be a schema's.
    #[error("tenant {tenant:?} cannot have a schema: {reason}")]
    Tenant {
        /// The name.
        tenant: String,
        /// The rule it breaks.
        reason: &'static str,
    },
    /// The server is too old.
    #[error("{place} runs PostgreSQL {found}; costhost needs 15 or later")]
    Version {
        /// `user@host:port/database`.
        place: String,
        /// The server's version.
        found: String,
    },
    /// The server refused, or went away.
    #[error("{action} failed at {place}: {message}{advice}")]
    Failed {
        /// What was being done, such as `publishing to table x`.
        action: String,
        /// `user@host:port/database`.
        place: String,
        /// What the server or the connection says.
        message: String,
        /// What to do, after `; `, or nothing.
        advice: &'static str,
        /// Whether the same may succeed a little later.
        transient: bool,
        /// The SQLSTATE, where the server gave one.
        code: Option<String>,
    },
    /// What stands in the database does not fit what is to be published.
    #[error("table {table}: {problem}")]
    Schema {
        /// `schema.table`.
        table: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// Two sources with one UUID: each would replace the rows of the other for ever.
    #[error(
        "the rows of source UUID {source_uuid} and period {period} are those of source {standing:?}, and {publishing:?} has \
             the same UUID: give one of them another with --source-uuid; if {standing:?} is now called {publishing:?}, DELETE \
             the rows of {standing:?} from the table costhost_publications, then publish again"
    )]
    SharedUuid {
        /// The UUID of both.
        source_uuid: Uuid,
        /// The source whose rows are in the database.
        standing: String,
        /// The source that was to be published.
        publishing: String,
        /// `YYYY-MM`.
        period: String,
    },
    /// A value that PostgreSQL cannot hold, or rows that are not as declared.
    #[error("table {table}, column {column}: {problem}")]
    Value {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Rows of more months than one publication may have.
    #[error(
        "table {table} has rows of {months} months from {first} to {last}; at most {limit} can be published at once: \
             look for wrong dates in the report"
    )]
    Months {
        /// The table.
        table: String,
        /// How many there are.
        months: usize,
        /// The first, `YYYY-MM`.
        first: String,
        /// The last.
        last: String,
        /// How many there may be.
        limit: usize,
    },
    /// A file of reference rows could not be read.
    #[error("reading {file} failed")]
    File {
        /// The file.
        file: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file of reference rows that does not fit its table.
    #[error("{file}{row}: {problem}", row = row.map(|row| format!(", row {row}")).unwrap_or_default())]
    Csv {
        /// The file.
        file: String,
        /// The row, the header being the first.
        row: Option<u64>,
        /// What is wrong, with the column's name.
        problem: String,
    },
}

impl DatabaseError {
    /// Whether the same may succeed a little later: a lost connection, a deadlock, a server that starts or stops.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Failed { transient: true, .. })
    }

    /// What the driver reports, in our words.
    pub(super) fn of(action: impl Into<String>, place: &str, source: &sqlx::Error) -> Self {
        let code = source.as_database_error().and_then(|error| error.code()).map(|code| code.into_owned());
        let message = match source {
            sqlx::Error::Database(error) => match &code {
                Some(code) => format!("{} (SQLSTATE {code})", error.message()),
                None => error.message().to_owned(),
            },
            sqlx::Error::Io(error) => format!("the connection broke: {error}"),
            other => other.to_string(),
        };
        let transient = match &code {
            Some(code) => is_transient(code),
            None => matches!(source, sqlx::Error::Io(error) if is_transient_io(error.kind())),
        };
        let advice = code.as_deref().map_or(connection_advice(source), advice);
        Self::Failed { action: action.into(), place: place.to_owned(), message, advice, transient, code }
    }
}

/// Connection exceptions, serialization failures, deadlocks, too many connections, shutdown, crash, start-up.
fn is_transient(code: &str) -> bool {
    code.starts_with("08") || matches!(code, "40001" | "40P01" | "53300" | "57P01" | "57P02" | "57P03")
}

fn is_transient_io(kind: io::ErrorKind) -> bool {
    use io::ErrorKind as Kind;
    // A socket's file is missing while its server restarts.
    matches!(
        kind,
        Kind::ConnectionRefused
            | Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::NotConnected
            | Kind::BrokenPipe
            | Kind::TimedOut
            | Kind::UnexpectedEof
            | Kind::Interrupted
            | Kind::NotFound
    )
}

fn connection_advice(source: &sqlx::Error) -> &'static str {
    match source {
        sqlx::Error::Io(_) => {
            "; the lake keeps what was summarized: see that the server runs and can be reached, then run `costhost publish`"
        }
        sqlx::Error::Tls(_) => "; see the server's certificate, or choose another sslmode in the address",
        _ => "",
    }
}

fn advice(code: &str) -> &'static str {
    match code {
        "28P01" => "; see the password in the address, PGPASSWORD or ~/.pgpass",
        "28000" => "; see the user in the address, and the server's pg_hba.conf",
        "3D000" => "; create the database first, or name another in the address",
        "42501" => {
            "; costhost needs a user that may create and fill tables: make it the owner of the schema, or GRANT CREATE, USAGE \
             ON SCHEMA and own the tables"
        }
        "25006" => "; this user or server is read-only: use the primary server, and a user that may write",
        "3F000" | "42P01" | "42703" => "; run `costhost db migrate`",
        "53100" => "; the server's disk is full",
        "53300" => "; the server has no connection left: close some, or raise max_connections",
        "57P03" => "; the server is starting or stopping: try again when it is up",
        "23502" => "; a column that costhost does not fill has NOT NULL: give it a default",
        "54000" => "; a text is too long for an index on its column",
        _ => "",
    }
}
