//! What one line item adds to each kind of cost.
//!
//! The rules are those of AWS's Cloud Intelligence Dashboards: `amortized` spreads fees over the time they pay for;
//! `upfront` holds what was paid at once, `trueup` what of it belongs to this month; so that over a month unblended =
//! amortized + true-up + upfront. For lines without a rule of their own this holds line by line.

const WEEK: i64 = 7 * 86_400_000_000;

/// Line item types with a rule of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Covered,
    Negation,
    Recurring,
    PlanUpfront,
    Discounted,
    ReservationFee,
    Fee,
    Refund,
    Other,
}

/// Line item types and their kinds.
const KINDS: [(&str, Kind); 8] = [
    ("SavingsPlanCoveredUsage", Kind::Covered),
    ("SavingsPlanNegation", Kind::Negation),
    ("SavingsPlanRecurringFee", Kind::Recurring),
    ("SavingsPlanUpfrontFee", Kind::PlanUpfront),
    ("DiscountedUsage", Kind::Discounted),
    ("RIFee", Kind::ReservationFee),
    ("Fee", Kind::Fee),
    ("Refund", Kind::Refund),
];

impl Kind {
    /// The kind of a line item type as a number; 0 is a type without a rule of its own.
    pub(crate) fn number(line_item_type: &str) -> u32 {
        (1..).zip(KINDS).find(|(_, (name, _))| *name == line_item_type).map_or(0, |(number, _)| number)
    }

    /// The kind of this number.
    #[inline]
    pub(crate) fn of_number(number: u32) -> Kind {
        let place = (number as usize).checked_sub(1);
        place.and_then(|place| KINDS.get(place)).map_or(Kind::Other, |(_, kind)| *kind)
    }
}

/// What of a line item the rules look at. Amounts in units of 10^-18, times in microseconds; absent amounts are zero.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Line {
    pub(crate) unblended: i128,
    pub(crate) net_unblended: Option<i128>,
    pub(crate) plan_effective: i128,
    pub(crate) net_plan_effective: Option<i128>,
    pub(crate) plan_commitment: i128,
    pub(crate) plan_used: i128,
    pub(crate) plan_amortized_upfront: i128,
    pub(crate) has_plan: bool,
    /// From the start of the savings plan to the start of this line, where both are known.
    pub(crate) plan_age: Option<i64>,
    pub(crate) reservation_effective: i128,
    pub(crate) net_reservation_effective: Option<i128>,
    pub(crate) reservation_amortized_upfront: i128,
    pub(crate) unused_upfront: i128,
    pub(crate) net_unused_upfront: Option<i128>,
    pub(crate) unused_recurring: i128,
    pub(crate) net_unused_recurring: Option<i128>,
    pub(crate) has_reservation: bool,
}

/// What it adds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Shares {
    /// Koku's formula: savings plans only.
    pub(crate) calculated: i128,
    pub(crate) amortized: i128,
    pub(crate) trueup: i128,
    pub(crate) upfront: i128,
    /// The net column where the line has it, else the gross amount.
    pub(crate) net_amortized: i128,
    /// Whether any net column took part.
    pub(crate) has_net: bool,
}

impl Line {
    /// Whether this refund undoes the purchase of a savings plan, which AWS allows for seven days.
    ///
    /// A refund of a plan that is older, or whose start is unknown, is a discount or a correction: money of this month.
    fn is_cancellation(&self) -> bool {
        self.has_plan && self.plan_age.is_some_and(|age| (0..=WEEK).contains(&age))
    }

    /// What this line adds to each cost. `None` when an amount is too large.
    pub(crate) fn shares(&self, kind: Kind) -> Option<Shares> {
        let (unblended, zero) = (self.unblended, 0);
        let paid_at_once = (zero, zero, unblended, zero);
        let (amortized, trueup, upfront, net_amortized) = match kind {
            Kind::Covered => (self.plan_effective, zero, zero, self.net_plan_effective.unwrap_or(self.plan_effective)),
            Kind::Negation => (zero, zero, zero, zero),
            Kind::Recurring => {
                let unused = self.plan_commitment.checked_sub(self.plan_used)?;
                (unused, self.plan_amortized_upfront.checked_neg()?, zero, unused)
            }
            Kind::PlanUpfront => paid_at_once,
            Kind::Discounted => {
                let effective = self.reservation_effective;
                (effective, zero, zero, self.net_reservation_effective.unwrap_or(effective))
            }
            Kind::ReservationFee => {
                let net_upfront = self.net_unused_upfront.unwrap_or(self.unused_upfront);
                let net_recurring = self.net_unused_recurring.unwrap_or(self.unused_recurring);
                let unused = self.unused_upfront.checked_add(self.unused_recurring)?;
                let trueup = self.reservation_amortized_upfront.checked_neg()?;
                (unused, trueup, zero, net_upfront.checked_add(net_recurring)?)
            }
            Kind::Fee if self.has_reservation => paid_at_once,
            Kind::Refund if self.is_cancellation() => paid_at_once,
            Kind::Fee | Kind::Refund | Kind::Other => (unblended, zero, zero, self.net_unblended.unwrap_or(unblended)),
        };
        let calculated = match kind {
            Kind::Covered | Kind::Negation | Kind::PlanUpfront | Kind::Recurring => self.plan_effective,
            _ => unblended,
        };
        let nets = [
            self.net_unblended,
            self.net_plan_effective,
            self.net_reservation_effective,
            self.net_unused_upfront,
            self.net_unused_recurring,
        ];
        let has_net = nets.iter().any(Option::is_some);
        Some(Shares { calculated, amortized, trueup, upfront, net_amortized, has_net })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_survives_its_number() {
        let mut seen = std::collections::BTreeSet::new();
        for (name, kind) in KINDS {
            assert_eq!(Kind::of_number(Kind::number(name)), kind, "{name}");
            assert!(seen.insert(Kind::number(name)), "{name}");
        }
        assert!(!seen.contains(&0));
        assert_eq!(Kind::of_number(Kind::number("Usage")), Kind::Other);
        assert_eq!(Kind::of_number(u32::MAX), Kind::Other);
    }
}
