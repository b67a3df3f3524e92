//! How the state of a summary falls into shares: by days, so that the shares' results, one after another, are in the
//! order in which one accumulator would have made them.

use crate::contract::{Period, Task};

const DAY: i64 = 86_400;

/// The days of a unit's rows, as far as its task tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    first: i64,
    count: i64,
}

impl Days {
    /// The days of the billing period; of one that is not over, those up to now.
    #[must_use]
    pub fn of(task: &Task) -> Days {
        let Period { start, end } = task.period;
        let end = if (start..end).contains(&task.now) { task.now } else { end };
        let first = start.div_euclid(DAY);
        Days { first, count: end.div_euclid(DAY).saturating_sub(first).saturating_add(1) }
    }

    /// These days cut into as many spans.
    #[must_use]
    pub fn cut(self, shares: u32) -> Cut {
        Cut { days: self, shares }
    }
}

/// A cut of days into shares. All parts of a unit have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    days: Days,
    shares: u32,
}

impl Cut {
    /// How many shares there are.
    #[must_use]
    pub fn shares(self) -> u32 {
        self.shares
    }

    /// The share of a day since 1970-01-01. Days beyond the period are of the first or last share.
    #[must_use]
    #[inline]
    pub fn share_of(self, day: i32) -> u32 {
        let day = i64::from(day).saturating_sub(self.days.first).clamp(0, i64::from(i32::MAX));
        let share = day * i64::from(self.shares) / self.days.count.max(1);
        u32::try_from(share).unwrap_or(u32::MAX).min(self.shares.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(now: i64, start: i64, end: i64) -> Days {
        let text = String::new;
        Days::of(&Task { summary: text(), settings: text(), now, source: text(), period: Period { start, end } })
    }

    #[test]
    fn shares_follow_days() {
        for (now, period) in
            [(0, (10, 41)), (15, (10, 41)), (99, (0, 1)), (5, (9, 9)), (0, (i64::MIN / DAY, i64::MAX / DAY))]
        {
            for shares in [1, 2, 3, 40, u32::MAX] {
                let cut = days(now * DAY, period.0 * DAY, period.1 * DAY).cut(shares);
                let found: Vec<u32> =
                    [i32::MIN, -1, 0, 10, 11, 25, 40, 41, i32::MAX].map(|day| cut.share_of(day)).to_vec();
                assert!(found.is_sorted() && found.iter().all(|share| *share < shares), "{found:?}");
            }
        }
    }

    #[test]
    fn a_month_falls_into_halves() {
        let half = |now: i64| {
            let cut = days(now * DAY, 0, 30 * DAY).cut(2);
            (0..30).filter(|day| cut.share_of(*day) == 0).count()
        };
        assert_eq!((half(400), half(9)), (16, 5));
    }
}
