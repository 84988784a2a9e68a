//! Events: the log of one run, and its wire form (CloudEvents 1.0, protocol section 4).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::contract::Violation;
use super::id::{Actor, Edge, HandoffId, RunId};
use super::mark::SeenToken;
use super::time::Time;

mod annotation;
mod emission;
mod escalation;
mod terms;
mod wire;
mod words;

pub use annotation::Annotation;
pub use emission::Emission;
pub use escalation::{Answer, Cause, Escalation, EscalationKind, Resolution, Timeout};
pub use terms::{Approval, Terms};
pub use wire::Placed;
pub use words::Tone;

/// One thing that happened. Folding uses this data only: no clock, no randomness.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The run it belongs to.
    pub run: RunId,
    /// Position in the run, contiguous from 1; 0 for observed events, whose source keeps no sequence.
    pub seq: u64,
    /// Commit time of the transaction (orchestrator) or time on the record (observed).
    pub at: Time,
    /// The handoff it is about, where there is one.
    pub handoff: Option<HandoffId>,
    /// The agent, person or part of the orchestrator that caused it.
    pub actor: Actor,
    /// State of the handoff after it, where the source makes tokens of its own; an orchestrator of ours counts.
    pub seen: Option<SeenToken>,
    /// The fact itself, with its data.
    pub fact: Fact,
}

/// The fact an event records. The serde names are the CloudEvents types.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Fact {
    /// A producer committed a handoff (rows 1 and 2).
    #[serde(rename = "handoff.emitted.v1")]
    Emitted(Arc<Emission>),
    /// Observed only: the source speaks of a handoff whose emission it never showed.
    #[serde(rename = "handoff.sighted.v1")]
    Sighted(Arc<Emission>),
    /// A contract was refused at a boundary and never became a handoff (row 3).
    #[serde(rename = "handoff.rejected.v1")]
    Refused(Box<Rejection>),
    /// Somebody dealt with a rejection record, or a later accepted emit resolved it.
    #[serde(rename = "rejection.resolved.v1")]
    RejectionResolved {
        /// Id of the record of the refusal.
        rejection: String,
        /// Reason, in the words of who did it; empty when an accepted emit resolved it.
        #[serde(default)]
        why: String,
    },
    /// The same key was emitted again with other content; the first write won.
    #[serde(rename = "handoff.duplicate.v1")]
    Duplicate {
        /// Digest of the stored contract.
        existing: String,
        /// Digest of the contract that came again.
        received: String,
    },
    /// An agent took exclusive, expiring possession (row 4).
    #[serde(rename = "handoff.leased.v1")]
    Leased {
        /// Attempt within the budget epoch, from 1.
        attempt: u32,
        /// Number of attempts over all epochs, this one included.
        total: u32,
        /// Fencing token: agents send it with everything they say about this attempt.
        lease: String,
        /// Name of the agent or person who holds the lease.
        holder: String,
        /// Time at which it expires unless acknowledged or extended; `None` never expires (a person holds it).
        until: Option<Time>,
        /// Length by which the acknowledgement or a heartbeat extends it, in milliseconds.
        lease_ms: i64,
        /// Time since which its edge flows again; `None` when it was not paused while the handoff waited.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resumed_at: Option<Time>,
    },
    /// The target verified the contract and accepted ownership (row 5).
    #[serde(rename = "handoff.acknowledged.v1")]
    Acknowledged {
        /// Time at which the lease now ends; `None` never, or unknown to an observer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Time>,
    },
    /// The work is done (rows 9 and 24).
    #[serde(rename = "handoff.completed.v1")]
    Completed {
        /// Handoffs emitted in the same transaction.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        emitted: Vec<HandoffId>,
        /// Digest of the stored result, if one was given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<String>,
        /// Note of the person who completed it by hand.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        note: String,
    },
    /// Sent back upstream with feedback (rows 10 and 19).
    #[serde(rename = "handoff.returned.v1")]
    Returned {
        /// The changes the source must make, one per item.
        feedback: Vec<String>,
        /// The handoff that carries the revision back.
        emitted: HandoffId,
    },
    /// An attempt failed and another will follow (rows 11 and 15).
    #[serde(rename = "handoff.retry_scheduled.v1")]
    RetryScheduled {
        /// Number of the attempt that failed, from 1, within the budget epoch.
        attempt: u32,
        /// Error code of the failed attempt.
        code: String,
        /// The agent's account of the failure. Hostile text; empty when it gave none.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        detail: String,
        /// Time before which the next attempt does not start: the end of the backoff, jitter included.
        ready_at: Time,
    },
    /// Parked: automatic processing ended, a person decides (rows 12, 14, 15, 20).
    #[serde(rename = "handoff.dead_lettered.v1")]
    DeadLettered {
        /// Error code of the last failure.
        code: String,
        /// Reason for making no further attempt.
        reason: DeadReason,
        /// The agent's account of the failure. Hostile text; empty when it gave none.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        detail: String,
        /// The violations the receiver found in the contract; empty when the reason is another.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        violations: Vec<Violation>,
    },
    /// Put back until later without spending an attempt (row 16).
    #[serde(rename = "handoff.snoozed.v1")]
    Snoozed {
        /// Time before which it cannot be claimed.
        until: Time,
        /// True when a person put back what they took, which is none of the snoozes it has.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        released: bool,
    },
    /// An operator returned it to the queue (row 21).
    #[serde(rename = "handoff.requeued.v1")]
    Requeued {
        /// The operator's reason; may be empty.
        reason: String,
    },
    /// The contract was edited by a person (row 22).
    #[serde(rename = "handoff.amended.v1")]
    Amended {
        /// Revision of the contract after the edit; the first one is 1.
        rev: u32,
        /// Digest of the edited contract.
        digest: String,
        /// The head of the edited contract; older logs do not have it, and the head stays as it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        head: Option<Arc<Emission>>,
    },
    /// Ended unprocessed by an operator (row 23).
    #[serde(rename = "handoff.dismissed.v1")]
    Dismissed {
        /// Category of the reason.
        reason: DismissReason,
        /// The operator's words; may be empty.
        note: String,
    },
    /// Ended because its run was cancelled (row 25).
    #[serde(rename = "handoff.cancelled.v1")]
    Cancelled {
        /// The operator's reason; may be empty.
        reason: String,
    },
    /// A person is asked (rows 2, 13, 18).
    #[serde(rename = "escalation.opened.v1")]
    EscalationOpened(Box<Escalation>),
    /// A person took an escalation in hand; advisory, until a time.
    #[serde(rename = "escalation.claimed.v1")]
    EscalationClaimed {
        /// Time at which the claim lapses.
        until: Time,
    },
    /// A person put an escalation back.
    #[serde(rename = "escalation.released.v1")]
    EscalationReleased {},
    /// A person decided (row 19).
    #[serde(rename = "escalation.resolved.v1")]
    EscalationResolved(Box<Resolution>),
    /// Nobody decided in time, so the timeout did.
    #[serde(rename = "escalation.expired.v1")]
    EscalationExpired {
        /// The answer that the timeout gave.
        outcome: Timeout,
    },
    /// A loop verdict stopped the handoff (row 2).
    #[serde(rename = "loop.detected.v1")]
    LoopDetected {
        /// The rule that found the loop, in words.
        signal: String,
    },
    /// A person said what they make of the run, or of one of its handoffs.
    #[serde(rename = "run.annotated.v1")]
    Annotated(Annotation),
    /// A person who decides on the handoff was shown what is masked in its contract; the values are not told.
    #[serde(rename = "payload.revealed.v1")]
    Revealed {
        /// Digest of the contract.
        digest: String,
    },
    /// Agents get nothing from this edge until it is resumed.
    #[serde(rename = "edge.paused.v1")]
    EdgePaused {
        /// The edge that nothing goes over now.
        edge: Edge,
        /// The operator's reason; may be empty.
        reason: String,
    },
    /// The edge flows again.
    #[serde(rename = "edge.resumed.v1")]
    EdgeResumed {
        /// The edge that was paused.
        edge: Edge,
        /// The operator's reason; may be empty.
        reason: String,
    },
    /// Observed only: an attempt ended in failure; what follows is the source's business.
    #[serde(rename = "observed.failed.v1")]
    ObservedFailed {
        /// Error text or code as recorded.
        code: String,
    },
    /// Observed only: the receiver refused the work.
    #[serde(rename = "observed.rejected.v1")]
    ObservedRejected {
        /// Error text or code as recorded.
        code: String,
    },
    /// Observed only: this attempt is being tried again, as another handoff.
    #[serde(rename = "observed.retried.v1")]
    ObservedRetried {},
}

