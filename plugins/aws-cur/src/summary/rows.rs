//! From line items to groups: the loop over rows.

use super::columns::{Fold, GroupKey, KEY_TEXTS, LAYOUT, Measures, sum};
use super::facts::{self, Topic};
use super::formula::{Kind, Line};
use crate::settings::Settings;
use arrow_array::RecordBatch;
use costhost_sdk::contract::Failure;
use costhost_sdk::failure::abort;
use costhost_sdk::summary::columns::{Maps, Numbers, Texts, amounts, times};
use costhost_sdk::summary::layout::day_of;
use costhost_sdk::summary::measures::Overflow;
use costhost_sdk::summary::objects::Objects;
use costhost_sdk::summary::texts::{Interner, NONE};
use std::ops::Range;

/// Rows that are taken through each step together.
const BLOCK_ROWS: usize = 256;

const REGION: u32 = 1;
const PRODUCT_NAME: u32 = 2;

type Amounts<'a> = Numbers<'a, i128>;

/// The columns of one batch that say which group a row belongs to.
struct KeyColumns<'a> {
    start: Numbers<'a, i64>,
    account: Texts<'a>,
    product_code: Texts<'a>,
    family: Texts<'a>,
    zone: Texts<'a>,
    region_code: Texts<'a>,
    instance_type: Texts<'a>,
    unit: Texts<'a>,
    currency: Texts<'a>,
    tags: Maps<'a>,
    categories: Maps<'a>,
    product: Maps<'a>,
    /// Codes of these keys among the product attributes of the batch.
    region: Vec<usize>,
    product_name: Vec<usize>,
    marketplace: Texts<'a>,
    resource: Texts<'a>,
    left_out: Texts<'a>,
    kind: Texts<'a>,
}

/// The columns of one batch that are added up.
struct AmountColumns<'a> {
    usage: Amounts<'a>,
    factor: Amounts<'a>,
    normalized_usage: Amounts<'a>,
    unblended: Amounts<'a>,
    unblended_rate: Amounts<'a>,
    blended: Amounts<'a>,
    blended_rate: Amounts<'a>,
    on_demand: Amounts<'a>,
    on_demand_rate: Amounts<'a>,
    net_unblended: Amounts<'a>,
    plan_effective: Amounts<'a>,
    net_plan_effective: Amounts<'a>,
    commitment: Commitments<'a>,
}

/// The columns that only lines of savings plans and reservations have.
struct Commitments<'a> {
    plan_arn: Texts<'a>,
    plan_start: Numbers<'a, i64>,
    plan_commitment: Amounts<'a>,
    plan_used: Amounts<'a>,
    plan_amortized_upfront: Amounts<'a>,
    reservation_arn: Texts<'a>,
    reservation_effective: Amounts<'a>,
    net_reservation_effective: Amounts<'a>,
    reservation_amortized_upfront: Amounts<'a>,
    unused_upfront: Amounts<'a>,
    net_unused_upfront: Amounts<'a>,
    unused_recurring: Amounts<'a>,
    net_unused_recurring: Amounts<'a>,
}

/// Rows that are taken through each step together, and what is known of them.
#[derive(Debug, Default)]
struct Block {
    rows: Range<usize>,
    /// Numbers of one column's texts.
    ids: Vec<u32>,
    /// Of rows that count.
    keys: Vec<(usize, GroupKey)>,
    /// Of the same rows.
    groups: Vec<(usize, u32)>,
}

/// Line items on their way into groups and facts.
#[derive(Debug)]
pub(crate) struct LineItems {
    pub(crate) fold: Fold,
    tags: Objects,
    categories: Objects,
}

impl LineItems {
    pub(crate) fn new() -> LineItems {
        let mut fold = Fold::new(&LAYOUT);
        let interner = &mut fold.groups.interner;
        let (tags, categories) = (Objects::new(interner), Objects::new(interner));
        LineItems { fold, tags, categories }
    }

