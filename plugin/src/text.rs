//! Values as users write them: "-6", "-6 dB", "-inf", "50%", "0,5", "on".
//!
//! A number without a unit is in the parameter's own unit. Whatever is no number of that unit is
//! refused, so that a slip of the finger changes nothing.

use soloist::units::{db_from_gain, gain_from_db};

/// Below this a gain is written as minus infinity, in dB.
const SILENT_DB: f32 = -80.0;

/// A number and what follows it, which must be one of `units` or nothing.
fn number(text: &str, units: &[&str]) -> Option<f32> {
    let text = text.trim().replace(',', ".").replace('\u{2212}', "-").to_ascii_lowercase();
    let bare = units.iter().find_map(|unit| text.strip_suffix(unit)).unwrap_or(&text);
    bare.trim_end().parse().ok().filter(|number: &f32| number.is_finite())
}

/// Percent from text.
pub fn percent(text: &str) -> Option<f32> {
    number(text, &["%", "percent"])
}

/// Decibels from text; none of them infinite.
pub fn decibels(text: &str) -> Option<f32> {
    number(text, &["dbfs", "db"])
}

/// A linear gain from text in decibels, in which minus infinity is silence.
pub fn gain(text: &str) -> Option<f32> {
    let bare = text.trim().trim_end_matches(|c: char| c == ' ' || "dDbB".contains(c));
    let is_silence = ["-inf", "-infinity", "-\u{221e}", "\u{2212}\u{221e}", "\u{2212}inf"]
        .iter()
        .any(|word| bare.eq_ignore_ascii_case(word));
    if is_silence { Some(0.0) } else { decibels(text).map(gain_from_db) }
}

/// A linear gain in decibels, without the unit.
pub fn words_for_gain(gain: f32) -> String {
    let db = db_from_gain(gain);
    // A gain a little below one must not read "-0.0".
    if db > SILENT_DB { format!("{:.1}", (db * 10.0).round() / 10.0 + 0.0) } else { "-inf".into() }
}

/// Percent without the unit.
pub fn words_for_percent(percent: f32) -> String {
    format!("{:.1}", (percent * 10.0).round() / 10.0 + 0.0)
}

/// On or off from text.
pub fn switch(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Some(true),
        "off" | "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_with_and_without_their_unit() {
        for text in ["-6", "-6 dB", "-6.0dB", " -6,0 db ", "\u{2212}6 DB", "-6 dBFS"] {
            assert_eq!(decibels(text), Some(-6.0), "{text}");
        }
        for text in ["50", "50%", "50 %", "50.0 percent", "+50"] {
            assert_eq!(percent(text), Some(50.0), "{text}");
        }
        assert_eq!(percent("0.5"), Some(0.5));
        for text in ["", "dB", "six", "-inf", "nan", "inf dB", "6 %", "6 dB dB", "5 5"] {
            assert_eq!(decibels(text), None, "{text}");
        }
        assert_eq!(percent("6 dB"), None);
    }

    #[test]
    fn gains_are_read_and_written_in_decibels() {
        for (text, linear) in [("0", 1.0), ("-inf", 0.0), ("-INF dB", 0.0), ("-\u{221e}", 0.0)] {
            assert_eq!(gain(text), Some(linear), "{text}");
        }
        assert_eq!(gain("loud"), None);
        for (linear, words) in [(1.0, "0.0"), (0.999_999, "0.0"), (0.0, "-inf"), (0.5, "-6.0")] {
            assert_eq!(words_for_gain(linear), words);
        }
        for tenths in -799..=120 {
            let words = words_for_gain(gain_from_db(tenths as f32 / 10.0));
            assert_eq!(words_for_gain(gain(&words).unwrap()), words);
        }
        assert_eq!(words_for_percent(-0.01), "0.0");
    }

    #[test]
    fn switches_know_their_words_and_no_others() {
        for (text, on) in [("On", true), ("off", false), ("TRUE", true), ("0", false)] {
            assert_eq!(switch(text), Some(on));
        }
        assert_eq!(switch("banana"), None);
    }
}
