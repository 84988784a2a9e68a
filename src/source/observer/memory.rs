//! What is remembered of the handoffs that were heard of: which observations, and how far they went.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::mem::{Discriminant, discriminant};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::life::Life;
use super::order::{Held, Stage};
use super::{Cause, Observation, Origin, Unusable};
use crate::domain::event::Fact;
use crate::domain::id::{HandoffId, RunId};
use crate::domain::time::{Millis, Time};

/// What an observation is about: a handoff of a run, or without one the run itself.
pub(super) type Subject = (RunId, Option<HandoffId>);

impl Observation {
    /// What it is about.
    pub(super) fn subject(&self) -> Subject {
        (self.event.run.clone(), self.event.handoff.clone())
    }
}

/// What tells one observation of a subject from the others.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Mark {
    /// The id its origin gave it, among those of its kind.
    Id(Discriminant<Fact>, Arc<str>),
    /// The text of its line.
    Line(u64),
    /// Its kind, its time and its number in the run.
    Content(Discriminant<Fact>, Time, u64),
}

impl Mark {
    fn of(it: &Observation) -> Self {
        let kind = discriminant(&it.event.fact);
        match &it.origin {
            Origin::Id(id) => Self::Id(kind, id.clone()),
            Origin::Line(text) => Self::Line(*text),
            Origin::Content => Self::Content(kind, it.event.at, it.event.seq),
        }
    }
}

/// What is known of one subject.
#[derive(Debug, Default)]
struct Known {
    /// The observations that were heard.
    marks: HashSet<Mark, RandomState>,
    /// Time of the latest of them.
    latest: Time,
    /// Time of its emission; `None` when it was not heard.
    emitted: Option<Time>,
    /// Time of its first acknowledgement; `None` when none was heard.
    acknowledged: Option<Time>,
    /// Its step; 0 when nobody named it.
    step: u32,
    /// Its emission or a sighting was handed on.
    is_introduced: bool,
    /// How far it went in what was handed on; `None` before.
    handed_on: Option<(Time, Stage)>,
    /// How far its attempt went in what was handed on.
    life: Life,
    /// What it heard up to then may have been forgotten; `None` when nothing was.
    forgotten: Option<Time>,
}

impl Known {
    fn hear(&mut self, it: &Observation) {
        let at = it.event.at;
        let earliest = |known: Option<Time>| Some(known.map_or(at, |known| known.min(at)));
        if let Fact::Emitted(emission) | Fact::Sighted(emission) = &it.event.fact {
            self.step = self.step.max(emission.step);
        }
        if let Fact::Emitted(_) = it.event.fact {
            self.emitted = earliest(self.emitted);
        } else if let Fact::Acknowledged { .. } = it.event.fact {
            self.acknowledged = earliest(self.acknowledged);
        }
        self.step = self.step.max(it.place.as_ref().map_or(0, |(_, step)| *step));
        self.latest = self.latest.max(at);
    }

    /// Time of an observation, moved to that of what it follows if clocks that differ by `skew` can have told both.
    fn corrected(&self, it: &Observation, skew: Millis) -> Time {
        let at = it.event.at;
        let after = |at: Time, other: Option<Time>| other.filter(|it| (0..=skew).contains(&(*it - at))).unwrap_or(at);
        match Stage::of(&it.event.fact) {
            Stage::Emitted => at,
            Stage::Failed | Stage::Ended => {
                let acknowledged = self.acknowledged.map(|it| after(it, self.emitted));
                after(at, self.emitted).max(after(at, acknowledged))
            }
            Stage::Acknowledged | Stage::Waiting | Stage::Answered | Stage::Retried | Stage::After => {
                after(at, self.emitted)
            }
        }
    }
}

/// The subjects that were heard of.
#[derive(Debug)]
pub(super) struct Memory {
    /// What is known of each.
    subjects: HashMap<Subject, Known, RandomState>,
    /// Number of observations that are remembered.
    marks: usize,
    /// Number of them beyond which subjects are forgotten.
    most: usize,
    /// All that was forgotten was not later than this; `None` when nothing was.
    forgotten: Option<Time>,
}

