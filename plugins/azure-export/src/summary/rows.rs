//! From line items to groups: the loop over rows.

use super::columns::{Fold, GroupKey, LAYOUT, sum};
use super::facts::{self, Topic};
use super::unit::Unit;
use crate::settings::Settings;
use arrow_array::RecordBatch;
use costhost_sdk::contract::Failure;
use costhost_sdk::failure::abort;
use costhost_sdk::summary::columns::{Maps, Numbers, Texts, amounts, times};
use costhost_sdk::summary::hash::FastMap;
use costhost_sdk::summary::layout::day_of;
use costhost_sdk::summary::measures::Overflow;
use costhost_sdk::summary::objects::Objects;
use costhost_sdk::summary::product::times as product;
use costhost_sdk::summary::texts::{Interner, NONE};

/// The number of the key of [`Columns::info`] that is asked for.
const SERVICE_TYPE: u32 = 1;

/// The columns of one batch.
struct Columns<'a> {
    date: Numbers<'a, i64>,
    subscription: Texts<'a>,
    subscription_name: Texts<'a>,
    location: Texts<'a>,
    service: Texts<'a>,
    category: Texts<'a>,
    info: Maps<'a>,
    /// Codes of `ServiceType` among the keys of `info`.
    service_type: Vec<usize>,
    tags: Maps<'a>,
    currency: Texts<'a>,
    metric: Texts<'a>,
    unit: Texts<'a>,
    resource: Texts<'a>,
    cost: Numbers<'a, i128>,
    quantity: Numbers<'a, i128>,
}

/// Line items on their way into groups and facts.
#[derive(Debug)]
pub(crate) struct LineItems {
    pub(crate) fold: Fold,
    tags: Objects,
    units: Units,
}

/// Units by their text and the category of their meter, both as numbers: the number of the unit's name, and its multiplier.
#[derive(Debug, Default)]
struct Units(FastMap<(u32, u32), (u32, i128)>);

impl Units {
    fn of(&mut self, text: u32, category: u32, interner: &mut Interner) -> (u32, i128) {
        *self.0.entry((text, category)).or_insert_with(|| {
            let unit = Unit::of(interner.text(text).unwrap_or_default(), interner.text(category).unwrap_or_default());
            (interner.id(&unit.name), unit.multiplier)
        })
    }
}

impl LineItems {
    pub(crate) fn new() -> LineItems {
        let mut fold = Fold::new(&LAYOUT);
        let tags = Objects::new(&mut fold.groups.interner);
        LineItems { fold, tags, units: Units::default() }
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
        let columns = Columns::new(batch, settings, interner, &mut self.tags)?;
        for row in 0..batch.num_rows() {
            self.row(&columns, row)?;
        }
        Ok(())
    }

    #[inline]
    fn row(&mut self, columns: &Columns<'_>, row: usize) -> Result<(), Failure> {
        let (unit, multiplier) =
            self.units.of(columns.unit.id(row), columns.category.id(row), &mut self.fold.groups.interner);
        let key = self.key(columns, row, unit)?;
        let (group, measures) = self.fold.groups.group(&key);
        if let Some(measures) = measures {
            let usage = columns
                .quantity
                .get(row)
                .map(|quantity| product(quantity, multiplier).ok_or(Overflow(sum::USAGE_QUANTITY)));
            let added = measures
                .add_known(sum::PRETAX_COST, columns.cost.get(row))
                .and_then(|()| measures.add_known(sum::USAGE_QUANTITY, usage.transpose()?));
            added.map_err(|overflow| LAYOUT.overflow(overflow))?;
        }
        self.fold.groups.resource(group, columns.resource.id(row));
        Ok(())
    }

    #[inline]
    fn key(&mut self, columns: &Columns<'_>, row: usize, unit: u32) -> Result<GroupKey, Failure> {
        let interner = &mut self.fold.groups.interner;
        let day = columns.date.get(row).and_then(day_of).ok_or_else(no_day)?;
        let or = |first: u32, second: u32| if first == NONE { second } else { first };
        let subscription = columns.subscription.id(row);
        let texts = [
            subscription,
            or(columns.subscription_name.id(row), subscription),
            columns.location.id(row),
            or(columns.service.id(row), columns.category.id(row)),
            columns.info.value(row, &columns.service_type, interner),
            self.tags.id(&columns.tags, row, interner),
            columns.currency.id(row),
            columns.metric.id(row),
            unit,
        ];
        Ok(GroupKey { day, texts })
    }
}

fn no_day() -> Failure {
    abort("summary.no-day", "a line item without a date belongs to no day; this is a bug of the normalizer")
}

impl<'a> Columns<'a> {
    fn new(
        batch: &'a RecordBatch,
        settings: &Settings,
        interner: &mut Interner,
        objects: &mut Objects,
    ) -> Result<Columns<'a>, Failure> {
        let tag = |interner: &mut Interner, key: &str| {
            if settings.tag_keys.keeps(key) { interner.id(key) } else { objects.left_out(key) }
        };
        let tags = Maps::new(batch, "tags", interner, tag)?;
        let info = Maps::new(batch, "additional_info", interner, |_, key| match key {
            "ServiceType" => SERVICE_TYPE,
            _ => NONE,
        })?;
        let mut texts = |name: &str| Texts::new(batch, name, interner);
        Ok(Columns {
            date: times(batch, "date")?,
            subscription: texts("subscription_id")?,
            subscription_name: texts("subscription_name")?,
            location: texts("resource_location")?,
            service: texts("service_name")?,
            category: texts("meter_category")?,
            service_type: info.codes_of(SERVICE_TYPE),
            info,
            tags,
            currency: texts("billing_currency")?,
            metric: texts("metric")?,
            unit: texts("unit_of_measure")?,
            resource: texts("resource_id")?,
            cost: amounts(batch, "cost_in_billing_currency")?,
            quantity: amounts(batch, "quantity")?,
        })
    }
}
