//! Exact sums of what stands in the database of one bill.

use std::collections::BTreeMap;

use super::connect::Database;
use super::definition::{BILL_ID, DatabaseDefinition};
use super::error::DatabaseError;
use super::identifier::quoted;
use super::tables::{self, safe};
use crate::plugin::manifest::TableRole;

/// Exact decimal text by currency, which is empty where rows have none; by table.
pub type BillTotals = BTreeMap<String, BTreeMap<String, String>>;

impl Database {
    /// The total of each summary of a bill, by currency. A summary whose table is not there yet has none.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn bill_totals(
        &self,
        definition: &DatabaseDefinition,
        bill_id: i64,
    ) -> Result<BillTotals, DatabaseError> {
        let mut totals = BillTotals::new();
        let mut session = self.session().await?;
        for table in definition.tables.iter().filter(|table| table.role == TableRole::Summary) {
            let Some((column, currency)) = &table.total else { continue };
            let sums = totals.entry(table.name.clone()).or_default();
            if !tables::exists(&mut session, self.schema(), &table.name).await? {
                continue;
            }
            let query = format!(
                "SELECT coalesce({currency}, ''), trim_scale(coalesce(sum({column}), 0))::text FROM {name} \
                 WHERE {bill} = $1 GROUP BY 1",
                currency = quoted(currency),
                column = quoted(column),
                name = self.schema().qualify(&table.name),
                bill = quoted(BILL_ID),
            );
            let found: Result<Vec<(String, String)>, _> =
                sqlx::query_as(safe(query)).persistent(false).bind(bill_id).fetch_all(&mut *session).await;
            sums.extend(found.map_err(|source| session.failed("adding up a bill", &source))?);
        }
        session.keep();
        Ok(totals)
    }
}
