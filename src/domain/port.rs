//! What passes between a console and a source: batches of facts one way, requests and answers the other.

use serde::{Deserialize, Serialize};

use super::contract::Masked;
use super::event::Event;
use super::health::Tally;
use super::id::{Edge, HandoffId, RunId};
use super::run::{Run, StoredRun};
use super::time::Time;

#[deny(clippy::wildcard_enum_match_arm)]
mod act;
mod fault;
mod request;
mod scope;
mod verb;

pub use act::{Act, ActKind, Given};
pub use fault::Fault;
pub use request::{Outcome, Request, Target};
pub use scope::Scope;
pub use verb::{Ask, Object, Verb};

/// Position in a source's log; opaque to everybody but that source. 0 is before the first event.
pub type Cursor = u64;

/// Which of the connections of a console, counted from 0 in the order they were opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u16);

/// What a source says while it is watched.
#[derive(Clone, Debug, PartialEq)]
pub enum Batch {
    /// Everything worth knowing now: replaces what was known. Costs by edges and open work, not by history.
    Snapshot(Box<Snapshot>),
    /// What happened since, in order; `cursor` is the position after the last one.
    Events {
        /// The events.
        events: Vec<Event>,
        /// Where to go on from.
        cursor: Cursor,
    },
    /// Nothing new, and the source is alive: its present time. A recording's clock is its own.
    Alive {
        /// The source's present.
        at: Time,
    },
    /// A recording came to its end, or was paused or moved.
    Replay(Replay),
    /// What could not be used, by cause, since the watch began: replaces what was said before.
    Skipped(Vec<Skipped>),
}

/// Parts of what came that mean nothing to this program. Counted and shown, never a reason to stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The cause in a few words, such as `not JSON`.
    pub cause: String,
    /// How many.
    pub count: u64,
    /// Where the first one is: a line number, from 1.
    pub first: u64,
    /// What was wrong with the first one. May quote hostile text.
    pub example: String,
}

/// What a person may ask of a replay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Control {
    /// How many seconds pass in one; `None` is as fast as possible.
    Speed(Option<f64>),
    /// Stand still.
    Pause,
    /// Go on.
    Resume,
    /// Be at this time: forward plays everything up to it, backward begins again.
    Jump(Time),
}

/// Where the replay of a recording stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// Its present.
    pub at: Time,
    /// Time of its first event.
    pub from: Time,
    /// Time of its last event.
    pub until: Time,
    /// How many seconds pass in one; `None` is as fast as possible.
    pub speed: Option<f64>,
    /// Standing still.
    pub paused: bool,
    /// Every event was played.
    pub ended: bool,
}

/// Open work and per-edge rollups: what a console needs to start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The source's present.
    pub at: Time,
    /// Position in the log that this is the state at.
    pub cursor: Cursor,
    /// Every run that something is open in.
    pub runs: Vec<StoredRun>,
    /// What each edge did in each of the last minutes, and in each of the last hours for the baseline.
    pub rollups: Vec<Rollup>,
    /// The latest events, oldest first, for the log on screen; they are in `runs` and `rollups` already.
    pub recent: Vec<Event>,
    /// The refusals at emit of the last hour, oldest first: what was refused of whom, also where a better contract
    /// came since.
    #[serde(default)]
    pub refused: Vec<Event>,
}

/// What every edge did in one minute, or in one hour of the baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rollup {
    /// End of the slice, which is half-open on the left: `(end - 1 min, end]`.
    pub end: Time,
    /// The edges that did anything.
    pub edges: Vec<(Edge, Tally)>,
}

/// What a source measures and what it can do; the console greys out the rest and says why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Capabilities {
    /// In two or three words, such as `embedded orchestrator` or `recording`.
    pub kind: String,
    /// Acknowledgements are seen, so latency is.
    pub latency: bool,
    /// Retries are seen.
    pub retries: bool,
    /// Refused contracts are seen.
    pub violations: bool,
    /// Who acts, where the source knows that by itself, as by a token; `None` where it takes the name it is told.
    pub you: Option<String>,
    /// Contracts can be fetched.
    pub bodies: bool,
    /// The history of a run can be fetched.
    pub timelines: bool,
    /// Acts it can perform.
    pub acts: Vec<ActKind>,
    /// Why it cannot perform the others, as a sentence; empty when it can perform all.
    pub why_not: String,
    /// Time can be paused, moved and sped up.
    pub replay: bool,
}

impl Capabilities {
    /// Those of an orchestrator of ours, `kind` in two or three words: everything is measured, every act possible.
    pub fn everything(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            latency: true,
            retries: true,
            violations: true,
            you: None,
            bodies: true,
            timelines: true,
            acts: ActKind::ALL.to_vec(),
            why_not: String::new(),
            replay: false,
        }
    }
}

/// What somebody looks at and is therefore worth fetching.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Want {
    /// The stored contract of a handoff, as JSON.
    Contract(HandoffId),
    /// Every event of a run, oldest first.
    Timeline(RunId),
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// The contract, and the digest that a decision is bound to.
    Contract {
        /// The contract as it may be shown.
        value: Masked,
        /// Its digest.
        digest: String,
    },
    /// The run as it stands and how it got there.
    Timeline {
        /// The run.
        run: Box<Run>,
        /// Its events.
        events: Vec<Event>,
    },
}

/// What the supervisor of a source reports to the console.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// What it can do; once connected.
    Capabilities(Capabilities),
    /// Facts, or a sign of life.
    Batch(Batch),
    /// The link is down: why, and when the next try is.
    Down {
        /// Why.
        fault: Fault,
        /// Milliseconds until the next try.
        retry_in: i64,
    },
    /// Trying to connect.
    Connecting,
}
