//! The state machine of a handoff: the transition table of protocol section 3 in Decider form.
//!
//! [`decide()`] says which events follow from a command and what they make of the run, or why none do; [`evolve()`] folds one event into the
//! state. The orchestrator decides, everybody evolves: the console folds the same events with the same
//! function, and tolerates what an observed source leaves out.

mod again;
mod change;
mod decide;
mod emit;
mod escalate;
mod evolve;
mod folded;
mod gate;
mod irregular;
mod lease;
mod log;
mod operate;
mod timer;

pub use decide::decide;
pub use evolve::evolve;
pub use folded::Folded;
pub use irregular::Irregularity;

use super::id::HandoffId;
use super::run::{Run, State};
use super::time::{HOUR, MINUTE, Millis, SECOND, Time};

/// Lease when the claim names none.
pub const DEFAULT_LEASE: Millis = MINUTE;
/// Longest lease, in milliseconds.
pub const MAX_LEASE: Millis = HOUR;
/// Time for which a claim may stay unacknowledged unless the contract says otherwise, in milliseconds.
pub const DEFAULT_ACK_TIMEOUT: Millis = 30 * SECOND;
/// Attempts per budget epoch unless the contract says otherwise.
pub const DEFAULT_ATTEMPTS: u32 = 5;
/// Revision cycles a pair may take unless the edge says otherwise.
pub const DEFAULT_CYCLES: u32 = 3;
/// Longest snooze, in milliseconds.
pub const MAX_SNOOZE: Millis = 24 * HOUR;
/// Snoozes one handoff may take.
pub const MAX_SNOOZES: u32 = 20;
/// Escalations one handoff may take before it is a dead letter.
pub const MAX_ESCALATIONS: u32 = 5;
/// Time for which an approver's claim of an escalation holds, in milliseconds.
pub const CLAIM_HOLDS: Millis = 15 * MINUTE;
/// Time an escalation waits for an answer, by default and when critical, in milliseconds.
pub const ESCALATION_DUE: (Millis, Millis) = (24 * HOUR, HOUR);

/// Backoff before attempt `failed + 1`, in milliseconds: `min(100 s, 1 s x 2^(failed-1))` with full jitter.
pub fn backoff(failed: u32, jitter: f64) -> Millis {
    let full = SECOND.saturating_mul(1 << failed.saturating_sub(1).min(7)).min(100 * SECOND);
    (full as f64 * jitter.clamp(0.0, 1.0)) as Millis
}

/// A heartbeat changes the state without an event: it moves the end of the lease to `now` plus its length. Until
/// the acknowledgement the ack timeout, which runs from the claim, is the limit, so that an agent which only ticks
/// does not hold what it never accepted. After a crash every lease simply expires, so the log loses nothing.
fn extend_lease(run: &mut Run, handoff: &HandoffId, now: Time) {
    run.handoffs.change(handoff, |it| {
        let claimed = it.last_change.as_ref().map_or(now, |it| it.at);
        let timeout = it.emission.terms.as_ref().map(|it| it.ack_timeout_ms);
        let limit = timeout.filter(|_| it.state == State::Leased).map(|timeout| claimed + timeout);
        if let Some(lease) = &mut it.lease {
            let longer = now + lease.lease_ms;
            let longer = limit.map_or(longer, |limit| longer.min(limit));
            lease.until = lease.until.map(|until| until.max(longer));
        }
    });
}

#[cfg(test)]
pub(crate) mod tests;
