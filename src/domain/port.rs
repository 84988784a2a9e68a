//! The port between a console and a source: batches of facts one way, requests and answers the other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bearer::Roles;
use super::event::Event;
use super::health::{Measured, Tally};
use super::id::{Edge, HandoffId, RunId};
use super::offence::Offence;
use super::run::{Run, StoredRun};
use super::time::{ClockStep, Time};

#[deny(clippy::wildcard_enum_match_arm)]
mod act;
mod body;
mod fault;
mod request;
mod scope;
mod verb;

pub use super::mark::{Cursor, SeenToken};
pub use act::{Act, ActKind, Given, path_of};
pub use body::{Body, Format};
pub use fault::Fault;
pub use request::{Outcome, Request, Target};
pub use scope::Scope;
pub use verb::{Ask, Object, Verb};

/// Number of one of the connections of a console, counted from 0 in the order they were opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u16);

/// One piece of news from a source that is watched.
#[derive(Clone, Debug, PartialEq)]
pub enum Batch {
    /// What a watch begins with. A fresh beginning may come again later, such as when a replay is moved back.
    Begin(Begin),
    /// The events since the last batch, in order.
    Events {
        /// The events, oldest first within a run.
        events: Vec<Event>,
        /// Position after the last one, from which to go on reading.
        cursor: Cursor,
        /// Number of events of the log that come after it already; `None` when the source does not know.
        behind: Option<u64>,
    },
    /// A heartbeat of the source: nothing new, and its present time. A recording's clock is its own.
    Alive {
        /// The present time of the source.
        at: Time,
    },
    /// A recording came to its end, or was paused or moved.
    Replay(Replay),
    /// The parts that could not be used, by cause, since the watch began: replaces the list told before.
    Skipped(Vec<Skipped>),
    /// What the source can do and measures has changed: replaces what it said before.
    Capabilities(Box<Capabilities>),
}

/// Relation of what follows to what was known before.
#[derive(Clone, Debug, PartialEq)]
pub enum Begin {
    /// Everything worth knowing now: replaces what was known. Costs by edges and open work, not by history.
    Fresh(Box<Snapshot>),
    /// It goes on from the cursor that the watch was asked to begin at: what was known stays.
    Resumed,
}

/// Parts of what came that mean nothing to this program. Counted and shown, never a reason to stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The cause in a few words, such as `not JSON`.
    pub cause: String,
    /// Number of parts skipped for this cause.
    pub count: u64,
    /// Place of the first one: a line number, from 1; 0 where there are no lines.
    pub first: u64,
    /// Description of the first one. May quote hostile text.
    pub example: String,
}

/// Control of a replay by a person.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Control {
    /// Seconds of the recording per second; `None` is as fast as possible.
    Speed(Option<f64>),
    /// Pause the replay.
    Pause,
    /// Resume the replay.
    Resume,
    /// Be at this time: forward plays everything up to it, backward begins again.
    Jump(Time),
}

/// Replay of a recording: its position, and what holds for all of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// The present of the replay.
    pub at: Time,
    /// Time of its first event.
    pub from: Time,
    /// Time of its last event.
    pub until: Time,
    /// Seconds of the recording per second; `None` is as fast as possible.
    pub speed: Option<f64>,
    /// True while the replay is paused.
    pub paused: bool,
    /// True once every event was played.
    pub ended: bool,
    /// Number of ids that stand in several of its runs, and have the run in front of them: `RUN/ID`.
    pub shared_ids: usize,
}

/// Open work, what ended of late and went round in circles, and per-edge rollups: what a console needs to start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The present time of the source.
    pub at: Time,
    /// Position in the log that this is the state at.
    pub cursor: Cursor,
    /// Every run that something is open in, and of those that ended the [notable](Run::notable) ones, the worst and latest.
    pub runs: Vec<StoredRun>,
    /// Figures of each edge in each of the last minutes, and in each of the last hours for the baseline.
    pub rollups: Vec<Rollup>,
    /// Figures of each edge in each of the last slices of 5 seconds, for the windows of one and five minutes: parts of the
    /// minutes in `rollups`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<Rollup>,
    /// The latest events, oldest first, for the log on screen; they are in `runs` and `rollups` already.
    pub recent: Vec<Event>,
    /// What was refused, grouped, also where nothing of it is open any more.
    #[serde(default)]
    pub violations: Vec<Offence>,
    /// The latest jump of the clock of the source by a minute or more; `None` when there was none since it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockStep>,
    /// Records of the source that cannot be read and are left out, by cause; empty when all of them can.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
}

