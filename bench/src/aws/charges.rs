//! Lines for what is used, and the cells that every line has.

use std::fmt::Write;

use super::catalog::{APPS, ENVIRONMENTS, Instance, Offer, REGIONS, TEAMS};
use super::columns::Column;
use super::line::{Charge, Line};
use super::month::Month;
use crate::amount::Amount;
use crate::random::{Random, seed_of};

/// Who and when: what the lines of one month's report share.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) month: Month,
    /// Text of every hour of the month, and of its end.
    pub(super) hours: Vec<String>,
    /// Account ids with their currencies; the first pays for all.
    pub(super) accounts: Vec<(String, String)>,
    pub(super) invoice: String,
}

/// What a line is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Use<'a> {
    pub(super) account: usize,
    pub(super) hour: u64,
    pub(super) kind: &'static str,
    pub(super) offer: &'a Offer,
    /// Which of the account's resources: everything about it follows from this number.
    pub(super) resource: u64,
    pub(super) amount: Amount,
}

impl Scene {
    pub(super) fn new(month: Month, accounts: u64, currencies: &[String], seed: u64) -> Self {
        let default = "USD".to_owned();
        let accounts = (0..accounts)
            .map(|i| {
                let id = 100_000_000_000 + seed_of(&[seed, i]) % 800_000_000_000;
                (id.to_string(), currencies.iter().cycle().nth(i as usize).unwrap_or(&default).clone())
            })
            .collect();
        let invoice = (1_000_000_000 + seed_of(&[seed, month.first_day().unsigned_abs()]) % 1_000_000_000).to_string();
        Self { month, hours: (0..=month.hours()).map(|hour| month.hour(hour)).collect(), accounts, invoice }
    }

    fn hour(&self, hour: u64) -> &str {
        self.hours.get(hour as usize).map_or("", String::as_str)
    }

    pub(super) fn account(&self, account: usize) -> (&str, &str) {
        self.accounts.get(account).map_or(("", ""), |(id, currency)| (id, currency))
    }

    /// Starts a line: ids, bill, account, type, times (from `hour` for `hours`) and currency.
    pub(super) fn begin(&self, line: &mut Line, random: &mut Random, account: usize, span: (u64, u64), kind: &str) {
        line.clear();
        line.with(Column::LineItemId, |text| push_id(text, random, 52));
        let (start, end) = (self.hour(span.0), self.hour((span.0 + span.1).min(self.month.hours())));
        line.with(Column::TimeInterval, |text| push(text, format_args!("{start}/{end}")));
        let (id, currency) = self.account(account);
        let cells = [
            (Column::InvoiceId, self.invoice.as_str()),
            (Column::InvoicingEntity, "Amazon Web Services, Inc."),
            (Column::BillingEntity, "AWS"),
            (Column::BillType, "Anniversary"),
            (Column::PayerAccountId, self.account(0).0),
            (Column::BillingPeriodStartDate, self.hour(0)),
            (Column::BillingPeriodEndDate, self.hour(self.month.hours())),
            (Column::UsageAccountId, id),
            (Column::LineItemType, kind),
            (Column::UsageStartDate, start),
            (Column::UsageEndDate, end),
            (Column::CurrencyCode, currency),
            (Column::LegalEntity, "Amazon Web Services, Inc."),
        ];
        for (column, value) in cells {
            line.set(column, value);
        }
    }

    /// Starts a line about one hour of something on sale: all but its costs.
    pub(super) fn begin_use(&self, line: &mut Line, random: &mut Random, used: Use<'_>) {
        self.begin(line, random, used.account, (used.hour, 1), used.kind);
        let place = Place::of(used);
        describe(line, used.offer, &place);
        line.number(Column::UsageAmount, used.amount);
        if !used.offer.resource.is_empty() {
            line.with(Column::ResourceId, |text| {
                push(text, format_args!("{}{:017x}", used.offer.resource, place.mark))
            });
        }
        if let Some(instance) = used.offer.instance {
            describe_instance(line, instance, used.amount);
        }
        tag(line, place.mark);
    }

