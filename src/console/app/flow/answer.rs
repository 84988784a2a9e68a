//! Results of the acts that were sent: done, refused, or a conflict because somebody else was faster.

use super::{edit, leave};
use crate::console::app::act::in_flight::{InFlight, items};
use crate::console::app::act::{ActTarget, Chunk};
use crate::console::app::conflict;
use crate::console::app::feed::Feed;
use crate::console::app::layer::{Layer, Results, capital};
use crate::console::app::msg::{Effect, Reply, Ticket, Tickets};
use crate::console::app::place::ScreenId;
use crate::console::app::screen::Screen;
use crate::console::app::state::State;
use crate::console::app::toast::Tone;
use crate::domain::port::{Fault, Found, Want};
use crate::domain::time::Time;

/// An effect answered. What nobody waits for any more is dropped.
pub(in crate::console::app) fn answered(state: &mut State, ticket: Ticket, reply: Result<Reply, Fault>) -> Vec<Effect> {
    if let Some(effects) = state.acting.send_due(ticket, &state.world) {
        return effects;
    }
    if let Some((sent, chunk)) = state.acting.answered(ticket) {
        let mut effects = heard(state, sent, chunk, reply);
        effects.extend(leave::when_done(state));
        return effects;
    }
    if let Some(editing) = state.acting.edits.remove(&ticket) {
        return edit::fetched(state, editing, reply);
    }
    let events = match &reply {
        Ok(Reply::Found(Found::Timeline { events, .. })) => Some(events.as_slice()),
        _ => None,
    };
    let mut feeds = state.world.feeds.iter_mut();
    if let Some(feed) = feeds.find_map(|feed| feed.mend(ticket, events).then_some(feed)) {
        return mend(feed, &mut state.acting.tickets);
    }
    let world = &state.world;
    if let Some(page) = &mut state.views.page {
        Screen::answered(page, world, ticket, &reply);
    }
    for id in ScreenId::ALL {
        state.views.screens.get_mut(*id).answered(world, ticket, &reply);
    }
    Vec::new()
}

/// Fetches what is missing of the runs that go on though their beginning was never told.
pub(in crate::console::app) fn mend(feed: &mut Feed, tickets: &mut Tickets) -> Vec<Effect> {
    let source = feed.id;
    let missing = feed.missing(|| tickets.draw()).into_iter();
    missing.map(|(ticket, run)| Effect::Fetch(ticket, source, Want::Timeline(run))).collect()
}

/// A chunk of an act was answered: on with the next one, or the result of all of them.
fn heard(state: &mut State, mut sent: InFlight, chunk: Chunk, reply: Result<Reply, Fault>) -> Vec<Effect> {
    let act = sent.form.proposal.act;
    if let Some(editing) = &sent.form.edited
        && let Some(fault @ Fault::Invalid(_)) = first_fault(&reply)
    {
        edit::fix(state, editing.clone(), edit::invalid(fault));
        return Vec::new();
    }
    match reply {
        Ok(Reply::Done(outcome)) => {
            sent.note = sent.note.take().or(outcome.note);
            let items = outcome.items.into_iter().enumerate();
            // People are named in the conflict, as those who were faster.
            sent.done.extend(items.map(|(nth, (_, it))| {
                let target = chunk.targets.get(nth).cloned();
                let it = it.map_err(|fault| match &target {
                    Some(target) => conflict::name_person(&state.world, target, fault),
                    None => fault,
                });
                (target, it)
            }));
        }
        Ok(_) => {}
        Err(fault) if sent.done.is_empty() && sent.is_over() => {
            let why = fault.told(state.world.now);
            state.say(format!("not {}: {why}", act.done()), Tone::Bad);
        }
        Err(fault) => sent.give_up(chunk, &fault),
    }
    let (effects, over) = state.acting.go_on(sent);
    if let Some(sent) = over {
        result(state, &sent);
    }
    effects
}

fn result(state: &mut State, sent: &InFlight) {
    let now = state.world.now;
    let act = sent.form.proposal.act;
    match sent.done.as_slice() {
        [] => {}
        [(target, Ok(()))] => {
            let what = match (&sent.form.proposal.edge, target) {
                (Some((_, edge)), _) => edge.to_string(),
                (None, Some(target)) => target.label.clone(),
                (None, None) => items(1),
            };
            match &sent.note {
                Some(note) => state.say(format!("{} {what}, but {note}", act.done()), Tone::Bad),
                None => state.say(format!("{} {what}", act.done()), Tone::Good),
            }
        }
        [(_, Err(fault))] => {
            let why = fault.told(now);
            state.say(format!("not {}: {why}", act.done()), Tone::Bad);
        }
        all if all.iter().all(|(_, it)| it.is_ok()) => {
            state.say(format!("{} {}", act.done(), items(all.len())), Tone::Good);
        }
        _ => state.layers.push(Layer::Results(results(sent, now))),
    }
}

fn first_fault(reply: &Result<Reply, Fault>) -> Option<&Fault> {
    match reply {
        Err(fault) => Some(fault),
        Ok(Reply::Done(outcome)) => outcome.items.iter().find_map(|(_, it)| it.as_ref().err()),
        Ok(_) => None,
    }
}

/// Failures first: they are what is left to do.
fn results(sent: &InFlight, now: Time) -> Results {
    let line = |(target, it): &(Option<ActTarget>, Result<(), Fault>)| {
        let label = target.as_ref().map_or("", |it| it.label.as_str());
        let it = it.as_ref().copied().map_err(|fault| fault.told(now));
        (label.to_owned(), it)
    };
    let mut items: Vec<_> = sent.done.iter().map(line).collect();
    let done = items.iter().filter(|(_, it)| it.is_ok()).count();
    let title = format!("{} {done} of {}", sent.form.proposal.act.done(), items.len());
    items.sort_by_key(|(_, it)| it.is_ok());
    Results { title: capital(&title), items, offset: 0 }
}