    /// Rows have all been added: what keys of tags they had becomes facts.
    pub(crate) fn note_tag_keys(&mut self) {
        for key in self.tags.keys(&mut self.fold.groups.interner) {
            self.fold.facts.note(Topic::TagKey.number(), NONE, key);
        }
    }

    /// Folds every row of a batch of line items.
    pub(crate) fn add(&mut self, batch: &RecordBatch, settings: &Settings) -> Result<(), Failure> {
        let interner = &mut self.fold.groups.interner;
        facts::add(batch, &mut self.fold.facts, interner)?;
        let keys = KeyColumns::new(batch, settings, interner, &mut self.tags)?;
        let amounts = AmountColumns::new(batch)?;
        let (mut row, rows) = (0, batch.num_rows());
        let mut block = Block::default();
        while row < rows {
            block.rows = row..rows.min(row + BLOCK_ROWS);
            self.find_keys(&keys, &mut block)?;
            block.groups.clear();
            self.fold.groups.find(&block.keys, &mut block.groups);
            self.add_up(&keys, &amounts, &mut block)?;
            row = block.rows.end;
        }
        Ok(())
    }

    /// The key of each row that counts. Groups lie all over memory, and each is waited for: rows of which nothing else is
    /// done in between wait at the same time, when their groups are looked for and when they are added to them.
    fn find_keys(&mut self, keys: &KeyColumns<'_>, block: &mut Block) -> Result<(), Failure> {
        let Block { rows, ids, keys: found, .. } = block;
        keys.left_out.ids(rows.clone(), ids);
        found.clear();
        for (row, left_out) in rows.clone().zip(ids.iter()) {
            if *left_out == NONE {
                let day = keys.start.get(row).and_then(day_of).ok_or_else(no_time)?;
                found.push((row, GroupKey { day, texts: [NONE; KEY_TEXTS.len()] }));
            }
        }
        for (place, texts) in keys.texts() {
            texts.ids(rows.clone(), ids);
            for (row, key) in found.iter_mut() {
                if let (Some(text), Some(id)) = (key.texts.get_mut(place), ids.get(*row - rows.start)) {
                    *text = *id;
                }
            }
        }
        keys.marketplace.ids(rows.clone(), ids);
        for (row, key) in found.iter_mut() {
            let marketplace = ids.get(*row - rows.start).is_some_and(|id| *id != NONE);
            self.add_attributes(keys, *row, marketplace, key);
        }
        Ok(())
    }

    /// What of a key is in maps: some attributes of the product go before columns of their own.
    #[inline]
    fn add_attributes(&mut self, keys: &KeyColumns<'_>, row: usize, marketplace: bool, key: &mut GroupKey) {
        let interner = &mut self.fold.groups.interner;
        let [_, product, _, _, region, _, _, tags, categories, _] = &mut key.texts;
        let place = keys.product.value(row, &keys.region, interner);
        if place != NONE {
            *region = place;
        }
        if marketplace {
            let name = keys.product.value(row, &keys.product_name, interner);
            if name != NONE {
                *product = name;
            }
        }
        *tags = self.tags.id(&keys.tags, row, interner);
        *categories = self.categories.id(&keys.categories, row, interner);
    }

    /// Adds rows to their groups.
    fn add_up(&mut self, keys: &KeyColumns<'_>, amounts: &AmountColumns<'_>, block: &mut Block) -> Result<(), Failure> {
        let Block { rows, ids, groups, .. } = block;
        keys.kind.ids(rows.clone(), ids);
        for &(row, group) in groups.iter() {
            let kind = Kind::of_number(ids.get(row - rows.start).copied().unwrap_or_default());
            if let Some(measures) = self.fold.groups.measures(group) {
                let added = amounts.add(kind, row, keys.start.get(row), measures);
                added.map_err(|overflow| LAYOUT.overflow(overflow))?;
            }
        }
        keys.resource.ids(rows.clone(), ids);
        for &(row, group) in groups.iter() {
            self.fold.groups.resource(group, ids.get(row - rows.start).copied().unwrap_or(NONE));
        }
        Ok(())
    }
}

fn no_time() -> Failure {
    abort(
        "summary.no-day",
        "a line item without line_item_usage_start_date belongs to no day; this is a bug of the normalizer",
    )
}