    /// Usage paid as it comes.
    pub(super) fn usage(&self, line: &mut Line, random: &mut Random, used: Use<'_>) {
        self.begin_use(line, random, used);
        let cost = used.amount.times(used.offer.rate);
        // Tiered prices: the family's blended rate is a little below the account's own.
        let blended_rate = if used.resource % 10 == 3 { used.offer.rate.percent(97, 9) } else { used.offer.rate };
        let blended = used.amount.times(blended_rate);
        price(line, used.offer, used.offer.rate, cost);
        line.number(Column::BlendedRate, blended_rate);
        line.cost(Column::BlendedCost, blended);
        line.set(Column::Term, "OnDemand");
        if used.offer.product_code.len() > 20 {
            line.set(Column::BillingEntity, "AWS Marketplace");
            line.set(Column::InvoicingEntity, "Amazon Web Services EMEA SARL");
            line.set(Column::LegalEntity, "Red Hat, Inc.");
        }
        if used.resource % 97 == 5 {
            // Descriptions hold whatever somebody once typed.
            let text = format!("{}\nincludes \"legacy\" tier, see note", used.offer.description);
            line.set(Column::LineItemDescription, &text);
        }
        line.charge = Charge { blended: Some(blended), ..Charge::plain(cost) };
    }

    /// A pod's part of an instance (split cost allocation): costs nothing by itself.
    pub(super) fn pod(&self, line: &mut Line, random: &mut Random, used: Use<'_>) {
        self.begin_use(line, random, used);
        let share = Amount::new(1 + random.below(400) as i64, 3);
        line.set(Column::Operation, "EKSPod-EC2");
        line.set(Column::UsageType, "EKS-EC2-vCPU-Hours");
        line.set(Column::PricingUnit, "vCPU-Hours");
        line.number(Column::UsageAmount, share);
        let parent = line.get(Column::ResourceId).to_owned();
        line.with(Column::ResourceId, |text| push(text, format_args!("arn:aws:eks:pod/acme/shop/{:x}", used.resource)));
        line.set(Column::SplitParentResourceId, &parent);
        line.number(Column::SplitUsage, share);
        line.number(Column::SplitReservedUsage, share);
        line.number(Column::SplitActualUsage, share.percent(60, 6));
        line.cost(Column::SplitCost, share.times(used.offer.rate));
        line.cost(Column::SplitUnusedCost, share.times(used.offer.rate).percent(10, 10));
        price(line, used.offer, Amount::ZERO, Amount::ZERO);
        line.number(Column::BlendedCost, Amount::ZERO);
        line.charge = Charge::plain(Amount::ZERO);
    }
}

/// Where a resource lives.
struct Place {
    mark: u64,
    region: (&'static str, &'static str, &'static str, &'static str),
    zone: char,
}

impl Place {
    fn of(used: Use<'_>) -> Self {
        let mark = seed_of(&[used.account as u64, used.resource, used.offer.weight]);
        let region = REGIONS.iter().cycle().nth((mark % 7) as usize).copied().unwrap_or(("", "", "", ""));
        let zone = region.3.chars().cycle().nth((mark >> 8) as usize % 3).unwrap_or('a');
        Self { mark, region, zone }
    }
}

