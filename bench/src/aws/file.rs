//! The rows of one file: what kinds, in which proportions, in an order that only the seed decides.
//!
//! Each file keeps its own commitments and taxes, so files can be written at the same time and still add up.

use std::io::{self, Write};

use super::catalog::{COMPUTE, OFFERS, Offer};
use super::charges::{Scene, Use};
use super::commitments::{Reservation, SavingsPlans};
use super::line::Line;
use super::tail;
use super::totals::MonthTotals;
use crate::amount::Amount;
use crate::random::Random;

/// Covered usage in one hour of a savings plan, at most. Stays below what is committed.
const COVERED_AT_MOST: u64 = 4;

/// How many reservations a file of so many rows has: about 8 % of the rows are hours they cover.
const fn reservations(rows: u64) -> u64 {
    1 + rows * 8 / 100 / 600
}

/// Rows that close a file, whatever else is in it.
fn closing_rows(rows: u64, accounts: u64) -> u64 {
    tail::lines(accounts) + 1 + (0..reservations(rows)).map(Reservation::fee_lines).sum::<u64>()
}

/// The fewest rows a file can have with so many accounts.
pub(super) fn fewest_rows(accounts: u64) -> u64 {
    closing_rows(0, accounts) + 10
}

struct Rows<'a, W> {
    out: &'a mut W,
    totals: MonthTotals,
    written: u64,
}

impl<W: Write> Rows<'_, W> {
    fn emit(&mut self, line: &Line) -> io::Result<()> {
        self.totals.add(line);
        self.written += 1;
        line.write(self.out)
    }
}

/// Writes exactly `rows` rows (no header) and returns what they add up to.
pub(super) fn write(scene: &Scene, mut random: Random, rows: u64, out: &mut impl Write) -> io::Result<MonthTotals> {
    let mut sink = Rows { out, totals: MonthTotals::default(), written: 0 };
    let mut line = Line::new();
    let accounts = scene.accounts.len();
    let mut reserved: Vec<Reservation> =
        (0..reservations(rows)).map(|n| Reservation::new(scene, &mut random, n)).collect();
    let mut plans = SavingsPlans::default();
    let mut spent = vec![Amount::ZERO; accounts];
    let body = rows.saturating_sub(closing_rows(rows, accounts as u64));
    let resources = (rows / 40).clamp(20, 5_000);

    while sink.written < body {
        let left = body - sink.written;
        match random.below(1000) {
            0..80 => {
                if let Some(reservation) = reserved.iter_mut().find(|reservation| reservation.has_hours()) {
                    reservation.discounted_usage(scene, &mut random, &mut line);
                    sink.emit(&line)?;
                    continue;
                }
            }
            80..95 if left >= 3 => {
                let covered = 1 + random.below(COVERED_AT_MOST.min((left - 1) / 2));
                plans.hour(scene, &mut random, &mut line, covered, |line| sink.emit(line))?;
                continue;
            }
            95..135 => {
                let used = pick_use(scene, &mut random, random_compute, resources);
                scene.pod(&mut line, &mut random, used);
                sink.emit(&line)?;
                continue;
            }
            _ => {}
        }
        let used = pick_use(scene, &mut random, weighted_offer, resources);
        scene.usage(&mut line, &mut random, used);
        if let Some(spent) = spent.get_mut(used.account) {
            *spent += line.charge.unblended;
        }
        sink.emit(&line)?;
    }

    for reservation in &reserved {
        reservation.fees(scene, &mut random, &mut line, |line| sink.emit(line))?;
    }
    SavingsPlans::upfront_fee(scene, &mut random, &mut line);
    sink.emit(&line)?;
    tail::write(scene, &mut random, &mut line, &spent, |line| sink.emit(line))?;
    Ok(sink.totals)
}

fn pick_use(
    scene: &Scene,
    random: &mut Random,
    offer: fn(&mut Random) -> &'static Offer,
    resources: u64,
) -> Use<'static> {
    let offer = offer(random);
    Use {
        account: random.below(scene.accounts.len() as u64) as usize,
        hour: random.below(scene.month.hours()),
        kind: "Usage",
        offer,
        resource: random.below(resources),
        amount: Amount::new(1 + random.below(offer.most) as i64, offer.decimals),
    }
}

fn random_compute(random: &mut Random) -> &'static Offer {
    random.pick(&COMPUTE).unwrap_or(&COMPUTE[0])
}

fn weighted_offer(random: &mut Random) -> &'static Offer {
    let mut at = random.below(OFFERS.iter().map(|offer| offer.weight).sum());
    for offer in &OFFERS {
        if at < offer.weight {
            return offer;
        }
        at -= offer.weight;
    }
    &OFFERS[0]
}

#[cfg(test)]
mod tests {
    use super::{Random, Scene, fewest_rows, write};

    #[test]
    fn any_number_of_rows_is_met_exactly_and_balances() {
        let scene = Scene::new("2025-02".parse().unwrap(), 5, &["USD".to_owned(), "EUR".to_owned()], 7);
        for rows in [fewest_rows(5), 200, 1_999, 9_001] {
            let totals = write(&scene, Random::new(&[rows]), rows, &mut std::io::sink()).unwrap();
            assert_eq!(totals.rows, rows);
            assert_eq!(totals.currencies.keys().collect::<Vec<_>>(), ["EUR", "USD"]);
            for (currency, sums) in &totals.currencies {
                let parts = sums.amortized_cost + sums.trueup_cost + sums.upfront_cost;
                assert_eq!(sums.unblended_cost, parts, "{currency} of {rows} rows");
            }
        }
    }
}
