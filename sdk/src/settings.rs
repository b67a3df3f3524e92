//! Settings that summaries of every provider have: which tags they keep, and markup.

use crate::contract::Failure;
use crate::failure::fix_settings;
use std::collections::BTreeSet;

/// Which keys of tags summaries keep.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TagKeys {
    /// Those that are kept, in every spelling that counts; all when `None`.
    pub enabled: Option<BTreeSet<String>>,
    /// Those that are left out, as reports spell them.
    pub disabled: BTreeSet<String>,
}

impl TagKeys {
    /// Whether summaries keep tags of this key: it is enabled and not disabled.
    #[must_use]
    pub fn keeps(&self, key: &str) -> bool {
        self.enabled.as_ref().is_none_or(|keys| keys.contains(key)) && !self.disabled.contains(key)
    }
}

/// A markup in percent, in units of 10^-18, of decimal text with at most 6 digits before the point and 18 after it.
///
/// # Errors
/// When the text is anything else.
pub fn markup_percent(text: &str) -> Result<i128, Failure> {
    let wrong = || {
        fix_settings(
            "settings.markup-percent",
            "markup_percent is not a decimal number with at most 6 digits before the point and 18 after it; write it as text such as \"10\" or \"2.5\"",
        )
    };
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let sound = |part: &str, most| (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    if !sound(whole, 6) || !sound(fraction, 18) {
        return Err(wrong());
    }
    format!("{whole}{fraction:0<18}").parse::<i128>().map(|value| sign * value).map_err(|_| wrong())
}
