//! The table beside line items and the daily summary: the bill. Tag keys are the SDK's.
//!
//! Table and column names are those that readers of Koku's database know. The host adds ids and where rows came from.

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use costhost_sdk::plan::instant_type;
use costhost_sdk::rollup::text_list;
use std::sync::{Arc, LazyLock};

/// Name of the table of bills.
pub(crate) const BILL: &str = "reporting_azurecostentrybill";

/// The value of `provider_type` in every tag key of this plugin.
pub(crate) const PROVIDER_TYPE: &str = "Azure";

static BILL_SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(vec![
        text("billing_account_id"),
        text("billing_account_name"),
        text("metric"),
        Field::new("billing_period_start", instant_type(), false),
        Field::new("billing_period_end", instant_type(), false),
        Field::new("invoice_ids", text_list(), false),
    ]))
});

/// The logical schema of the bill, without the columns that the host adds.
#[must_use]
pub fn bill_schema() -> SchemaRef {
    Arc::clone(&BILL_SCHEMA)
}
