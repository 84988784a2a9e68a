//! Numbers as people read them: short, and never more exact than the number is.

use serde::Serialize;

use super::{clean, cut_middle};
use crate::domain::time::{DAY, HOUR, MINUTE, Millis, SECOND};

/// An age or a countdown: `12s`, `6m12s`, `18m`, `1h05m`, `23h`, `2d`. Two units while the first is below ten,
/// as the second still matters then. Cut, not rounded: `59s` is less than a minute. Negative ages read `0s`.
pub fn age(millis: Millis) -> String {
    match millis.max(0) {
        millis @ ..MINUTE => format!("{}s", millis / SECOND),
        millis @ ..HOUR => two_units(millis, MINUTE, "m", SECOND, "s"),
        millis @ ..DAY => two_units(millis, HOUR, "h", MINUTE, "m"),
        millis => format!("{}d", millis / DAY),
    }
}

/// Age as for sentences: `6m12s ago`, or `just now` within a second.
pub fn ago(millis: Millis) -> String {
    match millis {
        ..SECOND => "just now".to_owned(),
        _ => format!("{} ago", age(millis)),
    }
}

/// A duration that was measured: `812ms`, `1.9s`, `41s`, `6m12s`.
pub fn latency(millis: Millis) -> String {
    match millis.max(0) {
        millis @ ..SECOND => format!("{millis}ms"),
        millis if millis < 10 * SECOND => format!("{}.{}s", millis / SECOND, millis % SECOND / 100),
        millis => age(millis),
    }
}

fn two_units(millis: Millis, large: Millis, large_unit: &str, small: Millis, small_unit: &str) -> String {
    let (whole, rest) = (millis / large, millis % large / small);
    if whole < 10 && rest > 0 {
        format!("{whole}{large_unit}{rest:02}{small_unit}")
    } else {
        format!("{whole}{large_unit}")
    }
}

/// A share from 0 to 1 as `4.1%`. A small share that is not zero reads `<0.1%`, never `0%`; a share that is
/// not quite all never reads `100%`; not a number reads `-`.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent.is_nan() {
        "-".to_owned()
    } else if percent == 0.0 {
        "0%".to_owned()
    } else if percent > 0.0 && percent < 0.1 {
        "<0.1%".to_owned()
    } else if (99.95..100.0).contains(&percent) {
        ">99.9%".to_owned()
    } else if percent >= 100.0 {
        format!("{percent:.0}%")
    } else {
        format!("{percent:.1}%")
    }
}

/// A count: `1,204`, then `12.3k`, `123k`, `4.5M`. Cut, not rounded.
pub fn count(count: u64) -> String {
    match count {
        ..1_000 => count.to_string(),
        1_000..10_000 => format!("{},{:03}", count / 1_000, count % 1_000),
        10_000..1_000_000 => scaled(count, 1_000, "k"),
        1_000_000..1_000_000_000 => scaled(count, 1_000_000, "M"),
        _ => scaled(count, 1_000_000_000, "G"),
    }
}

fn scaled(count: u64, unit: u64, name: &str) -> String {
    let (whole, tenth) = (count / unit, count % unit / (unit / 10));
    if whole < 100 && tenth > 0 { format!("{whole}.{tenth}{name}") } else { format!("{whole}{name}") }
}

/// `1 handoff`, `14 handoffs`.
pub fn plural(many: usize, noun: &str) -> String {
    let s = if many == 1 { "" } else { "s" };
    format!("{} {noun}{s}", count(many as u64))
}

/// A value that JSON writes as one word, as that word; empty for any other.
pub fn wire_word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// The same as people read it, with blanks for underscores.
pub fn word(value: &impl Serialize) -> String {
    wire_word(value).replace('_', " ")
}

/// A long id with its middle cut out, harmless.
pub fn short(id: &str, columns: usize) -> String {
    cut_middle(&clean(id), columns).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_only_just_happened_is_not_zero_seconds_ago() {
        assert_eq!([ago(-1), ago(999), ago(6_000)], ["just now", "just now", "6s ago"]);
    }

    #[test]
    fn ages() {
        let cases = [
            (-5, "0s"),
            (12_900, "12s"),
            (59_999, "59s"),
            (60_000, "1m"),
            (372_000, "6m12s"),
            (365_000, "6m05s"),
            (18 * MINUTE + 40_000, "18m"),
            (HOUR, "1h"),
            (HOUR + 5 * MINUTE, "1h05m"),
            (23 * HOUR + 59 * MINUTE, "23h"),
            (2 * DAY, "2d"),
        ];
        for (millis, text) in cases {
            assert_eq!(age(millis), text);
        }
    }

    #[test]
    fn latencies() {
        let cases = [(0, "0ms"), (812, "812ms"), (1_950, "1.9s"), (9_999, "9.9s"), (41_200, "41s"), (372_000, "6m12s")];
        for (millis, text) in cases {
            assert_eq!(latency(millis), text);
        }
    }

    #[test]
    fn percents_are_honest_at_the_ends() {
        let cases = [
            (0.0, "0%"),
            (0.0004, "<0.1%"),
            (0.041, "4.1%"),
            (0.5, "50.0%"),
            (0.9999, ">99.9%"),
            (1.0, "100%"),
            (f64::NAN, "-"),
        ];
        for (share, text) in cases {
            assert_eq!(percent(share), text);
        }
    }

    #[test]
    fn counts() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1_204, "1,204"),
            (12_000, "12k"),
            (12_345, "12.3k"),
            (123_456, "123k"),
            (4_560_000, "4.5M"),
        ];
        for (number, text) in cases {
            assert_eq!(count(number), text);
        }
    }
}