/// Figures of every edge in one slice of time: a minute, an hour of the baseline, or 5 seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rollup {
    /// End of the slice, which is half-open on the left: `(end - length, end]`.
    pub end: Time,
    /// The edges that did anything.
    pub edges: Vec<(Edge, Tally)>,
}

/// Capabilities of a source: what it measures and can do; the console greys out the rest and says why. They may change
/// while it is watched.
#[derive(Clone, Debug, PartialEq)]
pub struct Capabilities {
    /// Kind of source in two or three words, such as `embedded orchestrator` or `recording`.
    pub kind: String,
    /// What it measures, by edge.
    pub measured: Measured,
    /// The user's name where the source knows it by itself, as by a token; `None` where it takes the name it is told.
    pub you: Option<String>,
    /// Roles whose questions the user may answer there.
    pub roles: Roles,
    /// Bodies can be fetched.
    pub bodies: bool,
    /// The history of a run can be fetched.
    pub timelines: bool,
    /// The acts it cannot perform now, each with the reason as a sentence; empty when it can perform all.
    pub cannot: BTreeMap<ActKind, String>,
    /// Time can be paused, moved and sped up.
    pub replay: bool,
    /// Base URL by which agents reach it; else how they would, as a sentence.
    pub agents: Result<String, String>,
}

impl Capabilities {
    /// Those of an orchestrator of ours, `kind` in two or three words: everything is measured, every act possible. Where
    /// agents reach it is not said.
    pub fn everything(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            measured: Measured::default(),
            you: None,
            roles: Roles::All,
            bodies: true,
            timelines: true,
            cannot: BTreeMap::new(),
            replay: false,
            agents: Err(String::new()),
        }
    }

    /// Without the acts that there is a reason against; the others stay as they were.
    #[must_use]
    pub fn without(mut self, why_not: impl Fn(ActKind) -> Option<String>) -> Self {
        let reasons = ActKind::ALL.iter().filter_map(|act| Some((*act, why_not(*act)?)));
        self.cannot.extend(reasons);
        self
    }

    /// Whether it can perform an act now.
    ///
    /// # Errors
    /// The reason why not, as a sentence.
    pub fn may(&self, act: ActKind) -> Result<(), &str> {
        self.cannot.get(&act).map_or(Ok(()), |why| Err(why))
    }
}

/// A request for a detail that is fetched only because somebody looks at it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Want {
    /// The body of a handoff.
    Body(HandoffId),
    /// Every event of a run, oldest first.
    Timeline(RunId),
    /// What is masked in the body of a handoff that waits for a decision; that it was shown is told in the log.
    Revealed {
        /// Id of the handoff.
        handoff: HandoffId,
        /// Name of the person who looks.
        by: String,
    },
}

/// The answer to a [`Want`].
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// The body, and the digest that a decision is bound to.
    Body(Box<Body>),
    /// What is masked in the body.
    Revealed(Box<Revealed>),
    /// The run as it stands and how it got there.
    Timeline {
        /// The run with its handoffs, as it stands.
        run: Box<Run>,
        /// Every event of the run, oldest first.
        events: Vec<Event>,
    },
}

/// What is masked in a body, for the eyes of whoever decides on it: nothing of it is kept, copied or written down.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Revealed {
    /// Digest of the body.
    pub digest: String,
    /// The masked values by their JSON pointers, ordered by them. Hostile text.
    pub values: BTreeMap<String, Value>,
}

impl std::fmt::Debug for Revealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Revealed({} values)", self.values.len())
    }
}

/// A message from the supervisor of a source to the console.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// The capabilities of the source: when it is connected, and whenever they change.
    Capabilities(Capabilities),
    /// Facts, or a heartbeat of the source.
    Batch(Batch),
    /// The link is down: why, and when the next try is.
    Down {
        /// The fault that ended the connection.
        fault: Fault,
        /// Milliseconds until the next try.
        retry_in: i64,
    },
    /// An attempt to connect has begun.
    Connecting,
}
