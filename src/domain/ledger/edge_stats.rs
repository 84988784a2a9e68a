//! The figures of one edge beside its windows: the handoffs that wait, the failures, the latest handoffs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::domain::accounting::{Asked, Before};
use crate::domain::health::{Kind, Tally, Windows};
use crate::domain::id::{Edge, HandoffId};
use crate::domain::run::{Handoff, Outline, State};
use crate::domain::time::{Millis, Time};

/// Handoffs listed on the page of an edge.
const RECENT: usize = 50;
/// Error codes counted apart; later ones are counted together as `other`.
const CODES: usize = 50;

/// The book of one edge.
#[derive(Clone, Debug)]
pub struct EdgeStats {
    /// The edge itself.
    pub edge: Edge,
    /// Figures of the last minute, five minutes, hour, and ever.
    pub windows: Windows,
    /// Stage of the pipeline it leads to, as the latest handoff said; `None` when it did not.
    pub stage: Option<Arc<str>>,
    /// Handoffs emitted and not ended, dead letters and escalated ones included; where people answer, those they are asked about.
    pub open: BTreeSet<(Time, HandoffId)>,
    /// Number of dead letters.
    pub dead: u32,
    /// Number of handoffs that wait for a person.
    pub escalated: u32,
    /// Failed attempts by error code, since the ledger began.
    pub codes: BTreeMap<String, u32>,
    /// The last handoffs emitted on it, latest last.
    pub recent: VecDeque<HandoffId>,
    /// Time of the last event on it.
    pub changed_at: Time,
    /// Time a claim may stay unacknowledged, in milliseconds, as the latest handoff said; `None` when unknown.
    pub ack_timeout: Option<Millis>,
    /// The P95 that its policy allows, as the latest handoff said.
    pub p95_max: Option<Millis>,
    /// Time since which it flows again after a pause; `None` when it was not paused lately.
    pub resumed_at: Option<Time>,
    /// The latest success, and the latest failure: is it worth another try?
    pub last_completed: Option<Time>,
    /// See [`last_completed`](Self::last_completed).
    pub last_failed: Option<Time>,
    waiting: BTreeSet<(Time, HandoffId)>,
    /// The latest handoff was addressed to people; means nothing without one.
    to_people: bool,
}

impl EdgeStats {
    pub(super) fn new(edge: Edge, phase: Millis) -> Self {
        Self {
            edge,
            windows: Windows::new(phase),
            stage: None,
            open: BTreeSet::new(),
            dead: 0,
            escalated: 0,
            codes: BTreeMap::new(),
            recent: VecDeque::new(),
            changed_at: Time::default(),
            ack_timeout: None,
            p95_max: None,
            resumed_at: None,
            last_completed: None,
            last_failed: None,
            waiting: BTreeSet::new(),
            to_people: false,
        }
    }

    /// What is emitted, unacknowledged and in automatic processing, or asked and not taken up: each with the time since
    /// which it waits, or will, in order of that. How long is for [`Ledger::waits`](super::Ledger::waits) to say.
    pub fn waiting_since(&self) -> impl DoubleEndedIterator<Item = &(Time, HandoffId)> {
        self.waiting.iter()
    }

    /// Whether people answer here, to questions or to handoffs that are addressed to them.
    pub fn is_people(&self, ever: &Tally) -> bool {
        // After a restart the figures know what no handoff says any more.
        let addressed = if self.recent.is_empty() { ever.to_people } else { self.to_people };
        addressed || self.asks_people(ever)
    }

    /// Whether all it counts are escalations to a role: people answer, not an agent (protocol section 3). What
    /// agents emit crosses the boundary and is checked there; asking a person is not.
    pub fn asks_people(&self, ever: &Tally) -> bool {
        let asked = ever.counts.get(Kind::Emitted) > 0 || !self.open.is_empty();
        self.recent.is_empty() && asked && ever.evaluated == 0
    }

