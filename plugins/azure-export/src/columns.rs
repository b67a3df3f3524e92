//! The one shape of Azure line items: every agreement's columns, by one name each, typed.
//!
//! Names are those of the exports' English camel case in snake case. Exports spell them in many ways; [`canonical`] knows
//! them.

use arrow_schema::{DataType, SchemaRef};
use costhost_sdk::plan::{self, amount_type, instant_type, map_type};
use std::sync::{Arc, LazyLock};

/// Columns that hold amounts, quantities, prices and rates.
const AMOUNTS: &[&str] = &[
    "cost_in_billing_currency",
    "cost_in_pricing_currency",
    "cost_in_usd",
    "effective_price",
    "exchange_rate_pricing_to_billing",
    "partner_earned_credit_rate",
    "pay_g_price",
    "payg_cost_in_billing_currency",
    "payg_cost_in_usd",
    "quantity",
    "unit_price",
];

/// Columns that hold days.
const INSTANTS: &[&str] = &[
    "billing_period_end_date",
    "billing_period_start_date",
    "date",
    "exchange_rate_date",
    "service_period_end_date",
    "service_period_start_date",
];

/// Columns that hold maps. `extra` is ours: what is in no list.
const MAPS: &[&str] = &[ADDITIONAL_INFO, EXTRA, TAGS];

/// The map of what services say of a charge, such as the size of a virtual machine.
pub(crate) const ADDITIONAL_INFO: &str = "additional_info";
/// The map of columns that are in no list, by their name in the input.
pub(crate) const EXTRA: &str = "extra";
/// The map of tags.
pub(crate) const TAGS: &str = "tags";
/// Whether costs are actual or amortized: the same in every row of a source.
pub(crate) const METRIC: &str = "metric";

/// Columns that hold text.
const TEXTS: &[&str] = &[
    "account_id",
    "account_name",
    "account_owner_id",
    "availability_zone",
    "benefit_id",
    "benefit_name",
    "billing_account_id",
    "billing_account_name",
    "billing_currency",
    "billing_profile_id",
    "billing_profile_name",
    "charge_type",
    "consumed_service",
    "cost_allocation_rule_name",
    "cost_center",
    "customer_name",
    "customer_tenant_id",
    "frequency",
    "invoice_id",
    "invoice_section_id",
    "invoice_section_name",
    "is_azure_credit_eligible",
    "location",
    "meter_category",
    "meter_id",
    "meter_name",
    "meter_region",
    "meter_sub_category",
    METRIC,
    "offer_id",
    "part_number",
    "partner_earned_credit_applied",
    "partner_name",
    "partner_tenant_id",
    "plan_name",
    "previous_invoice_id",
    "pricing_currency",
    "pricing_model",
    "product_id",
    "product_name",
    "product_order_id",
    "product_order_name",
    "provider",
    "publisher_id",
    "publisher_name",
    "publisher_type",
    "reseller_mpn_id",
    "reseller_name",
    "reservation_id",
    "reservation_name",
    "resource_group",
    "resource_id",
    "resource_location",
    "resource_location_normalized",
    "resource_name",
    "resource_type",
    "service_family",
    "service_info1",
    "service_info2",
    "service_name",
    "service_tier",
    "subscription_id",
    "subscription_name",
    "term",
    "unit_of_measure",
];

/// Other names of columns, in letters and digits alone, and the column they are.
const ALIASES: &[(&str, &str)] = &[
    ("billingcurrencycode", "billing_currency"),
    ("cost", "cost_in_billing_currency"),
    ("exchangerate", "exchange_rate_pricing_to_billing"),
    ("instanceid", "resource_id"),
    ("instancename", "resource_id"),
    ("invoicesection", "invoice_section_name"),
    ("marketprice", "pay_g_price"),
    ("pricingcurrencycode", "pricing_currency"),
    ("product", "product_name"),
    ("resourcegroupname", "resource_group"),
    ("subscriptionguid", "subscription_id"),
    ("usagequantity", "quantity"),
];

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    plan::schema(&[(AMOUNTS, amount_type()), (INSTANTS, instant_type()), (MAPS, map_type()), (TEXTS, DataType::Utf8)])
});

/// The logical schema of line items, by name. Every column may be null.
#[must_use]
pub fn line_items_schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

/// The English name of a column as an export spells it: what a localized header has in its last parentheses, such as
/// `Ressourcengruppe (ResourceGroup)`.
#[must_use]
pub fn english(name: &str) -> &str {
    let name = name.trim().trim_start_matches('\u{feff}');
    let inner = name.strip_suffix(')').and_then(|rest| rest.rsplit_once('(')).map(|(_, inner)| inner.trim());
    inner.filter(|inner| !inner.is_empty()).unwrap_or(name)
}

