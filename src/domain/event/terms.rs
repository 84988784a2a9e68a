//! The terms of a handoff: what only a contract brings, and only an orchestrator holds anybody to.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Timeout;
use crate::domain::contract::{FailureAction, SIDE_EFFECTS_UNDECLARED, Urgency};
use crate::domain::time::{Millis, Time};

/// What a contract and the policy of its edge settle for a handoff. The default is what the wire leaves out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms {
    /// Idempotency key, `hk1_` + 64 hex; never empty.
    pub key: Arc<str>,
    /// `sha256:` digest of the contract as it was emitted.
    pub digest: Arc<str>,
    /// Version of the pipeline definition.
    pub pipeline_version: Arc<str>,
    /// Urgency of the handoff, as the producer said; normal when it did not.
    pub urgency: Urgency,
    /// Name of the owner of the outcome.
    pub owner: Arc<str>,
    /// Attempts per budget epoch, the first included.
    pub max_attempts: u32,
    /// Error codes worth another attempt.
    pub retryable: Vec<String>,
    /// Error codes that go to a person.
    pub escalate: Vec<String>,
    /// Action for error codes in neither list.
    pub default: FailureAction,
    /// Time after which it becomes a dead letter unless an attempt is running; `None` when it has no deadline.
    pub deadline: Option<Time>,
    /// Time until which everything that the contract refers to can be fetched; `None` when that is not said.
    pub refs_until: Option<Time>,
    /// Time for which a claim may stay unacknowledged, in milliseconds.
    pub ack_timeout_ms: Millis,
    /// The P95 of emit to acknowledge that the policy of the edge allows, in milliseconds; `None` without a limit.
    pub p95_max_ms: Option<Millis>,
    /// Completeness of the brief, 0..=100; `None` when it was not scored.
    pub completeness: Option<u8>,
    /// The producer's confidence, `0.0..=1.0`; `None` when it does not say.
    pub confidence: Option<f64>,
    /// `name@version` of the payload schema; `None` without a payload.
    pub payload: Option<String>,
    /// Names of payload members that did not cross the edge.
    pub dropped: Vec<String>,
    /// Open issues the producer declares, for "does each revision make progress"; `None` when it declares none.
    pub open_issues: Option<u32>,
    /// Quality flags, such as `summary_size`, and violations an `observe` edge let through.
    pub flags: Vec<String>,
    /// The edge is declared cyclic (patrol, poll): no loop verdict on it.
    pub cyclic: bool,
    /// More returns than this on the pair is a loop.
    pub max_cycles: u32,
    /// Longer chains of handoffs among agents than this are a loop; `None` where the policy of the edge does not say.
    pub max_hops: Option<u32>,
    /// Separation of duties: nobody who emitted, edited, requeued or escalated it may decide on it.
    pub separation: bool,
    /// Subject of the token that emitted it; kept only where duties are separated.
    pub emitter: Option<Arc<str>>,
    /// The approval that it needs before its target may begin; `None` when it needs none.
    pub approval: Option<Box<Approval>>,
}

/// The approval that a handoff needs, each time for its contract as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// The role that is asked.
    pub role: String,
    /// The question that the approver reads.
    pub question: String,
    /// Time allowed for the answer, in milliseconds.
    pub due_ms: Millis,
    /// The answer given by the timeout when nobody answers until then.
    pub on_timeout: Timeout,
    /// The action that will really run on approval, if the producer said so: `{name, args}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed_action: Option<Value>,
}

impl Approval {
    /// After an edit of the contract: the same question of the same role, about what will run now.
    fn amended(&self, edited: Option<&Self>) -> Self {
        Self { proposed_action: edited.and_then(|it| it.proposed_action.clone()), ..self.clone() }
    }
}

impl Terms {
    /// The violations that an edge which only observes let through, each as JSON pointer and rule; the other
    /// [`flags`](Self::flags) are one word.
    pub fn violations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.flags.iter().filter_map(|it| it.rsplit_once(' '))
    }

    /// Whether its source left out what it wrote to the outside, so that nobody knows.
    pub fn hides_effects(&self) -> bool {
        self.flags.iter().any(|it| it == SIDE_EFFECTS_UNDECLARED)
    }

    /// After an edit of the contract to one with these terms: its place, its origin and the policy of its edge stay.
    #[must_use]
    pub fn amended(&self, edited: &Self) -> Self {
        Self {
            urgency: edited.urgency,
            owner: edited.owner.clone(),
            max_attempts: edited.max_attempts,
            retryable: edited.retryable.clone(),
            escalate: edited.escalate.clone(),
            default: edited.default,
            deadline: edited.deadline,
            refs_until: edited.refs_until,
            ack_timeout_ms: edited.ack_timeout_ms,
            completeness: edited.completeness,
            payload: edited.payload.clone(),
            dropped: edited.dropped.clone(),
            open_issues: edited.open_issues,
            flags: edited.flags.clone(),
            approval: self.approval.as_ref().map(|it| Box::new(it.amended(edited.approval.as_deref()))),
            ..self.clone()
        }
    }
}