    /// Number of handoffs that wait for their acknowledgement.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Takes note of the handoffs that a snapshot tells of, the oldest first.
    pub(super) fn restore(&mut self, handoffs: &[Outline<'_>]) {
        for it in &handoffs[handoffs.len().saturating_sub(RECENT)..] {
            self.crossed(it);
        }
        let changed = handoffs.iter().map(Outline::changed_at).max();
        self.changed_at = self.changed_at.max(changed.unwrap_or_default());
        // A set that is made of many at once is made much faster.
        let open = handoffs.iter().filter(|it| it.is_open());
        self.open = open.map(|it| (it.first_seen(), it.id.clone())).collect();
        let waiting = |it: &Outline<'_>| Some((it.waiting()?, it.id.clone()));
        self.waiting = handoffs.iter().filter_map(waiting).collect();
    }

    /// Takes note of a minute that a snapshot tells of. When in the minute something ended is not known: its
    /// beginning is the latest time that is surely not after it.
    pub(super) fn restore_minute(&mut self, began: Time, tally: &Tally) {
        let (completed, failed) = (tally.counts.get(Kind::Completed), tally.counts.get(Kind::Failed));
        if completed > 0 {
            self.completed(began);
        }
        if failed + tally.counts.get(Kind::DeadLettered) > 0 {
            self.last_failed = self.last_failed.max(Some(began));
        }
    }

    pub(super) fn completed(&mut self, at: Time) {
        self.last_completed = self.last_completed.max(Some(at));
    }

    pub(super) fn crossed(&mut self, it: &Outline<'_>) {
        self.stage = it.stage.cloned();
        // An edge that only observes lets a contract with no time at all through: it says nothing of the pace.
        self.ack_timeout = it.ack_timeout.filter(|it| *it > 0).or(self.ack_timeout);
        self.p95_max = it.p95_max;
        self.to_people = it.to_people;
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(it.id.clone());
    }

    pub(super) fn failed(&mut self, code: &str, at: Time) {
        self.last_failed = self.last_failed.max(Some(at));
        let known = self.codes.len() < CODES || self.codes.contains_key(code);
        let code = if known { code } else { "other" };
        *self.codes.entry(code.to_owned()).or_default() += 1;
    }

    /// Keeps the sets true after one of its handoffs changed.
    pub(super) fn index(&mut self, before: Option<&Before>, it: &Handoff) {
        let was = |state: State| before.is_some_and(|before| before.state == state);
        for (count, state) in [(&mut self.dead, State::DeadLettered), (&mut self.escalated, State::Escalated)] {
            match (was(state), it.state == state) {
                (false, true) => *count += 1,
                (true, false) => *count = count.saturating_sub(1),
                _ => {}
            }
        }
        let opened = before.and_then(Before::open_since);
        let open = it.is_open().then(|| it.first_seen());
        moved(&mut self.open, opened, open, &it.id);
        let waited = before.and_then(|it| it.waiting);
        let waiting = it.is_unacknowledged().then_some(it.waiting_since);
        moved(&mut self.waiting, waited, waiting, &it.id);
    }
}

/// Edges to people: here the handoffs are questions.
impl EdgeStats {
    /// A question is open, and waits until somebody takes it up.
    pub(super) fn asked(&mut self, question: &Asked, id: &HandoffId) {
        self.changed_at = self.changed_at.max(question.since);
        self.open.insert((question.since, id.clone()));
        if !question.claimed {
            self.waiting.insert((question.since, id.clone()));
        }
    }

    /// The question is open no more.
    pub(super) fn answered(&mut self, question: &Asked, id: &HandoffId) {
        let place = (question.since, id.clone());
        self.open.remove(&place);
        self.waiting.remove(&place);
    }
}

/// Moves a handoff to another time of a set, into it or out of it. Most events move nothing.
fn moved(set: &mut BTreeSet<(Time, HandoffId)>, before: Option<Time>, after: Option<Time>, id: &HandoffId) {
    if before == after {
        return;
    }
    if let Some(at) = before {
        set.remove(&(at, id.clone()));
    }
    if let Some(at) = after {
        set.insert((at, id.clone()));
    }
}
