//! The aggregate: one run (one trace), its handoffs, and what is known of each.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::contract::{Urgency, Violation};
use super::event::{Annotation, Approval, DeadReason, Emission, Escalation, Event, Resolution, Terms};
use super::id::{Actor, ActorKind, Edge, HandoffId, RunId};
use super::mark::SeenToken;
use super::time::{Millis, Time};

mod again;
mod handoffs;
mod parties;
pub mod queue;
mod refused;
mod run_state;
mod state;
mod stored_run;
mod verdict;
mod waiting;

pub use again::Again;
pub use handoffs::Handoffs;
pub use refused::Refused;
pub use run_state::RunState;
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
    /// Time of its first event.
    pub started_at: Time,
    /// Time of its last event.
    pub changed_at: Time,
    /// Every handoff, in order of emission.
    #[serde(default, skip_serializing_if = "Handoffs::is_empty")]
    pub handoffs: Handoffs,
    /// Verdicts of people, oldest first: at most [`Annotation::PER_RUN`]; empty when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<Annotated>,
    /// Refused contracts that would have belonged to this run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejections: Vec<Refused>,
    /// Edges paused by a person; only in the one run that keeps such switches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paused: Vec<Edge>,
    /// Edges that flow again, each with the time since which it does; only in the one run that keeps such switches, the
    /// latest of a day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumed: Vec<(Edge, Time)>,
    /// Time at which a person cancelled it; `None` when nobody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<Time>,
    /// Verdict of the loop rules: whether its agents go round in circles.
    #[serde(default, skip_serializing_if = "Verdict::is_fine")]
    pub verdict: Verdict,
    /// Times of the retries in the ten minutes up to the latest one, oldest first; at most
    /// [`STORM_COUNTED`](crate::domain::loops::STORM_COUNTED).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retries: Vec<Time>,
    /// Retries over the whole run.
    #[serde(default)]
    pub retried: u32,
    /// Time of the third retry within ten minutes of the latest retry storm (amendment A5); `None` without one. Whether
    /// it goes on depends on the time: [`loops::storm`](crate::domain::loops::storm).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storm_since: Option<Time>,
    /// Observed only: handoffs that failed or were refused and were granted another attempt, of which nothing was seen
    /// yet, in the order of the grants; at most [`AWAITED`](Self::AWAITED).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub awaited: Vec<HandoffId>,
}

/// One handoff and everything the state machine knows of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Handoff {
    /// Id of the handoff.
    pub id: HandoffId,
    /// The head of its contract.
    pub emission: Arc<Emission>,
    /// State of the handoff.
    pub state: State,
    /// One more with every event about it: what operators compare and set.
    pub version: u64,
    /// State it is in, as the source marks it; `None` where that is the version. See [`Handoff::seen`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<SeenToken>,
    /// Time of its emission; `None` when an observed source never showed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emitted_at: Option<Time>,
    /// Time before which it cannot be claimed.
    pub ready_at: Time,
    /// Start of the latency clock: when it was ready, which is `max(emitted, not_before)`, or the end of a snooze or a
    /// pause since then; moved on by time spent escalated before the acknowledgement, restarted by requeue (protocol
    /// section 5).
    pub waiting_since: Time,
    /// First acknowledgement since the latency clock started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acked_at: Option<Time>,
    /// It was acknowledged in a life that ended with a requeue.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub acked_before: bool,
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
    /// Number of attempts in this epoch.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempt: u32,
    /// Number of attempts over all epochs.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempts_total: u32,
    /// It needed a second attempt, in this epoch or another.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeated: bool,
    /// It was completed, returned or a dead letter once, and whether it had needed a second attempt by then or by the end
    /// of a later life; `None` until it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<bool>,
    /// Number of times it was snoozed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub snoozes: u32,
    /// Observed only: another attempt was granted since the last one ended, or began.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retried: bool,
    /// Observed only: attempts of the same work under other ids; `None` when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Box<Again>>,
    /// Possession by an agent or a person, while leased or acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Box<Lease>>,
    /// The latest failure; `None` when no attempt failed yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Box<Failure>>,
    /// The open question to a person, while escalated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation: Option<Box<OpenEscalation>>,
    /// Number of times it was escalated.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub escalations: u32,
    /// The latest decision of a person: delivered with the next claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<Box<Resolution>>,
    /// Those who edited, requeued or escalated it; kept only where duties are separated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hands: Vec<Actor>,
    /// Digest of the contract that was approved last, where it [needs that](Handoff::lacks_approval).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<Box<str>>,
    /// The latest change: its author, event and time. Told to the loser of a race, with the conflict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_change: Option<LastChange>,
}

