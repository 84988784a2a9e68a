//! Which events follow from a command: what agents and timers may do. People: `operate.rs`, `escalate.rs`.

use super::{MAX_LEASE, MAX_SNOOZE, MAX_SNOOZES, backoff, escalate, evolve, operate};
use crate::domain::command::{Asked, Command, Held, Refusal};
use crate::domain::contract::FailureAction;
use crate::domain::event::{DeadReason, Escalation, Event, Fact};
use crate::domain::id::{Actor, HandoffId};
use crate::domain::run::{Handoff, Refused, Run, State};
use crate::domain::time::{Millis, Time};

/// The events that follow from `asked` at `now`; none when it was done before (repeating is a no-op).
///
/// # Errors
/// Why nothing may change; see [`Refusal`].
pub fn decide(run: Option<&Run>, asked: &Asked, now: Time) -> Result<Vec<Event>, Refusal> {
    let mut log = Log::new(run, asked, now);
    match &asked.command {
        Command::Emit(offer) => log.emit(offer)?,
        Command::Refuse(rejection) => {
            let mut rejection = rejection.clone();
            let same = |it: &Refused| it.rejection.id == rejection.id;
            rejection.again = log.run.rejections.iter().any(same);
            log.say(None, Fact::Refused(rejection));
        }
        Command::Claim { handoff, holder, lease, lease_ms } => {
            log.claim(handoff, holder, lease, *lease_ms)?;
        }
        Command::Acknowledge(held) => log.acknowledge(held)?,
        Command::Heartbeat(held) => {
            log.held(held, HELD)?;
        }
        Command::Complete { held, result, next } => log.complete(held, result.clone(), next)?,
        Command::Return { held, feedback, revision } => {
            if feedback.iter().all(|it| it.trim().is_empty()) {
                return Err(Refusal::Invalid("a return needs feedback: say what has to change".to_owned()));
            }
            if log.repeated(held, State::Returned) {
                return Ok(Vec::new());
            }
            log.held(held, &[State::Acknowledged])?;
            let emitted = revision.id.clone();
            log.say(Some(&held.handoff), Fact::Returned { feedback: feedback.clone(), emitted });
            log.follow(revision)?;
        }
        Command::Fail { held, code, detail, escalation, jitter } => {
            let handoff = log.held(held, HELD)?.clone();
            log.failed(&handoff, code, detail, escalation, *jitter);
        }
        Command::Reject { held, errors } => {
            log.held(held, &[State::Leased])?;
            if errors.is_empty() {
                return Err(Refusal::Invalid("a rejection needs at least one error with its path".to_owned()));
            }
            let fact = Fact::DeadLettered {
                code: "schema_violation".to_owned(),
                reason: DeadReason::SchemaViolation,
                detail: String::new(),
                violations: errors.clone(),
            };
            log.say(Some(&held.handoff), fact);
        }
        Command::Snooze { held, until } => log.snooze(held, *until)?,
        Command::Timer { handoff, jitter } => log.timer(handoff, *jitter)?,
        _ => {
            if !operate::decide(&mut log, &asked.command)? {
                escalate::decide(&mut log, &asked.command)?;
            }
        }
    }
    Ok(log.events)
}

pub(super) const HELD: &[State] = &[State::Leased, State::Acknowledged];

/// The state as decided so far and the events that led there.
pub(super) struct Log {
    pub(super) run: Run,
    pub(super) events: Vec<Event>,
    pub(super) by: Actor,
    pub(super) now: Time,
}

impl Log {
    fn new(run: Option<&Run>, asked: &Asked, now: Time) -> Self {
        let run = run.cloned().unwrap_or_else(|| Run::new(asked.run.clone(), now));
        Self { run, events: Vec::new(), by: asked.by.clone(), now }
    }

    /// Records a fact and folds it, so that the next rule sees it.
    pub(super) fn say(&mut self, handoff: Option<&HandoffId>, fact: Fact) {
        let event = Event {
            run: self.run.id.clone(),
            seq: self.run.version + 1,
            at: self.now,
            handoff: handoff.cloned(),
            actor: self.by.clone(),
            fact,
        };
        evolve(&mut self.run, &event);
        self.events.push(event);
    }

    pub(super) fn find(&self, id: &HandoffId) -> Result<&Handoff, Refusal> {
        self.run.handoffs.get(id).ok_or_else(|| Refusal::NotFound(format!("handoff {id}")))
    }

    /// The handoff, if `held` names its running lease and it is in one of `states`.
    fn held(&self, held: &Held, states: &[State]) -> Result<&Handoff, Refusal> {
        let handoff = self.find(&held.handoff)?;
        let mine = handoff
            .lease
            .as_ref()
            .is_some_and(|lease| lease.id == held.lease && lease.until.is_none_or(|until| until > self.now));
        if !mine || !handoff.state.is_held() {
            let state = handoff.state.word();
            return Err(Refusal::LeaseLost { handoff: held.handoff.clone(), state });
        }
        if states.contains(&handoff.state) {
            Ok(handoff)
        } else {
            let allowed = if states.contains(&State::Leased) { &[State::Leased] } else { &[State::Acknowledged] };
            Err(Refusal::IllegalTransition { what: "changed that way", state: handoff.state, allowed })
        }
    }

