//! The ledger: events folded into runs, and the indexes that the screens and commands read.
//!
//! It is bounded: open work is kept whole, closed runs and idle edges up to a cap. It folds what it is given in the
//! order it is given, and sorts nothing. What it asks of a source is every event once and, within a run, in order:
//! - Events of an orchestrator are numbered (`seq` from 1). One that is not newer than the last of its run changes
//!   nothing; where some are missing, the run is a [fragment](Ledger::fragments) until it is completed.
//! - Observed events (`seq` 0) have no number, so that only a second emission is known again here: everything else that
//!   comes twice is counted twice. Sorting them and saying each once is the work of `source::observer`, through which
//!   every source goes that only observes.
//! - An event about a handoff that nobody emitted yet, such as an early acknowledgement, is lost and counted as
//!   [`Irregularity::NeverEmitted`], and the emission that follows does not bring it back. Therefore the observer says
//!   [`Sighted`](super::event::Fact::Sighted) first. The emission of what was sighted is taken up whenever it comes: then
//!   it was not never emitted, but late ([`Irregularity::EmittedLate`]).
//! - Within a handoff any order is folded as far as it makes sense; what the protocol does not allow is counted in
//!   [`irregular`](Ledger::irregular).
//!
//! Rows for people and for JSON are made from it in [`report`](super::report).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::{IndexMap, IndexSet};

use super::accounting::{Asked, Before, entries};
use super::event::Event;
use super::health::Measured;
use super::id::{Edge, HandoffId, RunId};
use super::machine::{Irregularity, evolve};
use super::run::{Handoff, Run, State, StoredRun};
use super::time::{Millis, Present, Time};

mod closed;
mod dead;
mod edge_stats;
mod edges;
mod fragments;
mod note;
mod refused;
mod restore;
mod violations;
mod waits;

use closed::Closed;
pub use dead::{DeadBook, DeadLetters, died_at};
pub use edge_stats::EdgeStats;
pub use edges::KEEP_EDGES;
pub use violations::Violations;
pub use waits::Waits;

/// Closed handoffs kept for looking back; beyond it the oldest closed runs go. Screens lead to what is open, to
/// the latest events and to the last handoffs of each edge: some thousands. A source has the rest in its log.
pub const KEEP_CLOSED: usize = 20_000;
/// Latest events kept for the log on screen.
pub const KEEP_EVENTS: usize = 5_000;

/// The runs, edges and indexes known of one source.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    runs: HashMap<RunId, StoredRun, RandomState>,
    run_by_handoff: HashMap<HandoffId, RunId, RandomState>,
    /// Runs that are open or notable.
    current: HashSet<RunId, RandomState>,
    /// Runs with events missing in the middle or before, and how often.
    fragments: BTreeMap<RunId, u64>,
    closed: Closed,
    keeps_all: bool,
    edges: IndexMap<Edge, EdgeStats, RandomState>,
    dead: DeadLetters,
    escalated: BTreeSet<HandoffId>,
    notable: BTreeSet<RunId>,
    refusing: BTreeSet<RunId>,
    /// Runs that hold refused contracts and nothing else, in the order of their latest refusals.
    refused: IndexSet<RunId, RandomState>,
    paused: BTreeSet<Edge>,
    violations: Violations,
    recent: VecDeque<Event>,
    /// Number of the latest event in `recent`; numbers are never used twice.
    latest: u64,
    irregular: BTreeMap<Irregularity, u64>,
    folded: u64,
    now: Time,
    /// By how much the clock of the source was set back, as it said last; 0 when it was not.
    behind: Millis,
    /// What the source measures; all, until it says otherwise.
    measured: Measured,
    phase: i64,
    revision: u64,
}

impl Ledger {
    /// An empty ledger whose windows are exact at the instants that are `phase` milliseconds past a whole
    /// minute; 0 for live sources (see [`Windows::phase_of`](super::health::Windows::phase_of)).
    pub fn new(phase: i64) -> Self {
        Self { phase, ..Self::default() }
    }

    /// The same for a recording that is read once and looked at as a whole: every closed run is kept.
    pub fn of_recording(phase: i64) -> Self {
        Self { keeps_all: true, ..Self::new(phase) }
    }

