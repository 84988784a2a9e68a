//! The one place that reads the wall clock; everybody else is handed a [`Time`].

use crate::domain::time::Time;

/// The present, in UTC, to the millisecond.
#[allow(clippy::disallowed_methods)] // this is the place the lint sends everybody else to
pub fn now() -> Time {
    Time::from_millis(chrono::Utc::now().timestamp_millis())
}
