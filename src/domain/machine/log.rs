//! The log of one decision: facts, folded as they are said, so that the next rule sees the effect of the last.

use std::sync::Arc;

use super::{Folded, MAX_ESCALATIONS};
use crate::domain::bearer::Bearer;
use crate::domain::command::{Asked, Held, Refusal, Seen, agreed};
use crate::domain::event::{DeadReason, Emission, Escalation, Event, Fact};
use crate::domain::id::{Actor, HandoffId};
use crate::domain::port::ActKind;
use crate::domain::run::queue::due;
use crate::domain::run::{Handoff, Run, State};
use crate::domain::time::{Present, Time};

/// The state as decided so far and the events that led there.
pub(super) struct Log {
    pub(super) made: Folded,
    pub(super) by: Actor,
    pub(super) bearer: Bearer,
    pub(super) now: Time,
    /// The same, for waits that began before the clock was set back.
    present: Present,
}

impl Log {
    pub(super) fn new(run: Option<&Arc<Run>>, asked: &Asked, present: Present) -> Self {
        let now = present.now;
        let run = run.cloned().unwrap_or_else(|| Arc::new(Run::new(asked.run.clone(), now)));
        Self { made: Folded::onto(run), by: asked.by.clone(), bearer: asked.bearer.clone(), now, present }
    }

    /// Records a fact and folds it, so that the next rule sees it.
    pub(super) fn say(&mut self, handoff: Option<&HandoffId>, fact: Fact) {
        self.made.fold(Event {
            seen: None,
            run: self.made.run.id.clone(),
            seq: self.made.run.version + 1,
            at: self.now,
            handoff: handoff.cloned(),
            actor: self.by.clone(),
            fact,
        });
    }

    /// Ends automatic processing: a person decides what becomes of it.
    pub(super) fn park(&mut self, id: &HandoffId, code: &str, reason: DeadReason, detail: &str) {
        let fact =
            Fact::DeadLettered { code: code.to_owned(), reason, detail: detail.to_owned(), violations: Vec::new() };
        self.say(Some(id), fact);
    }

    /// Opens a question to a person, unless this handoff has had its share of them.
    pub(super) fn escalate(&mut self, id: &HandoffId, mut asked: Escalation, code: &str, detail: &str) {
        let known = self.made.run.handoffs.get(id);
        if known.is_some_and(Handoff::separates) {
            asked.asker = Some(Arc::clone(&self.bearer.subject));
        }
        if known.map_or(0, |it| it.escalations) >= MAX_ESCALATIONS {
            self.park(id, code, DeadReason::EscalatedTooOften, detail);
        } else {
            self.say(Some(id), Fact::EscalationOpened(Box::new(asked)));
        }
    }

    /// The contract of `id`, which stands at revision `rev`, was edited to one with this head.
    pub(super) fn amend(&mut self, id: &HandoffId, rev: u32, head: &Emission) -> Result<(), Refusal> {
        let digest = agreed(id, head)?.digest.to_string();
        self.say(Some(id), Fact::Amended { rev: rev + 1, digest, head: Some(Arc::new(head.clone())) });
        Ok(())
    }
}

/// Looking up what a command is about.
impl Log {
    /// The present for whatever this handoff waits for.
    pub(super) fn now_of(&self, it: &Handoff) -> Time {
        self.present.of_wait(it.changed_at())
    }

    /// Whether something happens to it by itself now.
    pub(super) fn is_due(&self, it: &Handoff) -> bool {
        // A deadline is a time that somebody named: it waits for the clock, whatever that says.
        let now = if it.state.is_held() || it.state == State::Escalated { self.now_of(it) } else { self.now };
        due(it).is_some_and(|due| due <= now)
    }

    pub(super) fn find(&self, id: &HandoffId) -> Result<&Handoff, Refusal> {
        self.made.run.handoffs.get(id).ok_or_else(|| Refusal::NotFound(format!("handoff {id}")))
    }

    /// The handoff, if `held` names its running lease and it is in one of `states`.
    pub(super) fn held(&self, held: &Held, states: &[State]) -> Result<&Handoff, Refusal> {
        let handoff = self.find(&held.handoff)?;
        let mine = handoff.lease.as_ref().is_some_and(|lease| {
            lease.id == held.lease && lease.until.is_none_or(|until| until > self.now_of(handoff))
        });
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

    /// The handoff as a person saw it: unmoved since, and in a state in which this act can be done.
    pub(super) fn can(&self, seen: &Seen, act: ActKind, force: bool) -> Result<&Handoff, Refusal> {
        self.seen(seen, act.done(), act.states(force))
    }

    /// The handoff as a person saw it: unmoved since, and in one of `allowed`.
    pub(super) fn seen(&self, seen: &Seen, what: &'static str, allowed: &'static [State]) -> Result<&Handoff, Refusal> {
        let handoff = self.find(&seen.handoff)?;
        if handoff.version != seen.version {
            let last_change = handoff.last_change.clone();
            return Err(Refusal::VersionConflict { current: handoff.version, last_change });
        }
        if allowed.contains(&handoff.state) {
            Ok(handoff)
        } else {
            Err(Refusal::IllegalTransition { what, state: handoff.state, allowed })
        }
    }

    /// That the deadline of a free handoff has not passed: what is due happens before anybody is given it.
    pub(super) fn in_time(&self, free: &Handoff) -> Result<(), Refusal> {
        match due(free) {
            Some(deadline) if deadline <= self.now => Err(Refusal::Expired { handoff: free.id.clone(), deadline }),
            _ => Ok(()),
        }
    }

    /// This very holder ended it that way before: its first answer was lost.
    pub(super) fn repeated(&self, held: &Held, end: State) -> bool {
        let known = self.made.run.handoffs.get(&held.handoff);
        let same = |it: &Handoff| it.lease.as_ref().is_some_and(|it| it.id == held.lease);
        known.is_some_and(|it| it.state == end && same(it))
    }
}