/// A person's verdict on a run, with author and time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotated {
    /// The verdict and its note.
    #[serde(flatten)]
    pub annotation: Annotation,
    /// The author of the verdict.
    pub by: Actor,
    /// Time at which it was given.
    pub at: Time,
}

/// A lease: exclusive possession of a handoff, which expires.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// Fencing token: it goes with everything the holder says.
    pub id: String,
    /// Name of the agent or person who holds it.
    pub holder: String,
    /// Time at which it expires; `None` never (a person holds it).
    pub until: Option<Time>,
    /// Length by which an acknowledgement or heartbeat extends it, in milliseconds.
    pub lease_ms: Millis,
}

/// Failure of an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Error code of the failure.
    pub code: String,
    /// The agent's account of the failure. Hostile text; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Time at which the failure was reported.
    pub at: Time,
    /// Reason for making no further attempt; `None` while it is no dead letter, or when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead: Option<DeadReason>,
    /// The violations the receiver found in the contract; empty when it failed for another reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
}

/// The open question of an escalated handoff.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenEscalation {
    /// The question, with the role it is put to.
    #[serde(flatten)]
    pub asked: Escalation,
    /// Time at which it was opened.
    pub opened_at: Time,
    /// The agent, person or timer that asked.
    pub by: Actor,
    /// The person who claimed it, and when the claim lapses; advisory. `None` when nobody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<(Actor, Time)>,
    /// Somebody had it in hand before: the first claim is its acknowledgement, later ones are none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ever_claimed: bool,
}

/// The latest change of something: its author, event and time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastChange {
    /// The author of the change.
    pub actor: Actor,
    /// Name of the event, such as `handoff.requeued`.
    pub event: Cow<'static, str>,
    /// Time at which it was committed, or recorded.
    pub at: Time,
}

impl LastChange {
    /// The change that an event is remembered as.
    pub fn of(event: &Event) -> Self {
        Self { actor: event.actor.clone(), event: event.fact.name().into(), at: event.at }
    }

    /// The change in words: `requeued`, `dead lettered`.
    pub fn done(&self) -> String {
        let event = self.event.trim_end_matches(".v1");
        event.rsplit('.').next().unwrap_or(event).replace('_', " ")
    }

    /// The first of these events, newest first, that a person did: agents move on at once, and what they did after
    /// that is not what somebody who lost the conflict wants to know.
    pub fn of_person<'a>(mut newest_first: impl Iterator<Item = &'a Event>) -> Option<Self> {
        let person = newest_first.find(|it| it.actor.kind == ActorKind::User);
        person.map(Self::of)
    }
}

impl Run {
    /// An empty run, before its first event.
    pub fn new(id: RunId, at: Time) -> Self {
        Self {
            id,
            version: 0,
            started_at: at,
            changed_at: at,
            handoffs: Handoffs::default(),
            annotations: Vec::new(),
            rejections: Vec::new(),
            paused: Vec::new(),
            resumed: Vec::new(),
            cancelled_at: None,
            verdict: Verdict::default(),
            retries: Vec::new(),
            retried: 0,
            storm_since: None,
            awaited: Vec::new(),
        }
    }

