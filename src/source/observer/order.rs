//! The order of what is held: by time, by causality, by the sequence of an orchestrator; and times that no clock told.

use std::collections::HashMap;

use super::Observation;
use crate::domain::event::Fact;
use crate::domain::id::RunId;
use crate::domain::time::{DAY, Millis, Time};

/// A silence longer than this, in milliseconds, parts the events of a file: what lies beyond it was written by a wrong
/// clock (a year 1970 or 9999), or is a season of its own.
pub(super) const LONGEST_SILENCE: Millis = 366 * DAY;

/// No season is further from the largest part of a file than this, in milliseconds.
const LONGEST_PAUSE: Millis = 20 * LONGEST_SILENCE;

/// Fewest events of a season. A wrong clock that few events tell would set the clock of the whole replay, and make
/// everything ages old.
const FEWEST: usize = 10;

/// The largest part of a file has at most so many times the events of a season.
const LARGEST_SHARE: usize = 10;

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
    /// Time at which its handoff was emitted, as far as is known by now; `None` when that was not heard.
    pub(super) emitted: Option<Time>,
}

impl Held {
    /// An observation heard at this time, and nothing known beside it.
    pub(super) fn new(of: Observation, heard: Time) -> Self {
        Self { heard, at: of.event.at, step: 0, emitted: None, of }
    }

    /// Whether both happened in one run in one millisecond, and no step tells their handoffs apart.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        self.at == other.at && self.step == other.step && self.of.event.run == other.of.event.run
    }

    /// Whether both happened to one handoff in one millisecond, and no sequence says which was first.
    pub(super) fn is_together_with(&self, other: &Self) -> bool {
        let (one, two) = (&self.of.event, &other.of.event);
        self.at == other.at && one.seq == 0 && two.seq == 0 && one.handoff == two.handoff && one.run == two.run
    }
}

/// Part of the life of a handoff, in the order in which one attempt goes through them. What happened in one
/// millisecond happened in this order, as far as [`Life`](super::life::Life) allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// It comes into being.
    Emitted,
    /// Its target accepted it.
    Acknowledged,
    /// People are asked, or an agent holds it.
    Waiting,
    /// People answered.
    Answered,
    /// An attempt failed or was refused.
    Failed,
    /// It is tried again.
    Retried,
    /// It ended.
    Ended,
    /// What is done about its end, and what is only noted.
    After,
}

impl Stage {
    pub(super) const fn of(fact: &Fact) -> Self {
        match fact {
            Fact::Emitted(_) | Fact::Sighted(_) => Self::Emitted,
            Fact::Acknowledged { .. } => Self::Acknowledged,
            Fact::Leased { .. }
            | Fact::EscalationOpened(_)
            | Fact::EscalationClaimed { .. }
            | Fact::EscalationReleased {} => Self::Waiting,
            Fact::EscalationResolved(_) | Fact::EscalationExpired { .. } => Self::Answered,
            Fact::ObservedFailed { .. } | Fact::ObservedRejected { .. } => Self::Failed,
            Fact::ObservedRetried {} => Self::Retried,
            Fact::Completed { .. }
            | Fact::Returned { .. }
            | Fact::DeadLettered { .. }
            | Fact::Dismissed { .. }
            | Fact::Cancelled { .. } => Self::Ended,
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
            | Fact::EdgeResumed { .. } => Self::After,
        }
    }
}

/// Sorts by time, and of one millisecond by run, step, emission, handoff and stage: the order in which they came does
/// not matter.
pub(super) fn by_causality(held: &mut [Held]) {
    held.sort_unstable_by(|a, b| {
        let (one, other) = (&a.of.event, &b.of.event);
        a.at.cmp(&b.at)
            .then_with(|| one.run.cmp(&other.run))
            .then_with(|| a.step.cmp(&b.step))
            .then_with(|| a.emitted.cmp(&b.emitted))
            .then_with(|| one.handoff.cmp(&other.handoff))
            .then_with(|| Stage::of(&one.fact).cmp(&Stage::of(&other.fact)))
            .then_with(|| one.at.cmp(&other.at))
            .then_with(|| one.fact.name().cmp(other.fact.name()))
            .then_with(|| a.of.origin.cmp(&b.of.origin))
    });
}

/// Takes out, sorted by time, what a wrong clock wrote: every part between two silences of [`LONGEST_SILENCE`] that is
/// neither the largest (of two the later) nor a season. Earliest first.
pub(super) fn take_strays(held: &mut Vec<Held>) -> Vec<Held> {
    let parts = held.chunk_by(|before, after| after.at - before.at <= LONGEST_SILENCE);
    let parts: Vec<Part> = parts.filter_map(Part::of).collect();
    let Some(largest) = parts.iter().max_by_key(|it| it.length).filter(|_| parts.len() > 1) else {
        return Vec::new();
    };
    let mut all = std::mem::take(held).into_iter();
    let mut strays = Vec::new();
    for part in &parts {
        let to = if part.is_kept_beside(largest) { &mut *held } else { &mut strays };
        to.extend(all.by_ref().take(part.length));
    }
    strays
}

/// A part of a file without a long silence.
struct Part {
    /// Number of its observations.
    length: usize,
    /// Time of the first.
    first: Time,
    /// Time of the last.
    last: Time,
}

impl Part {
    fn of(held: &[Held]) -> Option<Self> {
        Some(Self { length: held.len(), first: held.first()?.at, last: held.last()?.at })
    }

    /// Whether it is the largest part, or a season.
    fn is_kept_beside(&self, largest: &Self) -> bool {
        let pause = (largest.first - self.last).max(self.first - largest.last);
        let is_many = self.length >= FEWEST && self.length * LARGEST_SHARE >= largest.length;
        pause <= 0 || is_many && pause <= LONGEST_PAUSE
    }
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
