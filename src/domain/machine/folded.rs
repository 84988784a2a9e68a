//! What a decision comes to: the run with its events folded in, and what they changed besides.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::evolve;
use crate::domain::accounting::{self, Before};
use crate::domain::event::{Event, Fact};
use crate::domain::health::Tally;
use crate::domain::health::window::slice_end;
use crate::domain::id::{Edge, HandoffId};
use crate::domain::offence::Offence;
use crate::domain::run::Run;
use crate::domain::time::Time;

/// A run with events folded in, each once, and what they changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Folded {
    /// The run as it is now; shared with whoever gave it until the first event.
    pub run: Arc<Run>,
    /// The events, in order; none when nothing happened, or nothing that the log tells of.
    pub events: Vec<Event>,
    /// The handoffs that changed.
    pub touched: BTreeSet<HandoffId>,
    /// What the events are for the figures: of each edge in each short slice, named by its end.
    pub tallies: BTreeMap<(Time, Edge), Tally>,
    /// Records of refused contracts that are kept now (`true`) and were not, or no longer (`false`), by their ids.
    pub rejections: BTreeMap<String, bool>,
    /// What the events say was refused, in order.
    pub offences: Vec<Offence>,
}

impl Folded {
    /// Nothing yet.
    pub fn onto(run: Arc<Run>) -> Self {
        Self {
            run,
            events: Vec::new(),
            touched: BTreeSet::new(),
            tallies: BTreeMap::new(),
            rejections: BTreeMap::new(),
            offences: Vec::new(),
        }
    }

    /// Folds one more event.
    pub fn fold(&mut self, event: Event) {
        let id = event.handoff.as_ref();
        let run = Arc::make_mut(&mut self.run);
        let before = id.and_then(|id| run.handoffs.get(id)).map(Before::of);
        let refusal = matches!(event.fact, Fact::Refused(_) | Fact::RejectionResolved { .. });
        let kept = if refusal { kept(run) } else { BTreeSet::new() };
        evolve(run, &event);
        let after = id.and_then(|id| run.handoffs.get(id));
        self.offences.extend(Offence::of(&event, after));
        let end = slice_end(event.at);
        accounting::entries(&event, before.as_ref(), after, |edge, entry| {
            entry.enter(self.tallies.entry((end, edge.clone())).or_default(), event.at);
        });
        if refusal {
            let now = self::kept(run);
            self.rejections.extend(kept.difference(&now).map(|id| (id.clone(), false)));
            self.rejections.extend(now.difference(&kept).map(|id| (id.clone(), true)));
        }
        self.touched.extend(id.cloned());
        self.events.push(event);
    }

    /// Whether there is nothing to write.
    pub fn is_nothing(&self) -> bool {
        self.events.is_empty() && self.touched.is_empty()
    }
}

/// The ids of the refused contracts that a run keeps in sight.
fn kept(run: &Run) -> BTreeSet<String> {
    run.rejections.iter().map(|it| it.rejection.id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::health::Kind;
    use crate::domain::health::window::SLICE;
    use crate::domain::id::Actor;
    use crate::domain::machine::tests::{emission, rejection};
    use crate::domain::run::Refused;
    use crate::domain::time::MINUTE;

    fn event(seq: u64, at: i64, fact: Fact) -> Event {
        let handoff = matches!(fact, Fact::Emitted(_)).then(|| format!("h{seq}").into());
        Event {
            seen: None,
            run: "r".into(),
            seq,
            at: Time::from_millis(at),
            handoff,
            actor: Actor::agent("writer"),
            fact,
        }
    }

    fn nothing() -> Folded {
        Folded::onto(Arc::new(Run::new("r".into(), Time::default())))
    }

    #[test]
    fn figures_are_of_an_edge_and_a_slice() {
        let mut it = nothing();
        assert!(it.is_nothing());
        for (seq, at) in [(1, 5), (2, SLICE), (3, MINUTE)] {
            it.fold(event(seq, at, Fact::Emitted(Arc::new(emission("writer", "editor", &format!("k{seq}"))))));
        }
        let emitted = |end| {
            let key = (Time::from_millis(end), Edge::new("news", "writer", "editor"));
            it.tallies[&key].counts.get(Kind::Emitted)
        };
        assert_eq!((it.tallies.len(), emitted(SLICE), emitted(MINUTE)), (2, 2, 1));
        assert_eq!((it.touched.len(), it.run.version), (3, 3));
    }

    #[test]
    fn refusals_come_and_go_with_what_the_run_keeps() {
        let mut it = nothing();
        let refused = |nth: usize| Fact::Refused(Box::new(rejection(&format!("rj{nth}"))));
        for nth in 0..=Refused::KEPT {
            it.fold(event(nth as u64 + 1, 0, refused(nth)));
        }
        let seq = Refused::KEPT as u64 + 2;
        it.fold(event(seq, 0, Fact::RejectionResolved { rejection: "rj7".into(), why: String::new() }));
        let gone: Vec<_> = it.rejections.iter().filter(|(_, kept)| !**kept).map(|(id, _)| id.as_str()).collect();
        assert_eq!(gone, ["rj0", "rj7"], "the oldest made room, the other was dealt with");
        assert_eq!(it.rejections.len(), Refused::KEPT + 1);
    }
}
