//! The order of what is held: by time, by causality, by the sequence of an orchestrator; and times that no clock told.

use std::collections::HashMap;

use super::Observation;
use crate::domain::event::Fact;
use crate::domain::id::RunId;
use crate::domain::time::{DAY, Millis, Time};

/// A silence longer than this, in milliseconds, parts the events from those that a wrong clock wrote (a year 1970 or
/// 9999). One such event would set the clock of the whole replay, and make everything ages old.
pub(super) const LONGEST_SILENCE: Millis = 366 * DAY;

/// An observation that waits for its place.
#[derive(Debug)]
pub(super) struct Held {
    /// The observation as it came.
    pub(super) of: Observation,
    /// Time at which it was heard.
    pub(super) heard: Time,
    /// Its time, corrected as far as is known by now.
    pub(super) at: Time,
    /// Step of its handoff as far as is known by now; 0 when nobody named it.
    pub(super) step: u32,
}

impl Held {
    /// An observation heard at this time, and nothing known beside it.
    pub(super) fn new(of: Observation, heard: Time) -> Self {
        Self { heard, at: of.event.at, step: 0, of }
    }
}

/// Part of the life of a handoff. What happened in one millisecond happened in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// It comes into being.
    Emitted,
    /// Nobody has accepted it: people are asked, an agent holds it.
    Waiting,
    /// Its target accepted it.
    Acknowledged,
    /// People answered.
    Answered,
    /// It ended, or an attempt did.
    Ended,
    /// What is done about its end, and what is only noted.
    After,
}

impl Stage {
    pub(super) const fn of(fact: &Fact) -> Self {
        match fact {
            Fact::Emitted(_) | Fact::Sighted(_) => Self::Emitted,
            Fact::Leased { .. }
            | Fact::EscalationOpened(_)
            | Fact::EscalationClaimed { .. }
            | Fact::EscalationReleased {} => Self::Waiting,
            Fact::Acknowledged { .. } => Self::Acknowledged,
            Fact::EscalationResolved(_) | Fact::EscalationExpired { .. } => Self::Answered,
            Fact::Completed { .. }
            | Fact::Returned { .. }
            | Fact::DeadLettered { .. }
            | Fact::Dismissed { .. }
            | Fact::Cancelled { .. }
            | Fact::ObservedFailed { .. }
            | Fact::ObservedRejected { .. } => Self::Ended,
            Fact::Refused(_)
            | Fact::RejectionResolved { .. }
            | Fact::Duplicate { .. }
            | Fact::RetryScheduled { .. }
            | Fact::Snoozed { .. }
            | Fact::Requeued { .. }
            | Fact::Amended { .. }
            | Fact::LoopDetected { .. }
            | Fact::Annotated(_)
            | Fact::Revealed { .. }
            | Fact::EdgePaused { .. }
            | Fact::EdgeResumed { .. }
            | Fact::ObservedRetried {} => Self::After,
        }
    }
}

/// Sorts by time; of one millisecond the order in which they came stands.
pub(super) fn by_time(held: &mut [Held]) {
    held.sort_by_key(|it| it.at);
}

/// Sorts by time, and of one millisecond by run, step, handoff and stage: the order in which they came does not matter.
pub(super) fn by_causality(held: &mut [Held]) {
    held.sort_unstable_by(|a, b| {
        let (one, other) = (&a.of.event, &b.of.event);
        a.at.cmp(&b.at)
            .then_with(|| one.run.cmp(&other.run))
            .then_with(|| a.step.cmp(&b.step))
            .then_with(|| one.handoff.cmp(&other.handoff))
            .then_with(|| Stage::of(&one.fact).cmp(&Stage::of(&other.fact)))
            .then_with(|| one.at.cmp(&other.at))
            .then_with(|| one.fact.name().cmp(other.fact.name()))
            .then_with(|| a.of.origin.cmp(&b.of.origin))
    });
}

/// Takes out what lies, sorted by time, beyond a silence of [`LONGEST_SILENCE`] around the middle one: earliest first.
pub(super) fn take_strays(held: &mut Vec<Held>) -> Vec<Held> {
    let silent = |pair: &[Held]| match pair {
        [before, after] => after.at - before.at > LONGEST_SILENCE,
        _ => false,
    };
    let middle = held.len() / 2;
    let pairs = || held.windows(2);
    let first = pairs().take(middle).rposition(silent).map_or(0, |gap| gap + 1);
    let end = pairs().skip(middle).position(silent).map_or(held.len(), |gap| middle + gap + 1);
    let after = held.split_off(end);
    let mut strays: Vec<Held> = held.drain(..first).collect();
    strays.extend(after);
    strays
}

/// A clock that was set back must not turn the sequence of an orchestrator's run around: the places its
/// events have by time are kept, and filled in order of sequence.
pub(super) fn in_sequence(held: Vec<Held>) -> Vec<Held> {
    let mut places: HashMap<&RunId, Vec<usize>> = HashMap::new();
    for (place, it) in held.iter().enumerate() {
        if it.of.event.seq > 0 {
            places.entry(&it.of.event.run).or_default().push(place);
        }
    }
    if places.is_empty() {
        return held;
    }
    let mut order: Vec<usize> = (0..held.len()).collect();
    for places in places.into_values() {
        let mut by_seq = places.clone();
        by_seq.sort_by_key(|place| held[*place].of.event.seq);
        for (place, filled_by) in places.into_iter().zip(by_seq) {
            order[place] = filled_by;
        }
    }
    let mut taken: Vec<Option<Held>> = held.into_iter().map(Some).collect();
    order.into_iter().filter_map(|it| taken[it].take()).collect()
}
