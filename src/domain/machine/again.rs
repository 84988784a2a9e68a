//! Attempts as sources tell of them that only observe: another one is granted, and what comes next is that attempt. It may
//! come under the id that failed, or under an id of its own (protocol section 5).

use crate::domain::event::{Emission, Event, Fact};
use crate::domain::id::{Edge, HandoffId};
use crate::domain::run::{Again, Handoff, Run, State};

/// After another attempt of a handoff was granted: where it failed, its next attempt is awaited.
pub(super) fn granted(run: &mut Run, id: &HandoffId) {
    let known = run.handoffs.get(id);
    if known.is_some_and(|it| it.emitted_at.is_some() && it.is_tried_again()) && !run.awaited.contains(id) {
        if run.awaited.len() >= Run::AWAITED {
            run.awaited.remove(0);
        }
        run.awaited.push(id.clone());
    }
}

/// The attempt that an emission is, from 1: where one of the same source is awaited, on the same edge first, it is that one.
pub(super) fn attempt(run: &mut Run, id: &HandoffId, emission: &Emission) -> (u32, Option<Box<Again>>) {
    let of_source = |of: &HandoffId| run.handoffs.get(of).is_some_and(|it| it.emission.edge.from == emission.edge.from);
    let on_edge = |of: &HandoffId| run.handoffs.get(of).is_some_and(|it| it.emission.edge == emission.edge);
    let places = || run.awaited.iter();
    let Some(place) = places().position(on_edge).or_else(|| places().position(of_source)) else {
        return (1, None);
    };
    let before = run.awaited.remove(place);
    let settles = run.handoffs.change(&before, |it| {
        it.again.get_or_insert_default().next = Some(id.clone());
        (it.attempt + 1, it.emission.edge.clone())
    });
    let attempt = settles.as_ref().map_or(1, |(attempt, _)| *attempt);
    (attempt, Some(Box::new(Again { next: None, settles })))
}

/// Before an event about a handoff that failed and was granted another attempt: what is said of it now is said of that
/// attempt, which has no id of its own. What was taken for that is other work then.
pub(super) fn resume(run: &mut Run, event: &Event) {
    let fails =
        matches!(event.fact, Fact::ObservedFailed { .. } | Fact::ObservedRejected { .. } | Fact::DeadLettered { .. });
    let goes_on = matches!(
        event.fact,
        Fact::Acknowledged { .. } | Fact::Completed { .. } | Fact::Returned { .. } | Fact::EscalationOpened(_)
    );
    // Most runs have none: then nothing is looked for.
    let any = run.handoffs.count(|it| matches!(it, State::Failed | State::Rejected)) > 0;
    let Some(id) = event.handoff.as_ref().filter(|_| any && (goes_on || fails)) else { return };
    let Some(it) = run.handoffs.get(id).filter(|it| it.is_tried_again()) else { return };
    let (attempts, next) = (it.attempt, it.again.as_ref().and_then(|it| it.next.clone()));
    // It was followed by another attempt already: that it ends badly once more says nothing of a third.
    if fails && next.is_some() {
        return;
    }
    let swapped = next.and_then(|next| run.handoffs.change(&next, |other| set_free(other, attempts))).flatten();
    run.awaited.retain(|it| it != id);
    run.handoffs.change(id, |it| {
        it.again = swapped.map(|settles| Box::new(Again { next: None, settles: Some(settles) }));
        it.state = State::RetryWait;
        it.ended_at = None;
        it.retried = false;
        another(it);
    });
}

/// Makes a handoff work of its own that was taken for a later attempt of one that had so many. Where its end was counted
/// as the end of that one, gives what is left to count: that this one ended, at its first attempt.
fn set_free(it: &mut Handoff, attempts: u32) -> Option<(u32, Edge)> {
    it.attempt = it.attempt.saturating_sub(attempts).max(1);
    it.again.as_mut().and_then(|it| it.settles.take())?;
    let settled = matches!(it.state, State::Completed | State::Returned | State::DeadLettered);
    settled.then(|| (it.attempt, it.emission.edge.clone()))
}

/// A handoff goes on under its own id with another attempt.
pub(super) fn another(it: &mut Handoff) {
    it.attempt += 1;
    it.attempts_total += 1;
}
