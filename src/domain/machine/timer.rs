//! Timeouts: events that follow because nobody did anything in time: rows 15, 19 and 20.

use super::lease::retry_or_park;
use super::log::Log;
use crate::domain::command::{Refusal, agreed};
use crate::domain::event::{DeadReason, DismissReason, Fact, Timeout};
use crate::domain::id::HandoffId;
use crate::domain::run::{OpenEscalation, State};

/// Whatever is due on this handoff: an expired lease, a passed deadline, an unanswered question.
pub(super) fn timer(log: &mut Log, id: &HandoffId, jitter: f64) -> Result<(), Refusal> {
    let it = log.find(id)?.clone();
    if !log.is_due(&it) {
        return Ok(());
    }
    match it.state {
        State::Leased | State::Acknowledged => {
            let terms = agreed(id, &it.emission)?;
            retry_or_park(log, &it, terms, "lease_expired", "the holder fell silent", jitter);
        }
        State::Pending | State::RetryWait => {
            let terms = agreed(id, &it.emission)?;
            if terms.deadline.is_some_and(|deadline| deadline <= log.now) {
                log.park(id, "expired", DeadReason::Expired, "the deadline passed");
            } else {
                let detail =
                    "what the contract refers to can be fetched no longer: store it again, and edit the contract";
                log.park(id, "reference_expired", DeadReason::ReferenceGone, detail);
            }
        }
        State::Escalated => {
            if let Some(open) = &it.escalation {
                unanswered(log, id, open);
            }
        }
        State::DeadLettered
        | State::Completed
        | State::Returned
        | State::Dismissed
        | State::Cancelled
        | State::Failed
        | State::Rejected => {}
    }
    Ok(())
}

/// The question was not answered in time: does what it said it would.
fn unanswered(log: &mut Log, id: &HandoffId, open: &OpenEscalation) {
    let outcome = open.asked.on_timeout;
    log.say(Some(id), Fact::EscalationExpired { outcome });
    match outcome {
        Timeout::Approve => {}
        Timeout::DeadLetter => {
            log.park(id, "escalation_timeout", DeadReason::EscalationTimeout, "nobody answered in time");
        }
        Timeout::Dismiss => {
            let note = "nobody answered in time".to_owned();
            log.say(Some(id), Fact::Dismissed { reason: DismissReason::Obsolete, note });
        }
    }
}
