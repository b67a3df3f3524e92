//! Every agreement's columns as Microsoft documents them: each finds its place, and one charge is one row of the summary,
//! the same whatever agreement it is charged under.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::result_large_err,
    reason = "tests fail by panicking"
)]

mod support;

use costhost_sdk::contract::{Form, Period};
use costhost_sdk::time;
use serde_json::{Value, json};
use support::{Outcome, csv, job, summary};

/// Enterprise agreements, version 2024-08-01; exports of actual and amortized costs of pay-as-you-go subscriptions have its
/// columns too.
const EA: &str = "InvoiceSectionName,AccountName,AccountOwnerId,SubscriptionId,SubscriptionName,ResourceGroup,\
    ResourceLocation,Date,ProductName,MeterCategory,MeterSubCategory,MeterId,MeterName,MeterRegion,UnitOfMeasure,Quantity,\
    EffectivePrice,CostInBillingCurrency,CostCenter,ConsumedService,ResourceId,Tags,OfferId,AdditionalInfo,ServiceInfo1,\
    ServiceInfo2,ResourceName,ReservationId,ReservationName,UnitPrice,ProductOrderId,ProductOrderName,Term,PublisherType,\
    PublisherName,ChargeType,Frequency,PricingModel,AvailabilityZone,BillingAccountId,BillingAccountName,\
    BillingCurrencyCode,BillingPeriodStartDate,BillingPeriodEndDate,BillingProfileId,BillingProfileName,InvoiceSectionId,\
    IsAzureCreditEligible,PartNumber,PayGPrice,PlanName,ServiceFamily,CostAllocationRuleName,benefitId,benefitName,\
    AccountId,ResourceLocationNormalized";
/// Customer agreements, version 2023-12-01-preview.
const MCA: &str = "invoiceId,previousInvoiceId,billingAccountId,billingAccountName,billingProfileId,billingProfileName,\
    invoiceSectionId,invoiceSectionName,resellerName,resellerMpnId,costCenter,billingPeriodEndDate,billingPeriodStartDate,\
    servicePeriodEndDate,servicePeriodStartDate,date,serviceFamily,productOrderId,productOrderName,consumedService,meterId,\
    meterName,meterCategory,meterSubCategory,meterRegion,ProductId,ProductName,SubscriptionId,subscriptionName,\
    publisherType,publisherId,publisherName,resourceGroupName,ResourceId,resourceLocation,location,effectivePrice,quantity,\
    unitOfMeasure,chargeType,billingCurrency,pricingCurrency,costInBillingCurrency,costInPricingCurrency,costInUsd,\
    paygCostInBillingCurrency,paygCostInUsd,exchangeRatePricingToBilling,exchangeRateDate,isAzureCreditEligible,\
    serviceInfo1,serviceInfo2,additionalInfo,tags,PayGPrice,frequency,term,reservationId,reservationName,pricingModel,\
    unitPrice,costAllocationRuleName,benefitId,benefitName,provider";
/// Customer agreements, version 2019-10-01.
const MCA_2019: &str = "InvoiceID,PreviousInvoiceId,BillingAccountId,BillingAccountName,BillingProfileId,\
    BillingProfileName,InvoiceSectionId,InvoiceSectionName,ResellerName,ResellerMPNId,CostCenter,BillingPeriodEndDate,\
    BillingPeriodStartDate,ServicePeriodEndDate,ServicePeriodStartDate,Date,ServiceFamily,ProductOrderId,ProductOrderName,\
    ConsumedService,MeterId,MeterName,MeterCategory,MeterSubcategory,MeterRegion,ProductId,Product,SubscriptionGuid,\
    SubscriptionName,PublisherType,PublisherId,PublisherName,ResourceGroup,InstanceName,ResourceLocation,Location,\
    EffectivePrice,Quantity,UnitOfMeasure,ChargeType,BillingCurrencyCode,PricingCurrencyCode,CostInBillingCurrency,\
    CostInPricingCurrency,CostInUSD,PaygCostInBillingCurrency,PaygCostInUSD,ExchangeRate,ExchangeRateDate,\
    IsAzureCreditEligible,ServiceInfo1,ServiceInfo2,AdditionalInfo,Tags,MarketPrice,Frequency,Term,ReservationId,\
    ReservationName,UnitPrice";
