//! The changes that an event makes in its handoff.

use std::sync::Arc;

use super::Irregularity;
use super::again::another;
use crate::domain::event::{Answer, DeadReason, Event, Fact, Timeout};
use crate::domain::id::Actor;
use crate::domain::run::{Failure, Handoff, LastChange, Lease, OpenEscalation, State};
use crate::domain::time::Time;

/// Folds `event` into the handoff that it is about.
pub(super) fn change(it: &mut Handoff, event: &Event) -> Option<Irregularity> {
    let at = event.at;
    it.version += 1;
    it.last_change = Some(LastChange::of(event));
    match &event.fact {
        Fact::Leased { attempt, total, lease, holder, until, lease_ms, resumed_at } => {
            it.state = State::Leased;
            it.attempt = *attempt;
            it.attempts_total = *total;
            it.repeated |= *attempt >= 2;
            ready_since(it, *resumed_at);
            it.lease =
                Some(Box::new(Lease { id: lease.clone(), holder: holder.clone(), until: *until, lease_ms: *lease_ms }));
            None
        }
        Fact::Acknowledged { until } => {
            let odd = if it.emission.is_observed() { odd_acknowledgement(it, event) } else { None };
            it.acked_at.get_or_insert(at);
            if odd.is_none() {
                it.state = State::Acknowledged;
            }
            if let Some(lease) = &mut it.lease {
                lease.until = *until;
            }
            odd
        }
        Fact::Completed { .. } => {
            settle(it);
            end(it, State::Completed, at)
        }
        Fact::Returned { .. } => {
            settle(it);
            end(it, State::Returned, at)
        }
        Fact::Dismissed { .. } => {
            it.lease = None;
            end(it, State::Dismissed, at);
            None
        }
        Fact::Cancelled { .. } => {
            it.lease = None;
            end(it, State::Cancelled, at);
            None
        }
        Fact::RetryScheduled { code, detail, ready_at, .. } => {
            it.state = State::RetryWait;
            it.ready_at = *ready_at;
            it.lease = None;
            it.failure = Some(Box::new(failure(code, detail, at)));
            None
        }
        Fact::DeadLettered { code, reason, detail, violations } => {
            if it.ended_at.is_some() {
                return Some(Irregularity::SecondEnd);
            }
            it.failure = Some(Box::new(Failure {
                dead: Some(*reason),
                violations: violations.clone(),
                ..failure(code, detail, at)
            }));
            it.lease = None;
            it.escalation = None;
            settle(it);
            if *reason == DeadReason::Observed {
                it.ended_at = Some(at);
            }
            it.state = State::DeadLettered;
            unacknowledged(it)
        }
        Fact::Snoozed { until, released } => {
            it.state = State::Pending;
            it.ready_at = *until;
            it.attempt = it.attempt.saturating_sub(1);
            it.snoozes += u32::from(!released);
            it.lease = None;
            ready_since(it, Some(*until));
            None
        }
        Fact::Requeued { .. } => {
            had_a_hand(it, &event.actor);
            new_epoch(it, at);
            it.waiting_since = at;
            it.acked_before |= it.acked_at.take().is_some();
            None
        }
        Fact::Amended { rev, digest, head } => {
            had_a_hand(it, &event.actor);
            it.rev = *rev;
            it.amended = Some(digest.as_str().into());
            if let Some(head) = head {
                it.emission = Arc::new(it.emission.amended(head));
            }
            ask_anew(it, at);
            None
        }
        Fact::EscalationOpened(asked) => {
            if it.emission.is_observed() && it.ended_at.is_some() {
                return Some(Irregularity::AskedAfterEnd);
            }
            if it.emission.is_observed() && it.escalation.is_some() {
                return Some(Irregularity::AskedTwice);
            }
            // The approval that it needs is asked for by nobody: it follows from what was done.
            if let Some(asker) = asked.asker.as_deref().filter(|_| !asked.required) {
                had_a_hand(it, &Actor::user(asker));
            }
            it.escalations += 1;
            it.lease = None;
            if let Some(cause) = &asked.cause {
                it.failure = Some(Box::new(failure(&cause.code, &cause.detail, at)));
            }
            it.escalation = Some(Box::new(OpenEscalation {
                asked: (**asked).clone(),
                opened_at: at,
                by: event.actor.clone(),
                claimed: None,
                ever_claimed: false,
            }));
            it.state = State::Escalated;
            None
        }
        Fact::EscalationClaimed { until } => {
            if let Some(open) = &mut it.escalation {
                open.claimed = Some((event.actor.clone(), *until));
                open.ever_claimed = true;
            }
            None
        }
        Fact::EscalationReleased {} => {
            if let Some(open) = &mut it.escalation {
                open.claimed = None;
            }
            None
        }
        Fact::EscalationResolved(resolution) => {
            if it.emission.is_observed() && it.escalation.is_none() {
                return Some(Irregularity::AnsweredUnasked);
            }
            if matches!(resolution.answer, Answer::Approve | Answer::EditApprove) {
                approved(it);
            }
            let opened_at = it.escalation.take().map_or(at, |open| open.opened_at);
            it.resolution = Some(resolution.clone());
            let goes_on = !matches!(resolution.answer, Answer::Reject | Answer::Dismiss);
            if it.ended_at.is_none() && (goes_on || it.emission.is_observed()) {
                resume(it, opened_at, at);
            }
            None
        }
        Fact::EscalationExpired { outcome } => {
            if *outcome == Timeout::Approve {
                approved(it);
            }
            let opened_at = it.escalation.take().map_or(at, |open| open.opened_at);
            if *outcome == Timeout::Approve || it.emission.is_observed() {
                resume(it, opened_at, at);
            }
            None
        }
        Fact::ObservedFailed { code } | Fact::ObservedRejected { code } => {
            if it.ended_at.is_none() {
                it.failure = Some(Box::new(failure(code, "", at)));
            }
            let refused = matches!(event.fact, Fact::ObservedRejected { .. });
            let state = if refused { State::Rejected } else { State::Failed };
            end(it, state, at)
        }
        Fact::ObservedRetried {} => retried(it),
        // Noted only, or of the run, which `evolve` changes.
        Fact::Duplicate { .. }
        | Fact::LoopDetected { .. }
        | Fact::Emitted(_)
        | Fact::Sighted(_)
        | Fact::Refused(_)
        | Fact::RejectionResolved { .. }
        | Fact::EdgePaused { .. }
        | Fact::Annotated(_)
        | Fact::Revealed { .. }
        | Fact::EdgeResumed { .. } => None,
    }
}

