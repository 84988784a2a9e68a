//! Folding one event into a run. Never fails: what does not fit is folded as far as it makes sense and
//! reported as irregular, because an observed source cannot be sent back to do better.

use std::sync::Arc;

use super::Irregularity;
use crate::domain::event::{Answer, DeadReason, Emission, Event, Fact, Timeout};
use crate::domain::id::{Actor, HandoffId};
use crate::domain::loops;
use crate::domain::run::{Failure, Handoff, LastChange, Lease, OpenEscalation, Refused, Run, State};
use crate::domain::time::Time;

/// Folds `event` into `run`.
pub fn evolve(run: &mut Run, event: &Event) -> Option<Irregularity> {
    let mut irregular = None;
    if event.seq > 0 {
        if event.seq <= run.version {
            return Some(Irregularity::Duplicate);
        }
        if event.seq > run.version + 1 {
            irregular = Some(Irregularity::Gap);
        }
        run.version = event.seq;
    }
    run.changed_at = run.changed_at.max(event.at);
    run.started_at = run.started_at.min(event.at);
    let found = match (&event.fact, &event.handoff) {
        (Fact::Emitted(emission), Some(id)) => emitted(run, id, emission, event, Some(event.at)),
        (Fact::Sighted(emission), Some(id)) => {
            emitted(run, id, emission, event, None);
            Some(Irregularity::NeverEmitted)
        }
        (Fact::Refused(rejection), _) => {
            let known = run.rejections.iter_mut().find(|it| it.rejection.id == rejection.id);
            if let Some(known) = known {
                known.count += 1;
                known.last_at = event.at;
            } else {
                if run.rejections.len() >= Refused::KEPT {
                    run.rejections.remove(0);
                }
                run.rejections.push(Refused {
                    rejection: (**rejection).clone(),
                    count: 1,
                    first_at: event.at,
                    last_at: event.at,
                });
            }
            None
        }
        (Fact::RejectionResolved { rejection, .. }, _) => {
            run.rejections.retain(|it| it.rejection.id != *rejection);
            None
        }
        (Fact::EdgePaused { edge, .. }, _) => {
            if !run.paused.contains(edge) {
                run.paused.push(edge.clone());
            }
            None
        }
        (Fact::EdgeResumed { edge, .. }, _) => {
            run.paused.retain(|it| it != edge);
            None
        }
        (_, Some(id)) => {
            if matches!(event.fact, Fact::RetryScheduled { .. } | Fact::ObservedRetried {}) {
                loops::note_retry(run, event.at);
            }
            if matches!(event.fact, Fact::Cancelled { .. }) {
                run.cancelled_at = Some(event.at);
            }
            match run.handoffs.get_mut(id) {
                Some(handoff) => change(handoff, event),
                None => Some(Irregularity::NeverEmitted),
            }
        }
        (_, None) => None,
    };
    irregular.or(found)
}

fn emitted(
    run: &mut Run,
    id: &HandoffId,
    emission: &Arc<Emission>,
    event: &Event,
    at: Option<Time>,
) -> Option<Irregularity> {
    if let Some(known) = run.handoffs.get_mut(id) {
        if known.emitted_at.is_some() || at.is_none() {
            return Some(Irregularity::Duplicate);
        }
        let parent = known.emission.parent.clone();
        known.emission = Arc::new(Emission { parent, ..Emission::clone(emission) });
        known.emitted_at = at;
        known.waiting_since = event.at.max(emission.ready_at);
        known.version += 1;
        return None;
    }
    let mut emission = Arc::clone(emission);
    if emission.is_observed() {
        let parent = loops::likely_parent(run, &emission).map(|it| it.id.clone());
        if emission.parent != parent {
            Arc::make_mut(&mut emission).parent = parent;
        }
    }
    let verdict = loops::judge(run, &emission);
    run.verdict = run.verdict.then(&verdict, event.at);
    let attempt = u32::from(emission.is_observed()) * (1 + earlier_attempts(run, &emission));
    let ready_at = emission.ready_at.max(event.at);
    run.handoffs.insert(
        id.clone(),
        Handoff {
            id: id.clone(),
            emission,
            state: State::Pending,
            version: 1,
            emitted_at: at,
            ready_at,
            waiting_since: ready_at,
            acked_at: None,
            ended_at: None,
            rev: 1,
            amended: None,
            epoch: 0,
            attempt,
            attempts_total: attempt,
            snoozes: 0,
            retried: false,
            lease: None,
            failure: None,
            escalation: None,
            escalations: 0,
            resolution: None,
            hands: Vec::new(),
            last_change: Some(LastChange::of(event)),
        },
    );
    None
}

/// Observed sources give every attempt a handoff of its own: the one before it on the same edge, if it was
/// retried, carries the count on.
fn earlier_attempts(run: &Run, emission: &Emission) -> u32 {
    let before = run.handoffs.values().rev().find(|it| it.emission.edge == emission.edge);
    before.filter(|it| it.retried).map_or(0, |it| it.attempt)
}