/// Reason for which a handoff became a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadReason {
    /// Every attempt of the budget was spent.
    BudgetSpent,
    /// The contract says this error is not to be retried.
    NotRetryable,
    /// The receiver found the contract invalid; trying again cannot help.
    SchemaViolation,
    /// Its deadline passed before it was completed.
    Expired,
    /// What its contract refers to is gone, or can be fetched no longer.
    ReferenceGone,
    /// Nobody answered the escalation in time.
    EscalationTimeout,
    /// It was escalated five times.
    EscalatedTooOften,
    /// Observed: the source says so and gives no reason.
    Observed,
}

/// Reason for which an operator dismissed a handoff (protocol section 3, "Dismiss, exactly").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DismissReason {
    /// The same work exists elsewhere.
    Duplicate,
    /// Nobody needs it any more.
    Obsolete,
    /// A person did it.
    HandledManually,
    /// It will not be done.
    WontFix,
    /// It was a test.
    TestData,
}

impl DismissReason {
    /// Every reason, in the order they are offered.
    pub const ALL: [Self; 5] = [Self::Obsolete, Self::Duplicate, Self::HandledManually, Self::WontFix, Self::TestData];

    /// The word used on the wire, such as `duplicate`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::Obsolete => "obsolete",
            Self::HandledManually => "handled_manually",
            Self::WontFix => "wont_fix",
            Self::TestData => "test_data",
        }
    }
}

/// A contract refused at a boundary. It does not reserve the key and stays in sight until a later accepted
/// emit with that key, or a person, resolves it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rejection {
    /// Its own id: the same producer and body give the same one, so a client loop is one record.
    pub id: String,
    /// The boundary at which it was refused.
    pub boundary: Boundary,
    /// Edge it would have crossed, as far as the contract said.
    pub edge: Edge,
    /// Name of the producer: the subject of the token, never text of the contract.
    pub producer: String,
    /// `name@version` of the model, if given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// `name@version` of the prompt, if given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Idempotency key it would have had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Digest of the refused body.
    pub digest: String,
    /// The same body came before and was refused: it is counted once in the violation rate.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// Number of times the same body came before the run that this is in, where its record moved to another run; 0 for
    /// none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub before: u32,
    /// Time at which it came first, where its record moved; `None` when it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_at: Option<Time>,
    /// The first violations found; at least one, at most [`Rejection::ERRORS`].
    pub errors: Vec<Violation>,
    /// Number of violations beyond those; 0 when all are told.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: u32,
}

impl Rejection {
    /// Most violations kept of one contract.
    pub const ERRORS: usize = 20;
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes references
const fn is_zero(it: &u32) -> bool {
    *it == 0
}

/// A point where a schema is enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    /// At emit: the producer hands the contract in.
    Emit,
    /// At receipt: the target checks the contract it was given.
    Receive,
}
