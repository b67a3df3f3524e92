//! Reservations and savings plans: lines that only make sense together.
//!
//! Invariant: over the lines of one file, unblended = amortized + trueup + upfront, exactly. A reservation's RIFee line
//! accounts for the hours that its DiscountedUsage lines left; a savings plan's recurring fee for an hour names exactly
//! what the covered lines of that hour used.

use super::catalog::{COMPUTE, Offer};
use super::charges::{Scene, Use, price, push};
use super::columns::Column;
use super::line::{Charge, Line};
use super::month::Month;
use crate::amount::Amount;
use crate::random::Random;

/// What is paid per committed hour, and when.
#[derive(Debug, Clone, Copy)]
struct Payment {
    option: &'static str,
    /// The part of an hour paid at the start.
    upfront: Amount,
    /// The part of an hour paid as it passes.
    recurring: Amount,
}

impl Payment {
    /// How the `n`th commitment pays `hourly`.
    fn of(n: u64, hourly: Amount) -> Self {
        match n % 3 {
            0 => Self { option: "All Upfront", upfront: hourly, recurring: Amount::ZERO },
            1 => {
                let upfront = hourly.percent(50, 9);
                Self { option: "Partial Upfront", upfront, recurring: hourly - upfront }
            }
            _ => Self { option: "No Upfront", upfront: Amount::ZERO, recurring: hourly },
        }
    }
}

/// A reserved instance and how much of this month it has been used.
#[derive(Debug)]
pub(super) struct Reservation {
    arn: String,
    subscription: u64,
    account: usize,
    offer: &'static Offer,
    payment: Payment,
    /// DiscountedUsage lines it can still cover; a sixth of the month stays unused.
    left: u64,
    used_hours: u64,
    used_upfront: Amount,
    used_recurring: Amount,
}

impl Reservation {
    /// The `n`th reservation of a file.
    pub(super) fn new(scene: &Scene, random: &mut Random, n: u64) -> Self {
        let account = random.below(scene.accounts.len() as u64) as usize;
        let offer = random.pick(&COMPUTE).unwrap_or(&COMPUTE[0]);
        let subscription = 1_000_000_000 + random.below(1_000_000_000);
        let arn = format!(
            "arn:aws:ec2:us-east-1:{}:reserved-instances/{:08x}-{:04x}",
            scene.account(account).0,
            random.below(1 << 32),
            n
        );
        let payment = Payment::of(n, offer.rate.percent(60, 9));
        let left = scene.month.hours() * 5 / 6;
        let (used_upfront, used_recurring) = (Amount::ZERO, Amount::ZERO);
        Self { arn, subscription, account, offer, payment, left, used_hours: 0, used_upfront, used_recurring }
    }

    /// How many lines [`Self::fees`] writes for the `n`th reservation.
    pub(super) fn fee_lines(n: u64) -> u64 {
        if Payment::of(n, Amount::whole(1)).upfront == Amount::ZERO { 1 } else { 2 }
    }

    /// Whether it has hours left.
    pub(super) fn has_hours(&self) -> bool {
        self.left > 0
    }

    /// One covered hour.
    pub(super) fn discounted_usage(&mut self, scene: &Scene, random: &mut Random, line: &mut Line) {
        let amount = Amount::whole(1);
        let (hour, resource) = (scatter(self.used_hours, scene.month), self.subscription);
        let used = Use { account: self.account, hour, kind: "DiscountedUsage", offer: self.offer, resource, amount };
        scene.begin_use(line, random, used);
        let (upfront, recurring) = (amount.times(self.payment.upfront), amount.times(self.payment.recurring));
        let effective = upfront + recurring;
        price(line, self.offer, Amount::ZERO, Amount::ZERO);
        line.cost(Column::PublicOnDemandCost, self.offer.rate);
        line.number(Column::BlendedRate, effective);
        line.cost(Column::BlendedCost, effective);
        line.set(Column::Term, "Reserved");
        line.with(Column::LineItemDescription, |text| {
            let kind = self.offer.instance.map_or("", |instance| instance.kind);
            push(text, format_args!("Linux/UNIX (Amazon VPC), {kind} reserved instance applied"));
        });
        self.name(line);
        line.cost(Column::RiAmortizedUpfrontCostForUsage, upfront);
        line.cost(Column::RiRecurringFeeForUsage, recurring);
        line.cost(Column::RiEffectiveCost, effective);
        line.charge = Charge { blended: Some(effective), amortized: effective, ..Charge::default() };
        self.left -= 1;
        self.used_hours += 1;
        self.used_upfront += upfront;
        self.used_recurring += recurring;
    }

