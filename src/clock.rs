//! The one place that reads the wall clock; everybody else is handed a [`Time`].

use std::time::Instant;

use chrono::TimeZone;

use crate::domain::time::{Millis, SECOND, Time};

/// The present, in UTC, to the millisecond.
#[allow(clippy::disallowed_methods)] // this is the place the lint sends everybody else to
pub fn now() -> Time {
    Time::from_millis(chrono::Utc::now().timestamp_millis())
}

/// By how many milliseconds local time is ahead of UTC at an instant, by the rules of the zone that this machine is in.
pub fn local_offset(at: Time) -> Millis {
    let offset = chrono::Local.offset_from_utc_datetime(&at.utc().naive_utc());
    Millis::from(offset.local_minus_utc()) * SECOND
}

/// A clock that is never set back: for what is measured, as ages and waits are. It goes on by itself (monotonic), and
/// forward with the wall clock, also after this machine slept.
#[derive(Clone, Copy, Debug)]
pub struct Steady {
    at: Time,
    moment: Instant,
}

impl Steady {
    /// A clock that says what the wall clock says now.
    pub fn new() -> Self {
        Self { at: now(), moment: Instant::now() }
    }

    /// The present.
    pub fn now(&mut self) -> Time {
        let moment = Instant::now();
        let passed = moment.saturating_duration_since(self.moment).as_millis();
        self.at = (self.at + Millis::try_from(passed).unwrap_or_default()).max(now());
        self.moment = moment;
        self.at
    }
}
