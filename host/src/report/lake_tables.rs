//! The tables of one tenant's lake, as a session's tables.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::catalog::TableProvider;
use datafusion::prelude::SessionContext;
use deltalake::DeltaTable;
use futures::future::try_join_all;

use super::answer::Answer;
use super::error::ReportError;
use super::query::ReportQuery;
use super::run::run_report;
use super::session::{FixedTables, session};
use crate::lake::{Lake, LakeError, TableRef};
use crate::plugin::manifest::ReportDefinition;

/// A session over every table of a tenant, each as it is at this moment.
///
/// # Errors
/// When the lake cannot be read.
pub async fn lake_session(lake: &Lake, tenant: &str) -> Result<SessionContext, ReportError> {
    let mut tables = lake.tables().await?;
    tables.retain(|table| table.tenant == tenant);
    let opened = try_join_all(tables.iter().map(|table| open(lake, table))).await?;
    let mut fixed = FixedTables::default();
    for table in opened.iter().flatten() {
        fixed.insert(&table.place.provider, &table.place.name, Arc::clone(&table.rows));
    }
    let context = session(Arc::new(fixed))?;
    for table in opened.iter().flatten() {
        // Scans look the table's store up in the session.
        let place = table.place.to_string();
        let known = table.delta.update_datafusion_session(&context.state());
        known.map_err(|error| LakeError::delta("querying", &place, error))?;
    }
    Ok(context)
}

/// The answer of a tenant's lake to a declared report.
///
/// # Errors
/// When the question is not one the report can answer, or the lake cannot be read.
pub async fn answer(
    lake: &Lake,
    tenant: &str,
    provider: &str,
    definition: &ReportDefinition,
    query: &ReportQuery,
) -> Result<Answer, ReportError> {
    let context = lake_session(lake, tenant).await?;
    let name = datafusion::common::TableReference::partial(provider, definition.table.as_str());
    let table = context.table_provider(name).await.map_err(ReportError::Read)?;
    run_report(&context, table, definition, query).await
}

struct OpenTable {
    place: TableRef,
    delta: DeltaTable,
    rows: Arc<dyn TableProvider>,
}

async fn open(lake: &Lake, place: &TableRef) -> Result<Option<OpenTable>, LakeError> {
    // Readers take the schema from the log; only writers declare one.
    let table = lake.table(&place.tenant, &place.provider, &place.name, Arc::new(Schema::empty()))?;
    let Some(delta) = table.delta().await? else { return Ok(None) };
    let rows = delta.table_provider().await;
    let rows = rows.map_err(|error| LakeError::delta("querying", &place.to_string(), error.into()))?;
    Ok(Some(OpenTable { place: place.clone(), delta, rows }))
}
