//! From a header to a plan: which column of the export becomes what; and which headers are of something else.

use crate::columns::{ADDITIONAL_INFO, EXTRA, TAGS, canonical, folded, is_own_name, line_items_schema};
use arrow_schema::DataType;
use costhost_sdk::contract::Failure;
use costhost_sdk::failure::skip_report;
use costhost_sdk::plan::{Input, Plan, Target};
use std::collections::BTreeSet;

/// The column with the day of a charge.
pub(crate) const TIME: &str = "date";
const AMOUNT: &str = "cost_in_billing_currency";
const CURRENCY: &str = "billing_currency";
/// A row is not counted when one of these is not text.
const KEYS: &[&str] = &[CURRENCY, "subscription_id", "meter_category"];
const EXTRA_RUN: u32 = 1;
/// Columns that say the same whenever they stand beside each other in an export: of a meter, of an agreement.
const RUNS: &[&[&str]] = &[
    &[
        "product_name",
        "meter_category",
        "meter_sub_category",
        "meter_id",
        "meter_name",
        "meter_region",
        "unit_of_measure",
    ],
    &[
        "publisher_type",
        "publisher_name",
        "charge_type",
        "frequency",
        "pricing_model",
        "availability_zone",
        "billing_account_id",
        "billing_account_name",
        "billing_currency",
    ],
    &[
        "plan_name",
        "service_family",
        "cost_allocation_rule_name",
        "benefit_id",
        "benefit_name",
        "account_id",
        "resource_location_normalized",
    ],
];

/// What a header is the header of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Cost and usage details of a schema this plugin reads.
    Costs,
    /// The schema up to 2019-11-01 of the API, with `UsageDateTime`.
    Legacy,
    /// FOCUS, which has a plugin of its own.
    Focus,
    /// None of these.
    Other,
}

/// What a header is the header of, by its columns.
pub(crate) fn kind(names: &[String]) -> Kind {
    let folded: BTreeSet<String> = names.iter().map(|name| folded(name)).collect();
    let has = |name: &str| folded.contains(name);
    if has("billedcost") && has("chargeperiodstart") {
        return Kind::Focus;
    }
    if has("usagedatetime") && !has("date") {
        return Kind::Legacy;
    }
    let known = names.iter().filter(|name| canonical(name).is_some()).count();
    if known >= 3 { Kind::Costs } else { Kind::Other }
}

/// The failure of a header that is not one of cost and usage details.
pub(crate) fn refusal(kind: Kind, names: &[String]) -> Option<Failure> {
    match kind {
        Kind::Costs => None,
        Kind::Legacy => Some(skip_report(
            "input.legacy-schema",
            "the file has the legacy schema (`UsageDateTime`), in which rows have no billing period: export `Cost and usage \
             details (actual)` or `(amortized)` with the newest dataset version instead of `Usage`",
        )),
        Kind::Focus => Some(skip_report(
            "input.focus",
            "the file is a FOCUS export: read it with the focus plugin, or export `Cost and usage details` for this one",
        )),
        Kind::Other => {
            let known = names.iter().filter(|name| canonical(name).is_some()).count();
            let columns = names.len();
            Some(skip_report(
                "input.wrong-header",
                format!(
                    "the first line is not the header of an Azure cost export: {known} of its {columns} columns are known. \
                     Check that the file is an export of cost and usage details with a header line, in comma separated form"
                ),
            ))
        }
    }
}

/// The plan for an input with these columns.
///
/// # Errors
/// When the columns are not those of cost and usage details, or one without which no row counts is missing.
pub(crate) fn plan(names: &[String]) -> Result<Plan, Failure> {
    if let Some(failure) = refusal(kind(names), names) {
        return Err(failure);
    }
    let schema = line_items_schema();
    let inputs: Vec<Input> =
        names.iter().map(|name| if stands_back(name, names) { extra(name) } else { input(name) }).collect();
    let find = |name: &str| {
        let column = schema.index_of(name).ok();
        inputs.iter().position(|input| column.is_some_and(|column| input.target == Target::Column(column)))
    };
    let required = |name: &str| find(name).ok_or_else(|| missing(name));
    let (time, amount) = (required(TIME)?, required(AMOUNT)?);
    required(CURRENCY)?;
    let keys = KEYS.iter().filter_map(|name| find(name)).chain([time, amount]).collect();
    Ok(Plan { time, amount, currency: find(CURRENCY), keys, slashed_dates: true, schema, inputs })
}