/// The letters and digits of a name's English in lower case: equal for all spellings of one column.
#[must_use]
pub fn folded(name: &str) -> String {
    english(name).chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

static BY_FOLDED: LazyLock<std::collections::BTreeMap<String, usize>> = LazyLock::new(|| {
    let schema = line_items_schema();
    let names = schema.fields().iter().enumerate().map(|(column, field)| (folded(field.name()), column));
    let aliases = ALIASES.iter().filter_map(|(alias, name)| Some(((*alias).to_owned(), schema.index_of(name).ok()?)));
    names.chain(aliases).filter(|(name, _)| name != EXTRA && name != METRIC).collect()
});

/// Whether a name is the column's own and not another one for it.
#[must_use]
pub fn is_own_name(name: &str, column: usize) -> bool {
    line_items_schema().fields().get(column).is_some_and(|field| folded(field.name()) == folded(name))
}

/// The column that an export's column becomes, by any of its spellings. Never one that is ours alone.
#[must_use]
pub fn canonical(name: &str) -> Option<usize> {
    BY_FOLDED.get(&folded(name)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(spelled: &str) -> Option<String> {
        canonical(spelled).map(|column| line_items_schema().field(column).name().clone())
    }

    /// Columns that Microsoft documents: EA, MCA, MPA, from the version 2019-10-01 on.
    const DOCUMENTED: &str = "InvoiceSectionName,AccountName,AccountOwnerId,SubscriptionId,SubscriptionName,ResourceGroup,\
        ResourceLocation,Date,ProductName,MeterCategory,MeterSubCategory,MeterId,MeterName,MeterRegion,UnitOfMeasure,\
        Quantity,EffectivePrice,CostInBillingCurrency,CostCenter,ConsumedService,ResourceId,Tags,OfferId,AdditionalInfo,\
        ServiceInfo1,ServiceInfo2,ResourceName,ReservationId,ReservationName,UnitPrice,ProductOrderId,ProductOrderName,\
        Term,PublisherType,PublisherName,ChargeType,Frequency,PricingModel,AvailabilityZone,BillingAccountId,\
        BillingAccountName,BillingCurrencyCode,BillingPeriodStartDate,BillingPeriodEndDate,BillingProfileId,\
        BillingProfileName,InvoiceSectionId,IsAzureCreditEligible,PartNumber,PayGPrice,PlanName,ServiceFamily,\
        CostAllocationRuleName,benefitId,benefitName,AccountId,ResourceLocationNormalized,invoiceId,previousInvoiceId,\
        resellerName,resellerMpnId,servicePeriodEndDate,servicePeriodStartDate,ProductId,publisherId,resourceGroupName,\
        location,billingCurrency,pricingCurrency,costInPricingCurrency,costInUsd,paygCostInBillingCurrency,paygCostInUsd,\
        exchangeRatePricingToBilling,exchangeRateDate,provider,partnerTenantId,partnerName,customerTenantId,customerName,\
        partnerEarnedCreditRate,partnerEarnedCreditApplied,Product,Cost,InvoiceSection,InstanceName,ResellerMPNId,\
        PricingCurrencyCode,ExchangeRate,MarketPrice";

    #[test]
    fn every_documented_column_has_a_place() {
        for column in DOCUMENTED.split(',') {
            assert!(canonical(column.trim()).is_some(), "{column}");
            assert_eq!(name(column.trim()), name(&column.trim().to_lowercase()), "{column}");
            assert_eq!(name(column.trim()), name(&format!("Spalte (X) ({})", column.trim())), "{column}");
        }
    }

    #[test]
    fn spellings_of_one_column() {
        for (spelled, want) in [
            ("CostInBillingCurrency", Some("cost_in_billing_currency")),
            ("Cost", Some("cost_in_billing_currency")),
            ("\u{feff}SubscriptionGuid", Some("subscription_id")),
            ("Ressourcengruppe (ResourceGroup)", Some("resource_group")),
            ("resourceGroupName", Some("resource_group")),
            ("MeterSubcategory", Some("meter_sub_category")),
            ("PayGPrice", Some("pay_g_price")),
            ("ServiceInfo1", Some("service_info1")),
            ("Extra", None),
            ("metric", None),
            ("x ()", None),
        ] {
            assert_eq!(name(spelled).as_deref(), want, "{spelled}");
        }
    }

    #[test]
    fn aliases_lead_to_columns() {
        let schema = line_items_schema();
        for (alias, column) in ALIASES {
            assert!(schema.index_of(column).is_ok(), "{column}");
            assert!(schema.fields().iter().all(|field| folded(field.name()) != *alias), "{alias}");
        }
    }
}