    /// Folds one event into its run and the indexes; a duplicate is only counted as irregular.
    pub fn apply(&mut self, event: &Event) {
        self.revision += 1;
        self.folded += u64::from(!event.fact.is_sighting());
        self.now = self.now.max(event.at);
        if self.is_begun_anew(event) {
            self.give_up(&event.run);
        }
        let kept =
            self.runs.entry(event.run.clone()).or_insert_with_key(|id| Run::new(id.clone(), event.at).into()).unpack();
        let stood = Standing::of(kept);
        let before = event.handoff.as_ref().and_then(|id| kept.handoffs.get(id)).map(Before::of);
        let irregular = evolve(Arc::make_mut(kept), event);
        let run = Arc::clone(kept);
        if let Some(irregular) = irregular {
            *self.irregular.entry(irregular).or_default() += 1;
        }
        if irregular == Some(Irregularity::EmittedLate)
            && let Some(never) = self.irregular.get_mut(&Irregularity::NeverEmitted)
        {
            *never -= 1;
            self.irregular.retain(|_, count| *count > 0);
        }
        if irregular == Some(Irregularity::Gap) {
            *self.fragments.entry(event.run.clone()).or_default() += 1;
        }
        if irregular != Some(Irregularity::Duplicate) {
            let after = event.handoff.as_ref().and_then(|id| run.handoffs.get(id));
            entries(event, before.as_ref(), after, |edge, entry| {
                let book = self.book(edge);
                book.changed_at = book.changed_at.max(event.at);
                book.windows.record(event.at, |tally| entry.enter(tally, event.at));
            });
            if let (Some(it), None) = (after, &before) {
                self.run_by_handoff.insert(it.id.clone(), run.id.clone());
            }
            self.note(event, after);
            self.index(before.as_ref(), after);
            if !event.fact.is_sighting() {
                if self.recent.len() == KEEP_EVENTS {
                    self.recent.pop_front();
                }
                self.recent.push_back(event.clone());
                self.latest += 1;
            }
        }
        self.note_run(stood, &run);
        self.note_refused(event, &run);
        self.forget();
        self.forget_edges();
    }

    /// Moves the present on, so that ages grow and windows expire even without events.
    pub fn advance(&mut self, now: Time) {
        self.now = self.now.max(now);
        for book in self.edges.values_mut() {
            book.windows.advance(self.now);
        }
        self.revision += 1;
    }

    /// Takes what the source says it measures.
    pub fn measure(&mut self, measured: Measured) {
        self.measured = measured;
        self.revision += 1;
    }

    /// Keeps the indexes true after a handoff changed.
    fn index(&mut self, before: Option<&Before>, after: Option<&Handoff>) {
        let Some(it) = after else { return };
        let either = |state| it.state == state || before.is_some_and(|it| it.state == state);
        if either(State::Escalated) {
            if it.escalation.is_some() && it.state == State::Escalated {
                self.escalated.insert(it.id.clone());
            } else {
                self.escalated.remove(&it.id);
            }
        }
        if either(State::DeadLettered) {
            self.dead.index(it);
        }
        self.book(&it.emission.edge).index(before, it);
        let asked = Asked::of(it).filter(|_| it.state == State::Escalated);
        let before = before.filter(|it| it.state == State::Escalated);
        let was = before.and_then(|it| it.asked.as_ref());
        if was != asked.as_ref() {
            if let Some(was) = was {
                self.book(&was.edge).answered(was, &it.id);
            }
            if let Some(asked) = asked {
                self.book(&asked.edge).asked(&asked, &it.id);
            }
        }
    }

    /// Keeps the indexes of runs true after one changed.
    fn note_run(&mut self, stood: Standing, run: &Run) {
        let stands = Standing::of(run);
        if stands != stood {
            let set = |index: &mut BTreeSet<RunId>, member: bool| {
                if member {
                    index.insert(run.id.clone());
                } else {
                    index.remove(&run.id);
                }
            };
            set(&mut self.notable, stands.notable);
            set(&mut self.refusing, stands.refusing);
            if stands.open || stands.notable {
                self.current.insert(run.id.clone());
            } else {
                self.current.remove(&run.id);
            }
        }
        if !stands.open {
            self.closed.put(run);
        } else if !stood.open {
            self.closed.take(&run.id);
        }
    }

