//! Dead letters by what failed, kept as they come and go: a screen that shows a million of them sorts nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indexmap::IndexMap;

use crate::domain::event::DeadReason;
use crate::domain::fingerprint::{self, FailureFingerprint};
use crate::domain::id::{Edge, HandoffId};
use crate::domain::run::{Handoff, State};
use crate::domain::time::Time;

/// Every dead letter, by its failure.
#[derive(Clone, Debug, Default)]
pub struct DeadLetters {
    groups: IndexMap<Arc<str>, DeadBook>,
    places: BTreeMap<HandoffId, Place>,
    revision: u64,
}

/// The place of a dead letter in the groups, to find it again when it is none any more.
#[derive(Clone, Debug)]
struct Place {
    group: Arc<str>,
    at: Time,
    reason: Option<DeadReason>,
    /// Deadline of the handoff; an edit of its contract changes it. `None` without one.
    deadline: Option<Time>,
}

/// Dead letters that are the same failure on the same edge.
#[derive(Clone, Debug)]
pub struct DeadBook {
    /// The fingerprint: edge, error code, schema path and folded message.
    pub id: Arc<str>,
    /// The failure in a few words. Hostile text.
    pub title: String,
    /// The edge they were on.
    pub edge: Edge,
    /// The error code they share; `unknown` when the source gave none.
    pub code: String,
    /// Time of death and id, the oldest first.
    pub items: BTreeSet<(Time, HandoffId)>,
    /// Number of dead letters by reason; `None` counts those without one.
    pub reasons: BTreeMap<Option<DeadReason>, usize>,
    /// Number of dead letters by prompt version; `None` counts those without one.
    pub prompts: BTreeMap<Option<String>, usize>,
    /// The deadlines of those that have one.
    pub deadlines: BTreeSet<(Time, HandoffId)>,
    /// One more with every dead letter that comes or goes: an order made at one revision holds until the next.
    pub revision: u64,
}

impl DeadLetters {
    /// Number of dead letters in all groups.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// All of them, in order of id.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = &HandoffId> {
        self.places.keys()
    }

    /// The groups, in no meaningful order.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = &DeadBook> {
        self.groups.values()
    }

    /// The group with this id; `None` when it has no dead letters any more.
    pub fn group(&self, id: &str) -> Option<&DeadBook> {
        self.groups.get(id)
    }

    /// The group a dead letter is in.
    pub fn group_of(&self, id: &HandoffId) -> Option<&DeadBook> {
        self.group(&self.places.get(id)?.group)
    }

    /// One more with every dead letter that comes or goes.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Keeps the groups true after a handoff changed.
    pub(super) fn index(&mut self, it: &Handoff) {
        if self.places.contains_key(&it.id) {
            self.remove(it);
        }
        if it.state == State::DeadLettered {
            self.insert(it);
        }
    }

    fn insert(&mut self, it: &Handoff) {
        self.revision += 1;
        let mark = mark(it);
        let id: Arc<str> = mark.id.as_str().into();
        let failure = it.failure.as_ref();
        let book = self.groups.entry(id.clone()).or_insert_with(|| DeadBook {
            id: id.clone(),
            title: mark.title,
            edge: it.emission.edge.clone(),
            code: failure.map_or_else(|| "unknown".to_owned(), |it| it.code.clone()),
            items: BTreeSet::new(),
            reasons: BTreeMap::new(),
            prompts: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            revision: 0,
        });
        let at = died_at(it);
        let reason = failure.and_then(|it| it.dead);
        book.revision = self.revision;
        book.items.insert((at, it.id.clone()));
        *book.reasons.entry(reason).or_default() += 1;
        *book.prompts.entry(it.emission.prompt.clone()).or_default() += 1;
        let deadline = it.emission.terms.as_ref().and_then(|it| it.deadline);
        if let Some(deadline) = deadline {
            book.deadlines.insert((deadline, it.id.clone()));
        }
        let place = Place { group: id, at, reason, deadline };
        self.places.insert(it.id.clone(), place);
    }

    fn remove(&mut self, it: &Handoff) {
        let Some(place) = self.places.remove(&it.id) else {
            return;
        };
        self.revision += 1;
        let Some(book) = self.groups.get_mut(&place.group) else {
            return;
        };
        book.revision = self.revision;
        book.items.remove(&(place.at, it.id.clone()));
        less(&mut book.reasons, &place.reason);
        less(&mut book.prompts, &it.emission.prompt);
        if let Some(deadline) = place.deadline {
            book.deadlines.remove(&(deadline, it.id.clone()));
        }
        if book.items.is_empty() {
            self.groups.swap_remove(&place.group);
        }
    }
}

impl DeadBook {
    /// The first and the latest death.
    pub fn span(&self) -> Option<(Time, Time)> {
        Some((self.items.first()?.0, self.items.last()?.0))
    }

    /// Those that died at or after a time, the oldest first.
    pub fn since(&self, at: Time) -> impl Iterator<Item = &(Time, HandoffId)> {
        self.items.range((at, HandoffId::from(""))..)
    }
}

/// Time at which a dead letter died; when its failure is unknown, the time it was first seen.
pub fn died_at(it: &Handoff) -> Time {
    it.failure.as_ref().map_or(it.first_seen(), |it| it.at)
}

/// Fingerprint of the failure, from the first violation found by the receiver, else from the agent's account.
fn mark(it: &Handoff) -> FailureFingerprint {
    let failure = it.failure.as_ref();
    let violation = failure.and_then(|it| it.violations.first());
    let message = violation.map_or_else(|| failure.map_or("", |it| &it.detail), |it| &it.message);
    let edge = &it.emission.edge;
    fingerprint::failure(
        &format!("{} {edge}", edge.pipeline),
        failure.map_or("unknown", |it| &it.code),
        violation.map_or("", |it| &it.path),
        message,
    )
}

fn less<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}
