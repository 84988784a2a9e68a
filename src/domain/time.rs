//! Points in time as whole milliseconds since the Unix epoch, UTC.

use std::fmt;
use std::ops::{Add, Sub};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A length of time in milliseconds; negative when clocks disagree.
pub type Millis = i64;

/// One second in [`Millis`].
pub const SECOND: Millis = 1_000;
/// One minute in [`Millis`].
pub const MINUTE: Millis = 60 * SECOND;
/// One hour in [`Millis`].
pub const HOUR: Millis = 60 * MINUTE;
/// One day in [`Millis`].
pub const DAY: Millis = 24 * HOUR;

/// A point in time. On the wire it is RFC 3339 with milliseconds, such as `2026-08-20T10:07:41.120Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

impl Time {
    /// The last time that RFC 3339 can write: stands for "never".
    pub const NEVER: Self = Self(253_402_300_799_999);

    /// Milliseconds since the epoch to a time.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339 text with any offset and any precision; finer than a millisecond is cut off.
    ///
    /// # Errors
    /// A sentence that names the text when it is not RFC 3339.
    pub fn parse(text: &str) -> Result<Self, String> {
        DateTime::parse_from_rfc3339(text)
            .map(|at| Self(at.timestamp_millis()))
            .map_err(|why| format!("`{text}` is not an RFC 3339 time ({why})"))
    }

    /// How long ago this was at `now`, never negative.
    pub fn age(self, now: Self) -> Millis {
        (now.0 - self.0).max(0)
    }

    /// As a calendar time for display; the epoch when out of chrono's range.
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }
}

impl Sub for Time {
    type Output = Millis;
    fn sub(self, earlier: Self) -> Millis {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Millis> for Time {
    type Output = Self;
    fn add(self, millis: Millis) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.utc().to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_any_offset_and_writes_utc_milliseconds() {
        let time = Time::parse("2026-08-20T12:07:41.1209+02:00").unwrap();
        assert_eq!(time.to_string(), "2026-08-20T10:07:41.120Z");
        let json = serde_json::to_string(&time).unwrap();
        assert_eq!(serde_json::from_str::<Time>(&json).unwrap(), time);
    }

    #[test]
    fn never_survives_the_wire() {
        assert_eq!(Time::NEVER.to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!(Time::parse("9999-12-31T23:59:59.999Z"), Ok(Time::NEVER));
    }

    #[test]
    fn says_what_it_could_not_read() {
        assert!(Time::parse("yesterday").unwrap_err().contains("yesterday"));
    }
}
