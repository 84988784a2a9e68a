//! The one place that reads the wall clock; everybody else is handed a [`Time`].

use crate::domain::time::{Millis, SECOND, Time};

/// The present, in UTC, to the millisecond.
#[allow(clippy::disallowed_methods)] // this is the place the lint sends everybody else to
pub fn now() -> Time {
    Time::from_millis(chrono::Utc::now().timestamp_millis())
}

/// By how many milliseconds local time is ahead of UTC at present.
#[allow(clippy::disallowed_methods)] // as above
pub fn local_offset() -> Millis {
    let offset = chrono::Local::now().offset().local_minus_utc();
    Millis::from(offset) * SECOND
}
