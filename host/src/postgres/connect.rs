//! The database of one tenant.

use std::fmt;
use std::str::FromStr as _;
use std::sync::Arc;

use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::Semaphore;

use super::error::DatabaseError;
use super::identifier::SchemaName;
use super::session::{Session, Sessions};

/// How many units are published at once. Each holds one connection, and for moments a second one.
const MAX_PUBLICATIONS: usize = 4;
/// `NULLS NOT DISTINCT` and partitions as they are used here.
const MIN_VERSION: i32 = 15_00_00;

/// The schema of one tenant in a database. Clones share their connections.
#[derive(Clone)]
pub struct Database {
    pub(super) shared: Arc<Shared>,
}

/// What clones of a [`Database`] share.
pub(super) struct Shared {
    pub(super) sessions: Sessions,
    pub(super) schema: SchemaName,
    pub(super) publications: Semaphore,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("place", &self.place()).field("schema", &self.shared.schema).finish()
    }
}

impl Database {
    /// Connects. Tenant `default` lives in the schema `public`, any other in one of its own name.
    ///
    /// # Errors
    /// When the address or the tenant's name is unusable, the server cannot be reached or refuses, or is older than
    /// PostgreSQL 15.
    pub async fn connect(url: &str, tenant: &str) -> Result<Self, DatabaseError> {
        let schema = SchemaName::of_tenant(tenant)
            .map_err(|reason| DatabaseError::Tenant { tenant: tenant.to_owned(), reason })?;
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(DatabaseError::Address { reason: "it does not start with postgres://".to_owned() });
        }
        let options = PgConnectOptions::from_str(url)
            .map_err(|source| DatabaseError::Address { reason: address_problem(&source) })?
            .application_name("costhost")
            // Statements are not what users of costhost want to read; errors name what was being done.
            .disable_statement_logging();
        let sessions = Sessions::new(options);
        let mut session = sessions.open().await?;
        let version = "SELECT current_setting('server_version_num')::int, current_setting('server_version')";
        let (number, found): (i32, String) = sqlx::query_as(version)
            .fetch_one(&mut *session)
            .await
            .map_err(|source| session.failed("asking for the server's version", &source))?;
        if number < MIN_VERSION {
            return Err(DatabaseError::Version { place: session.place().to_owned(), found });
        }
        session.keep();
        let publications = Semaphore::new(MAX_PUBLICATIONS);
        Ok(Self { shared: Arc::new(Shared { sessions, schema, publications }) })
    }

    /// `user@host:port/database`, for messages: without the password.
    #[must_use]
    pub fn place(&self) -> &str {
        self.shared.sessions.place()
    }

    pub(super) async fn session(&self) -> Result<Session<'_>, DatabaseError> {
        self.shared.sessions.open().await
    }

    pub(super) fn schema(&self) -> &SchemaName {
        &self.shared.schema
    }
}

/// The driver's words may quote a part of the address; these do not.
fn address_problem(source: &sqlx::Error) -> String {
    match source {
        sqlx::Error::Configuration(inner) if inner.is::<url::ParseError>() => inner.to_string(),
        _ => "one of its parts or parameters is not valid".to_owned(),
    }
}
