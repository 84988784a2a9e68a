//! One source as the console knows it: its ledger, its link, and the figures made from them.

use std::collections::HashMap;

use crate::domain::event::Event;
use crate::domain::health::Window;
use crate::domain::id::RunId;
use crate::domain::ledger::Ledger;
use crate::domain::port::{Batch, Begin, Capabilities, Fault, Replay, Report, Skipped, SourceId};
use crate::domain::report::{self, DeadGroup, EdgeRow, InboxRow, TaskRow};
use crate::domain::time::{ClockStep, Millis, SECOND, Time};

use super::msg::Ticket;

/// Data older than this locks acting keys (product section 4).
pub const STALE_AFTER: Millis = 10 * SECOND;
/// A source whose clock differs by less has our time; the difference is the way the message took.
const SAME_CLOCK: Millis = 2 * SECOND;
/// Histories of runs that are fetched at once to make them whole.
const RUNS_FETCHED_AT_ONCE: usize = 8;

/// One source as the console knows it.
#[derive(Debug)]
pub struct Feed {
    /// Id of the source: its index in [`World::feeds`](super::world::World::feeds).
    pub id: SourceId,
    /// Its name: the context of the user, or the address without secrets.
    pub name: String,
    link: Link,
    can: Option<Capabilities>,
    heard_at: Option<Time>,
    behind: u64,
    replay: Option<Replay>,
    skipped: Vec<Skipped>,
    ledger: Ledger,
    /// The ledger as it was when the screen was frozen.
    held: Option<Box<Ledger>>,
    /// By how much the clock of the source is ahead of ours.
    skew: Millis,
    /// The latest jump of that clock; `None` when it tells of none.
    clock: Option<ClockStep>,
    figures: Figures,
    /// Fragments asked for on this connection, with the ticket of those that are not answered yet.
    asked: HashMap<RunId, Option<Ticket>>,
}

/// State of the link to a source.
#[derive(Clone, Debug, PartialEq)]
pub enum Link {
    /// Trying to connect; nothing came yet.
    Connecting,
    /// Connected: snapshots, events and heartbeats come in.
    Live,
    /// The link is broken, and a retry is planned.
    Down {
        /// The fault that broke it.
        why: Fault,
        /// Instant that it broke, by the clock of this machine.
        since: Time,
        /// Instant of the next try, after the backoff.
        retry_at: Time,
    },
}

/// The rows of the reports, made once for all screens and the attention strip.
#[derive(Debug, Default)]
pub struct Figures {
    /// Revision: one more each time the rows were made again. A screen caches its order by it.
    pub revision: u64,
    /// Every edge over the last hour, worst first.
    pub edges: Vec<EdgeRow>,
    /// Every group of dead letters, without its items.
    pub dead: Vec<DeadGroup>,
    /// Every question to a person.
    pub inbox: Vec<InboxRow>,
    /// Every run with a verdict, worst first.
    pub notable: Vec<TaskRow>,
    /// Input they were made from: revision of the ledger, whether it was fresh, and the time; `None` before the first.
    made: Option<(u64, bool, Time)>,
}

impl Feed {
    /// A source nothing was heard of yet.
    pub fn new(id: SourceId, name: &str) -> Self {
        Self {
            id,
            name: name.to_owned(),
            link: Link::Connecting,
            can: None,
            heard_at: None,
            behind: 0,
            replay: None,
            skipped: Vec::new(),
            ledger: Ledger::new(0),
            held: None,
            skew: 0,
            clock: None,
            figures: Figures::default(),
            asked: HashMap::new(),
        }
    }

    /// The ledger as the screen shows it: it stands still while the screen is frozen.
    pub fn ledger(&self) -> &Ledger {
        self.held.as_deref().unwrap_or(&self.ledger)
    }

    /// The ledger as it is right now, frozen or not: the one an act is checked against.
    pub const fn live(&self) -> &Ledger {
        &self.ledger
    }

    /// The rows of the reports, as the screen shows them.
    pub const fn figures(&self) -> &Figures {
        &self.figures
    }

    /// State of the link.
    pub const fn link(&self) -> &Link {
        &self.link
    }

    /// Capabilities of the source; `None` before it was connected once.
    pub const fn can(&self) -> Option<&Capabilities> {
        self.can.as_ref()
    }

    /// Position of the replay; `None` for a live source.
    pub const fn replay(&self) -> Option<&Replay> {
        self.replay.as_ref()
    }

    /// Input that came and could not be used, by cause; empty when all of it could.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// Events that came in since the screen was frozen; 0 when it is not.
    pub fn unseen(&self) -> u64 {
        let held = self.held.as_ref();
        held.map_or(0, |held| self.ledger.folded().saturating_sub(held.folded()))
    }

    /// Instant of its last message or heartbeat, by the clock of this machine; `None` before the first.
    pub const fn heard_at(&self) -> Option<Time> {
        self.heard_at
    }

    /// Age of its data at `now` in milliseconds; `None` when it never said anything. See [`STALE_AFTER`].
    pub fn data_age(&self, now: Time) -> Option<Millis> {
        self.heard_at.map(|at| at.age(now))
    }

    /// Events that happened at the source and are not here yet, as far as it says so; 0 when it does not know.
    pub const fn behind(&self) -> u64 {
        self.behind
    }

    /// The latest jump of the clock of the source by a minute or more; `None` when it tells of none.
    pub const fn clock(&self) -> Option<ClockStep> {
        self.clock
    }

    /// A recording: time is its own, and nothing can be changed.
    pub fn is_recording(&self) -> bool {
        self.replay.is_some() || self.can.as_ref().is_some_and(|can| can.replay)
    }

