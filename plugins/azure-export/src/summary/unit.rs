//! Units of measure: `100 Hours` is a hundred of what a summary counts in.

/// A unit as summaries have it, and how many of it one of the export's is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unit {
    /// Empty when the export names none.
    pub(crate) name: String,
    /// In units of 10^-18.
    pub(crate) multiplier: i128,
}

const ONE: i128 = 10_i128.pow(18);

impl Unit {
    fn whole(text: &str) -> Unit {
        Unit { name: text.to_owned(), multiplier: ONE }
    }

    /// The unit of a unit of measure, for meters of a category.
    pub(crate) fn of(text: &str, category: &str) -> Unit {
        let text = text.trim();
        let mut words = text.split_whitespace();
        let (Some(number), name, None) = (words.next(), words.next(), words.next()) else { return Unit::whole(text) };
        let Some((multiplier, suffixed)) = multiplier(number) else { return Unit::whole(text) };
        let name = match name {
            Some("Hours" | "Hour") => "Hrs",
            Some("GB/Month") => "GB-Mo",
            Some(name) => name,
            None if suffixed => "Units",
            // A bare number.
            None => return Unit::whole(text),
        };
        // Azure counts virtual machines in hours, whatever their meter says.
        let multiplier = if text == "100 Hours" && category == "Virtual Machines" { ONE } else { multiplier };
        Unit { name: name.to_owned(), multiplier }
    }
}

/// A number with at most one point, which may have a suffix for thousands, millions or billions; and whether it had one.
fn multiplier(text: &str) -> Option<(i128, bool)> {
    let factor = match text.as_bytes().last()? {
        b'K' => 1_000,
        b'M' => 1_000_000,
        b'B' => 1_000_000_000,
        _ => 1,
    };
    let number = if factor == 1 { text } else { text.get(..text.len() - 1)? };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let sound = match number.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(number),
    };
    if !sound {
        return None;
    }
    let number = costhost_sdk::decimal::parse(number.as_bytes()).ok()?.value;
    Some((number.checked_mul(factor)?, factor != 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_the_specification() {
        for (text, name, multiplier) in [
            ("1 Hour", "Hrs", "1"),
            ("100 Hours", "Hrs", "100"),
            ("1.5 Hours", "Hrs", "1.5"),
            ("100 GB/Month", "GB-Mo", "100"),
            ("10 GB", "GB", "10"),
            ("1 /Month", "/Month", "1"),
            ("0 Unassigned", "Unassigned", "0"),
            ("10K", "Units", "10000"),
            ("1M", "Units", "1000000"),
            ("2B", "Units", "2000000000"),
            ("0.5K", "Units", "500"),
            ("10K Transactions", "Transactions", "10000"),
            // Whole: a bare number, no number, more words, and what only looks like a number.
            ("100000000", "100000000", "1"),
            ("1/Month", "1/Month", "1"),
            ("Hours", "Hours", "1"),
            ("10 PiB Hours", "10 PiB Hours", "1"),
            ("K", "K", "1"),
            ("-1 Hour", "-1 Hour", "1"),
            ("1. Hour", "1. Hour", "1"),
            ("1e3 Hours", "1e3 Hours", "1"),
            ("10k", "10k", "1"),
            ("", "", "1"),
        ] {
            let unit = Unit::of(text, "Storage");
            let found = (unit.name.as_str(), costhost_sdk::decimal::format(unit.multiplier));
            assert_eq!(found, (name, multiplier.to_owned()), "{text}");
        }
    }

    #[test]
    fn hours_of_virtual_machines_are_hours() {
        let hours = |text, category| costhost_sdk::decimal::format(Unit::of(text, category).multiplier);
        assert_eq!(hours("100 Hours", "Virtual Machines"), "1");
        assert_eq!(hours("10 Hours", "Virtual Machines"), "10");
        assert_eq!(hours("100 Hours", "Virtual Machines Licenses"), "100");
        assert_eq!(Unit::of("100 Hours", "Virtual Machines").name, "Hrs");
    }
}
