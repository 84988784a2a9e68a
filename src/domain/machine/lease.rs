//! Acts of agents on a handoff they claimed: rows 4 to 6, 9 to 14 and 16.

use std::sync::Arc;

use super::log::Log;
use super::{MAX_LEASE, MAX_SNOOZE, MAX_SNOOZES, backoff, emit, extend_lease};
use crate::domain::command::{Held, NewHandoff, Refusal, agreed};
use crate::domain::contract::{FailureAction, Violation};
use crate::domain::event::{DeadReason, Escalation, Fact, Terms};
use crate::domain::flow::Flow;
use crate::domain::id::HandoffId;
use crate::domain::run::{Handoff, State};
use crate::domain::time::{Millis, Time};

const CLAIMABLE: &[State] = &[State::Pending, State::RetryWait];
const HELD: &[State] = &[State::Leased, State::Acknowledged];

pub(super) fn claim(
    log: &mut Log,
    id: &HandoffId,
    holder: &str,
    lease: &str,
    lease_ms: Millis,
    flow: Flow,
) -> Result<(), Refusal> {
    let handoff = log.find(id)?;
    if !CLAIMABLE.contains(&handoff.state) {
        return Err(Refusal::IllegalTransition { what: "claimed", state: handoff.state, allowed: CLAIMABLE });
    }
    log.in_time(handoff)?;
    if flow == Flow::Paused {
        let edge = &handoff.emission.edge;
        return Err(Refusal::Invalid(format!("{edge} in {} is paused: {id} waits until it is resumed", edge.pipeline)));
    }
    if handoff.ready_at > log.now_of(handoff) {
        return Err(Refusal::Invalid(format!("handoff {id} is not ready before {}", handoff.ready_at)));
    }
    let lease_ms = lease_ms.clamp(1_000, MAX_LEASE);
    let ack_timeout = agreed(id, &handoff.emission)?.ack_timeout_ms;
    let fact = Fact::Leased {
        attempt: handoff.attempt + 1,
        total: handoff.attempts_total + 1,
        lease: lease.to_owned(),
        holder: holder.to_owned(),
        until: Some(log.now + lease_ms.min(ack_timeout)),
        lease_ms,
        resumed_at: flow.since().filter(|at| handoff.acked_at.is_none() && *at > handoff.waiting_since),
    };
    log.say(Some(id), fact);
    Ok(())
}

/// A free handoff becomes a dead letter instead of being handed out in vain.
pub(super) fn withhold(log: &mut Log, id: &HandoffId, detail: &str) -> Result<(), Refusal> {
    let state = log.find(id)?.state;
    if !CLAIMABLE.contains(&state) {
        return Err(Refusal::IllegalTransition { what: "withheld", state, allowed: CLAIMABLE });
    }
    log.park(id, "reference_missing", DeadReason::ReferenceGone, detail);
    Ok(())
}

pub(super) fn acknowledge(log: &mut Log, held: &Held) -> Result<(), Refusal> {
    let handoff = log.held(held, HELD)?;
    if handoff.state == State::Leased {
        let lease_ms = handoff.lease.as_ref().map(|it| it.lease_ms);
        let until = lease_ms.map(|it| log.now + it);
        log.say(Some(&held.handoff), Fact::Acknowledged { until });
    }
    Ok(())
}

/// Says nothing, but moves the end of the lease.
pub(super) fn heartbeat(log: &mut Log, held: &Held) -> Result<(), Refusal> {
    let now = log.now_of(log.held(held, HELD)?);
    extend_lease(Arc::make_mut(&mut log.made.run), &held.handoff, now);
    log.made.touched.insert(held.handoff.clone());
    Ok(())
}

pub(super) fn complete(log: &mut Log, held: &Held, result: Option<String>, next: &[NewHandoff]) -> Result<(), Refusal> {
    log.find(&held.handoff)?;
    if log.repeated(held, State::Completed) {
        return Ok(());
    }
    // A claim that was never acknowledged is, by finishing the work.
    acknowledge(log, held)?;
    emit::completed(log, &held.handoff, result, next, String::new())
}

pub(super) fn give_back(log: &mut Log, held: &Held, feedback: &[String], revision: &NewHandoff) -> Result<(), Refusal> {
    if feedback.iter().all(|it| it.trim().is_empty()) {
        return Err(Refusal::Invalid("a return needs feedback: say what has to change".to_owned()));
    }
    if log.repeated(held, State::Returned) {
        return Ok(());
    }
    log.held(held, &[State::Acknowledged])?;
    emit::returned(log, &held.handoff, feedback, revision)
}

pub(super) fn fail(
    log: &mut Log,
    held: &Held,
    code: &str,
    detail: &str,
    escalation: &Escalation,
    jitter: f64,
) -> Result<(), Refusal> {
    let it = log.held(held, HELD)?.clone();
    let terms = agreed(&it.id, &it.emission)?;
    let listed = |codes: &[String]| codes.iter().any(|it| it == code);
    let action = if listed(&terms.escalate) {
        FailureAction::Escalate
    } else if listed(&terms.retryable) {
        FailureAction::Retry
    } else {
        terms.default
    };
    match action {
        FailureAction::Escalate => log.escalate(&it.id, escalation.clone(), code, detail),
        FailureAction::Retry => retry_or_park(log, &it, terms, code, detail, jitter),
        FailureAction::DeadLetter => log.park(&it.id, code, DeadReason::NotRetryable, detail),
    }
    Ok(())
}

/// Another attempt, or none: because it came too late, or because the budget is spent.
pub(super) fn retry_or_park(log: &mut Log, it: &Handoff, terms: &Terms, code: &str, detail: &str, jitter: f64) {
    let late = terms.deadline.is_some_and(|deadline| deadline <= log.now);
    if late {
        log.park(&it.id, code, DeadReason::Expired, detail);
    } else if it.attempt < terms.max_attempts {
        let fact = Fact::RetryScheduled {
            attempt: it.attempt,
            code: code.to_owned(),
            detail: detail.to_owned(),
            ready_at: log.now + backoff(it.attempt, jitter),
        };
        log.say(Some(&it.id), fact);
    } else {
        log.park(&it.id, code, DeadReason::BudgetSpent, detail);
    }
}

pub(super) fn reject(log: &mut Log, held: &Held, errors: &[Violation]) -> Result<(), Refusal> {
    log.held(held, &[State::Leased])?;
    if errors.is_empty() {
        return Err(Refusal::Invalid("a rejection needs at least one error with its path".to_owned()));
    }
    let fact = Fact::DeadLettered {
        code: "schema_violation".to_owned(),
        reason: DeadReason::SchemaViolation,
        detail: String::new(),
        violations: errors.to_vec(),
    };
    log.say(Some(&held.handoff), fact);
    Ok(())
}

pub(super) fn snooze(log: &mut Log, held: &Held, until: Time) -> Result<(), Refusal> {
    let handoff = log.held(held, HELD)?;
    if until - log.now > MAX_SNOOZE {
        return Err(Refusal::Invalid("a snooze lasts at most 24 hours".to_owned()));
    }
    if handoff.snoozes >= MAX_SNOOZES {
        return Err(Refusal::Invalid(format!("a handoff is snoozed at most {MAX_SNOOZES} times")));
    }
    log.say(Some(&held.handoff), Fact::Snoozed { until: until.max(log.now), released: false });
    Ok(())
}
