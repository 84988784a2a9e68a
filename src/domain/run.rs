//! The aggregate: one run (one trace), its handoffs, and what is known of each.

use std::borrow::Cow;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::contract::Violation;
use super::event::{Annotation, DeadReason, Emission, Escalation, Event, Rejection, Resolution};
use super::id::{Actor, ActorKind, Edge, HandoffId, RunId};
use super::time::{Millis, Time};

pub mod queue;
mod state;
mod stored_run;
mod verdict;

pub use state::State;
pub use stored_run::{Outline, StoredRun};
pub use verdict::{Level, Verdict};

/// One execution of a pipeline. Every command touches one run, so one compare-and-set covers completing a
/// handoff and emitting the next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its id, which is the trace id of every handoff in it.
    pub id: RunId,
    /// Sequence number of the last event folded in; 0 for observed runs.
    pub version: u64,
    /// When its first event happened.
    pub started_at: Time,
    /// When its last event happened.
    pub changed_at: Time,
    /// Every handoff, in order of emission.
    #[serde(with = "indexmap::map::serde_seq", default, skip_serializing_if = "IndexMap::is_empty")]
    pub handoffs: IndexMap<HandoffId, Handoff>,
    /// What people made of it, oldest first: at most [`Annotation::PER_RUN`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<Annotated>,
    /// Refused contracts that would have belonged to this run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejections: Vec<Refused>,
    /// Edges paused by a person; only in the one run that keeps such switches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paused: Vec<Edge>,
    /// When a person cancelled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<Time>,
    /// Whether its agents go round in circles.
    #[serde(default, skip_serializing_if = "Verdict::is_fine")]
    pub verdict: Verdict,
    /// Times of the latest retries, oldest first, kept as long as they can still make a storm.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retries: Vec<Time>,
    /// Retries over the whole run.
    #[serde(default)]
    pub retried: u32,
    /// When the third retry within ten minutes happened: a retry storm since then (amendment A5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storm_since: Option<Time>,
}

/// One handoff and everything the state machine knows of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Handoff {
    /// Its id.
    pub id: HandoffId,
    /// The head of its contract.
    pub emission: Arc<Emission>,
    /// Where it stands.
    pub state: State,
    /// One more with every event about it: what operators compare and set.
    pub version: u64,
    /// When it was emitted; `None` when an observed source never showed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emitted_at: Option<Time>,
    /// Not claimable before this.
    pub ready_at: Time,
    /// Start of the latency clock: `max(emitted, not_before)`, moved on by time spent escalated before the
    /// acknowledgement, restarted by requeue (protocol section 5).
    pub waiting_since: Time,
    /// First acknowledgement since the latency clock started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acked_at: Option<Time>,
    /// First end; a second end of an observed handoff does not move it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
    /// Revision of the contract, from 1.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub rev: u32,
    /// Digest of an amended contract; otherwise the emission's holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amended: Option<Box<str>>,
    /// Budget epoch: 0, and one more with every requeue or approval.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub epoch: u32,
    /// Attempts in this epoch.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempt: u32,
    /// Attempts over all epochs.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempts_total: u32,
    /// Times it was snoozed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub snoozes: u32,
    /// Observed only: a later handoff of the run tries this one again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retried: bool,
    /// Possession by an agent or a person, while leased or acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Box<Lease>>,
    /// The latest failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Box<Failure>>,
    /// The open question to a person, while escalated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation: Option<Box<OpenEscalation>>,
    /// How often it was escalated.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub escalations: u32,
    /// The latest decision of a person: delivered with the next claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<Box<Resolution>>,
    /// Who edited or requeued it, where duties are separated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hands: Vec<Actor>,
    /// Who changed it last, how and when: told to the loser of a race.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_change: Option<LastChange>,
}

/// What somebody made of a run, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotated {
    /// What was said.
    #[serde(flatten)]
    pub annotation: Annotation,
    /// Who said it.
    pub by: Actor,
    /// When.
    pub at: Time,
}

/// Exclusive, expiring possession.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// Fencing token.
    pub id: String,
    /// Who holds it.
    pub holder: String,
    /// When it expires; `None` never (a person holds it).
    pub until: Option<Time>,
    /// How long an acknowledgement or heartbeat extends it.
    pub lease_ms: Millis,
}

/// How an attempt went wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Error code.
    pub code: String,
    /// What was said about it. Hostile text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// When it was told.
    pub at: Time,
    /// Why no further attempt follows, once dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead: Option<DeadReason>,
    /// What the receiver found wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
}

/// The open question of an escalated handoff.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenEscalation {
    /// What is asked of whom.
    #[serde(flatten)]
    pub asked: Escalation,
    /// When it was opened.
    pub opened_at: Time,
    /// Who was asking.
    pub by: Actor,
    /// Who has it in hand, and until when; advisory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<(Actor, Time)>,
    /// Somebody had it in hand before: the first claim is its acknowledgement, later ones are none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ever_claimed: bool,
}