/// Partner agreements at the partner's scopes, version 2023-12-01-preview.
const MPA: &str = "invoiceId,previousInvoiceId,billingAccountId,billingAccountName,billingProfileId,billingProfileName,\
    invoiceSectionId,invoiceSectionName,partnerTenantId,partnerName,resellerName,resellerMpnId,customerTenantId,\
    customerName,costCenter,billingPeriodEndDate,billingPeriodStartDate,servicePeriodEndDate,servicePeriodStartDate,date,\
    serviceFamily,productOrderId,productOrderName,consumedService,meterId,meterName,meterCategory,meterSubCategory,\
    meterRegion,ProductId,ProductName,SubscriptionId,subscriptionName,publisherType,publisherId,publisherName,\
    resourceGroupName,ResourceId,resourceLocation,location,effectivePrice,quantity,unitOfMeasure,chargeType,\
    billingCurrency,pricingCurrency,costInBillingCurrency,costInPricingCurrency,costInUsd,paygCostInBillingCurrency,\
    paygCostInUsd,exchangeRatePricingToBilling,exchangeRateDate,isAzureCreditEligible,serviceInfo1,serviceInfo2,\
    additionalInfo,tags,partnerEarnedCreditRate,partnerEarnedCreditApplied,PayGPrice,frequency,term,reservationId,\
    reservationName,PricingModel,unitPrice,benefitId,benefitName,provider";
/// Partner agreements at a subscription's scope, version 2023-12-01-preview: without a billing account's id.
const CSP_SUBSCRIPTION: &str = "billingAccountName,partnerName,resellerName,resellerMpnId,customerTenantId,customerName,\
    costCenter,billingPeriodEndDate,billingPeriodStartDate,servicePeriodEndDate,servicePeriodStartDate,date,serviceFamily,\
    productOrderId,productOrderName,consumedService,meterId,meterName,meterCategory,meterSubCategory,meterRegion,ProductId,\
    ProductName,SubscriptionId,subscriptionName,publisherType,publisherId,publisherName,resourceGroupName,ResourceId,\
    resourceLocation,location,effectivePrice,quantity,unitOfMeasure,chargeType,billingCurrency,pricingCurrency,\
    costInBillingCurrency,costInUsd,exchangeRatePricingToBilling,exchangeRateDate,serviceInfo1,serviceInfo2,additionalInfo,\
    tags,PayGPrice,frequency,term,reservationId,reservationName,PricingModel,unitPrice,benefitId,benefitName,provider";

/// The value of a column in the one charge of every file, by the column's name in any spelling.
fn value(column: &str) -> String {
    let folded = column.to_ascii_lowercase();
    match folded.as_str() {
        "date" => "01/31/2025",
        "billingperiodstartdate" | "serviceperiodstartdate" | "exchangeratedate" => "01/01/2025",
        "billingperiodenddate" | "serviceperiodenddate" => "01/31/2025",
        "metercategory" => "Storage",
        "unitofmeasure" => "10 GB/Month",
        "quantity" => "1.5",
        "billingcurrency" | "billingcurrencycode" => "EUR",
        "subscriptionid" | "subscriptionguid" => "sub",
        "subscriptionname" => "Production",
        "resourcelocation" => "westeurope",
        "resourceid" | "instancename" => "/subscriptions/sub/r",
        "additionalinfo" => r#""{""ServiceType"": ""Standard_B1s""}""#,
        "tags" => r#""""env"": ""a\"": \""b\"",\""c""""#,
        name if name.contains("cost") && !name.contains("center") && !name.contains("rule") => "12.345678901234567",
        name if name.contains("price") || name.contains("rate") => "0.25",
        _ => column,
    }
    .to_owned()
}

fn read(header: &str) -> Outcome {
    let row: Vec<String> = header.split(',').map(value).collect();
    let at = |day: &str| time::parse(day.as_bytes()).unwrap() / 1_000_000;
    let period = Period { start: at("2025-01-01"), end: at("2025-02-01") };
    csv(&job(Form::Bytes, period, &[]), format!("{header}\r\n{}\r\n", row.join(",")).as_bytes(), 64).unwrap()
}

#[test]
fn every_agreement_gives_the_same_summary() {
    for (header, columns) in [(EA, 57), (MCA, 65), (MCA_2019, 60), (MPA, 70), (CSP_SUBSCRIPTION, 56)] {
        assert_eq!(header.split(',').count(), columns);
        for header in [header.to_owned(), header.to_lowercase(), format!("\u{feff}{header}")] {
            let outcome = read(&header);
            assert_eq!(outcome.rejects, [], "{header}");
            assert_eq!(outcome.texts("extra"), [Value::Null], "a documented column has no place: {header}");
            let [rows, bills, keys] = summary(&outcome, "{}");
            assert_eq!((rows.len(), bills.len(), keys.len()), (1, 1, 1));
            for (column, want) in [
                ("usage_start", json!("2025-01-31")),
                ("subscription_guid", json!("sub")),
                ("subscription_name", json!("Production")),
                ("resource_location", json!("westeurope")),
                ("service_name", json!("Storage")),
                ("instance_type", json!("Standard_B1s")),
                ("currency", json!("EUR")),
                ("metric", json!("actual")),
                ("unit_of_measure", json!("GB-Mo")),
                ("usage_quantity", json!("15")),
                ("pretax_cost", json!("12.345678901234567")),
                ("instance_ids", json!(["/subscriptions/sub/r"])),
            ] {
                assert_eq!(rows[0][column], want, "{column} of {header}");
            }
        }
    }
}
