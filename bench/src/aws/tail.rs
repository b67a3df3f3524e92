//! The lines at the end of a report: tax, discounts, credits, refunds, support.

use super::charges::Scene;
use super::columns::Column;
use super::line::{Charge, Line};
use crate::amount::Amount;
use crate::random::Random;

/// How many lines [`write`] writes for this many accounts.
pub(super) const fn lines(accounts: u64) -> u64 {
    accounts * 3 + 2
}

/// Writes them, from what each account has spent in this file.
pub(super) fn write(
    scene: &Scene,
    random: &mut Random,
    line: &mut Line,
    spent: &[Amount],
    mut emit: impl FnMut(&Line) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let month = (0, scene.month.hours());
    for (account, spent) in spent.iter().enumerate() {
        scene.begin(line, random, account, month, "Tax");
        line.set(Column::ProductCode, "AmazonEC2");
        line.set(Column::ProductName, "Amazon Elastic Compute Cloud");
        line.set(Column::TaxType, "VAT");
        line.set(Column::LineItemDescription, "Tax for product code AmazonEC2, usage type VAT");
        finish(line, spent.percent(19, 2), true);
        emit(line)?;

        scene.begin(line, random, account, month, "EdpDiscount");
        line.set(Column::ProductCode, "AmazonEC2");
        line.set(Column::LineItemDescription, "Discount: 4 % enterprise agreement, \"flat\"");
        // Discount lines have no blended cost.
        finish(line, -spent.percent(4, 10), false);
        emit(line)?;

        let hour = random.below(month.1);
        scene.begin(line, random, account, (hour, 1), "Credit");
        line.set(Column::ProductCode, "AmazonEC2");
        line.set(Column::LineItemDescription, "PROMO: migration credits,\nwave 2");
        finish(line, -Amount::new(random.below(20_000) as i64, 3), true);
        emit(line)?;
    }
    let hour = random.below(month.1);
    scene.begin(line, random, 0, (hour, 1), "Refund");
    line.set(Column::BillType, "Refund");
    line.set(Column::ProductCode, "AmazonRDS");
    line.set(Column::LineItemDescription, "Service level agreement refund");
    finish(line, -Amount::new(random.below(5_000) as i64, 2), true);
    emit(line)?;

    // A fee that has nothing to do with reservations.
    scene.begin(line, random, 0, month, "Fee");
    line.set(Column::ProductCode, "AWSSupportBusiness");
    line.set(Column::ProductName, "AWS Support (Business)");
    line.set(Column::LineItemDescription, "AWS Support (Business), 10% of the first $10,000");
    finish(line, Amount::whole(100), true);
    emit(line)
}

fn finish(line: &mut Line, cost: Amount, blended: bool) {
    line.set(Column::UsageAmount, "1");
    line.cost(Column::UnblendedCost, cost);
    if blended {
        line.cost(Column::BlendedCost, cost);
    }
    line.charge = Charge { blended: blended.then_some(cost), ..Charge::plain(cost) };
}
