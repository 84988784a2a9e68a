//! The one place where facts that are only observed become events: put in order, said once, never without the handoff
//! they speak of. A file, a receiver of spans and a poller of a server differ in what they read, not in this.
//!
//! Pure: it reads nothing and has no clock. A source tells it what it read and when it heard it, and hands on what
//! comes back.
//!
//! - **Ids.** Runs and handoffs keep the ids of the source, so that people find them there again; one that is empty or
//!   longer than [`MAX_ID`] is refused. A handoff is known by its id *in its run*, but the ledger finds it by its id
//!   alone. Therefore an id that stands in several runs of a file has the run in front of it, as `RUN/ID`; a live
//!   source whose ids are unique in a run only (span ids) writes it there itself.
//! - **First sighting.** What is said of a handoff whose emission was not seen yet is preceded by [`Fact::Sighted`]. If
//!   the emission comes after that, it is handed on as it is: the state machine takes it up for what was only sighted,
//!   and the figures of the edge become those of the right order; a latency that is known only now is booked at the
//!   time of the emission. What stays is one [`EmittedLate`](crate::domain::machine::Irregularity::EmittedLate).
//! - **Order.** Everything is put in order of time, and of one millisecond in that of run, step, emission, cause (`a>b`
//!   before `b>c`), handoff, and within it of its life: an attempt is acknowledged, people are asked and answer, it fails, it is tried again and
//!   acknowledged again, it ends. How the lines of a file stand does not matter. Of a live source an observation is held
//!   for [`Window::Live::hold`] after it was *heard*, so that clocks which differ from ours do not matter. What is told
//!   long after it happened (a span, at its end) still takes its place in its handoff, if it is heard no later than the
//!   hold after what follows it there. What comes too late even for that is handed on, and counted as
//!   [`Disorder::late`].
//! - **Duplicates.** An observation is known by its [`Origin`]: the id it has there, the whole line of a file, or kind,
//!   time and sequence. Remembered is all of a file, and of a live source no more than [`Window::Live::memory`]
//!   observations: beyond it the handoffs not heard of for longest are forgotten, open or ended. What then still comes
//!   of them from before is left out, because it cannot be told from what was said.
//! - **Strays.** A wrong clock must not set that of all. Of a file, what lies beyond a silence of 366 days is left out,
//!   unless it is a season of its own: ten events or more, at least a tenth as many as the largest part of the file has,
//!   and at most twenty years from it.
//! - **Clock skew.** An acknowledgement up to [`Window::Live::skew`] before its emission, or an end before either,
//!   comes from another clock. It is moved to the time of what it follows, so that its latency is 0, and counted as
//!   [`Disorder::skewed`].
//! - **Missing ends.** None is invented. A handoff that nobody ended stays open and grows old, which is what is known
//!   of it; a source that knows better (a run is over, a thread is idle) says so with an observation of its own.
//!
//! What cannot be used is counted by cause, also what the source could not even read: [`Observer::skip`].

use std::sync::Arc;

use crate::domain::event::{Emission, Event, Fact};
use crate::domain::id::Edge;
use crate::domain::port::Skipped;
use crate::domain::time::{HOUR, Millis, Time};

mod apart;
mod cause;
mod life;
mod memory;
mod order;
mod skipped;

use memory::Memory;
use order::{Held, LONGEST_SILENCE};
use skipped::Counts;
pub use skipped::{Cause, Unusable};

/// Longest id of a run or a handoff and longest name of a pipeline or a party, in bytes.
pub const MAX_ID: usize = 1_024;

/// A live source is not believed a time further ahead than this: one such event would make everything else old.
const MOST_AHEAD: Millis = HOUR;

/// Something that a source saw.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// The fact with its time, run and handoff as the source names them. `seq` is 0 unless the source numbers the
    /// events of a run from 1 without gaps, as our own export does.
    pub event: Event,
    /// The edge and the step of the handoff as far as the source names them, in case its emission is never seen;
    /// `None` when it does not.
    pub place: Option<(Edge, u32)>,
    /// What tells it from all others.
    pub origin: Origin,
    /// Place it came from, for people who look for it: the number of a line or of a message, from 1.
    pub came_from: u64,
}

