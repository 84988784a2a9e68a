//! What agents, operators, approvers and the sweeper may ask for, and how a request is refused.
//!
//! Everything that is not in the state arrives here: ids, jitter and the validated head of a contract are
//! drawn by the caller, so that deciding stays a function.

use thiserror::Error;

use super::contract::Violation;
use super::event::{Annotation, Answer, DismissReason, Emission, Escalation, Rejection, Resolution};
use super::id::{Actor, Edge, HandoffId, RunId};
use super::run::{LastChange, State};
use super::time::{Millis, Time};

/// One request about one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The run.
    pub run: RunId,
    /// Who asks.
    pub by: Actor,
    /// What for.
    pub command: Command,
}

/// A validated contract that is to become a handoff.
#[derive(Clone, Debug, PartialEq)]
pub struct NewHandoff {
    /// Id drawn for it.
    pub id: HandoffId,
    /// The head of the contract.
    pub emission: Emission,
    /// What to ask a person first, when the edge wants an approval or the work must not go on unseen.
    pub approval: Option<Escalation>,
    /// What to ask a person if it turns out to be a loop.
    pub on_loop: Escalation,
}

/// What is asked. Row numbers are those of the transition table in protocol section 3.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Rows 1 and 2: start or continue a run.
    Emit(Box<NewHandoff>),
    /// Row 3: keep the record of a refused contract.
    Refuse(Box<Rejection>),
    /// A person is done with the record of a refused contract.
    DismissRejection {
        /// The record.
        rejection: String,
        /// Why.
        why: String,
    },
    /// Row 4.
    Claim {
        /// Which handoff.
        handoff: HandoffId,
        /// Who works on it.
        holder: String,
        /// Fencing token drawn for it.
        lease: String,
        /// How long the lease lasts once acknowledged.
        lease_ms: Millis,
    },
    /// Row 5.
    Acknowledge(Held),
    /// Row 6: extends the lease, no event.
    Heartbeat(Held),
    /// Row 9.
    Complete {
        /// By whom, on what.
        held: Held,
        /// Digest of the stored result.
        result: Option<String>,
        /// What follows, in order.
        next: Vec<NewHandoff>,
    },
    /// Row 10.
    Return {
        /// By whom, on what.
        held: Held,
        /// What the source must change.
        feedback: Vec<String>,
        /// The revision handed back.
        revision: Box<NewHandoff>,
    },
    /// Rows 11 to 13.
    Fail {
        /// By whom, on what.
        held: Held,
        /// Error code.
        code: String,
        /// In words.
        detail: String,
        /// What to ask a person, if the contract sends this code to one.
        escalation: Box<Escalation>,
        /// Share of the full backoff to wait, `0.0..1.0`.
        jitter: f64,
    },
    /// Row 14.
    Reject {
        /// By whom, on what.
        held: Held,
        /// What is wrong.
        errors: Vec<Violation>,
    },
    /// Row 16.
    Snooze {
        /// By whom, on what.
        held: Held,
        /// Until when.
        until: Time,
    },
    /// Rows 15, 19 (timeout) and 20: whatever is due on this handoff now.
    Timer {
        /// Which handoff.
        handoff: HandoffId,
        /// Share of the full backoff to wait, `0.0..1.0`.
        jitter: f64,
    },
    /// A person says what they make of a run, or of one of its handoffs. Nothing moves by it.
    Annotate(Annotation),
    /// Row 18.
    Escalate {
        /// On what.
        seen: Seen,
        /// What is asked.
        escalation: Box<Escalation>,
        /// Revoke a running lease.
        force: bool,
    },
    /// An approver takes an escalation in hand until a time.
    ClaimEscalation {
        /// On what.
        seen: Seen,
        /// When the claim lapses.
        until: Time,
    },
    /// An approver puts it back.
    ReleaseEscalation {
        /// On what.
        seen: Seen,
    },
    /// Row 19.
    Resolve {
        /// On what.
        seen: Seen,
        /// The decision.
        resolution: Resolution,
        /// Digest of the contract that was shown.
        context_digest: Option<String>,
        /// The head of the edited contract, for edit and approve.
        edited: Option<Box<Emission>>,
        /// The revision handed back, for a rejection.
        revision: Option<Box<NewHandoff>>,
    },
    /// Row 21.
    Requeue {
        /// On what.
        seen: Seen,
        /// Why.
        why: String,
    },
    /// Row 22.
    Amend {
        /// On what.
        seen: Seen,
        /// The head of the edited contract.
        head: Box<Emission>,
    },
    /// Row 23.
    Dismiss {
        /// On what.
        seen: Seen,
        /// Which sort of reason.
        reason: DismissReason,
        /// In words.
        note: String,
    },
    /// Row 24.
    CompleteManually {
        /// On what.
        seen: Seen,
        /// Digest of the stored result.
        result: Option<String>,
        /// What follows, in order.
        next: Vec<NewHandoff>,
        /// In words.
        note: String,
    },
    /// A person takes a handoff addressed to people: claim and acknowledge without expiry.
    Take {
        /// On what.
        seen: Seen,
        /// Fencing token drawn for it.
        lease: String,
    },
    /// Row 25.
    Cancel {
        /// The run version that was seen.
        expect: Option<u64>,
        /// Why.
        why: String,
    },
    /// Agents shall get nothing from this edge.
    PauseEdge {
        /// Which edge.
        edge: Edge,
        /// Why.
        why: String,
    },
    /// The edge shall flow again.
    ResumeEdge {
        /// Which edge.
        edge: Edge,
        /// Why.
        why: String,
    },
}

