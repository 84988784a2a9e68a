//! The order of handoffs that no step tells apart: whoever hands on in the millisecond in which work came did so after it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::order::Held;
use crate::domain::event::Fact;
use crate::domain::id::{Edge, HandoffId};

/// Puts those of one run, step and millisecond, sorted by emission, in the order in which one caused the other.
pub(super) fn by_cause(held: &mut [Held]) {
    for group in held.chunk_by_mut(Held::is_beside) {
        if let ([first, ..], Some(last)) = (&*group, group.last())
            && first.of.event.handoff != last.of.event.handoff
        {
            let ranks = ranks(group);
            let rank = |it: &Held| it.of.event.handoff.as_ref().and_then(|id| ranks.get(id).copied());
            group.sort_by_key(|it| (it.emitted, rank(it).unwrap_or(usize::MAX)));
        }
    }
}

/// The rank of each handoff that was emitted in the group: that of the party that hands over.
fn ranks(group: &[Held]) -> HashMap<HandoffId, usize> {
    let emitted = group.iter().filter_map(|it| {
        let Fact::Emitted(emission) = &it.of.event.fact else { return None };
        Some((it.of.event.handoff.clone()?, &emission.edge))
    });
    let emitted: Vec<(HandoffId, &Edge)> = emitted.collect();
    let parties = parties(emitted.iter().map(|(_, edge)| *edge));
    emitted.into_iter().filter_map(|(id, edge)| Some((id, *parties.get(&edge.from)?))).collect()
}

/// How many of these handoffs lead to each party, from one that nobody handed work to; none for a party that is in
/// circles only.
fn parties<'a>(edges: impl Iterator<Item = &'a Edge>) -> HashMap<&'a Arc<str>, usize> {
    let mut onward: HashMap<&Arc<str>, Vec<&Arc<str>>> = HashMap::new();
    let mut is_target: HashMap<&Arc<str>, bool> = HashMap::new();
    for edge in edges {
        onward.entry(&edge.from).or_default().push(&edge.to);
        is_target.entry(&edge.from).or_insert(false);
        is_target.insert(&edge.to, true);
    }
    let first = is_target.into_iter().filter(|(_, is_target)| !is_target);
    let mut left: VecDeque<(&Arc<str>, usize)> = first.map(|(party, _)| (party, 0)).collect();
    let mut ranks = HashMap::new();
    while let Some((party, rank)) = left.pop_front() {
        if !ranks.contains_key(party) {
            ranks.insert(party, rank);
            left.extend(onward.remove(party).into_iter().flatten().map(|to| (to, rank + 1)));
        }
    }
    ranks
}