/// Product, operation and pricing cells of an offer.
fn describe(line: &mut Line, offer: &Offer, place: &Place) {
    let (region, prefix, location, _) = place.region;
    line.set(Column::ProductCode, offer.product_code);
    line.with(Column::UsageType, |text| push(text, format_args!("{prefix}{}", offer.usage_type)));
    line.set(Column::Operation, offer.operation);
    line.set(Column::LineItemDescription, offer.description);
    line.set(Column::PricingUnit, offer.unit);
    line.set(Column::ProductName, offer.product_name);
    line.set(Column::ProductServicecode, offer.servicecode);
    line.set(Column::ProductServicename, offer.product_name);
    line.set(Column::ProductFamily, offer.family);
    line.set(Column::ProductOperation, offer.operation);
    line.with(Column::ProductUsagetype, |text| push(text, format_args!("{prefix}{}", offer.usage_type)));
    line.set(Column::ProductRegion, region);
    line.set(Column::ProductRegionCode, region);
    line.set(Column::ProductLocation, location);
    line.set(Column::ProductLocationType, "AWS Region");
    let mut sku = Random::new(&[offer.weight, offer.usage_type.len() as u64, seed_of(&[region.len() as u64])]);
    line.with(Column::ProductSku, |text| push_id(text, &mut sku, 16));
    line.with(Column::RateCode, |text| push_id(text, &mut sku, 38));
    line.with(Column::RateId, |text| push(text, format_args!("{}", sku.below(10_000_000_000))));
    if offer.instance.is_some() || offer.usage_type.starts_with("EBS") {
        line.with(Column::AvailabilityZone, |text| push(text, format_args!("{region}{}", place.zone)));
    }
    for (column, value) in offer.attributes {
        line.set(*column, value);
    }
}

fn describe_instance(line: &mut Line, instance: Instance, hours: Amount) {
    let factor = Amount::new(instance.factor, 2);
    line.set(Column::ProductInstanceType, instance.kind);
    line.set(Column::ProductInstanceTypeFamily, instance.kind.rsplit_once('.').map_or("", |(family, _)| family));
    line.set(Column::ProductInstanceFamily, instance.family);
    line.set(Column::ProductVcpu, instance.vcpu);
    line.set(Column::ProductMemory, instance.memory);
    line.number(Column::ProductNormalizationSizeFactor, factor);
    line.number(Column::NormalizationFactor, factor);
    line.number(Column::NormalizedUsageAmount, hours.times(factor));
}

/// Tags and cost categories: most resources have some, few have all.
fn tag(line: &mut Line, mark: u64) {
    let pick = |items: &[&'static str], shift: u32| {
        items.iter().cycle().nth((mark >> shift) as usize % 16).copied().unwrap_or_default()
    };
    if !mark.is_multiple_of(5) {
        line.set(Column::TagApp, pick(&APPS, 12));
        line.set(Column::TagEnvironment, pick(&ENVIRONMENTS, 16));
    }
    if mark.is_multiple_of(3) {
        line.with(Column::TagCostCenter, |text| push(text, format_args!("cc-{:04}", mark % 40)));
    }
    if mark.is_multiple_of(11) {
        line.set(Column::TagOwner, "o'neil+billing@example.com");
    }
    if mark.is_multiple_of(4) {
        line.with(Column::TagCreatedBy, |text| push(text, format_args!("AssumedRole:AROA{:016X}:deploy", mark % 1000)));
        line.with(Column::TagStackName, |text| push(text, format_args!("acme-{}", mark % 25)));
    }
    line.set(Column::CategoryTeam, pick(&TEAMS, 20));
    if mark.is_multiple_of(2) {
        line.set(Column::CategoryChargeType, "Run");
    }
}

/// Rate and unblended cost, and what it would have cost on demand.
pub(super) fn price(line: &mut Line, offer: &Offer, rate: Amount, cost: Amount) {
    line.number(Column::UnblendedRate, rate);
    line.cost(Column::UnblendedCost, cost);
    line.set(Column::PricingCurrency, "USD");
    line.number(Column::PublicOnDemandRate, offer.rate);
    line.cost(Column::PublicOnDemandCost, cost);
}

/// Appends `length` characters of base 32.
pub(super) fn push_id(text: &mut String, random: &mut Random, length: usize) {
    let mut bits = 0;
    for i in 0..length {
        if i % 12 == 0 {
            bits = random.next_u64();
        }
        text.push(char::from(b"abcdefghijklmnopqrstuvwxyz234567".get((bits & 31) as usize).copied().unwrap_or(b'a')));
        bits >>= 5;
    }
}

pub(super) fn push(text: &mut String, value: std::fmt::Arguments<'_>) {
    // Writing to a String has no way to fail.
    let _ = text.write_fmt(value);
}
