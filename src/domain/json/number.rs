//! Numbers in JSON text that a reader of 64-bit integers and floats would make others of.

use serde_json::Number;

/// A number that will not be what it was.
pub(super) struct Rounded {
    /// How many numbers stand before it.
    pub(super) nth: usize,
    /// The number as it was written.
    pub(super) text: String,
}

/// The numbers in a JSON text that are read as others, in order. What it finds in a text that is no JSON means nothing.
pub(super) fn rounded(text: &str) -> Vec<Rounded> {
    let mut found = Vec::new();
    let (mut nth, mut rest) = (0, text);
    while let Some(at) = rest.find(|it: char| it == '"' || it == '-' || it.is_ascii_digit()) {
        rest = &rest[at..];
        if let Some(quoted) = rest.strip_prefix('"') {
            rest = after_quote(quoted);
            continue;
        }
        let end = rest.find(|it: char| !matches!(it, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        let (number, more) = rest.split_at(end);
        if !is_kept(number) {
            found.push(Rounded { nth, text: number.to_owned() });
        }
        (nth, rest) = (nth + 1, more);
    }
    found
}

/// The text behind the end of a string.
fn after_quote(mut text: &str) -> &str {
    while let Some(at) = text.find(['"', '\\']) {
        let quote = text[at..].starts_with('"');
        text = &text[at + 1..];
        if quote {
            return text;
        }
        // An escape: whatever it is of, its next character ends nothing.
        let mut characters = text.chars();
        characters.next();
        text = characters.as_str();
    }
    ""
}

/// Whether a reader keeps the number: as an integer, or as the float whose shortest decimal it is.
fn is_kept(number: &str) -> bool {
    // Any fifteen digits are.
    let short = number.len() <= 16 && !number.contains(['e', 'E']);
    if short || number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() {
        return true;
    }
    // What is no number, or none that a float can be near to, is refused by the reader.
    let float = number.parse().ok().and_then(Number::from_f64);
    float.is_none_or(|float| decimal(number) == decimal(&float.to_string()))
}

/// The digits of a decimal number without zeros at their ends, and the power of ten they are to be multiplied with; without
/// its sign, which nothing changes. `None` when the power is beyond counting.
fn decimal(number: &str) -> Option<(String, i64)> {
    let number = number.trim_start_matches('-');
    let (digits, power) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let digits = format!("{whole}{part}");
    let digits = digits.trim_start_matches('0');
    let kept = digits.trim_end_matches('0');
    if kept.is_empty() {
        return Some((String::new(), 0));
    }
    let shift = i64::try_from(digits.len() - kept.len()).ok()? - i64::try_from(part.len()).ok()?;
    Some((kept.to_owned(), power.parse::<i64>().ok()?.checked_add(shift)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(text: &str) -> Vec<(usize, String)> {
        rounded(text).into_iter().map(|it| (it.nth, it.text)).collect()
    }

    #[test]
    fn numbers_that_are_read_as_others_are_found_by_their_place_in_the_order() {
        let text = r#"{"1e999\"2": [1, -0, 1.50, "0.12345678901234567890", 0.12345678901234567890], "b": 18446744073709551616}"#;
        let wrong = [(3, "0.12345678901234567890"), (4, "18446744073709551616")];
        assert_eq!(found(text), wrong.map(|(nth, it)| (nth, it.to_owned())));
    }

    #[test]
    fn spelling_is_no_difference() {
        for kept in [
            "563000000000000.2",
            "1.0",
            "-0",
            "-0.0",
            "0e99999999999999999999",
            "1E2",
            "100e-2",
            "0.00001",
            "1e16",
            "1e21",
            "5e-324",
            "9007199254740993",
            "18446744073709551615",
            "-9223372036854775808",
            "0.30000000000000004",
            "1.7976931348623157e308",
        ] {
            assert!(is_kept(kept), "{kept}");
        }
        for lost in [
            "10000000000000001.0",
            "18446744073709551616",
            "-9223372036854775809",
            "20260128061545123456789",
            "0.1000000000000000055511151231257827",
            "4503599627370497.25",
            "1e-400",
            "12345678901234567890e0",
            "1e-99999999999999999999",
        ] {
            assert!(!is_kept(lost), "{lost}");
        }
    }

    proptest! {
        #[test]
        fn what_a_program_writes_is_kept(float in any::<f64>(), whole in any::<i64>()) {
            prop_assume!(float.is_finite());
            let float = serde_json::to_string(&float).unwrap();
            prop_assert!(is_kept(&float) && is_kept(&whole.to_string()), "{} {}", float, whole);
        }

        #[test]
        fn what_is_found_is_what_serde_json_changes(digits in "-?[1-9][0-9]{0,24}(\\.[0-9]{1,20})?(e-?[0-9]{1,2})?") {
            let read: serde_json::Number = serde_json::from_str(&digits).unwrap();
            let same = decimal(&digits) == decimal(&read.to_string());
            prop_assert_eq!(is_kept(&digits), same, "{} {}", digits, read);
        }
    }
}