    /// The month's fee, and the payment at the start if there was one.
    pub(super) fn fees(
        &self,
        scene: &Scene,
        random: &mut Random,
        line: &mut Line,
        mut emit: impl FnMut(&Line) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        self.monthly_fee(scene, random, line);
        emit(line)?;
        if self.payment.upfront == Amount::ZERO {
            return Ok(());
        }
        let paid = self.payment.upfront.times(TERM);
        self.begin_fee(scene, random, line, "Fee");
        line.set(Column::BillType, "Purchase");
        line.set(Column::LineItemDescription, "Sign up charge for subscription: reserved instance, 1 year");
        line.number(Column::UsageAmount, Amount::whole(1));
        fee_cost(line, paid);
        line.charge = Charge { amortized: Amount::ZERO, upfront: paid, ..Charge::plain(paid) };
        emit(line)
    }

    fn monthly_fee(&self, scene: &Scene, random: &mut Random, line: &mut Line) {
        let hours = Amount::whole(scene.month.hours() as i64);
        let (fee, amortized) = (hours.times(self.payment.recurring), hours.times(self.payment.upfront));
        let unused = hours - Amount::whole(self.used_hours as i64);
        let (unused_upfront, unused_recurring) = (amortized - self.used_upfront, fee - self.used_recurring);
        self.begin_fee(scene, random, line, "RIFee");
        line.set(Column::LineItemDescription, "Reserved instance fee: hourly rate x hours in month");
        line.number(Column::UsageAmount, hours);
        line.cost(Column::RiAmortizedUpfrontFee, amortized);
        line.cost(Column::RiUnusedUpfrontFee, unused_upfront);
        line.cost(Column::RiUnusedRecurringFee, unused_recurring);
        line.number(Column::RiUnusedQuantity, unused);
        let factor = Amount::new(self.offer.instance.map_or(100, |instance| instance.factor), 2);
        line.number(Column::RiUnusedNormalizedQuantity, unused.times(factor));
        line.number(Column::RiUpfrontValue, self.payment.upfront.times(TERM));
        fee_cost(line, fee);
        let unused_cost = unused_upfront + unused_recurring;
        line.charge = Charge { amortized: unused_cost, trueup: -amortized, ..Charge::plain(fee) };
    }

    fn begin_fee(&self, scene: &Scene, random: &mut Random, line: &mut Line, kind: &str) {
        scene.begin(line, random, self.account, (0, scene.month.hours()), kind);
        line.set(Column::ProductCode, self.offer.product_code);
        line.set(Column::ProductName, self.offer.product_name);
        line.set(Column::ProductFamily, self.offer.family);
        line.set(Column::Operation, "RunInstances:0002");
        line.with(Column::UsageType, |text| {
            push(text, format_args!("HeavyUsage:{}", self.offer.instance.map_or("", |instance| instance.kind)));
        });
        line.set(Column::Term, "Reserved");
        line.set(Column::PricingUnit, "Hrs");
        line.set(Column::RiNumber, "1");
        line.set(Column::RiUnits, "1");
        line.number(Column::RiTotalUnits, Amount::whole(scene.month.hours() as i64));
        line.set(Column::RiModificationStatus, "Original");
        self.name(line);
    }

    fn name(&self, line: &mut Line) {
        line.set(Column::RiArn, &self.arn);
        line.with(Column::RiSubscriptionId, |text| push(text, format_args!("{}", self.subscription)));
        line.set(Column::RiStartTime, "2025-01-01T00:00:00.000Z");
        line.set(Column::RiEndTime, "2025-12-31T23:59:59.000Z");
        line.set(Column::LeaseContractLength, "1yr");
        line.set(Column::OfferingClass, "standard");
        line.set(Column::PurchaseOption, self.payment.option);
    }
}

/// The hours of savings plans that a file has told of so far.
#[derive(Debug, Default)]
pub(super) struct SavingsPlans {
    told: u64,
}

/// Hours that an upfront payment covers. A year's worth, every month, would dwarf everything else in a small report.
const TERM: Amount = Amount::whole(7 * 24);

/// Committed per hour and plan: more than any hour here uses, so that some is always unused.
const COMMITMENT: Amount = Amount::whole(1);

impl SavingsPlans {
    /// The next hour of a plan: `covered` pairs of covered usage and its negation, then the recurring fee.
    pub(super) fn hour(
        &mut self,
        scene: &Scene,
        random: &mut Random,
        line: &mut Line,
        covered: u64,
        mut emit: impl FnMut(&Line) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        let hours = scene.month.hours();
        let (plan, hour) = (self.told / hours, scatter(self.told % hours, scene.month));
        self.told += 1;
        let plan = Plan::new(scene, plan);
        let mut used_commitment = Amount::ZERO;
        for _ in 0..covered {
            let offer = random.pick(&COMPUTE).unwrap_or(&COMPUTE[0]);
            let resource = random.below(60);
            let (account, amount) = (plan.account, Amount::whole(1));
            let mut used = Use { account, hour, kind: "SavingsPlanCoveredUsage", offer, resource, amount };
            let cost = amount.times(offer.rate);
            let rate = offer.rate.percent(66, 9);
            let effective = amount.times(rate);
            used_commitment += effective;
            plan.covered(scene, random, line, used, (cost, rate, effective));
            emit(line)?;
            used.kind = "SavingsPlanNegation";
            plan.negation(scene, random, line, used, cost);
            emit(line)?;
        }
        plan.recurring_fee(scene, random, line, hour, used_commitment);
        emit(line)
    }

