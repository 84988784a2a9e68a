//! Conflicts of a proposed act with the present: a lock, or somebody who was faster.

use super::act::{ActTarget, Form, Proposal};
use super::world::World;
use crate::domain::port::{ActKind, Fault};
use crate::domain::run::{Handoff, LastChange};
use crate::domain::text::ago;

/// The lock that keeps it from being sent now, in words; `None` when it can be sent.
pub(super) fn locked(world: &World, proposal: &Proposal) -> Option<String> {
    proposal.sources().into_iter().find_map(|source| world.lock(source, proposal.right()))
}

/// Changes since the snapshot of a form was taken, a sentence each; `arrived` items are not in it.
pub(super) fn news(world: &World, form: &Form, arrived: usize) -> Vec<String> {
    let targets = &form.proposal.targets;
    let moved: Vec<&ActTarget> = targets.iter().filter(|target| moved(world, form.proposal.act, target)).collect();
    let mut news = Vec::new();
    if arrived > 0 {
        news.push(format!("{arrived} arrived since, not included."));
    }
    match (moved.as_slice(), targets.as_slice()) {
        ([], _) => {}
        (_, [one]) => news.push(format!("{}: nothing will be sent.", moved_by(world, one))),
        _ => news.push(format!("{}.", skipped(world, &moved))),
    }
    if let Some(why) = locked(world, &form.proposal) {
        news.push(format!("Cannot be sent now: {why}."));
    }
    news
}

fn live<'a>(world: &'a World, target: &ActTarget) -> Option<&'a Handoff> {
    world.feed(target.source)?.live().handoff(&target.target.handoff)
}

/// True when the item is known to be in another state than was seen, and the act cares.
pub(super) fn moved(world: &World, act: ActKind, target: &ActTarget) -> bool {
    !act.row().adds && live(world, target).is_some_and(|it| it.seen() != target.target.seen)
}

/// The conflict in words: who was faster.
pub(super) fn moved_by(world: &World, target: &ActTarget) -> String {
    let now = live(world, target);
    let found = now.map(Handoff::seen).unwrap_or_default();
    let fault = Fault::Conflict { found, by: now.and_then(|it| it.last_change.clone()) };
    name_person(world, target, fault).told(world.now)
}

/// A conflict with the person who acted since the item was seen, if one did.
pub(super) fn name_person(world: &World, target: &ActTarget, fault: Fault) -> Fault {
    let Fault::Conflict { found, by } = fault else {
        return fault;
    };
    Fault::Conflict { found, by: person_since(world, target).or(by) }
}

/// The person who acted since the item was seen.
fn person_since(world: &World, target: &ActTarget) -> Option<LastChange> {
    let since = live(world, target)?.version.saturating_sub(target.version) as usize;
    let events = world.feed(target.source)?.live().recent().iter().rev();
    let of_it = events.filter(|it| it.handoff.as_ref() == Some(&target.target.handoff));
    LastChange::of_person(of_it.take(since))
}

/// The count of targets in conflict, in words, and who moved them when one person did.
pub(super) fn skipped(world: &World, moved: &[&ActTarget]) -> String {
    let text = format!("{} changed since you saw them, skipped", moved.len());
    let people: Vec<_> = moved.iter().map(|target| person_since(world, target)).collect();
    let mut known = people.iter().flatten();
    let Some(one) = known.next() else {
        return text;
    };
    if known.any(|it| it.actor != one.actor || it.event != one.event) {
        return text;
    }
    let count = people.iter().flatten().count();
    let them = match count == moved.len() {
        true if count == 1 => "it".to_owned(),
        true => "them".to_owned(),
        false => format!("{count} of them"),
    };
    let ago = ago(one.at.age(world.now));
    format!("{text}: {} {} {them} {ago}", one.actor.id, one.done())
}