    /// True when its numbers can be trusted to be of now: linked and heard of lately. A recording has no now.
    pub fn is_fresh(&self, now: Time) -> bool {
        self.link == Link::Live && (self.is_recording() || self.data_age(now).is_some_and(|age| age <= STALE_AFTER))
    }

    /// Takes in what the source said at `now`.
    pub fn hear(&mut self, report: Report, now: Time) {
        match report {
            Report::Connecting => {
                if !matches!(self.link, Link::Down { .. }) {
                    self.link = Link::Connecting;
                }
            }
            Report::Capabilities(can) => {
                self.ledger.measure(can.measured.clone());
                self.can = Some(can);
            }
            Report::Down { fault, retry_in } => {
                let since = match self.link {
                    Link::Down { since, .. } => since,
                    _ => now,
                };
                self.link = Link::Down { why: fault, since, retry_at: now + retry_in };
            }
            Report::Batch(batch) => {
                self.link = Link::Live;
                self.heard_at = Some(now);
                self.take(batch, now);
            }
        }
    }

    fn take(&mut self, batch: Batch, now: Time) {
        match batch {
            Batch::Begin(begin) => {
                self.asked.clear();
                self.behind = 0;
                match begin {
                    Begin::Fresh(mut snapshot) => {
                        self.meet(snapshot.at, now);
                        self.clock = snapshot.clock;
                        // A recording counts on while it is moved.
                        if !self.is_recording() {
                            self.skipped = std::mem::take(&mut snapshot.skipped);
                        }
                        self.ledger.restore(*snapshot);
                    }
                    Begin::Resumed => {}
                }
            }
            Batch::Events { events, behind, .. } => {
                for event in &events {
                    self.ledger.apply(event);
                }
                self.behind = behind.unwrap_or(0);
            }
            Batch::Alive { at } if self.is_recording() => self.ledger.advance(at),
            Batch::Alive { at } => self.meet(at, now),
            Batch::Replay(replay) => {
                self.ledger.advance(replay.at);
                self.replay = Some(replay);
            }
            Batch::Skipped(skipped) => self.skipped = skipped,
            Batch::Capabilities(can) => self.hear(Report::Capabilities(*can), now),
        }
    }

    /// The runs whose history has to be fetched, as events of them came whose beginning was never told here: closed
    /// before the console opened, or let go since. Each is asked for once in a connection, some at a time.
    pub(super) fn missing(&mut self, mut draw: impl FnMut() -> Ticket) -> Vec<(Ticket, RunId)> {
        let timelines = self.can.as_ref().is_some_and(|it| it.timelines);
        if self.ledger.fragments().len() == 0 || self.is_recording() || !timelines {
            return Vec::new();
        }
        let free = RUNS_FETCHED_AT_ONCE.saturating_sub(self.asked.values().flatten().count());
        let runs = self.ledger.fragments();
        let wanted = runs.filter(|it| !self.asked.contains_key(*it)).take(free);
        let wanted: Vec<_> = wanted.map(|it| (draw(), it.clone())).collect();
        for (ticket, run) in &wanted {
            self.asked.insert(run.clone(), Some(*ticket));
        }
        wanted
    }

    /// Takes the history of a run that was [`missing`](Self::missing): `None` when it could not be had. False when
    /// the ticket is none of these.
    pub(super) fn mend(&mut self, ticket: Ticket, events: Option<&[Event]>) -> bool {
        let waits = self.asked.iter_mut().find(|it| *it.1 == Some(ticket));
        let Some((run, waits)) = waits else {
            return false;
        };
        *waits = None;
        if let Some(events) = events {
            let run = run.clone();
            self.ledger.complete(&run, events);
            if self.ledger.fragments().all(|it| *it != run) {
                self.asked.remove(&run);
            }
        }
        true
    }

    fn meet(&mut self, at: Time, now: Time) {
        let ahead = at - now;
        self.skew = if ahead.abs() < SAME_CLOCK { 0 } else { ahead };
    }

    /// Lets time pass: ages grow, windows expire. Not for recordings, whose time comes with their events, and not
    /// while the link is down: what is not heard is not known.
    pub fn tick(&mut self, now: Time) {
        if self.is_fresh(now) && !self.is_recording() {
            self.ledger.advance(now + self.skew);
        }
    }

    /// Freezes the ledger that the screen shows, or lets it go on.
    pub fn hold(&mut self, still: bool) {
        self.held = still.then(|| Box::new(self.ledger.clone()));
    }

    /// Makes the rows again when what they are made from changed. Much that is open takes longer to go through and
    /// is therefore gone through less often; then it says when to come back.
    pub fn renew(&mut self, now: Time) -> Option<Time> {
        let ledger = self.held.as_deref().unwrap_or(&self.ledger);
        let fresh = self.is_fresh(now);
        if let Some((revision, was_fresh, at)) = self.figures.made {
            let same = revision == ledger.revision() && was_fresh == fresh;
            if same {
                return None;
            }
            let pause = Self::pause(ledger);
            if was_fresh == fresh && (0..pause).contains(&(now - at)) {
                return Some(at + pause);
            }
        }
        self.figures = Figures {
            revision: self.figures.revision + 1,
            edges: report::edges(ledger, Window::OneHour, !fresh),
            dead: report::dead_heads(ledger),
            inbox: report::inbox(ledger),
            notable: report::notable(ledger),
            made: Some((ledger.revision(), fresh, now)),
        };
        None
    }

    /// Milliseconds between two makings of the rows, so that they take a small share of one core: none for what
    /// is open in a day of a team, a quarter of a second for two thousand edges.
    fn pause(ledger: &Ledger) -> Millis {
        let runs = ledger.current().size_hint().1.unwrap_or_default();
        ((ledger.edges().len() + ledger.dead().groups().len() + runs / 8) / 8) as Millis
    }
}
