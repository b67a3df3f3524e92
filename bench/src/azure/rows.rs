//! The rows of one file of an export, by the schema for enterprise agreements of 2024.
//!
//! Actual and amortized exports of one seed hold the same use: what a reservation covers costs nothing in the one, where its
//! purchase stands for it, and its share in the other, where what was not used is a row of its own.

use std::io::{self, Write};

use super::catalog::{LOCATIONS, METERS, Meter};
use super::totals::MonthTotals;
use super::{Dates, Metric, Settings};
use crate::amount::Amount;
use crate::aws::month::Month;
use crate::cell::write_cell;
use crate::random::{Random, uuid};

/// The header.
pub(super) const HEADER: &str = "InvoiceSectionName,AccountName,AccountOwnerId,SubscriptionId,SubscriptionName,\
    ResourceGroup,ResourceLocation,Date,ProductName,MeterCategory,MeterSubCategory,MeterId,MeterName,MeterRegion,\
    UnitOfMeasure,Quantity,EffectivePrice,CostInBillingCurrency,CostCenter,ConsumedService,ResourceId,Tags,OfferId,\
    AdditionalInfo,ServiceInfo1,ServiceInfo2,ResourceName,ReservationId,ReservationName,UnitPrice,ProductOrderId,\
    ProductOrderName,Term,PublisherType,PublisherName,ChargeType,Frequency,PricingModel,AvailabilityZone,\
    BillingAccountId,BillingAccountName,BillingCurrencyCode,BillingPeriodStartDate,BillingPeriodEndDate,\
    BillingProfileId,BillingProfileName,InvoiceSectionId,IsAzureCreditEligible,PartNumber,PayGPrice,PlanName,\
    ServiceFamily,CostAllocationRuleName,benefitId,benefitName,AccountId,ResourceLocationNormalized";

/// What part of its list price a reserved hour costs, in percent.
const RESERVED_PERCENT: i64 = 60;
/// Use that is covered by a reservation, of ten thousand rows of machines.
const COVERED: u64 = 800;

/// What rows of one month have in common.
pub(super) struct Scene<'a> {
    pub(super) settings: &'a Settings,
    pub(super) month: Month,
    pub(super) metric: Metric,
    pub(super) random: Random,
}

/// One row, before it is text.
struct Row<'a> {
    meter: &'a Meter,
    subscription: u64,
    location: usize,
    day: i64,
    resource: u64,
    quantity: Amount,
    price: Amount,
    cost: Amount,
    charge: &'static str,
    pricing: &'static str,
}

