//! Conflict of an act with another change: who was faster, as the log has it.

use crate::cli::look::Look;
use crate::domain::event::{Event, Fact};
use crate::domain::id::{HandoffId, RunId};
use crate::domain::port::{ActKind, Fault, Found, SeenToken, Want};
use crate::domain::run::{LastChange, Run};

/// Adds to a conflict or a refusal the person who was faster, where there is one. `force` is whether the act was to be
/// done by force, `seen` the state that somebody named; without one, a person counts who acted since it was last put
/// before people.
pub async fn explain(
    look: &Look,
    (kind, force): (ActKind, bool),
    seen: Option<&SeenToken>,
    handoff: &HandoffId,
    fault: Fault,
) -> Fault {
    if !matches!(fault, Fault::Conflict { .. } | Fault::Refused(_)) {
        return fault;
    }
    let Some((run, events)) = history(look, handoff).await else {
        return fault;
    };
    let Some(it) = run.handoffs.get(handoff) else {
        return fault;
    };
    let of_it = events.iter().rev();
    let of_it = of_it.filter(|event| event.handoff.as_ref() == Some(handoff));
    let moved = match seen {
        Some(seen) if *seen != it.seen() => seen.number().map_or(1, |seen| it.version.saturating_sub(seen)),
        _ => 0,
    };
    let person = if moved > 0 {
        LastChange::of_person(of_it.take(moved as usize))
    } else if kind.fits(it.state, force) {
        None
    } else {
        LastChange::of_person(of_it.scan(false, since_parked))
    };
    match fault {
        Fault::Conflict { found, by } => Fault::Conflict { found, by: person.or(by) },
        _ if person.is_some() => Fault::Conflict { found: it.seen(), by: person },
        _ if moved > 0 => Fault::Conflict { found: it.seen(), by: it.last_change.clone() },
        fault => fault,
    }
}

/// The fault of a handoff that nothing open has: it ended, or it never was.
pub async fn missing(look: &Look, handoff: &HandoffId) -> Fault {
    match history(look, handoff).await {
        Some((run, _)) => match run.handoffs.get(handoff) {
            Some(it) => Fault::Refused(format!("it has ended: it is {}", it.state.word())),
            None => unknown(look),
        },
        None => unknown(look),
    }
}

/// The fault of an id that nothing has.
pub fn unknown(look: &Look) -> Fault {
    Fault::Malformed(format!("no handoff at {} has this id", look.address))
}

/// Newest first: events up to the one that put the handoff before people, that one included.
fn since_parked<'a>(parked: &mut bool, event: &'a Event) -> Option<&'a Event> {
    let earlier = *parked;
    *parked = matches!(event.fact, Fact::Emitted(_) | Fact::DeadLettered { .. } | Fact::EscalationOpened(_));
    (!earlier && !matches!(event.fact, Fact::Emitted(_))).then_some(event)
}

/// The run of a handoff, also when it ended: the contract says where it belongs.
pub async fn run_of(look: &Look, handoff: &HandoffId) -> Option<RunId> {
    if let Some(run) = look.ledger.run_of(handoff) {
        return Some(run.id.clone());
    }
    match look.source.fetch(Want::Body(handoff.clone())).await {
        Ok(Found::Body(body)) => body.value.trace_id().map(RunId::from),
        _ => None,
    }
}

/// The run of a handoff and its events, also when they ended.
async fn history(look: &Look, handoff: &HandoffId) -> Option<(Run, Vec<Event>)> {
    let run = run_of(look, handoff).await?;
    match look.source.fetch(Want::Timeline(run)).await {
        Ok(Found::Timeline { run, events }) => Some((*run, events)),
        _ => None,
    }
}