/// Nobody could have taken it before that time, if there is one: its wait for the first acknowledgement begins then.
fn ready_since(it: &mut Handoff, at: Option<Time>) {
    if it.acked_at.is_none() {
        it.waiting_since = it.waiting_since.max(at.unwrap_or(it.waiting_since));
    }
}

/// Remembers that it has settled, for a life after a requeue. What is only observed has no such life.
fn settle(it: &mut Handoff) {
    if !it.emission.is_observed() {
        it.settled = Some(it.repeated);
    }
}

fn failure(code: &str, detail: &str, at: Time) -> Failure {
    Failure { code: code.to_owned(), detail: detail.to_owned(), at, dead: None, violations: Vec::new() }
}

/// The open question is about the contract as it stands now. Where that needs an approval, whoever is asked for it has
/// the whole time to look at what was edited.
fn ask_anew(it: &mut Handoff, at: Time) {
    let Some(open) = &mut it.escalation else {
        return;
    };
    open.asked.context_digest = it.amended.as_deref().map(str::to_owned);
    let needed = it.emission.terms.as_ref().and_then(|it| it.approval.as_deref());
    if let Some(needed) = needed.filter(|_| open.asked.required) {
        open.asked.proposed_action.clone_from(&needed.proposed_action);
        open.asked.due_at = Some(at + needed.due_ms);
    }
}

/// Somebody said yes, or nobody no in time. Only the approval that it needs counts as one, and only for the contract as
/// it stands.
fn approved(it: &mut Handoff) {
    if it.escalation.as_ref().is_some_and(|open| open.asked.required) {
        it.approved = it.digest().map(Into::into);
    }
}

/// After a decision that lets it go on: back to the queue in a new epoch. What ends it instead is the next event,
/// which still needs the attempts of the old one. Time spent with people before the acknowledgement is not the
/// edge's latency.
fn resume(it: &mut Handoff, opened_at: Time, at: Time) {
    if it.acked_at.is_none() {
        it.waiting_since = it.waiting_since + (at - opened_at);
    }
    if it.emission.is_observed() {
        it.state = if it.acked_at.is_some() { State::Acknowledged } else { State::Pending };
        return;
    }
    new_epoch(it, at);
}

/// Whoever changed what will run, or that it runs, may be barred from deciding on it later.
fn had_a_hand(it: &mut Handoff, actor: &Actor) {
    if it.separates() && !it.hands.contains(actor) {
        it.hands.push(actor.clone());
    }
}

fn new_epoch(it: &mut Handoff, at: Time) {
    it.state = State::Pending;
    it.ready_at = at;
    it.epoch += 1;
    it.attempt = 0;
    it.lease = None;
}

/// What is odd about an acknowledgement that was observed; `None` for one in its place. While a person is asked it means
/// that the question was taken up, which goes on until it is answered or the handoff ends.
fn odd_acknowledgement(it: &mut Handoff, event: &Event) -> Option<Irregularity> {
    if it.ended_at.is_some() {
        return Some(Irregularity::LateAcknowledgement);
    }
    if let Some(open) = &mut it.escalation {
        if it.acked_at.is_none() {
            it.waiting_since = it.waiting_since + (event.at - open.opened_at);
        }
        open.claimed = Some((event.actor.clone(), Time::NEVER));
        open.ever_claimed = true;
        return Some(Irregularity::AcknowledgedWhileAsked);
    }
    // After a person's answer it may be accepted once more.
    (it.state == State::Acknowledged && it.resolution.is_none()).then_some(Irregularity::SecondAcknowledgement)
}

/// Another attempt was granted to a handoff that is observed. One that is open goes on under its own id; what failed goes
/// on in what comes next.
fn retried(it: &mut Handoff) -> Option<Irregularity> {
    match it.state {
        State::Completed | State::Returned | State::DeadLettered | State::Dismissed | State::Cancelled => {
            return Some(Irregularity::RetriedAfterEnd);
        }
        State::Pending | State::Leased | State::Acknowledged | State::RetryWait => {
            it.state = State::RetryWait;
            another(it);
        }
        State::Escalated => another(it),
        State::Failed | State::Rejected => {}
    }
    it.retried = true;
    None
}

fn end(it: &mut Handoff, state: State, at: Time) -> Option<Irregularity> {
    if it.ended_at.is_some() {
        return Some(Irregularity::SecondEnd);
    }
    // Done by hand while a person was asked, or given up: the question is moot.
    it.escalation = None;
    it.retried = false;
    it.state = state;
    it.ended_at = Some(at);
    unacknowledged(it)
}

fn unacknowledged(it: &Handoff) -> Option<Irregularity> {
    (it.emission.is_observed() && it.acked_at.is_none()).then_some(Irregularity::EndedUnacknowledged)
}