/// What tells an observation from all others of its handoff. The same twice is the same observation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Id of this very observation where it comes from, such as a checkpoint or the start of a span, unique for this
    /// kind of fact and this handoff.
    Id(Arc<str>),
    /// The line of a file that it was read from, whole, as a hash: lines that differ anywhere are two observations.
    Line(u64),
    /// Nothing but its kind, its time and its number in the run.
    Content,
}

/// How long observations are held so that they can be put in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// All of them until the end, as of a file.
    Whole,
    /// For some time, as of a source that goes on.
    Live {
        /// Time for which an observation is held, in milliseconds from when it was heard. Everything is in order as
        /// long as the delays from happening to being heard differ by no more than this less `skew`.
        hold: Millis,
        /// Largest difference between the clocks of two hosts, in milliseconds: so much earlier than what it follows
        /// an observation may seem to be.
        skew: Millis,
        /// Number of observations that are remembered, of which those held are a part. It should be more than what a
        /// source hears at its beginning, when it reads the history of a server.
        memory: usize,
    },
}

/// Observations that were used, but not as they came. Of a file both are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disorder {
    /// Number of those that came after something later of the same handoff had been handed on.
    pub late: u64,
    /// Number of those whose time was corrected by what they follow.
    pub skewed: u64,
}

/// Makes events of observations; see the module.
#[derive(Debug)]
pub struct Observer {
    window: Window,
    /// What waits for its place, in no order.
    held: Vec<Held>,
    memory: Memory,
    skipped: Counts,
    disorder: Disorder,
    /// See [`shared`](Self::shared).
    shared: usize,
}

impl Observer {
    /// An observer that has seen nothing.
    pub fn new(window: Window) -> Self {
        let most = match window {
            Window::Whole => usize::MAX,
            Window::Live { memory, .. } => memory,
        };
        Self {
            window,
            held: Vec::new(),
            memory: Memory::new(most),
            skipped: Counts::default(),
            disorder: Disorder::default(),
            shared: 0,
        }
    }

    /// Takes in what was heard at `heard`, which counts for a live source only: on the clock that
    /// [`ready`](Self::ready) is asked with. What cannot be used is counted.
    pub fn take(&mut self, observation: Observation, heard: Time) {
        let came_from = observation.came_from;
        if let Err(why) = self.hold(observation, heard) {
            self.skip(came_from, why);
        }
    }

    /// Counts something that the source itself could not use, at this place of its input.
    pub fn skip(&mut self, came_from: u64, why: Unusable) {
        self.skipped.count(came_from, why);
    }

    /// Number of observations that are held.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// What could not be used, by cause; empty when all could.
    pub fn skipped(&self) -> Vec<Skipped> {
        self.skipped.list()
    }

    /// What was used, but not as it came.
    pub fn disorder(&self) -> Disorder {
        self.disorder
    }

    /// The events that were held for long enough at `now`, in order; none of a [`Window::Whole`].
    pub fn ready(&mut self, now: Time) -> Vec<Event> {
        let Window::Live { hold, .. } = self.window else { return Vec::new() };
        let is_due = |it: &Held| now - it.heard >= hold;
        if !self.held.iter().any(is_due) {
            return Vec::new();
        }
        let mut due = self.in_order();
        let last = due.iter().rposition(is_due).map_or(0, |last| last + 1);
        self.held = due.split_off(last);
        self.hand_on(due)
    }

    /// All that is held, in order: the source is at its end.
    pub fn finish(&mut self) -> Vec<Event> {
        let all = self.in_order();
        let mut events = self.hand_on(all);
        if self.window == Window::Whole {
            let shared = apart::shared(self.memory.handoffs());
            apart::tell_apart(&mut events, &shared);
            self.shared = shared.len();
        }
        events
    }

    /// Number of ids that stand in several runs of a file, which have the run in front of them; 0 before
    /// [`finish`](Self::finish).
    pub fn shared(&self) -> usize {
        self.shared
    }

