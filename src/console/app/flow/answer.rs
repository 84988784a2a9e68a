//! What comes of what was sent: done, refused, or somebody else was faster.

use super::{edit, items, leave, request};
use crate::console::app::layer::{Layer, Results, capital};
use crate::console::app::msg::{Effect, Reply, Ticket};
use crate::console::app::screen::{Screen, ScreenId};
use crate::console::app::state::{Editing, Sent, State};
use crate::console::app::toast::Tone;
use crate::domain::link::{ActKind, Fault, Outcome};
use crate::domain::time::Time;

/// An effect answered. What nobody waits for any more is dropped.
pub(in crate::console::app) fn answered(
    state: &mut State,
    ticket: Ticket,
    reply: Result<Reply, Fault>,
) -> Vec<Effect> {
    if let Some(at) = state.pending.iter().position(|it| it.ticket == ticket) {
        let due = state.pending.remove(at);
        return request(state, &due.draft, &due.aims);
    }
    if let Some(sent) = state.sent.remove(&ticket) {
        result(state, &sent, reply);
        return leave::when_done(state);
    }
    if let Some(editing) = state.edits.remove(&ticket) {
        return edit::fetched(state, editing, reply);
    }
    let world = &state.world;
    if let Some(page) = &mut state.page {
        Screen::answered(page, world, ticket, &reply);
    }
    for id in ScreenId::ALL {
        state.screens.get_mut(*id).answered(world, ticket, &reply);
    }
    Vec::new()
}

fn result(state: &mut State, sent: &Sent, reply: Result<Reply, Fault>) {
    let now = state.world.now;
    let act = sent.draft.proposal.act;
    if let (ActKind::EditApprove, Some(edited), Some(aim)) =
        (act, &sent.draft.edited, sent.aims.first())
        && let Some(fault @ Fault::Invalid(_)) = first_fault(&reply)
    {
        let editing = Editing {
            aim: aim.clone(),
            original: sent.draft.original.clone(),
            text: edit::pretty(edited),
        };
        return edit::fix(state, editing, edit::invalid(fault));
    }
    let outcome = match reply {
        Ok(Reply::Done(outcome)) => outcome,
        Ok(_) => return,
        Err(fault) => {
            let why = fault.told(now);
            state.say(format!("not {}: {why}", act.done()), Tone::Bad);
            return;
        }
    };
    let outcome = named(state, sent, outcome);
    match outcome.items.as_slice() {
        [(_, Ok(()))] => {
            let what = match (&sent.draft.proposal.edge, sent.aims.first()) {
                (Some((_, edge)), _) => edge.to_string(),
                (None, Some(aim)) => aim.label.clone(),
                (None, None) => items(1),
            };
            state.say(format!("{} {what}", act.done()), Tone::Good);
        }
        [(_, Err(fault))] => {
            let why = fault.told(now);
            state.say(format!("not {}: {why}", act.done()), Tone::Bad);
        }
        all if all.iter().all(|(_, it)| it.is_ok()) => {
            state.say(format!("{} {}", act.done(), items(all.len())), Tone::Good);
        }
        _ => state
            .layers
            .push(Layer::Results(results(sent, &outcome, now))),
    }
}

/// The outcome with people named as those who were faster.
fn named(state: &State, sent: &Sent, mut outcome: Outcome) -> Outcome {
    for ((_, it), aim) in outcome.items.iter_mut().zip(&sent.aims) {
        if let Err(fault) = it {
            *fault = state.name_person(aim, fault.clone());
        }
    }
    outcome
}

fn first_fault(reply: &Result<Reply, Fault>) -> Option<&Fault> {
    match reply {
        Err(fault) => Some(fault),
        Ok(Reply::Done(outcome)) => outcome.items.iter().find_map(|(_, it)| it.as_ref().err()),
        Ok(_) => None,
    }
}

/// Failures first: they are what is left to do.
fn results(sent: &Sent, outcome: &Outcome, now: Time) -> Results {
    let label = |nth: usize| {
        sent.aims
            .get(nth)
            .map_or_else(String::new, |it| it.label.clone())
    };
    let items = outcome.items.iter().enumerate();
    let mut items: Vec<_> = items
        .map(|(nth, (_, it))| {
            (
                label(nth),
                it.as_ref().copied().map_err(|fault| fault.told(now)),
            )
        })
        .collect();
    let done = items.iter().filter(|(_, it)| it.is_ok()).count();
    let title = format!(
        "{} {done} of {}",
        sent.draft.proposal.act.done(),
        items.len()
    );
    items.sort_by_key(|(_, it)| it.is_ok());
    Results {
        title: capital(&title),
        items,
        offset: 0,
    }
}