    /// What was paid at the start for the file's first plan.
    pub(super) fn upfront_fee(scene: &Scene, random: &mut Random, line: &mut Line) {
        let plan = Plan::new(scene, 0);
        let paid = plan.payment.upfront.times(TERM);
        plan.begin_fee(scene, random, line, "SavingsPlanUpfrontFee", (0, 1));
        line.set(Column::LineItemDescription, "1 year All Upfront Compute Savings Plan");
        line.set(Column::BillType, "Purchase");
        fee_cost(line, paid);
        line.charge = Charge { amortized: Amount::ZERO, upfront: paid, ..Charge::plain(paid) };
    }
}

/// One savings plan.
struct Plan {
    account: usize,
    arn: String,
    payment: Payment,
}

impl Plan {
    fn new(scene: &Scene, n: u64) -> Self {
        let account = (n % scene.accounts.len().max(1) as u64) as usize;
        let arn = format!("arn:aws:savingsplans::{}:savingsplan/{n:08x}", scene.account(account).0);
        Self { account, arn, payment: Payment::of(n, COMMITMENT) }
    }

    fn covered(
        &self,
        scene: &Scene,
        random: &mut Random,
        line: &mut Line,
        used: Use<'_>,
        (cost, rate, effective): (Amount, Amount, Amount),
    ) {
        scene.begin_use(line, random, used);
        price(line, used.offer, used.offer.rate, cost);
        line.number(Column::BlendedRate, used.offer.rate);
        line.cost(Column::BlendedCost, cost);
        line.set(Column::Term, "OnDemand");
        line.cost(Column::SpEffectiveCost, effective);
        line.number(Column::SpRate, rate);
        self.name(line);
        line.charge = Charge { amortized: effective, ..Charge::plain(cost) };
    }

    fn negation(&self, scene: &Scene, random: &mut Random, line: &mut Line, used: Use<'_>, cost: Amount) {
        scene.begin_use(line, random, used);
        price(line, used.offer, -used.offer.rate, -cost);
        line.set(Column::ResourceId, "");
        line.number(Column::BlendedRate, -used.offer.rate);
        line.cost(Column::BlendedCost, -cost);
        line.with(Column::LineItemDescription, |text| {
            push(text, format_args!("SavingsPlanNegation used by AccountId : {}", scene.account(used.account).0));
        });
        self.name(line);
        line.charge = Charge { amortized: Amount::ZERO, ..Charge::plain(-cost) };
    }

    fn recurring_fee(&self, scene: &Scene, random: &mut Random, line: &mut Line, hour: u64, used: Amount) {
        self.begin_fee(scene, random, line, "SavingsPlanRecurringFee", (hour, 1));
        line.with(Column::LineItemDescription, |text| {
            push(text, format_args!("1 year {} Compute Savings Plan", self.payment.option));
        });
        line.number(Column::SpTotalCommitment, COMMITMENT);
        line.cost(Column::SpUsedCommitment, used);
        line.cost(Column::SpAmortizedUpfront, self.payment.upfront);
        line.cost(Column::SpRecurringCommitment, self.payment.recurring);
        fee_cost(line, self.payment.recurring);
        line.charge = Charge {
            amortized: COMMITMENT - used,
            trueup: -self.payment.upfront,
            ..Charge::plain(self.payment.recurring)
        };
    }

    fn begin_fee(&self, scene: &Scene, random: &mut Random, line: &mut Line, kind: &str, span: (u64, u64)) {
        scene.begin(line, random, self.account, span, kind);
        line.set(Column::ProductCode, "ComputeSavingsPlans");
        line.set(Column::ProductName, "Savings Plans for AWS Compute usage");
        line.set(Column::ProductFamily, "ComputeSavingsPlans");
        line.with(Column::UsageType, |text| {
            push(text, format_args!("ComputeSP:1yr{}", self.payment.option.replace(' ', "")));
        });
        line.set(Column::UsageAmount, "1");
        self.name(line);
    }

    fn name(&self, line: &mut Line) {
        let cells = [
            (Column::SpArn, self.arn.as_str()),
            (Column::SpOfferingType, "ComputeSavingsPlans"),
            (Column::SpPaymentOption, self.payment.option),
            (Column::SpPurchaseTerm, "1yr"),
            (Column::SpRegion, "Any"),
            (Column::SpStartTime, "2025-01-01T00:00:00.000Z"),
            (Column::SpEndTime, "2025-12-31T23:59:59.000Z"),
        ];
        for (column, value) in cells {
            line.set(column, value);
        }
    }
}

fn fee_cost(line: &mut Line, cost: Amount) {
    line.cost(Column::UnblendedCost, cost);
    line.cost(Column::BlendedCost, cost);
}

/// The `n`th hour in an order that covers the whole month: 37 shares no factor with the hours of any month.
fn scatter(n: u64, month: Month) -> u64 {
    n * 37 % month.hours()
}