fn change(it: &mut Handoff, event: &Event) -> Option<Irregularity> {
    let at = event.at;
    it.version += 1;
    it.last_change = Some(LastChange::of(event));
    match &event.fact {
        Fact::Leased { attempt, total, lease, holder, until, lease_ms } => {
            it.state = State::Leased;
            it.attempt = *attempt;
            it.attempts_total = *total;
            it.lease =
                Some(Box::new(Lease { id: lease.clone(), holder: holder.clone(), until: *until, lease_ms: *lease_ms }));
            None
        }
        Fact::Acknowledged { until } => {
            it.acked_at.get_or_insert(at);
            if it.ended_at.is_some() && it.emission.is_observed() {
                return Some(Irregularity::LateAcknowledgement);
            }
            it.state = State::Acknowledged;
            if let Some(lease) = &mut it.lease {
                lease.until = *until;
            }
            None
        }
        Fact::Completed { .. } => {
            // Done by hand while a person was asked: the question is moot.
            it.escalation.take_if(|_| !it.emission.is_observed());
            end(it, State::Completed, at)
        }
        Fact::Returned { .. } => end(it, State::Returned, at),
        Fact::Dismissed { .. } => {
            it.escalation = None;
            it.lease = None;
            end(it, State::Dismissed, at);
            None
        }
        Fact::Cancelled { .. } => {
            it.escalation = None;
            it.lease = None;
            end(it, State::Cancelled, at);
            None
        }
        Fact::RetryScheduled { code, detail, ready_at, .. } => {
            it.state = State::RetryWait;
            it.ready_at = *ready_at;
            it.lease = None;
            it.failure = Some(Box::new(Failure {
                code: code.clone(),
                detail: detail.clone(),
                at,
                dead: None,
                violations: Vec::new(),
            }));
            None
        }
        Fact::DeadLettered { code, reason, detail, violations } => {
            let second = it.ended_at.is_some();
            it.failure = Some(Box::new(Failure {
                code: code.clone(),
                detail: detail.clone(),
                at,
                dead: Some(*reason),
                violations: violations.clone(),
            }));
            it.lease = None;
            it.escalation = None;
            if *reason == DeadReason::Observed {
                it.ended_at.get_or_insert(at);
            }
            if second {
                return Some(Irregularity::SecondEnd);
            }
            it.state = State::DeadLettered;
            unacknowledged(it)
        }
        Fact::Snoozed { until } => {
            it.state = State::Pending;
            it.ready_at = *until;
            it.attempt = it.attempt.saturating_sub(1);
            it.snoozes += 1;
            it.lease = None;
            None
        }
        Fact::Requeued { .. } => {
            had_a_hand(it, &event.actor);
            new_epoch(it, at);
            it.waiting_since = at;
            it.acked_at = None;
            None
        }
        Fact::Amended { rev, digest, head } => {
            had_a_hand(it, &event.actor);
            it.rev = *rev;
            it.amended = Some(digest.as_str().into());
            if let Some(head) = head {
                it.emission = Arc::new(it.emission.amended(head));
            }
            None
        }
        Fact::EscalationOpened(asked) => {
            it.escalations += 1;
            it.lease = None;
            it.escalation = Some(Box::new(OpenEscalation {
                asked: (**asked).clone(),
                opened_at: at,
                by: event.actor.clone(),
                claimed: None,
                ever_claimed: false,
            }));
            if it.ended_at.is_none() {
                it.state = State::Escalated;
            }
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
            let opened_at = it.escalation.take().map_or(at, |open| open.opened_at);
            it.resolution = Some(resolution.clone());
            let goes_on = !matches!(resolution.answer, Answer::Reject | Answer::Dismiss);
            if it.ended_at.is_none() && (goes_on || it.emission.is_observed()) {
                resume(it, opened_at, at);
            }
            None
        }
        Fact::EscalationExpired { outcome } => {
            let opened_at = it.escalation.take().map_or(at, |open| open.opened_at);
            if *outcome == Timeout::Approve || it.emission.is_observed() {
                resume(it, opened_at, at);
            }
            None
        }
        Fact::ObservedFailed { code } | Fact::ObservedRejected { code } => {
            it.failure = Some(Box::new(Failure {
                code: code.clone(),
                detail: String::new(),
                at,
                dead: None,
                violations: Vec::new(),
            }));
            let refused = matches!(event.fact, Fact::ObservedRejected { .. });
            let state = if refused { State::Rejected } else { State::Failed };
            end(it, state, at)
        }
        Fact::ObservedRetried {} => {
            it.retried = true;
            None
        }
        _ => None,
    }
}

/// After a decision that lets it go on: back to the queue in a new epoch. What ends it instead is the next event,
/// which still needs the attempts of the old one. Time spent with people before the acknowledgement is not the
/// edge's latency.
fn resume(it: &mut Handoff, opened_at: Time, at: Time) {
    if it.emission.is_observed() {
        it.state = if it.acked_at.is_some() { State::Acknowledged } else { State::Pending };
        return;
    }
    if it.acked_at.is_none() {
        it.waiting_since = it.waiting_since + (at - opened_at);
    }
    new_epoch(it, at);
}

/// Whoever changed what will run, or that it runs, may be barred from deciding on it later.
fn had_a_hand(it: &mut Handoff, actor: &Actor) {
    if it.emission.separation && !it.hands.contains(actor) {
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

fn end(it: &mut Handoff, state: State, at: Time) -> Option<Irregularity> {
    if it.ended_at.is_some() {
        return Some(Irregularity::SecondEnd);
    }
    it.state = state;
    it.ended_at = Some(at);
    unacknowledged(it)
}

fn unacknowledged(it: &Handoff) -> Option<Irregularity> {
    (it.emission.is_observed() && it.acked_at.is_none()).then_some(Irregularity::EndedUnacknowledged)
}