impl<'a> KeyColumns<'a> {
    fn new(
        batch: &'a RecordBatch,
        settings: &Settings,
        interner: &mut Interner,
        objects: &mut Objects,
    ) -> Result<KeyColumns<'a>, Failure> {
        let user_tag = |interner: &mut Interner, key: &str| {
            let Some(key) = key.strip_prefix("user_") else { return NONE };
            if settings.tag_keys.keeps(key) { interner.id(key) } else { objects.left_out(key) }
        };
        let attribute = |_: &mut Interner, key: &str| match key {
            "region" => REGION,
            "product_name" => PRODUCT_NAME,
            _ => NONE,
        };
        let (tags, categories, product) = (
            Maps::new(batch, "resource_tags", interner, user_tag)?,
            Maps::new(batch, "cost_category", interner, Interner::id)?,
            Maps::new(batch, "product", interner, attribute)?,
        );
        // Split cost allocation data repeats costs that other lines hold.
        let left_out = |text: &str| u32::from(text == "EKSPod-EC2" || text == "ECSTask-EC2");
        let marketplace = |text: &str| u32::from(text == "AWS Marketplace");
        let mut texts = |name: &str| Texts::new(batch, name, interner);
        Ok(KeyColumns {
            start: times(batch, "line_item_usage_start_date")?,
            account: texts("line_item_usage_account_id")?,
            product_code: texts("line_item_product_code")?,
            family: texts("product_product_family")?,
            zone: texts("line_item_availability_zone")?,
            region_code: texts("product_region_code")?,
            instance_type: texts("product_instance_type")?,
            unit: texts("pricing_unit")?,
            currency: texts("line_item_currency_code")?,
            resource: texts("line_item_resource_id")?,
            tags,
            categories,
            region: product.codes_of(REGION),
            product_name: product.codes_of(PRODUCT_NAME),
            product,
            marketplace: Texts::of(batch, "bill_billing_entity", marketplace)?,
            left_out: Texts::of(batch, "line_item_operation", left_out)?,
            kind: Texts::of(batch, "line_item_line_item_type", Kind::number)?,
        })
    }
}

impl KeyColumns<'_> {
    /// The columns that a key takes texts from as they are, each with its place in the key.
    fn texts(&self) -> [(usize, &Texts<'_>); 8] {
        [
            (0, &self.account),
            (1, &self.product_code),
            (2, &self.family),
            (3, &self.zone),
            (4, &self.region_code),
            (5, &self.instance_type),
            (6, &self.unit),
            (9, &self.currency),
        ]
    }
}

