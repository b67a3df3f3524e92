//! Receipts, checked: is what a run said it did still what the lake holds, made by the plugin it names, from inputs that are what they were?
//!
//! A receipt is a claim. Nothing of it is believed: totals are recomputed from the lake's rows with exact sums, rows are counted,
//! identities are compared with the marks of every table's own commits.

mod claim;
mod finding;
mod inputs;

pub use claim::{Claim, ClaimedTable, claims_of};
pub use finding::{Finding, Verification};
pub use inputs::check_inputs;

use std::collections::BTreeMap;

use arrow::datatypes::i256;

use crate::ingest::loaded::partition_of;
use crate::ingest::totals::{decimal_text, parse_decimal_exact};
use crate::lake::{Lake, LoadRecord, TableRef};
use crate::postgres::definition::DatabaseDefinition;
use crate::reconcile::{LakeSums, Sums};
use crate::report::ReportError;

/// The lake of one provider, to check claims with.
#[derive(Debug)]
pub struct Verifier<'a> {
    /// The lake.
    pub lake: &'a Lake,
    /// Whose part of it.
    pub tenant: &'a str,
    /// What tables the plugin has.
    pub definition: &'a DatabaseDefinition,
    /// Their rows.
    pub sums: &'a LakeSums,
}

impl Verifier<'_> {
    /// Checks one claim against the record of the load that the lake holds of its source and period.
    ///
    /// # Errors
    /// When the lake cannot be read.
    pub async fn check(&self, claim: &Claim, record: &LoadRecord) -> Result<Verification, ReportError> {
        let mut result = Verification::new(&claim.source, &claim.period);
        result.equal("load id", &claim.load_id, &record.load_id);
        if claim.load_id != record.load_id {
            // The rows are those of another load: nothing else can be compared with them.
            result.advise(format!(
                "the lake holds a load of {} now; verify the receipt of the run that made it",
                told(record.loaded_at)
            ));
            return Ok(result);
        }
        result.equal("rows id", &claim.rows_id, &record.rows_id);
        result.equal("source UUID", &claim.source_uuid, &record.source_uuid);
        result.equal("revision", &claim.revision, &record.revision);
        result.equal("plugin", &claim.plugin, &format!("{} {}", record.plugin, record.plugin_version));
        result.equal("plugin digest", &claim.plugin_digest, &record.plugin_digest);
        result.equal("settings digest", &claim.settings_digest, &record.settings_digest);
        result.equal("files", &claim.files.len().to_string(), &record.files.to_string());
        let bytes: u64 = claim.files.iter().map(|file| file.bytes).sum();
        result.equal("bytes of the files", &bytes.to_string(), &record.bytes.to_string());
        if let Some(rows) = claim.rows {
            result.equal("rows read", &rows.to_string(), &record.rows.to_string());
        }
        if let Some(rejects) = claim.rejects {
            result.equal("rejects", &rejects.to_string(), &record.rejects.to_string());
        }
        self.check_totals(claim, record, &mut result).await?;
        self.check_tables(claim, record, &mut result).await?;
        Ok(result)
    }

    /// Exact sums of the lake's rows against the receipt's totals; and against the record's, which the receipt may not carry.
    async fn check_totals(
        &self,
        claim: &Claim,
        record: &LoadRecord,
        result: &mut Verification,
    ) -> Result<(), ReportError> {
        let recorded: BTreeMap<String, BTreeMap<String, String>> =
            serde_json::from_str(&record.totals).unwrap_or_default();
        let claimed = claim.totals.as_ref().unwrap_or(&recorded);
        let mut in_lake: BTreeMap<&str, Sums> = BTreeMap::new();
        for rows in &self.definition.rows {
            let Some((column, currency)) = &rows.total else { continue };
            let sums = self.sums.sums(&rows.name, column, currency, record).await?;
            let known = in_lake.entry(column).or_default();
            for (currency, sum) in sums {
                let total = known.entry(currency).or_insert(i256::ZERO);
                *total = total.wrapping_add(sum);
            }
        }
        for (column, by_currency) in claimed {
            let Some(sums) = in_lake.get(column.as_str()) else {
                result.equal(&format!("total {column}"), "a column of the lake", "none of the plugin's totals");
                continue;
            };
            for (currency, amount) in by_currency {
                let sum = decimal_text(sums.get(currency).copied().unwrap_or(i256::ZERO));
                // As numbers: `1.50` is `1.5`.
                let amount = parse_decimal_exact(amount).map_or_else(|| amount.clone(), decimal_text);
                result.equal(&format!("total {column} {currency}"), &amount, &sum);
            }
        }
        for (column, sums) in in_lake {
            let named = claimed.get(column);
            for (currency, sum) in sums {
                if sum != i256::ZERO && named.is_none_or(|named| !named.contains_key(&currency)) {
                    result.equal(&format!("total {column} {currency}"), "0", &decimal_text(sum));
                }
            }
        }
        Ok(())
    }

    /// Rows of each table, and whether its last commit of the period is of this load.
    async fn check_tables(
        &self,
        claim: &Claim,
        record: &LoadRecord,
        result: &mut Verification,
    ) -> Result<(), ReportError> {
        let Some(partition) = partition_of(record) else { return Ok(()) };
        for table in &claim.tables {
            let rows = self.sums.count(&table.table, record).await?;
            result.equal(&format!("rows of {}", table.table), &table.rows.to_string(), &rows.to_string());
            let normalized = self.definition.rows.iter().any(|rows| rows.name == table.table);
            let id = if normalized { &record.rows_id } else { &record.load_id };
            let stored = TableRef::new(self.tenant, &record.provider, &table.table)?;
            let mark = self.lake.stored(&stored)?.loaded(&partition).await?;
            let found = match mark {
                None => "nothing".to_owned(),
                Some(mark) if mark.is(id)? => "this load".to_owned(),
                Some(mark) => mark.load_id.unwrap_or_else(|| "another load".to_owned()),
            };
            result.equal(&format!("last commit of {}", table.table), "this load", &found);
        }
        Ok(())
    }
}

/// Microseconds since the epoch, for people.
fn told(micros: i64) -> String {
    let time = chrono::DateTime::from_timestamp_micros(micros);
    time.map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)).unwrap_or_default()
}