impl Scene<'_> {
    /// Writes exactly `rows` rows (no header), the last of which is about the reservation.
    pub(super) fn write(&mut self, rows: u64, out: &mut impl Write) -> io::Result<MonthTotals> {
        let mut totals = MonthTotals::default();
        let resources = (rows / 40).clamp(20, 5_000);
        for _ in 1..rows {
            let row = self.usage(resources);
            self.emit(&row, out, &mut totals)?;
        }
        let row = self.commitment();
        self.emit(&row, out, &mut totals)?;
        Ok(totals)
    }

    fn usage(&mut self, resources: u64) -> Row<'static> {
        let meter = weighted(&mut self.random);
        let quantity = Amount::new(1 + self.random.below(meter.most).cast_signed(), meter.decimals);
        let covered = meter.size.is_some() && self.random.happens(COVERED);
        let (price, pricing) = match (covered, self.metric) {
            (false, _) => (meter.price, "OnDemand"),
            (true, Metric::Actual) => (Amount::ZERO, "Reservation"),
            (true, Metric::Amortized) => (meter.price.percent(RESERVED_PERCENT, 5), "Reservation"),
        };
        Row {
            meter,
            subscription: self.random.below(self.settings.subscriptions),
            location: self.random.below(LOCATIONS.len() as u64) as usize,
            day: self.random.below(self.month.days().unsigned_abs()).cast_signed(),
            resource: self.random.below(resources),
            quantity,
            price,
            cost: quantity.times(price),
            charge: "Usage",
            pricing,
        }
    }

    fn commitment(&self) -> Row<'static> {
        let meter = &METERS[0];
        let (charge, cost) = match self.metric {
            Metric::Actual => ("Purchase", Amount::new(36_525, 2)),
            Metric::Amortized => ("UnusedReservation", Amount::new(1_234_567, 6)),
        };
        let quantity = Amount::whole(1);
        Row {
            meter,
            subscription: 0,
            location: 0,
            day: 0,
            resource: 0,
            quantity,
            price: cost,
            cost,
            charge,
            pricing: "Reservation",
        }
    }

    fn emit(&self, row: &Row<'_>, out: &mut impl Write, totals: &mut MonthTotals) -> io::Result<()> {
        totals.add(&self.settings.currency, row.meter.category, row.charge, row.cost);
        let cells = self.cells(row);
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                out.write_all(b",")?;
            }
            write_cell(cell, out)?;
        }
        out.write_all(b"\n")
    }

    fn cells(&self, row: &Row<'_>) -> [String; 57] {
        let (meter, seed) = (row.meter, self.settings.seed);
        let (location, region) = LOCATIONS.get(row.location).copied().unwrap_or(LOCATIONS[0]);
        let subscription = uuid(&[seed, 1, row.subscription]);
        let group = format!("rg-{}", row.resource % 17);
        let name = format!("{}-{}", meter.kind.to_lowercase(), row.resource);
        let resource = format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/{}/{}/{name}",
            meter.service, meter.kind
        );
        let reserved = row.pricing == "Reservation";
        let reservation = if reserved { uuid(&[seed, 3, 1]) } else { String::new() };
        let reservation_name = if reserved { "VM_RI_01".to_owned() } else { String::new() };
        let meter_number = METERS.iter().position(|other| std::ptr::eq(other, meter)).unwrap_or_default() as u64;
        let text = str::to_owned;
        let empty = String::new;
        [
            format!("Section {}", row.subscription % 3),
            text("ACM Team"),
            text("acm@example.com"),
            subscription,
            format!("Subscription {}", row.subscription),
            group,
            text(location),
            self.date(row.day),
            format!("{} {} - {} - {region}", meter.category, meter.sub_category, meter.name),
            text(meter.category),
            text(meter.sub_category),
            uuid(&[seed, 2, meter_number, row.location as u64]),
            text(meter.name),
            text(region),
            text(meter.unit),
            row.quantity.to_string(),
            row.price.to_string(),
            row.cost.to_string(),
            format!("cc-{}", row.subscription % 5),
            text(meter.service),
            resource,
            self.tags(row),
            text("MS-AZR-0017P"),
            info(row, &name),
            empty(),
            empty(),
            name,
            reservation.clone(),
            reservation_name.clone(),
            meter.price.to_string(),
            reservation,
            if reserved { text("Reserved VM Instance, Standard_B2s, EU West, 1 Year") } else { empty() },
            if reserved { text("12") } else { empty() },
            text("Azure"),
            text("Microsoft"),
            text(row.charge),
            text(if row.charge == "Purchase" { "Recurring" } else { "UsageBased" }),
            text(row.pricing),
            empty(),
            text("8611537"),
            text("Contoso, Ltd."),
            self.settings.currency.clone(),
            self.date(0),
            self.date(self.month.days() - 1),
            text("8611537"),
            text("Contoso, Ltd."),
            format!("{}", row.subscription % 3),
            text("True"),
            format!("AAA-{:05}", meter_number * 7 + row.location as u64),
            meter.price.to_string(),
            empty(),
            text(meter.family),
            empty(),
            empty(),
            reservation_name,
            text("A1"),
            location.to_lowercase(),
        ]
    }

    fn date(&self, day: i64) -> String {
        let (year, month, day) = (self.month.year, self.month.month, day + 1);
        match self.settings.dates {
            Dates::MonthFirst => format!("{month:02}/{day:02}/{year:04}"),
            Dates::Iso => format!("{year:04}-{month:02}-{day:02}"),
        }
    }

    /// Without braces, as exports of enterprise agreements have them. Some values hold what separates tags.
    fn tags(&self, row: &Row<'_>) -> String {
        let environment = ["prod", "dev", "test"].get((row.resource % 3) as usize).copied().unwrap_or("prod");
        match row.resource % 4 {
            0 => String::new(),
            1 => format!("\"env\": \"{environment}\""),
            2 => format!("\"env\": \"{environment}\",\"team\": \"team-{}\"", row.resource % 9),
            _ => format!("\"env\": \"{environment}\",\"note\": \"see \\\"a\\\": \\\"b\\\",\\\"c\\\"\""),
        }
    }
}

/// What the service says of the charge, which for machines is their size.
fn info(row: &Row<'_>, name: &str) -> String {
    match row.meter.size {
        Some(size) => format!(
            "{{\"UsageType\":\"ComputeHR\",\"ImageType\":\"Canonical\",\"ServiceType\":\"{size}\",\"VMName\":\"{name}\",\"VMProperties\":null,\"VCPUs\":{}}}",
            2 + row.resource % 3 * 2
        ),
        None => String::new(),
    }
}

fn weighted(random: &mut Random) -> &'static Meter {
    let mut at = random.below(METERS.iter().map(|meter| meter.weight).sum());
    for meter in &METERS {
        if at < meter.weight {
            return meter;
        }
        at -= meter.weight;
    }
    &METERS[0]
}