    fn claim(&mut self, id: &HandoffId, holder: &str, lease: &str, lease_ms: Millis) -> Result<(), Refusal> {
        let handoff = self.find(id)?;
        const FREE: &[State] = &[State::Pending, State::RetryWait];
        if !FREE.contains(&handoff.state) {
            return Err(Refusal::IllegalTransition { what: "claimed", state: handoff.state, allowed: FREE });
        }
        if handoff.ready_at > self.now {
            return Err(Refusal::Invalid(format!("handoff {id} is not ready before {}", handoff.ready_at)));
        }
        let lease_ms = lease_ms.clamp(1_000, MAX_LEASE);
        let fact = Fact::Leased {
            attempt: handoff.attempt + 1,
            total: handoff.attempts_total + 1,
            lease: lease.to_owned(),
            holder: holder.to_owned(),
            until: Some(self.now + lease_ms.min(handoff.emission.ack_timeout_ms)),
            lease_ms,
        };
        self.say(Some(id), fact);
        Ok(())
    }

    pub(super) fn acknowledge(&mut self, held: &Held) -> Result<(), Refusal> {
        let handoff = self.held(held, HELD)?;
        if handoff.state == State::Leased {
            let lease_ms = handoff.lease.as_ref().map(|it| it.lease_ms);
            let until = lease_ms.map(|it| self.now + it);
            self.say(Some(&held.handoff), Fact::Acknowledged { until });
        }
        Ok(())
    }

    fn failed(&mut self, it: &Handoff, code: &str, detail: &str, escalation: &Escalation, jitter: f64) {
        let listed = |codes: &[String]| codes.iter().any(|it| it == code);
        let action = if listed(&it.emission.escalate) {
            FailureAction::Escalate
        } else if listed(&it.emission.retryable) {
            FailureAction::Retry
        } else {
            it.emission.default
        };
        match action {
            FailureAction::Escalate => self.escalate(&it.id, escalation.clone(), code, detail),
            FailureAction::Retry => self.retry_or_park(it, code, detail, jitter),
            FailureAction::DeadLetter => self.park(&it.id, code, DeadReason::NotRetryable, detail),
        }
    }

    fn retry_or_park(&mut self, it: &Handoff, code: &str, detail: &str, jitter: f64) {
        let late = it.emission.deadline.is_some_and(|deadline| deadline <= self.now);
        if late {
            self.park(&it.id, code, DeadReason::Expired, detail);
        } else if it.attempt < it.emission.max_attempts {
            let fact = Fact::RetryScheduled {
                attempt: it.attempt,
                code: code.to_owned(),
                detail: detail.to_owned(),
                ready_at: self.now + backoff(it.attempt, jitter),
            };
            self.say(Some(&it.id), fact);
        } else {
            self.park(&it.id, code, DeadReason::BudgetSpent, detail);
        }
    }

    pub(super) fn park(&mut self, id: &HandoffId, code: &str, reason: DeadReason, detail: &str) {
        let fact =
            Fact::DeadLettered { code: code.to_owned(), reason, detail: detail.to_owned(), violations: Vec::new() };
        self.say(Some(id), fact);
    }

    fn snooze(&mut self, held: &Held, until: Time) -> Result<(), Refusal> {
        let handoff = self.held(held, HELD)?;
        if until - self.now > MAX_SNOOZE {
            return Err(Refusal::Invalid("a snooze lasts at most 24 hours".to_owned()));
        }
        if handoff.snoozes >= MAX_SNOOZES {
            return Err(Refusal::Invalid(format!("a handoff is snoozed at most {MAX_SNOOZES} times")));
        }
        self.say(Some(&held.handoff), Fact::Snoozed { until: until.max(self.now) });
        Ok(())
    }

    /// Whatever is due on this handoff: an expired lease, a passed deadline, an unanswered question.
    fn timer(&mut self, id: &HandoffId, jitter: f64) -> Result<(), Refusal> {
        let it = self.find(id)?.clone();
        let passed = |at: Option<Time>| at.is_some_and(|at| at <= self.now);
        match it.state {
            State::Leased | State::Acknowledged if passed(it.lease.as_ref().and_then(|it| it.until)) => {
                self.retry_or_park(&it, "lease_expired", "the holder fell silent", jitter);
            }
            State::Pending | State::RetryWait if passed(it.emission.deadline) => {
                self.park(id, "expired", DeadReason::Expired, "the deadline passed");
            }
            State::Escalated if passed(it.escalation.as_ref().map(|it| it.asked.due_at)) => {
                escalate::time_out(self, &it);
            }
            _ => {}
        }
        Ok(())
    }
}
