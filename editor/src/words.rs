//! Numbers as people read them.

use std::time::Duration;

/// Thousands apart: 93,685.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in decimal units, as file managers tell them.
#[must_use]
pub fn bytes(bytes: f64) -> String {
    match bytes {
        b if b >= 1e9 => format!("{:.1} GB", b / 1e9),
        b if b >= 1e7 => format!("{:.0} MB", b / 1e6),
        b if b >= 1e6 => format!("{:.1} MB", b / 1e6),
        b => format!("{:.0} kB", b / 1e3),
    }
}

/// Minutes and seconds: 2:05.
#[must_use]
pub fn clock(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs();
    format!("{}:{:02}", whole / 60, whole % 60)
}

/// A list in a sentence: "vocals, drums and bass".
#[must_use]
pub fn list<T: ToString>(items: &[T]) -> String {
    let names: Vec<String> = items.iter().map(T::to_string).collect();
    match names.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// With a capital letter.
#[must_use]
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            [0, 12, 999, 1000, 93_685, 1_234_567].map(count),
            ["0", "12", "999", "1,000", "93,685", "1,234,567"]
        );
        let sizes = [0.0, 12_345.0, 4_200_000.0, 127_000_000.0, 1.5e9].map(bytes);
        assert_eq!(sizes, ["0 kB", "12 kB", "4.2 MB", "127 MB", "1.5 GB"]);
        assert_eq!([0.0, 59.9, 125.0, f64::NAN].map(clock), ["0:00", "0:59", "2:05", "0:00"]);
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(list::<String>(&[]), "nothing");
        assert_eq!(capital("vocals"), "Vocals");
    }
}
