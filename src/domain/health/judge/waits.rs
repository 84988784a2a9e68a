//! What waits too long: for an agent by the pace of the edge, for people by when it was due.

use super::{Facts, Finding, People, STALL_FACTOR, Signal, baseline_p95};
use crate::domain::health::window::Window;
use crate::domain::severity::Severity;
use crate::domain::text::{age, latency};
use crate::domain::time::{HOUR, Millis};

/// Nothing that waits longer than this, and than [`STALL_FACTOR`] times whatever is known of the P95, waits on a healthy
/// edge.
const WAITS_LONG: Millis = HOUR;

/// Whether something waits so long that the edge cannot be called healthy: more than an hour and ten times the P95 of
/// whatever is known, or more than its limit. The limit is for 95 of 100, so while others are taken up one proves nothing.
pub(super) fn waits(facts: &Facts, ages: &[Millis]) -> Option<Finding> {
    let oldest = ages.iter().copied().max()?;
    let ever = facts.windows.total(Window::All);
    let known = baseline_p95(facts.windows).or_else(|| ever.to_ack.quantile(0.95)).unwrap_or_default();
    let long = known.saturating_mul(STALL_FACTOR).max(WAITS_LONG);
    let limit = facts.p95_max.filter(|limit| oldest > *limit);
    let most = if oldest > long { long.min(limit.unwrap_or(long)) } else { limit? };
    let began = facts.windows.now() + -oldest;
    let taken_since = ever.last_ack.is_some_and(|at| at > began);
    let words = if taken_since { "waiting for acknowledgement, the oldest" } else { "waiting, none acknowledged" };
    let of = limit.map(|limit| format!(" (limit {})", latency(limit))).unwrap_or_default();
    let certain = oldest > long || !taken_since;
    let doubt = if certain { "" } else { ", not yet certain" };
    Some(Finding {
        signal: Signal::Stall,
        severity: if certain { Severity::Warning } else { Severity::Info },
        reason: format!("{} {words} for {}{of}{doubt}", ages.len(), age(oldest)),
        since: Some(began + most),
        lasting: false,
    })
}

/// Critical when people did not do in time what they were asked for.
pub(super) fn overdue(facts: &Facts, people: &People) -> Option<Finding> {
    let longest = people.overdue.iter().copied().max()?;
    let longest_by = if people.overdue.len() > 1 { "overdue, the first" } else { "overdue" };
    Some(Finding {
        signal: Signal::Overdue,
        severity: Severity::Critical,
        reason: format!("{} {longest_by} for {}", people.overdue.len(), age(longest)),
        since: Some(facts.windows.now() + -longest),
        lasting: false,
    })
}