/// A handoff under a lease, as its holder names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// Which handoff.
    pub handoff: HandoffId,
    /// The fencing token of the claim.
    pub lease: String,
}

/// A handoff as a person saw it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Which handoff.
    pub handoff: HandoffId,
    /// Its version on the screen; the act is refused if it moved.
    pub version: u64,
}

/// Why nothing changed.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Refusal {
    /// No such handoff, rejection or run.
    #[error("{0} does not exist")]
    NotFound(String),
    /// The lease is unknown, expired or somebody else's: stop, undo nothing.
    #[error("the lease on {handoff} is no longer yours: it is {state}; stop working on it and undo nothing")]
    LeaseLost {
        /// Which handoff.
        handoff: HandoffId,
        /// Where it stands.
        state: &'static str,
    },
    /// The state does not allow it.
    #[error("a handoff that is {} cannot be {what}; it must be {}", state.word(), words(allowed))]
    IllegalTransition {
        /// What was asked, as a past participle.
        what: &'static str,
        /// Where it stands.
        state: State,
        /// Where it would have to stand.
        allowed: &'static [State],
    },
    /// It changed since it was seen.
    #[error("it changed since you saw it: {}", told(last_change.as_ref()))]
    VersionConflict {
        /// Its version now.
        current: u64,
        /// Who changed it.
        last_change: Option<LastChange>,
    },
    /// What was shown to the approver is not what stands there now.
    #[error("the contract changed since it was shown; read it again before deciding")]
    ContextMoved,
    /// This answer is not offered for this question.
    #[error("this question does not allow that answer; it can be {}", ways(allow))]
    AnswerNotAllowed {
        /// What it allows.
        allow: Vec<Answer>,
    },
    /// The edge forbids deciding on one's own work.
    #[error("{who} emitted, edited or requeued this handoff and may not decide on it (separation of duties)")]
    SelfApproval {
        /// Who tried.
        who: String,
    },
    /// The same key was emitted with other content: first write wins.
    #[error("key {key} is taken by handoff {handoff} with other content; treat it as already emitted")]
    IdempotencyMismatch {
        /// The key.
        key: String,
        /// Who has it.
        handoff: HandoffId,
        /// Digest of what is stored.
        existing: String,
        /// Digest of what came.
        received: String,
    },
    /// The request itself makes no sense.
    #[error("{0}")]
    Invalid(String),
}

fn words(states: &[State]) -> String {
    states.iter().map(|it| it.word()).collect::<Vec<_>>().join(" or ")
}

/// The answers that a question allows, as in "approved, rejected or dismissed".
fn ways(allow: &[Answer]) -> String {
    let words: Vec<&str> = allow.iter().map(|it| it.done()).collect();
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => "answered by nobody".to_owned(),
    }
}

fn told(change: Option<&LastChange>) -> String {
    change
        .map_or_else(|| "nobody knows by whom".to_owned(), |it| format!("{} ({}) at {}", it.actor.id, it.event, it.at))
}
