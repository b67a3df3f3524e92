//! From a header to a plan: which column of the input becomes what.

use crate::columns::{COST_CATEGORY, DISCOUNT, EXTRA, PRODUCT, RESOURCE_TAGS, line_items_schema};
use crate::naming::{folded, underscored};
use arrow_schema::DataType;
use costhost_sdk::contract::Failure;
use costhost_sdk::failure::skip_report;
use costhost_sdk::plan::{Input, Plan, Target};
use std::collections::BTreeMap;

/// Families of columns that end up in a map: prefix without marks, map column, and the number of their run.
const FAMILIES: &[(&str, &str, u32)] = &[
    ("product", PRODUCT, 1),
    ("resourcetags", RESOURCE_TAGS, 2),
    ("costcategory", COST_CATEGORY, 3),
    ("discount", DISCOUNT, 4),
];
const EXTRA_RUN: u32 = 5;
/// Columns of text that repeat together, by the beginning of their names, and the number of their run: the attributes of
/// a product, what is the same all over a bill, what was used, at what price and by what plan. What differs from line to
/// line is in none of them.
const TOGETHER: &[(&str, u32)] = &[
    ("product_", 1),
    ("bill_", 6),
    ("line_item_availability_zone", 7),
    ("line_item_operation", 7),
    ("line_item_product_code", 7),
    ("line_item_usage_type", 7),
    ("pricing_", 8),
    ("savings_plan_instance_type_family", 9),
    ("savings_plan_offering_type", 9),
    ("savings_plan_payment_option", 9),
    ("savings_plan_purchase_term", 9),
];

const TIME: &str = "line_item_usage_start_date";
const AMOUNT: &str = "line_item_unblended_cost";
const TYPE: &str = "line_item_line_item_type";
const CURRENCY: &str = "line_item_currency_code";
/// A row is not counted when one of these is not text.
const KEYS: &[&str] =
    &[TYPE, CURRENCY, "line_item_usage_account_id", "line_item_product_code", "bill_payer_account_id"];

/// The plan for an input with these columns.
///
/// # Errors
/// When the columns are not those of a Cost and Usage Report, or one without which no row counts is missing.
pub(crate) fn plan(names: &[String]) -> Result<Plan, Failure> {
    let targets = Targets::new();
    let inputs: Vec<Input> = names.iter().map(|name| targets.input(name)).collect();
    let find = |name: &str| {
        let column = targets.index(name);
        inputs.iter().position(|input| column.is_some_and(|c| input.target == Target::Column(c)))
    };
    let known = inputs.iter().filter(|i| matches!(i.target, Target::Column(_))).count();
    if known < 3 {
        return Err(wrong_header(known, names.len()));
    }
    let required = |name: &str| find(name).ok_or_else(|| missing(name));
    let (time, amount, kind) = (required(TIME)?, required(AMOUNT)?, required(TYPE)?);
    let keys = KEYS.iter().filter_map(|name| find(name)).chain([time, amount, kind]).collect();
    Ok(Plan { schema: line_items_schema(), time, amount, currency: find(CURRENCY), keys, inputs, slashed_dates: false })
}

fn wrong_header(known: usize, columns: usize) -> Failure {
    skip_report(
        "input.wrong-header",
        format!(
            "the first line is not the header of a Cost and Usage Report: {known} of its {columns} columns are known. \
             Check that the file is a report with a header line, in comma separated form"
        ),
    )
}

fn missing(name: &str) -> Failure {
    skip_report(
        "input.missing-column",
        format!(
            "the column {name} (any spelling) is missing, without which no row can be counted: add it to the export"
        ),
    )
}

/// Columns by all their spellings.
struct Targets {
    by_folded: BTreeMap<String, usize>,
}

impl Targets {
    fn new() -> Targets {
        let schema = line_items_schema();
        let names = schema.fields().iter().enumerate();
        Targets { by_folded: names.map(|(column, field)| (folded(field.name()), column)).collect() }
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.by_folded.get(&folded(name)).copied()
    }

    fn input(&self, name: &str) -> Input {
        let (target, run) = self.target(name.trim());
        Input { name: name.to_owned(), target, run }
    }

    fn target(&self, name: &str) -> (Target, Option<u32>) {
        let schema = line_items_schema();
        // Tag keys and category names are anyone's words: they are never columns of ours.
        if let Some(found) = self.family(name, &[RESOURCE_TAGS, COST_CATEGORY]) {
            return found;
        }
        if let Some(column) = self.index(name) {
            let data_type = schema.field(column).data_type();
            if matches!(data_type, DataType::Map(..)) {
                return if schema.field(column).name() == EXTRA {
                    self.extra(name)
                } else {
                    (Target::Object(column), None)
                };
            }
            let run = TOGETHER.iter().find(|(begin, _)| schema.field(column).name().starts_with(begin));
            return (Target::Column(column), run.filter(|_| *data_type == DataType::Utf8).map(|(_, run)| *run));
        }
        self.family(name, &[PRODUCT, DISCOUNT]).unwrap_or_else(|| self.extra(name))
    }

