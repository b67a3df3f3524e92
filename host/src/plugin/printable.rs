//! Text that plugins chose, made safe to show.

/// Text from a plugin, safe for a terminal and a log line: at most `max` bytes, no control characters.
pub(crate) fn printable(text: &str, max: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(max));
    for c in text.chars() {
        if shown.len() >= max {
            shown.push('…');
            break;
        }
        // Direction marks and line separators rewrite what a terminal shows just as escapes do.
        if c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}') {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_never_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\nc\u{202e}", 100), "a\\u{1b}[31mb\\nc\\u{202e}");
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        assert_eq!(printable("äöüäöü", 4), "äö…");
    }
}