fn missing(name: &str) -> Failure {
    skip_report(
        "input.missing-column",
        format!(
            "the column {name} (in any spelling, such as CostInBillingCurrency or Cost) is missing, without which no row can \
             be counted: add it to the export"
        ),
    )
}

fn run_of(column: &str) -> Option<u32> {
    let numbered = (EXTRA_RUN + 1..).zip(RUNS);
    numbered.into_iter().find(|(_, columns)| columns.contains(&column)).map(|(number, _)| number)
}

/// Whether a column has another name for an amount whose own name is there too: `Cost` beside `CostInBillingCurrency` may
/// be in another currency, so it says nothing for rows in which the latter is empty.
fn stands_back(name: &str, names: &[String]) -> bool {
    let amount = |column: &usize| {
        line_items_schema()
            .fields()
            .get(*column)
            .is_some_and(|field| matches!(field.data_type(), DataType::Decimal128(..)))
    };
    let Some(column) = canonical(name).filter(amount) else { return false };
    !is_own_name(name, column)
        && names.iter().any(|other| canonical(other) == Some(column) && is_own_name(other, column))
}

fn extra(name: &str) -> Input {
    let entry = |column| Target::Entry { column, key: name.trim().to_owned() };
    let target = line_items_schema().index_of(EXTRA).map_or(Target::Skip, entry);
    Input { name: name.to_owned(), target, run: Some(EXTRA_RUN) }
}

fn input(name: &str) -> Input {
    let schema = line_items_schema();
    let (target, run) = match canonical(name) {
        Some(column) if matches!(schema.field(column).data_type(), DataType::Map(..)) => {
            let column_name = schema.field(column).name().as_str();
            debug_assert!([TAGS, ADDITIONAL_INFO].contains(&column_name), "no other map comes from one column");
            (Target::Members(column), None)
        }
        Some(column) => (Target::Column(column), run_of(schema.field(column).name())),
        None => return extra(name),
    };
    Input { name: name.to_owned(), target, run }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(header: &str) -> Vec<String> {
        header.split(',').map(str::to_owned).collect()
    }

    #[test]
    fn other_headers_are_told_what_they_are() {
        for (header, code) in [
            ("SubscriptionGuid,ResourceGroup,UsageDateTime,MeterId,PreTaxCost,Currency", "input.legacy-schema"),
            ("subscriptionid,UsageDateTime,costinbillingcurrency,Tags", "input.legacy-schema"),
            ("BilledCost,ChargePeriodStart,Tags,ResourceId,SubAccountId", "input.focus"),
            ("a,b,c,Cost", "input.wrong-header"),
            ("Date,SubscriptionId,MeterId,BillingCurrency", "input.missing-column"),
            ("Date,SubscriptionId,MeterId,Cost", "input.missing-column"),
            ("Cost,SubscriptionId,MeterId,BillingCurrency", "input.missing-column"),
        ] {
            assert_eq!(plan(&names(header)).unwrap_err().code, code, "{header}");
        }
    }

    #[test]
    fn an_amount_is_told_by_its_own_name_where_that_is_there() {
        for header in
            ["Date,Cost,CostInBillingCurrency,BillingCurrency", "Date,CostInBillingCurrency,Cost,BillingCurrency"]
        {
            let names = names(header);
            let plan = plan(&names).unwrap();
            assert_eq!(names[plan.amount], "CostInBillingCurrency", "{header}");
            let cost = names.iter().position(|name| name == "Cost").unwrap();
            assert!(matches!(&plan.inputs[cost].target, Target::Entry { key, .. } if key == "Cost"), "{header}");
        }
    }

    #[test]
    fn columns_find_their_places() {
        let plan = plan(&names("Datum (Date),Kosten (Cost),BillingCurrencyCode,Tags,AdditionalInfo,Surprise")).unwrap();
        assert_eq!((plan.time, plan.amount, plan.currency), (0, 1, Some(2)));
        let place = |at: usize| match &plan.inputs[at].target {
            Target::Column(column) => plan.schema.field(*column).name().clone(),
            Target::Members(column) => format!("{}{{}}", plan.schema.field(*column).name()),
            Target::Entry { column, key } => format!("{}[{key}]", plan.schema.field(*column).name()),
            other => format!("{other:?}"),
        };
        let places: Vec<String> = (0..6).map(place).collect();
        let want =
            ["date", "cost_in_billing_currency", "billing_currency", "tags{}", "additional_info{}", "extra[Surprise]"];
        assert_eq!(places, want);
    }
}
