//! Points in time as whole milliseconds since the Unix epoch, UTC.

use std::fmt;
use std::ops::{Add, Sub};

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::wire;

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
        if let Some(at) = as_written(text.as_bytes()) {
            return Ok(at);
        }
        DateTime::parse_from_rfc3339(text)
            .map(|at| Self(at.timestamp_millis()))
            .map_err(|why| format!("`{text}` is not an RFC 3339 time such as 2026-01-31T23:59:00Z ({why})"))
    }

    /// Milliseconds from this time to `now`, never negative.
    pub fn age(self, now: Self) -> Millis {
        (now.0 - self.0).max(0)
    }

    /// As a calendar time for display; the epoch when out of chrono's range.
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }
}

/// The present by a clock that may have been set back.
///
/// A wait that was timed before that would last longer by as much as the clock was set back, or begin again. For those
/// the clock goes on from where it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Present {
    /// What the clock says.
    pub now: Time,
    /// By how much it is behind what it would say if nobody had set it back, in milliseconds; 0 when nobody did.
    pub behind: Millis,
}

impl Present {
    /// The present for a wait that began at `since`: a beginning that is still to come was before the clock was set back.
    pub fn of_wait(self, since: Time) -> Time {
        if since > self.now { self.now + self.behind } else { self.now }
    }

    /// Milliseconds from `since` to now, never negative; also where that is still to come, as the clock was set back.
    pub fn age(self, since: Time) -> Millis {
        since.age(self.of_wait(since))
    }
}

impl From<Time> for Present {
    fn from(now: Time) -> Self {
        Self { now, behind: 0 }
    }
}

/// A clock that jumped: it was set, or the machine slept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockStep {
    /// What the clock said after it.
    pub at: Time,
    /// By how many milliseconds it was set forward; negative when it was set back.
    pub by_ms: Millis,
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
        wire::text(deserializer, Self::parse)
    }
}

/// Reads the one form that we write, several times faster than any RFC 3339; anything else is left to that.
fn as_written(text: &[u8]) -> Option<Time> {
    let text: &[u8; 24] = text.try_into().ok()?;
    let [.., b'Z'] = text else { return None };
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.')];
    if marks.iter().any(|&(at, mark)| text[at] != mark) {
        return None;
    }
    let number = |from: usize, to: usize| {
        text[from..to].iter().try_fold(0, |sum, digit| {
            let digit = digit.wrapping_sub(b'0');
            (digit < 10).then(|| sum * 10 + u32::from(digit))
        })
    };
    let date = NaiveDate::from_ymd_opt(number(0, 4)? as i32, number(5, 7)?, number(8, 10)?)?;
    let time = date.and_hms_milli_opt(number(11, 13)?, number(14, 16)?, number(17, 19)?, number(20, 23)?)?;
    Some(Time(time.and_utc().timestamp_millis()))
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
    fn the_form_we_write_is_read_as_any_other() {
        for millis in [0, -1, 951_826_154_321, 1_709_210_096_007, 4_107_542_399_999] {
            let text = Time(millis).to_string();
            assert_eq!(as_written(text.as_bytes()), Some(Time(millis)), "{text}");
            let offset = text.replace('Z', "+00:00");
            assert_eq!(as_written(offset.as_bytes()), None);
            assert_eq!(Time::parse(&offset), Ok(Time(millis)));
        }
        for wrong in ["2026-02-30T00:00:00.000Z", "2026-01-01 00:00:00,000Z", "2026-01-01T00:00:0:.000Z"] {
            assert_eq!(as_written(wrong.as_bytes()), None, "{wrong}");
        }
        assert!(Time::parse("2026-02-30T00:00:00.000Z").is_err());
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