/// Who changed something last, how and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastChange {
    /// Who did it.
    pub actor: Actor,
    /// What happened, such as `handoff.requeued`.
    pub event: Cow<'static, str>,
    /// When it was committed, or recorded.
    pub at: Time,
}

impl LastChange {
    /// What an event will be remembered as.
    pub fn of(event: &Event) -> Self {
        Self { actor: event.actor.clone(), event: event.fact.name().into(), at: event.at }
    }

    /// What was done, in words: `requeued`, `dead lettered`.
    pub fn done(&self) -> String {
        let event = self.event.trim_end_matches(".v1");
        event.rsplit('.').next().unwrap_or(event).replace('_', " ")
    }

    /// The first of these events, newest first, that a person did: agents move on at once, and what they did after
    /// that is not what somebody who comes second wants to know.
    pub fn of_person<'a>(mut newest_first: impl Iterator<Item = &'a Event>) -> Option<Self> {
        let person = newest_first.find(|it| it.actor.kind == ActorKind::User);
        person.map(Self::of)
    }
}

/// A refused contract as the run remembers it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    /// What was refused and why.
    pub rejection: Rejection,
    /// How often the same body came.
    pub count: u32,
    /// When it came first.
    pub first_at: Time,
    /// When it came last.
    pub last_at: Time,
}

impl Refused {
    /// How many a run keeps in sight; older ones stay in its events.
    pub const KEPT: usize = 100;
}

/// Where a run stands, derived from its handoffs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Work is going on.
    Running,
    /// Open handoffs exist and every one is escalated or a dead letter.
    Waiting,
    /// None open; the last one ended well.
    Completed,
    /// None open; something was dismissed, failed or refused on the way.
    Failed,
    /// A person cancelled it.
    Cancelled,
}

impl Run {
    /// An empty run, before its first event.
    pub fn new(id: RunId, at: Time) -> Self {
        Self {
            id,
            version: 0,
            started_at: at,
            changed_at: at,
            handoffs: IndexMap::new(),
            annotations: Vec::new(),
            rejections: Vec::new(),
            paused: Vec::new(),
            cancelled_at: None,
            verdict: Verdict::default(),
            retries: Vec::new(),
            retried: 0,
            storm_since: None,
        }
    }

    /// Handoffs that somebody still owes something on.
    pub fn open(&self) -> impl Iterator<Item = &Handoff> {
        self.handoffs.values().filter(|it| it.state.is_open())
    }

    /// True while something in it waits for an agent or a person, or switches an edge off: such runs are
    /// what a console must load.
    pub fn is_open(&self) -> bool {
        let mut last_first = self.handoffs.values().rev();
        let open = last_first.any(|it| it.state.is_open());
        open || !self.rejections.is_empty() || !self.paused.is_empty()
    }

    /// Where it stands.
    pub fn state(&self) -> RunState {
        if self.cancelled_at.is_some() {
            return RunState::Cancelled;
        }
        let mut open = self.open().peekable();
        if open.peek().is_some() {
            let waits = open.all(|it| matches!(it.state, State::Escalated | State::DeadLettered));
            return if waits { RunState::Waiting } else { RunState::Running };
        }
        let mut states = self.handoffs.values().map(|it| it.state);
        if states.any(|it| matches!(it, State::Dismissed | State::Failed | State::Rejected)) {
            RunState::Failed
        } else {
            RunState::Completed
        }
    }

    /// The pipeline of its first handoff; empty before one exists.
    pub fn pipeline(&self) -> &str {
        self.handoffs.first().map_or("", |(_, first)| &first.emission.edge.pipeline)
    }
}

impl Run {
    /// What people made of one of its handoffs, oldest first.
    pub fn annotations_of<'a>(&'a self, handoff: &'a HandoffId) -> impl Iterator<Item = &'a Annotated> {
        self.annotations.iter().filter(move |it| it.annotation.handoff.as_ref() == Some(handoff))
    }
}

impl Handoff {
    /// Digest of the contract as it stands now.
    pub fn digest(&self) -> &str {
        self.amended.as_deref().unwrap_or(&self.emission.digest)
    }

    /// When it came into being, as far as is known: what its age counts from.
    pub fn first_seen(&self) -> Time {
        self.clock().first_seen()
    }

    /// True while its age counts in the latency population: emitted, unacknowledged and in automatic
    /// processing (protocol section 5).
    pub fn is_unacknowledged(&self) -> bool {
        self.clock().waiting(self.state).is_some()
    }
}

const fn one() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes references
const fn is_one(it: &u32) -> bool {
    *it == 1
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes references
const fn is_zero(it: &u32) -> bool {
    *it == 0
}
