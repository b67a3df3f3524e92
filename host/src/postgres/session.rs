//! Connections: opened when needed, kept for the next use only after everything on them went well.

use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use super::error::DatabaseError;

/// How many unused connections are kept.
const MAX_IDLE: usize = 4;
/// How long a server may take to answer a new connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Where connections come from.
pub(super) struct Sessions {
    options: PgConnectOptions,
    /// `user@host:port/database`, for messages.
    place: String,
    idle: Mutex<Vec<PgConnection>>,
}

impl Sessions {
    pub(super) fn new(options: PgConnectOptions) -> Self {
        let host = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => options.get_host().to_owned(),
        };
        let (user, port) = (options.get_username(), options.get_port());
        let place = format!("{user}@{host}:{port}/{}", options.get_database().unwrap_or(user));
        Self { options, place, idle: Mutex::default() }
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// A connection that answers.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub(super) async fn open(&self) -> Result<Session<'_>, DatabaseError> {
        loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(mut connection) = idle else { break };
            // The server may have gone away since.
            if connection.ping().await.is_ok() {
                return Ok(Session { home: self, connection: Some(connection) });
            }
        }
        let connection = tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&self.options)).await;
        let connection = connection.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()));
        let connection = connection.map_err(|source| DatabaseError::of("connecting", &self.place, &source))?;
        Ok(Session { home: self, connection: Some(connection) })
    }
}

/// A connection in use. Dropped, it is closed, and the server rolls back what was not committed: that is what happens
/// when the work on it fails or is cancelled.
pub(super) struct Session<'a> {
    home: &'a Sessions,
    connection: Option<PgConnection>,
}

impl Session<'_> {
    /// Ends the use of a connection on which all went well.
    pub(super) fn keep(mut self) {
        let mut idle = self.home.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.extend(self.connection.take());
        }
    }

    /// `user@host:port/database`.
    pub(super) fn place(&self) -> &str {
        &self.home.place
    }

    /// Runs statements that return nothing.
    ///
    /// # Errors
    /// As the server says; `action` names what was being done.
    pub(super) async fn run(&mut self, action: &str, statements: String) -> Result<(), DatabaseError> {
        let done = (**self).execute(sqlx::raw_sql(AssertSqlSafe(statements))).await;
        done.map(drop).map_err(|source| self.failed(action, &source))
    }

    /// The error of something done on this connection.
    pub(super) fn failed(&self, action: &str, source: &sqlx::Error) -> DatabaseError {
        DatabaseError::of(action, &self.home.place, source)
    }
}

impl Deref for Session<'_> {
    type Target = PgConnection;

    #[expect(clippy::expect_used, reason = "only `keep` takes the connection, and it consumes the session")]
    fn deref(&self) -> &PgConnection {
        self.connection.as_ref().expect("a session in use has a connection")
    }
}

impl DerefMut for Session<'_> {
    #[expect(clippy::expect_used, reason = "only `keep` takes the connection, and it consumes the session")]
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect("a session in use has a connection")
    }
}