impl<'a> AmountColumns<'a> {
    fn new(batch: &'a RecordBatch) -> Result<AmountColumns<'a>, Failure> {
        let amounts = |name: &str| amounts(batch, name);
        // Whether there is one is all that counts.
        let given = |arn: &str| if arn.is_empty() { NONE } else { 1 };
        let commitment = Commitments {
            plan_arn: Texts::of(batch, "savings_plan_savings_plan_a_r_n", given)?,
            plan_start: times(batch, "savings_plan_start_time")?,
            plan_commitment: amounts("savings_plan_total_commitment_to_date")?,
            plan_used: amounts("savings_plan_used_commitment")?,
            plan_amortized_upfront: amounts("savings_plan_amortized_upfront_commitment_for_billing_period")?,
            reservation_arn: Texts::of(batch, "reservation_reservation_a_r_n", given)?,
            reservation_effective: amounts("reservation_effective_cost")?,
            net_reservation_effective: amounts("reservation_net_effective_cost")?,
            reservation_amortized_upfront: amounts("reservation_amortized_upfront_fee_for_billing_period")?,
            unused_upfront: amounts("reservation_unused_amortized_upfront_fee_for_billing_period")?,
            net_unused_upfront: amounts("reservation_net_unused_amortized_upfront_fee_for_billing_period")?,
            unused_recurring: amounts("reservation_unused_recurring_fee")?,
            net_unused_recurring: amounts("reservation_net_unused_recurring_fee")?,
        };
        Ok(AmountColumns {
            usage: amounts("line_item_usage_amount")?,
            factor: amounts("line_item_normalization_factor")?,
            normalized_usage: amounts("line_item_normalized_usage_amount")?,
            unblended: amounts("line_item_unblended_cost")?,
            unblended_rate: amounts("line_item_unblended_rate")?,
            blended: amounts("line_item_blended_cost")?,
            blended_rate: amounts("line_item_blended_rate")?,
            on_demand: amounts("pricing_public_on_demand_cost")?,
            on_demand_rate: amounts("pricing_public_on_demand_rate")?,
            net_unblended: amounts("line_item_net_unblended_cost")?,
            plan_effective: amounts("savings_plan_savings_plan_effective_cost")?,
            net_plan_effective: amounts("savings_plan_net_savings_plan_effective_cost")?,
            commitment,
        })
    }

    #[inline]
    fn add(&self, kind: Kind, row: usize, start: Option<i64>, into: &mut Measures) -> Result<(), Overflow> {
        let usage = self.usage.get(row);
        // The usage of a negation is that of the covered line it takes back.
        let usage = if kind == Kind::Negation { usage.map(|_| 0) } else { usage };
        into.add_known(sum::USAGE, usage)?;
        into.add_known(sum::NORMALIZED_USAGE, self.normalized_usage.get(row))?;
        into.add_known(sum::UNBLENDED, self.unblended.get(row))?;
        into.add_known(sum::BLENDED, self.blended.get(row))?;
        into.add_known(sum::PLAN_EFFECTIVE, self.plan_effective.get(row))?;
        into.add_known(sum::ON_DEMAND, self.on_demand.get(row))?;
        for (index, column) in
            [&self.factor, &self.unblended_rate, &self.blended_rate, &self.on_demand_rate].into_iter().enumerate()
        {
            into.raise(index, column.get(row));
        }

        let line = self.line(kind, row, start);
        let shares = line.shares(kind).ok_or(Overflow(sum::AMORTIZED))?;
        into.add(sum::CALCULATED, shares.calculated, true)?;
        into.add(sum::AMORTIZED, shares.amortized, true)?;
        into.add(sum::TRUEUP, shares.trueup, true)?;
        into.add(sum::UPFRONT, shares.upfront, true)?;
        let net = line.net_unblended;
        into.add(sum::NET_UNBLENDED, net.unwrap_or(line.unblended), net.is_some())?;
        into.add(sum::NET_AMORTIZED, shares.net_amortized, shares.has_net)
    }

    #[inline]
    fn line(&self, kind: Kind, row: usize, start: Option<i64>) -> Line {
        let known = |amounts: &Amounts<'_>| amounts.get(row).unwrap_or_default();
        let mut line =
            Line { unblended: known(&self.unblended), net_unblended: self.net_unblended.get(row), ..Line::default() };
        if kind == Kind::Other {
            return line;
        }
        let commitment = &self.commitment;
        line.plan_effective = known(&self.plan_effective);
        line.net_plan_effective = self.net_plan_effective.get(row);
        line.plan_commitment = known(&commitment.plan_commitment);
        line.plan_used = known(&commitment.plan_used);
        line.plan_amortized_upfront = known(&commitment.plan_amortized_upfront);
        line.has_plan = commitment.plan_arn.id(row) != NONE;
        line.plan_age = start.and_then(|start| start.checked_sub(commitment.plan_start.get(row)?));
        line.reservation_effective = known(&commitment.reservation_effective);
        line.net_reservation_effective = commitment.net_reservation_effective.get(row);
        line.reservation_amortized_upfront = known(&commitment.reservation_amortized_upfront);
        line.unused_upfront = known(&commitment.unused_upfront);
        line.net_unused_upfront = commitment.net_unused_upfront.get(row);
        line.unused_recurring = known(&commitment.unused_recurring);
        line.net_unused_recurring = commitment.net_unused_recurring.get(row);
        line.has_reservation = commitment.reservation_arn.id(row) != NONE;
        line
    }
}
