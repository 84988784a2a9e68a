//! What passes between a console and a source: batches of facts one way, requests and answers the other.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::contract::Violation;
use super::event::{Answer, DismissReason, Event};
use super::health::Tally;
use super::id::{Edge, HandoffId, RunId};
use super::run::{LastChange, Run};
use super::time::Time;

/// Position in a source's log; opaque to everybody but that source. 0 is before the first event.
pub type Cursor = u64;

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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The source's present.
    pub at: Time,
    /// Position in the log that this is the state at.
    pub cursor: Cursor,
    /// Every run that something is open in.
    pub runs: Vec<Run>,
    /// What each edge did in each of the last minutes, and in each of the last hours for the baseline.
    pub rollups: Vec<Rollup>,
    /// The latest events, oldest first, for the log on screen; they are in `runs` and `rollups` already.
    pub recent: Vec<Event>,
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

/// The acts a person may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActKind {
    /// Back to the queue.
    Requeue,
    /// To a person.
    Escalate,
    /// End it unprocessed.
    Dismiss,
    /// Go ahead as shown.
    Approve,
    /// Go ahead as edited.
    EditApprove,
    /// Back to the source with feedback.
    Reject,
    /// Answer a question.
    Respond,
    /// Take an escalation in hand.
    Claim,
    /// Put it back.
    Release,
    /// Nothing more for agents from this edge.
    PauseEdge,
    /// Let it flow again.
    ResumeEdge,
    /// Cancel a whole run.
    Cancel,
}

impl ActKind {
    /// Every act.
    pub const ALL: [Self; 12] = [
        Self::Requeue,
        Self::Escalate,
        Self::Dismiss,
        Self::Approve,
        Self::EditApprove,
        Self::Reject,
        Self::Respond,
        Self::Claim,
        Self::Release,
        Self::PauseEdge,
        Self::ResumeEdge,
        Self::Cancel,
    ];

    /// The verb, as in commands and buttons.
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Requeue => "requeue",
            Self::Escalate => "escalate",
            Self::Dismiss => "dismiss",
            Self::Approve => "approve",
            Self::EditApprove => "edit and approve",
            Self::Reject => "reject",
            Self::Respond => "respond",
            Self::Claim => "claim",
            Self::Release => "release",
            Self::PauseEdge => "pause",
            Self::ResumeEdge => "resume",
            Self::Cancel => "cancel",
        }
    }

    /// The past participle, as in "dana requeued this".
    pub const fn done(self) -> &'static str {
        match self {
            Self::Requeue => "requeued",
            Self::Escalate => "escalated",
            Self::Dismiss => "dismissed",
            Self::Approve => "approved",
            Self::EditApprove => "edited and approved",
            Self::Reject => "rejected",
            Self::Respond => "answered",
            Self::Claim => "claimed",
            Self::Release => "released",
            Self::PauseEdge => "paused",
            Self::ResumeEdge => "resumed",
            Self::Cancel => "cancelled",
        }
    }
}

/// One act on one or many items: what is confirmed, sent, logged and audited is this one value.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What it is done to: ids and versions as they were on the screen.
    pub on: Vec<Target>,
    /// What is done.
    pub act: Act,
    /// The person.
    pub by: String,
    /// Why, in the person's words; may be empty where the act does not need it.
    pub why: String,
    /// Drawn once for this request: repeating it is a no-op.
    pub key: String,
}

/// One item as it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// Its run.
    pub run: RunId,
    /// The handoff.
    pub handoff: HandoffId,
    /// The version on the screen.
    pub version: u64,
}

/// What is done, with what it needs.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Row 21.
    Requeue,
    /// Row 18; the reason is the question.
    Escalate {
        /// Revoke a running lease.
        force: bool,
        /// Whom to ask.
        role: String,
    },
    /// Row 23.
    Dismiss {
        /// Which sort of reason.
        reason: DismissReason,
    },
    /// Row 19.
    Resolve {
        /// Which answer.
        answer: Answer,
        /// Digest of what was shown.
        context_digest: String,
        /// The whole edited contract, for edit and approve.
        edited: Option<Value>,
        /// The answer to a question.
        value: Option<Value>,
    },
    /// An escalation in hand.
    Claim,
    /// And put back.
    Release,
    /// Stop an edge; `on` is empty.
    PauseEdge(Edge),
    /// Let it flow; `on` is empty.
    ResumeEdge(Edge),
    /// Row 25: the runs of the targets.
    Cancel,
}

impl Act {
    /// Which act it is.
    pub const fn kind(&self) -> ActKind {
        match self {
            Self::Requeue => ActKind::Requeue,
            Self::Escalate { .. } => ActKind::Escalate,
            Self::Dismiss { .. } => ActKind::Dismiss,
            Self::Resolve { answer, .. } => match answer {
                Answer::Approve => ActKind::Approve,
                Answer::EditApprove => ActKind::EditApprove,
                Answer::Reject => ActKind::Reject,
                Answer::Respond => ActKind::Respond,
                Answer::Dismiss => ActKind::Dismiss,
            },
            Self::Claim => ActKind::Claim,
            Self::Release => ActKind::Release,
            Self::PauseEdge(_) => ActKind::PauseEdge,
            Self::ResumeEdge(_) => ActKind::ResumeEdge,
            Self::Cancel => ActKind::Cancel,
        }
    }
}

/// What came of a request: one result per item, in the order of [`Request::on`] (one, with no handoff, for
/// an edge).
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The results.
    pub items: Vec<(Option<HandoffId>, Result<(), Fault>)>,
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
        /// The whole contract.
        value: Value,
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

/// Why a source did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Fault {
    /// It may work later: the link is down, the server is busy.
    #[error("{0}")]
    Transient(String),
    /// Not with these rights.
    #[error("{0}")]
    Denied(String),
    /// It moved since it was seen.
    #[error("{}", Moved(found, by))]
    Conflict {
        /// Its version now.
        found: u64,
        /// Who moved it, how and when.
        by: Option<LastChange>,
    },
    /// Allowed by nobody: the state, the effects or the question forbid it.
    #[error("{0}")]
    Refused(String),
    /// What was sent is wrong, with every place.
    #[error("{}", Listed(.0))]
    Invalid(Vec<Violation>),
    /// This source cannot do that at all.
    #[error("{0}")]
    Unsupported(String),
    /// What came is not what this program understands: wrong address, wrong program, wrong version.
    #[error("{0}")]
    Malformed(String),
}

struct Moved<'a>(&'a u64, &'a Option<LastChange>);

impl fmt::Display for Moved<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(by) => {
                let what = by
                    .event
                    .rsplit('.')
                    .next()
                    .unwrap_or_default()
                    .replace('_', " ");
                write!(
                    f,
                    "{} {what} this at {}",
                    by.actor.id,
                    by.at.utc().format("%H:%M:%S UTC")
                )
            }
            None => write!(f, "it changed since you saw it (now version {})", self.0),
        }
    }
}

struct Listed<'a>(&'a [Violation]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, it) in self.0.iter().enumerate() {
            if nth > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{it}")?;
        }
        Ok(())
    }
}

/// What the supervisor of a source reports to the console.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// What it can do; once connected.
    Offers(Capabilities),
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