    /// Drops the runs that closed first, beyond the cap.
    fn forget(&mut self) {
        let keep = if self.keeps_all { usize::MAX } else { KEEP_CLOSED };
        while let Some(id) = self.closed.beyond(keep) {
            self.give_up(&id);
        }
    }
}

/// The indexes of runs that one run is in.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Standing {
    open: bool,
    notable: bool,
    refusing: bool,
}

impl Standing {
    fn of(run: &Run) -> Self {
        Self { open: run.is_open(), notable: run.notable() > 0, refusing: !run.rejections.is_empty() }
    }
}

/// Read access for screens and commands.
impl Ledger {
    /// What the source measures.
    pub const fn measured(&self) -> &Measured {
        &self.measured
    }

    /// The source's present as far as it was heard.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The same for ages and waits, also of what began before the clock of the source was set back.
    pub fn present(&self) -> Present {
        Present { now: self.now, behind: self.behind }
    }

    /// One more with every change: rows made at one revision hold until the next.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Events folded since the start or the last snapshot.
    pub fn folded(&self) -> u64 {
        self.folded
    }

    /// Events that did not fit, by how.
    pub fn irregular(&self) -> &BTreeMap<Irregularity, u64> {
        &self.irregular
    }

    /// The run with this id; `None` when it is unknown or no longer kept.
    pub fn run(&self, id: &RunId) -> Option<&Run> {
        self.runs.get(id).map(StoredRun::run)
    }

    /// Every run that is kept, in no order.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.values().map(StoredRun::run)
    }

    /// The runs that are open, have a loop verdict or had a retry storm, in no order.
    pub fn current(&self) -> impl Iterator<Item = &Run> {
        self.current.iter().filter_map(|id| self.run(id))
    }

    /// The run of a handoff.
    pub fn run_of(&self, id: &HandoffId) -> Option<&Run> {
        self.run(self.run_by_handoff.get(id)?)
    }

    /// The handoff with this id; `None` when it is unknown or no longer kept.
    pub fn handoff(&self, id: &HandoffId) -> Option<&Handoff> {
        self.run_of(id)?.handoffs.get(id)
    }

    /// The edge an event is about: said by itself, or known from its handoff.
    pub fn edge_of<'a>(&'a self, event: &'a Event) -> Option<&'a Edge> {
        event.edge(|id| Some(&self.handoff(id)?.emission.edge))
    }

    /// Every edge that is kept, in order of appearance.
    pub fn edges(&self) -> impl ExactSizeIterator<Item = &EdgeStats> {
        self.edges.values()
    }

    /// The figures of this edge; `None` when nothing is known of it.
    pub fn edge(&self, edge: &Edge) -> Option<&EdgeStats> {
        self.edges.get(edge)
    }

    /// The dead letters, by what failed.
    pub fn dead(&self) -> &DeadLetters {
        &self.dead
    }

    /// Handoffs that wait for a person, in order of id.
    pub fn escalated(&self) -> impl ExactSizeIterator<Item = &HandoffId> {
        self.escalated.iter()
    }

    /// Runs that have a loop verdict or had a retry storm, in order of id.
    pub fn notable(&self) -> impl ExactSizeIterator<Item = &RunId> {
        self.notable.iter()
    }

    /// Runs with refused contracts that nobody has dealt with.
    pub fn refusing(&self) -> impl Iterator<Item = &Run> {
        self.refusing.iter().filter_map(|id| self.run(id))
    }

    /// Edges that a person paused.
    pub fn paused(&self) -> &BTreeSet<Edge> {
        &self.paused
    }

    /// The violations in refused contracts, grouped by sender, edge and place.
    pub fn violations(&self) -> &Violations {
        &self.violations
    }

    /// Number of the last event of [`recent`](Self::recent): the ones before it count down from here, and no
    /// number is ever used for another event.
    pub fn latest(&self) -> u64 {
        self.latest
    }

    /// The latest events, oldest first.
    pub fn recent(&self) -> &VecDeque<Event> {
        &self.recent
    }
}

#[cfg(test)]
pub(in crate::domain) mod tests;
