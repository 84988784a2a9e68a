//! Whether too many handoffs need another attempt: surely over an hour, and plainly lately.

use super::{Finding, Onset, RETRY_CRITICAL, RETRY_WARN, Signal};
use crate::domain::health::outcomes::Outcomes;
use crate::domain::health::signal::{Guard, Rate};
use crate::domain::health::tally::Tally;
use crate::domain::health::window::{Window, Windows};
use crate::domain::severity::Severity;
use crate::domain::text::percent;

/// Minutes in a 5m rate, and how many it must stay below the threshold before an alert closes.
const FIVE: usize = 5;

/// Above a threshold with 95 % confidence over 1h, and plainly above it lately.
pub(super) fn retries(windows: &Windows) -> Option<Finding> {
    let hour = windows.total(Window::OneHour).retry_rate();
    let minutes = windows.minutes().map(|minute| minute.map(Settled::of).unwrap_or_default());
    let lately = |threshold: f64| lately_above(windows, &minutes, threshold);
    let exceeds = |threshold: f64| hour.surely_above(threshold) && lately(threshold);
    let maybe = || hour.guard() == Guard::Enough && hour.above(RETRY_CRITICAL) && lately(RETRY_CRITICAL);
    let (severity, threshold) = if exceeds(RETRY_CRITICAL) {
        (Severity::Critical, RETRY_CRITICAL)
    } else if exceeds(RETRY_WARN) {
        (Severity::Warning, RETRY_WARN)
    } else if maybe() {
        (Severity::Info, RETRY_CRITICAL)
    } else {
        return None;
    };
    let first = retries_since(&minutes, threshold);
    // Bad five minutes at the beginning of the hour: there may have been others before.
    let first = first.map(|(five, first)| if five == 0 && minutes[0].rate.n > 0 { 0 } else { first });
    let Onset { since, lasting } = first.map_or(Onset::default(), |it| Onset::at(windows, it));
    let doubt = if severity == Severity::Info { ": above 3 %, not yet certain" } else { "" };
    Some(Finding {
        signal: Signal::Retries,
        severity,
        reason: format!("{} retried in 1h ({} of {}){doubt}", percent(hour.value()?), hour.k, hour.n),
        since,
        lasting,
    })
}

/// What settled in one minute.
#[derive(Clone, Copy, Default)]
struct Settled {
    rate: Rate,
    latest: Outcomes,
}

impl Settled {
    fn of(minute: &Tally) -> Self {
        Self { rate: minute.retry_rate(), latest: minute.latest }
    }
}

/// The retry rate is above the threshold now, or was at the end of one of the last five minutes.
fn lately_above(windows: &Windows, minutes: &[Settled], threshold: f64) -> bool {
    let five = windows.total(Window::FiveMinutes).retry_rate();
    let stand_in = || windows.total(Window::OneHour).latest_retry_rate();
    let now = if five.n < Outcomes::MOST.into() { stand_in() } else { five };
    let ends = minutes.len().saturating_sub(FIVE)..=minutes.len();
    now.above(threshold) || ends.into_iter().any(|end| lately(minutes, end).0.above(threshold))
}

/// The retry rate over the five minutes before `end`, or of the latest five handoffs where fewer settled in them; and
/// the minute of the first of them that needed a retry.
fn lately(minutes: &[Settled], end: usize) -> (Rate, Option<usize>) {
    let five = minutes.get(end.saturating_sub(FIVE)..end).unwrap_or_default();
    let mut sum = Rate::default();
    for minute in five {
        sum = plus(sum, minute.rate);
    }
    if sum.n >= Outcomes::MOST.into() {
        let first = five.iter().position(|minute| minute.rate.k > 0);
        return (sum, first.map(|first| end - five.len() + first));
    }
    let (mut sum, mut first) = (Rate::default(), None);
    for (at, minute) in minutes.iter().enumerate().take(end).rev() {
        let some = minute.latest.last(u32::from(Outcomes::MOST) - sum.n).rate();
        sum = plus(sum, some);
        first = if some.k > 0 { Some(at) } else { first };
        if sum.n >= Outcomes::MOST.into() {
            break;
        }
    }
    (sum, first)
}

fn plus(one: Rate, other: Rate) -> Rate {
    Rate { k: one.k.saturating_add(other.k), n: one.n.saturating_add(other.n) }
}

/// Where the current run of rates above the threshold begins: the first minute looked at, and that of the first retry.
fn retries_since(minutes: &[Settled], threshold: f64) -> Option<(usize, usize)> {
    let mut first = None;
    for end in (FIVE..=minutes.len()).rev() {
        let (rate, began) = lately(minutes, end);
        if rate.n > 0 && !rate.above(threshold) {
            // It may have got better in the last five minutes, which close no alert yet.
            if first.is_some() || end + FIVE <= minutes.len() {
                break;
            }
            continue;
        }
        first = began.map(|at| (end - FIVE, at)).or(first);
    }
    first
}