impl Memory {
    /// A memory of nothing that keeps at most `most` observations.
    pub(super) fn new(most: usize) -> Self {
        Self { subjects: HashMap::default(), marks: 0, most, forgotten: None }
    }

    /// Notes that this was heard. True when its subject has gone on without it.
    ///
    /// # Errors
    /// It was heard before, or may have been.
    pub(super) fn note(&mut self, it: &Observation, skew: Millis) -> Result<bool, Unusable> {
        let (name, at) = (it.event.fact.name(), it.event.at);
        let entry = self.subjects.entry(it.subject());
        let forgotten = match &entry {
            Entry::Occupied(known) => known.get().forgotten,
            Entry::Vacant(_) => self.forgotten,
        };
        if forgotten >= Some(at) {
            return Err(Unusable::new(Cause::TooLate, format!("`{name}` at {at}")));
        }
        let known = entry.or_insert_with(|| Known { forgotten, ..Known::default() });
        if !known.marks.insert(Mark::of(it)) {
            let cause = if matches!(it.origin, Origin::Line(_)) { Cause::IdenticalLine } else { Cause::Duplicate };
            return Err(Unusable::new(cause, format!("`{name}` at {at} a second time")));
        }
        known.hear(it);
        let stands = (known.corrected(it, skew), Stage::of(&it.event.fact));
        let is_late = known.handed_on.is_some_and(|reached| reached > stands);
        self.marks += 1;
        while self.marks > self.most {
            self.forget();
        }
        Ok(is_late)
    }

    /// Says where an observation stands by what is known of its subject.
    pub(super) fn place(&self, it: &mut Held, skew: Millis) {
        if let Some(known) = self.subjects.get(&it.of.subject()) {
            (it.at, it.step, it.emitted) = (known.corrected(&it.of, skew), known.step, known.emitted);
        }
    }

    /// How far the attempt of a handoff went in what was handed on.
    pub(super) fn life(&self, it: &Observation) -> Life {
        self.subjects.get(&it.subject()).map_or_else(Life::default, |known| known.life)
    }

    /// Every handoff that was heard of, in each run that speaks of it.
    pub(super) fn handoffs(&self) -> impl Iterator<Item = (&RunId, &HandoffId)> {
        self.subjects.keys().filter_map(|(run, handoff)| Some((run, handoff.as_ref()?)))
    }

    /// Notes that this is handed on. True when its handoff has to be introduced first; of one that was forgotten it is
    /// not known whether it was, and to say it again changes nothing.
    pub(super) fn hand_on(&mut self, it: &Observation, at: Time) -> bool {
        let stage = Stage::of(&it.event.fact);
        let can_be = it.event.handoff.is_some() && it.place.is_some() && stage != Stage::Emitted;
        let Some(known) = self.subjects.get_mut(&it.subject()) else { return can_be };
        known.handed_on = known.handed_on.max(Some((at, stage)));
        known.life.go_on(stage);
        if stage == Stage::Emitted {
            known.is_introduced = true;
        }
        can_be && !std::mem::replace(&mut known.is_introduced, true)
    }

    /// Forgets the half of the subjects that were not heard of for longest: half at once, so that it costs little for
    /// each observation.
    fn forget(&mut self) {
        let mut times: Vec<Time> = self.subjects.values().map(|it| it.latest).collect();
        let half = times.len().saturating_sub(1) / 2;
        let (_, until, _) = times.select_nth_unstable(half);
        let until = *until;
        let marks = &mut self.marks;
        self.subjects.retain(|_, it| {
            let keeps = it.latest > until;
            *marks -= if keeps { 0 } else { it.marks.len() };
            keeps
        });
        self.forgotten = self.forgotten.max(Some(until));
    }
}

#[cfg(test)]
impl Memory {
    /// Number of observations that are remembered.
    pub(super) fn len(&self) -> usize {
        self.subjects.values().map(|it| it.marks.len()).sum()
    }
}
