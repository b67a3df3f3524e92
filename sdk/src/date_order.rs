//! Dates written with slashes, such as `9/2/2023`: which of the first two numbers is the month.
//!
//! They are read month first. One value rarely tells whether that is right, but a whole column does: what its values say
//! is collected here, and whoever reads the file decides when it has ended.

/// What the dates of an input say of how they are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DateOrder {
    /// A value without slashes.
    pub plain: bool,
    /// A value with slashes.
    pub slashed: bool,
    /// A value that is a date only if the month stands first.
    pub month_first: bool,
    /// A value that is a date only if the day stands first.
    pub day_first: bool,
    /// A value that is one date if the month stands first, and another if the day does.
    pub open: bool,
}

impl DateOrder {
    /// Adds what other values said.
    pub fn merge(&mut self, other: DateOrder) {
        self.plain |= other.plain;
        self.slashed |= other.slashed;
        self.month_first |= other.month_first;
        self.day_first |= other.day_first;
        self.open |= other.open;
    }

    /// Notes a value with slashes.
    fn note(&mut self, first: i64, second: i64) {
        let month = 1..=12;
        self.slashed = true;
        match (month.contains(&first), month.contains(&second)) {
            (true, true) => self.open |= first != second,
            (true, false) => self.month_first = true,
            (false, true) => self.day_first = true,
            (false, false) => {}
        }
    }
}

/// Reads `M/D/YYYY`, with or without leading zeros, as microseconds since 1970-01-01T00:00:00Z, and notes what it says of
/// the order. `None` when it is no date with the month first.
#[must_use]
pub fn parse(text: &[u8], order: &mut DateOrder) -> Option<i64> {
    let mut parts = text.split(|&byte| byte == b'/');
    let first = number(parts.next()?, 1..=2)?;
    let second = number(parts.next()?, 1..=2)?;
    let year = number(parts.next()?, 4..=4)?;
    if parts.next().is_some() {
        return None;
    }
    order.note(first, second);
    crate::time::days(year, first, second)?.checked_mul(86_400_000_000)
}

fn number(digits: &[u8], length: std::ops::RangeInclusive<usize>) -> Option<i64> {
    if !length.contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> (Vec<Option<i64>>, DateOrder) {
        let mut order = DateOrder::default();
        (texts.iter().map(|text| parse(text.as_bytes(), &mut order)).collect(), order)
    }

    #[test]
    fn months_stand_first() {
        let day = |text: &str| crate::time::parse(text.as_bytes());
        assert_eq!(read(&["9/2/2023", "09/02/2023"]).0, [day("2023-09-02"); 2]);
        for text in
            ["", "9/2", "9/2/23", "9/2/2023/1", "9/2/2023 00:00", "+9/2/2023", "9//2023", "2/30/2023", "0/1/2023"]
        {
            assert_eq!(read(&[text]).0, [None], "{text}");
        }
    }

    #[test]
    fn values_tell_the_order_or_leave_it_open() {
        let order = |texts| {
            let order = read(texts).1;
            (order.month_first, order.day_first, order.open)
        };
        assert_eq!(order(&["9/2/2023"]), (false, false, true));
        assert_eq!(order(&["9/9/2023"]), (false, false, false));
        assert_eq!(order(&["9/2/2023", "09/13/2023"]), (true, false, true));
        assert_eq!(order(&["13/9/2023"]), (false, true, false));
        assert_eq!(order(&["13/13/2023"]), (false, false, false));
    }
}
