//! Folding one event into a run. Never fails: what does not fit is folded as far as it makes sense and
//! reported as irregular, because an observed source cannot be sent back to do better.

use std::sync::Arc;

use super::change::change;
use super::{Irregularity, again};
use crate::domain::event::{Annotation, Emission, Event, Fact, Rejection};
use crate::domain::id::{Edge, HandoffId};
use crate::domain::loops;
use crate::domain::run::{Annotated, Handoff, LastChange, Refused, Run, State};
use crate::domain::time::{DAY, Time};

/// Edges of which it is remembered since when they flow again, at most.
const RESUMED: usize = 200;

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
    // What is said of a run is not what happens in it: a run that closed stays as old as it was.
    if !matches!(event.fact, Fact::Annotated(_) | Fact::Revealed { .. }) {
        run.changed_at = run.changed_at.max(event.at);
    }
    run.started_at = run.started_at.min(event.at);
    irregular.or(fold(run, event))
}

fn fold(run: &mut Run, event: &Event) -> Option<Irregularity> {
    match &event.fact {
        Fact::Emitted(emission) => emitted(run, event.handoff.as_ref()?, emission, event, Some(event.at)),
        Fact::Sighted(emission) => {
            emitted(run, event.handoff.as_ref()?, emission, event, None);
            Some(Irregularity::NeverEmitted)
        }
        Fact::Refused(rejection) => {
            refused(run, rejection, event.at);
            None
        }
        Fact::RejectionResolved { rejection, .. } => {
            run.rejections.retain(|it| it.rejection.id != *rejection);
            None
        }
        Fact::EdgePaused { edge, .. } => {
            if !run.paused.contains(edge) {
                run.paused.push(edge.clone());
            }
            run.resumed.retain(|(it, _)| it != edge);
            None
        }
        Fact::EdgeResumed { edge, .. } => {
            run.paused.retain(|it| it != edge);
            resumed(run, edge, event.at);
            None
        }
        Fact::Annotated(annotation) => {
            let (annotation, by, at) = (annotation.clone(), event.actor.clone(), event.at);
            if run.annotations.len() >= Annotation::PER_RUN {
                run.annotations.remove(0);
            }
            run.annotations.push(Annotated { annotation, by, at });
            None
        }
        // Whoever looked at it is not kept from acting on it.
        Fact::Revealed { .. } => {
            let known = run.handoffs.get(event.handoff.as_ref()?).is_some();
            (!known).then_some(Irregularity::NeverEmitted)
        }
        Fact::RetryScheduled { .. } => {
            loops::note_retry(run, event.at);
            of_handoff(run, event)
        }
        Fact::ObservedRetried {} => {
            loops::note_retry(run, event.at);
            let irregular = of_handoff(run, event);
            again::granted(run, event.handoff.as_ref()?);
            irregular
        }
        Fact::Cancelled { .. } => {
            run.cancelled_at = Some(event.at);
            of_handoff(run, event)
        }
        Fact::Duplicate { .. }
        | Fact::Leased { .. }
        | Fact::Acknowledged { .. }
        | Fact::Completed { .. }
        | Fact::Returned { .. }
        | Fact::DeadLettered { .. }
        | Fact::Snoozed { .. }
        | Fact::Requeued { .. }
        | Fact::Amended { .. }
        | Fact::Dismissed { .. }
        | Fact::EscalationOpened(_)
        | Fact::EscalationClaimed { .. }
        | Fact::EscalationReleased {}
        | Fact::EscalationResolved(_)
        | Fact::EscalationExpired { .. }
        | Fact::LoopDetected { .. }
        | Fact::ObservedFailed { .. }
        | Fact::ObservedRejected { .. } => of_handoff(run, event),
    }
}

/// Remembers since when an edge flows again, for what has waited on it since before.
fn resumed(run: &mut Run, edge: &Edge, at: Time) {
    run.resumed.retain(|(it, since)| it != edge && since.age(at) <= DAY);
    if run.resumed.len() >= RESUMED {
        run.resumed.remove(0);
    }
    run.resumed.push((edge.clone(), at));
}

fn of_handoff(run: &mut Run, event: &Event) -> Option<Irregularity> {
    again::resume(run, event);
    let changed = run.handoffs.change(event.handoff.as_ref()?, |it| {
        note_seen(it, event);
        change(it, event)
    });
    changed.unwrap_or(Some(Irregularity::NeverEmitted))
}

/// Keeps the token of the state that the handoff is in now, where the source makes them.
fn note_seen(it: &mut Handoff, event: &Event) {
    if event.seen.is_some() {
        it.seen.clone_from(&event.seen);
    }
}

fn refused(run: &mut Run, rejection: &Rejection, at: Time) {
    if let Some(known) = run.rejections.iter_mut().find(|it| it.rejection.id == rejection.id) {
        known.count += 1;
        known.last_at = at;
        return;
    }
    if run.rejections.len() >= Refused::KEPT {
        run.rejections.remove(0);
    }
    let (count, first_at) = (rejection.before.saturating_add(1), rejection.first_at.unwrap_or(at));
    run.rejections.push(Refused { rejection: rejection.clone(), count, first_at, last_at: at });
}

fn emitted(
    run: &mut Run,
    id: &HandoffId,
    emission: &Arc<Emission>,
    event: &Event,
    at: Option<Time>,
) -> Option<Irregularity> {
    if let Some(known) = run.handoffs.get(id) {
        if known.emitted_at.is_some() || at.is_none() {
            return Some(Irregularity::Duplicate);
        }
        let begins = known.ended_at.is_none() && emission.is_observed();
        let tried = begins.then(|| again::attempt(run, id, emission));
        run.handoffs.change(id, |known| {
            let parent = known.emission.parent.clone();
            known.emission = Arc::new(Emission { parent, ..Emission::clone(emission) });
            known.emitted_at = at;
            known.waiting_since = event.at.max(emission.ready_at);
            known.version += 1;
            if let Some((attempt, again)) = tried {
                known.attempt += attempt - 1;
                known.attempts_total += attempt - 1;
                known.again = again;
            }
            note_seen(known, event);
        });
        return Some(Irregularity::EmittedLate);
    }
    let mut emission = Arc::clone(emission);
    if emission.is_observed() {
        let parent = loops::likely_parent(run, &emission).map(|it| it.id.clone());
        if emission.parent != parent {
            Arc::make_mut(&mut emission).parent = parent;
        }
    }
    let verdict = loops::judge(run, &emission).verdict;
    run.verdict = run.verdict.then(&verdict, event.at);
    let (attempt, again) = match (emission.is_observed(), at) {
        (true, Some(_)) => again::attempt(run, id, &emission),
        (observed, _) => (u32::from(observed), None),
    };
    let ready_at = emission.ready_at.max(event.at);
    run.handoffs.push(Arc::new(Handoff {
        id: id.clone(),
        emission,
        state: State::Pending,
        version: 1,
        seen: event.seen.clone(),
        emitted_at: at,
        ready_at,
        waiting_since: ready_at,
        acked_at: None,
        acked_before: false,
        ended_at: None,
        rev: 1,
        amended: None,
        epoch: 0,
        attempt,
        attempts_total: attempt,
        repeated: false,
        settled: None,
        snoozes: 0,
        retried: false,
        again,
        lease: None,
        failure: None,
        escalation: None,
        escalations: 0,
        resolution: None,
        hands: Vec::new(),
        approved: None,
        last_change: Some(LastChange::of(event)),
    }));
    None
}