    /// Handoffs that somebody still owes something on.
    pub fn open(&self) -> impl Iterator<Item = &Handoff> {
        self.handoffs.values().filter(|it| it.is_open())
    }

    /// True while something in it waits for an agent or a person, or switches an edge off or did lately: such runs are
    /// what a console must load.
    pub fn is_open(&self) -> bool {
        let switches = !self.paused.is_empty() || !self.resumed.is_empty();
        self.handoffs.count(State::is_open) > 0 || !self.rejections.is_empty() || switches
    }

    /// The pipeline of its first handoff; empty before one exists.
    pub fn pipeline(&self) -> &str {
        self.handoffs.first().map_or("", |first| &first.emission.edge.pipeline)
    }
}

impl Run {
    /// The handoff that was emitted under this idempotency key, with its terms; `None` while the key is free.
    pub fn by_key(&self, key: &str) -> Option<(&Handoff, &Terms)> {
        let found = self.handoffs.by_key(key)?;
        Some((found, found.emission.terms.as_ref()?))
    }

    /// Verdicts of people on one of its handoffs, oldest first.
    pub fn annotations_of<'a>(&'a self, handoff: &'a HandoffId) -> impl Iterator<Item = &'a Annotated> {
        self.annotations.iter().filter(move |it| it.annotation.handoff.as_ref() == Some(handoff))
    }
}

impl Handoff {
    /// The state it is in, for an act that is bound to it.
    pub fn seen(&self) -> SeenToken {
        self.seen.clone().unwrap_or_else(|| self.version.into())
    }

    /// Digest of the contract as it stands now; `None` when there is no contract.
    pub fn digest(&self) -> Option<&str> {
        let emitted = self.emission.terms.as_ref().map(|it| &*it.digest);
        self.amended.as_deref().or(emitted)
    }

    /// Whether nobody who emitted, edited, requeued or escalated it may decide on it.
    pub fn separates(&self) -> bool {
        self.emission.terms.as_ref().is_some_and(|it| it.separation)
    }

    /// The approval that it needs and does not have for its contract as it stands; `None` when its target may begin.
    pub fn lacks_approval(&self) -> Option<&Approval> {
        let needed = self.emission.terms.as_ref()?.approval.as_deref()?;
        (self.approved.as_deref() != self.digest()).then_some(needed)
    }

    /// Urgency of the handoff; normal when nobody said.
    pub fn urgency(&self) -> Urgency {
        self.emission.terms.as_ref().map(|it| it.urgency).unwrap_or_default()
    }

    /// Digest that an answer to its open question is bound to: that of the contract, else the one that its source gave
    /// with the question; `None` when there is neither.
    pub fn bound_digest(&self) -> Option<&str> {
        let asked = self.escalation.as_ref().and_then(|open| open.asked.context_digest.as_deref());
        self.digest().or(asked)
    }

    /// Emitted, and neither done nor given up.
    pub fn is_open(&self) -> bool {
        self.emitted_at.is_some() && self.state.is_open()
    }

    /// Time from the start of the latency clock to the first acknowledgement, in milliseconds; `None` unless both were
    /// seen, in this order.
    pub fn latency(&self) -> Option<Millis> {
        let acked = self.acked_at.filter(|_| self.emitted_at.is_some())?;
        (acked >= self.waiting_since).then(|| acked - self.waiting_since)
    }

    /// The same as a record has it: where it is only observed, with the time that people were asked.
    pub fn emit_to_ack(&self) -> Option<Millis> {
        let latency = self.latency()?;
        let emitted = self.emitted_at.filter(|_| self.emission.is_observed());
        let raw = self.acked_at.zip(emitted).map(|(acked, at)| acked - at.max(self.emission.ready_at));
        Some(raw.unwrap_or(latency))
    }

    /// Time from which its age counts: its emission; where that was never seen, the time it was first heard of.
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