    fn extra(&self, name: &str) -> (Target, Option<u32>) {
        let target = self.index(EXTRA).map_or(Target::Skip, |column| Target::Entry { column, key: name.to_owned() });
        (target, Some(EXTRA_RUN))
    }

    /// An entry of one of these maps, if the name has that family's prefix.
    fn family(&self, name: &str, maps: &[&str]) -> Option<(Target, Option<u32>)> {
        for (prefix, map, run) in FAMILIES.iter().filter(|family| maps.contains(&family.1)) {
            let Some(rest) = after_prefix(name, prefix) else { continue };
            let key = match *map {
                RESOURCE_TAGS => tag_key(rest),
                COST_CATEGORY => rest.to_owned(),
                _ => underscored(rest),
            };
            if !key.is_empty() {
                return Some((Target::Entry { column: self.index(map)?, key }, Some(*run)));
            }
        }
        None
    }
}

/// What follows a prefix, which may be spelled with `_` and capitals, and a separator.
fn after_prefix<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    let mut wanted = prefix.bytes();
    let mut next = wanted.next();
    for (at, letter) in name.char_indices() {
        match next {
            Some(want) if letter.is_ascii() && letter.to_ascii_lowercase() == want as char => next = wanted.next(),
            Some(_) if letter == '_' => {}
            Some(_) => return None,
            None if matches!(letter, '/' | '_') => return name.get(at + 1..),
            None => return None,
        }
    }
    None
}

/// `user:App` -> `user_App`, as CUR 2.0 writes it.
fn tag_key(name: &str) -> String {
    for prefix in ["user", "aws"] {
        if let Some(key) = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix(':')) {
            return format!("{prefix}_{key}");
        }
    }
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn becomes(name: &str) -> String {
        let schema = line_items_schema();
        match Targets::new().target(name).0 {
            Target::Column(column) => schema.field(column).name().clone(),
            Target::Entry { column, key } => format!("{}[{key}]", schema.field(column).name()),
            Target::Object(column) | Target::Members(column) => format!("{}{{}}", schema.field(column).name()),
            Target::Skip => "-".to_owned(),
        }
    }

    #[test]
    fn columns_of_all_shapes() {
        for (name, want) in [
            ("lineItem/UnblendedCost", "line_item_unblended_cost"),
            ("line_item_unblended_cost", "line_item_unblended_cost"),
            ("LINEITEM/UNBLENDEDCOST", "line_item_unblended_cost"),
            ("savingsPlan/SavingsPlanArn", "savings_plan_savings_plan_a_r_n"),
            ("savings_plan_savings_plan_arn", "savings_plan_savings_plan_a_r_n"),
            ("reservation/ReservationARN", "reservation_reservation_a_r_n"),
            ("reservation_reservation_arn", "reservation_reservation_a_r_n"),
            ("product/ProductName", "product[product_name]"),
            ("product_product_name", "product[product_name]"),
            ("product/instanceType", "product_instance_type"),
            ("product/productFamily", "product_product_family"),
            ("product/region", "product[region]"),
            ("product/regionCode", "product_region_code"),
            ("product/intelAvx2Available", "product[intel_avx2_available]"),
            ("product", "product{}"),
            ("resource_tags", "resource_tags{}"),
            ("resourceTags/user:App:Name", "resource_tags[user_App:Name]"),
            ("resourceTags/aws:createdBy", "resource_tags[aws_createdBy]"),
            ("resource_tags_user_app", "resource_tags[user_app]"),
            ("costCategory/Charge type", "cost_category[Charge type]"),
            ("cost_category_charge_type", "cost_category[charge_type]"),
            ("discount/EdpDiscount", "discount[edp_discount]"),
            ("discount_total_discount", "discount_total_discount"),
            ("splitLineItem/SplitCost", "split_line_item_split_cost"),
            ("pricing/OfferingClasspricing/PurchaseOption", "extra[pricing/OfferingClasspricing/PurchaseOption]"),
            ("year", "extra[year]"),
            ("extra", "extra[extra]"),
        ] {
            assert_eq!(becomes(name), want, "{name}");
        }
    }

    #[test]
    fn missing_columns_are_named() {
        let names = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert_eq!(plan(&names(&["a", "b"])).unwrap_err().code, "input.wrong-header");
        let some = names(&["lineItem/UsageStartDate", "lineItem/LineItemType", "lineItem/CurrencyCode"]);
        let failure = plan(&some).unwrap_err();
        assert_eq!(failure.code, "input.missing-column");
        assert!(failure.message.contains(AMOUNT), "{}", failure.message);
    }
}