    /// Holds an observation that can be used.
    fn hold(&mut self, it: Observation, heard: Time) -> Result<(), Unusable> {
        check_ids(&it)?;
        if self.window != Window::Whole {
            check_time(it.event.at, heard)?;
        }
        let is_late = self.memory.note(&it, self.skew())?;
        self.disorder.late += u64::from(is_late);
        self.held.push(Held::new(it, heard));
        Ok(())
    }

    /// Takes all that is held, in order of what is known by now.
    fn in_order(&mut self) -> Vec<Held> {
        let mut held = std::mem::take(&mut self.held);
        for it in &mut held {
            self.memory.place(it, self.skew());
        }
        order::by_causality(&mut held);
        cause::by_cause(&mut held);
        if self.window == Window::Whole {
            for it in order::take_strays(&mut held) {
                self.skip(it.of.came_from, Unusable::new(Cause::StrayTime, it.at.to_string()));
            }
        }
        order::in_sequence(held)
    }

    /// Difference of the clocks that may have told what is seen; the lines of a file are not corrected.
    const fn skew(&self) -> Millis {
        match self.window {
            Window::Whole => 0,
            Window::Live { skew, .. } => skew,
        }
    }

    /// Makes events of what was held, what happened to a handoff in one millisecond in the order of its life.
    fn hand_on(&mut self, held: Vec<Held>) -> Vec<Event> {
        let mut events = Vec::with_capacity(held.len());
        let mut held = held.into_iter().peekable();
        let mut together = Vec::new();
        while let Some(it) = held.next() {
            let more = held.peek().is_some_and(|next| it.is_together_with(next));
            together.push(it);
            if more {
                continue;
            }
            let life = together.first().filter(|_| together.len() > 1).map(|it| self.memory.life(&it.of));
            if let Some(life) = life {
                life.order(&mut together);
            }
            for it in together.drain(..) {
                self.event(it, &mut events);
            }
        }
        events
    }

    /// Makes an event of one observation, its handoff introduced when its emission was not handed on.
    fn event(&mut self, it: Held, events: &mut Vec<Event>) {
        let Held { of, at, .. } = it;
        let first = self.memory.hand_on(&of, at);
        let Observation { mut event, place, .. } = of;
        self.disorder.skewed += u64::from(event.at != at);
        event.at = at;
        if let (true, Some((edge, step))) = (first, place) {
            let fact = Fact::Sighted(Arc::new(observed(&edge, step, "", at)));
            events.push(Event { fact, ..event.clone() });
        }
        events.push(event);
    }
}

/// Emission with the little that an observer knows of a handoff. `title` may be hostile text.
pub fn observed(edge: &Edge, step: u32, title: &str, at: Time) -> Emission {
    Emission { step, ..Emission::observed(edge.clone(), title, at) }
}

/// Refuses ids and names that nobody can mean.
fn check_ids(it: &Observation) -> Result<(), Unusable> {
    let fits = |id: &str| (1..=MAX_ID).contains(&id.len());
    let handoff = it.event.handoff.as_ref().is_none_or(|id| fits(id.as_str()));
    let edge = it.place.as_ref().map(|(edge, _)| edge);
    let names = edge.is_none_or(|it| [&it.pipeline, &it.from, &it.to].into_iter().all(|name| fits(name)));
    if handoff && names && fits(it.event.run.as_str()) {
        return Ok(());
    }
    Err(Unusable::new(Cause::BadId, format!("`{}` in run `{}`", it.event.fact.name(), it.event.run)))
}

/// Refuses times of a live source that no clock told.
fn check_time(at: Time, heard: Time) -> Result<(), Unusable> {
    let cause = if at - heard >= MOST_AHEAD {
        Cause::FutureTime
    } else if heard - at > LONGEST_SILENCE {
        Cause::StrayTime
    } else {
        return Ok(());
    };
    Err(Unusable::new(cause, at.to_string()))
}

#[cfg(test)]
mod tests;
