//! Refused contracts by producer, model, prompt version, edge and place in the contract, so that
//! "prompt v18 began this at 02:51" is one glance.

use std::collections::HashSet;

use indexmap::IndexMap;

use crate::domain::contract::Violation;
use crate::domain::event::{Event, Fact, Rejection};
use crate::domain::id::Edge;
use crate::domain::run::{Handoff, Run};
use crate::domain::time::Time;

/// Groups kept; the one not seen for longest goes.
const KEEP: usize = 500;

/// Everything that was refused, grouped.
#[derive(Clone, Debug, Default)]
pub struct Violations {
    groups: IndexMap<Place, Offence>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    edge: Edge,
    producer: String,
    model: Option<String>,
    prompt: Option<String>,
    path: String,
    keyword: String,
}

/// One group: the same thing wrong at the same place, from the same producer, model and prompt version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offence {
    /// The edge it would have crossed, or crossed before the receiver refused it.
    pub edge: Edge,
    /// Name of the producer of the refused contracts.
    pub producer: String,
    /// `name@version` of the model.
    pub model: Option<String>,
    /// `name@version` of the prompt.
    pub prompt: Option<String>,
    /// JSON pointer into the contract.
    pub path: String,
    /// The rule that was broken.
    pub keyword: String,
    /// The rule in words, as first told.
    pub message: String,
    /// Number of refusals in the group, from 1; the same body counts each time it came.
    pub count: u32,
    /// Time of the first refusal.
    pub first_at: Time,
    /// Time of the latest refusal.
    pub last_at: Time,
}

impl Violations {
    /// Every group, in order of appearance.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = &Offence> {
        self.groups.values()
    }

    /// The groups of one edge, the latest first.
    pub fn on(&self, edge: &Edge) -> Vec<&Offence> {
        let mut found: Vec<_> = self.groups.values().filter(|it| it.edge == *edge).collect();
        found.sort_by_key(|it| std::cmp::Reverse(it.last_at));
        found
    }

    /// Takes up the refusals of the last hour but for those that stand in `open` runs, which say more of them.
    pub(super) fn restore_refused<'a>(&mut self, refused: &[Event], open: impl Iterator<Item = &'a Run>) {
        let known: HashSet<&str> = open.flat_map(|run| &run.rejections).map(|it| it.rejection.id.as_str()).collect();
        for event in refused {
            if let Fact::Refused(rejection) = &event.fact
                && !known.contains(rejection.id.as_str())
            {
                self.refused(rejection, 1, event.at, event.at);
            }
        }
    }

    /// Takes up what a snapshot says is still refused.
    pub(super) fn restore(&mut self, run: &Run) {
        for it in &run.rejections {
            self.refused(&it.rejection, it.count, it.first_at, it.last_at);
        }
        for it in run.handoffs.values() {
            if let Some(failure) = &it.failure {
                self.refused_at_receipt(it, &failure.violations, failure.at);
            }
        }
    }

    /// A receiver found this wrong with a handoff.
    pub(super) fn refused_at_receipt(&mut self, it: &Handoff, violations: &[Violation], at: Time) {
        let emission = &it.emission;
        for violation in violations {
            let place = Place {
                edge: emission.edge.clone(),
                producer: emission.from.id.clone(),
                model: emission.model.clone(),
                prompt: emission.prompt.clone(),
                path: violation.path.clone(),
                keyword: violation.keyword.clone(),
            };
            self.add(place, violation, 1, at, at);
        }
    }

    /// A contract was refused before it became a handoff, `count` times.
    pub(super) fn refused(&mut self, it: &Rejection, count: u32, first: Time, last: Time) {
        for violation in &it.errors {
            let place = Place {
                edge: it.edge.clone(),
                producer: it.producer.clone(),
                model: it.model.clone(),
                prompt: it.prompt.clone(),
                path: violation.path.clone(),
                keyword: violation.keyword.clone(),
            };
            self.add(place, violation, count, first, last);
        }
    }

    fn add(&mut self, place: Place, violation: &Violation, count: u32, first: Time, last: Time) {
        if self.groups.len() >= KEEP && !self.groups.contains_key(&place) {
            let stalest = self.groups.iter().min_by_key(|(_, it)| it.last_at).map(|(place, _)| place.clone());
            if let Some(stalest) = stalest {
                self.groups.shift_remove(&stalest);
            }
        }
        let group = self.groups.entry(place).or_insert_with_key(|place| Offence {
            edge: place.edge.clone(),
            producer: place.producer.clone(),
            model: place.model.clone(),
            prompt: place.prompt.clone(),
            path: place.path.clone(),
            keyword: place.keyword.clone(),
            message: violation.message.clone(),
            count: 0,
            first_at: first,
            last_at: last,
        });
        group.count += count;
        group.first_at = group.first_at.min(first);
        group.last_at = group.last_at.max(last);
    }
}
