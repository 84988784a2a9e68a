//! Commands: the requests of agents, operators, approvers and the sweeper, and how one is refused.
//!
//! Everything that is not in the state arrives here: ids, jitter and the validated head of a contract are
//! drawn by the caller, so that deciding stays a function.

use thiserror::Error;

use super::bearer::Bearer;
use super::contract::Violation;
use super::event::{Annotation, Answer, DismissReason, Emission, Escalation, Rejection, Resolution, Terms};
use super::flow::Flow;
use super::id::{Actor, Edge, HandoffId, RunId};
use super::run::{LastChange, State};
use super::time::{Millis, Time};

/// One request about one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The run it is about.
    pub run: RunId,
    /// The one who asks: the subject of a token, or a timer.
    pub by: Actor,
    /// What stands behind that name.
    pub bearer: Bearer,
    /// The change that is asked for.
    pub command: Command,
}

/// A validated contract that is to become a handoff.
#[derive(Clone, Debug, PartialEq)]
pub struct NewHandoff {
    /// Id drawn for the new handoff.
    pub id: HandoffId,
    /// The head of the contract.
    pub emission: Emission,
    /// The question to put to a person if the handoff turns out to be a loop.
    pub on_loop: Escalation,
}

/// The change a request asks for. Row numbers are those of the transition table in protocol section 3.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Rows 1 and 2: start or continue a run.
    Emit(Box<NewHandoff>),
    /// Row 3: keep the records of contracts that one request brought and that were refused.
    Refuse(Vec<Rejection>),
    /// Somebody is done with records of refused contracts.
    DismissRejections {
        /// Ids of the records of the refusals; those that are gone already are passed over.
        rejections: Vec<String>,
        /// The reason in the words of who asks; empty when none was given.
        why: String,
    },
    /// Row 4: an agent takes a handoff that is ready, for as long as a lease.
    Claim {
        /// The handoff it is about.
        handoff: HandoffId,
        /// Name of the agent or person who takes the lease.
        holder: String,
        /// Fencing token drawn for it.
        lease: String,
        /// Length of the lease once acknowledged, and of each extension by a heartbeat, in milliseconds.
        lease_ms: Millis,
        /// Whether anything goes over its edge now.
        flow: Flow,
    },
    /// Row 20: what its contract refers to is gone, so nobody can be given it.
    Withhold {
        /// The handoff it is about.
        handoff: HandoffId,
        /// What is gone, in words.
        detail: String,
    },
    /// Row 5: the target checked the contract and owns the work from now on.
    Acknowledge(Held),
    /// Row 6: the holder is still at work, which extends the lease without an event.
    Heartbeat(Held),
    /// Row 9: the work is done, and this follows from it: all of it, or nothing changes.
    Complete {
        /// The handoff, and the lease on it.
        held: Held,
        /// Digest of the stored result.
        result: Option<String>,
        /// The follow-up handoffs, in order; empty when the run ends here.
        next: Vec<NewHandoff>,
    },
    /// Row 10: the holder sends the work back upstream, as a revision of it.
    Return {
        /// The handoff, and the lease on it.
        held: Held,
        /// The changes the source must make, one per item.
        feedback: Vec<String>,
        /// The revision handed back.
        revision: Box<NewHandoff>,
    },
    /// Rows 11 to 13: the attempt failed. The contract says whether another follows, a person is asked, or it is a dead
    /// letter.
    Fail {
        /// The handoff, and the lease on it.
        held: Held,
        /// Error code, which the contract's lists are searched for.
        code: String,
        /// The agent's account of the failure; may be empty.
        detail: String,
        /// The question to put to a person, used only if the contract sends this code to one.
        escalation: Box<Escalation>,
        /// Share of the full backoff to wait, `0.0..1.0`.
        jitter: f64,
    },
    /// Row 14: the target found the contract unusable, so that another attempt cannot help: a dead letter.
    Reject {
        /// The handoff, and the lease on it.
        held: Held,
        /// The violations found in the contract, each with its place; at least one.
        errors: Vec<Violation>,
    },
    /// Row 16: the holder puts it back until later, and no attempt is spent.
    Snooze {
        /// The handoff, and the lease on it.
        held: Held,
        /// Time before which it cannot be claimed; at most 24 hours away.
        until: Time,
    },
    /// Rows 15, 19 (timeout) and 20: whatever is due on these handoffs now, each with its share of the full backoff to
    /// wait, `0.0..1.0`.
    Timer(Vec<(HandoffId, f64)>),
    /// An operator or approver says what they make of a run, or of one of its handoffs; nothing moves by it.
    Annotate(Annotation),
    /// Row 18: an operator asks a person about a handoff; with `force` also while an agent works on it.
    Escalate {
        /// The handoff, as the person saw it.
        seen: Seen,
        /// The question to put to a person.
        escalation: Box<Escalation>,
        /// True to revoke a running lease.
        force: bool,
    },
    /// An approver takes an escalation in hand until a time.
    ClaimEscalation {
        /// The handoff, as the person saw it.
        seen: Seen,
        /// Time at which the claim lapses.
        until: Time,
    },
    /// A person who may decide on an escalated handoff is shown what is masked in its contract; nothing moves by it.
    Reveal {
        /// The handoff.
        handoff: HandoffId,
        /// Digest of the contract that is shown.
        digest: String,
        /// Something is masked in it.
        masked: bool,
    },
    /// An approver puts it back, or a person what they took.
    Release {
        /// The handoff, as the person saw it.
        seen: Seen,
    },
    /// Row 19: an approver answers the open question.
    Resolve {
        /// The handoff, as the person saw it.
        seen: Seen,
        /// The approver's decision.
        resolution: Resolution,
        /// Digest of the contract that was shown.
        context_digest: Option<String>,
        /// The head of the edited contract, for edit and approve.
        edited: Option<Box<Emission>>,
        /// The revision handed back, for a rejection.
        revision: Option<Box<NewHandoff>>,
    },
    /// Row 21: an operator sends a dead letter back to the queue, in a new budget epoch.
    Requeue {
        /// The handoff, as the person saw it.
        seen: Seen,
        /// The reason in the words of who asks; empty when none was given.
        why: String,
    },
    /// Row 22: a person edits the contract of a dead letter or of an escalated handoff.
    Amend {
        /// The handoff, as the person saw it.
        seen: Seen,
        /// The head of the edited contract.
        head: Box<Emission>,
    },
    /// Row 23: an operator ends a handoff unprocessed; what would follow does not run.
    Dismiss {
        /// The handoff, as the person saw it.
        seen: Seen,
        /// Category of the reason.
        reason: DismissReason,
        /// The operator's words; may be empty.
        note: String,
    },
    /// Row 24: a person did the work, and this follows from it.
    CompleteManually {
        /// The handoff, as the person saw it.
        seen: Seen,
        /// Digest of the stored result.
        result: Option<String>,
        /// The follow-up handoffs, in order; empty when the run ends here.
        next: Vec<NewHandoff>,
        /// The operator's words; may be empty.
        note: String,
    },
    /// A person takes a handoff addressed to people: claim and acknowledge without expiry.
    Take {
        /// The handoff, as the person saw it.
        seen: Seen,
        /// Fencing token drawn for it.
        lease: String,
    },
    /// Row 25: an operator ends everything that is open in the run.
    Cancel {
        /// The run version that was seen.
        expect: Option<u64>,
        /// The reason in the words of who asks; empty when none was given.
        why: String,
    },
    /// Agents shall get nothing from this edge.
    PauseEdge {
        /// The edge it is about.
        edge: Edge,
        /// The reason in the words of who asks; empty when none was given.
        why: String,
    },
    /// The edge shall flow again.
    ResumeEdge {
        /// The edge it is about.
        edge: Edge,
        /// The reason in the words of who asks; empty when none was given.
        why: String,
    },
}

/// A handoff under a lease, as its holder names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// Id of the handoff.
    pub handoff: HandoffId,
    /// The fencing token of the claim.
    pub lease: String,
}

/// A handoff as a person saw it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Id of the handoff.
    pub handoff: HandoffId,
    /// Version of the handoff on the screen; when it changed since, the act is refused as a conflict.
    pub version: u64,
}

/// A request that changed nothing, with the reason.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Refusal {
    /// There is no such handoff, rejection or run.
    #[error("{0} does not exist")]
    NotFound(String),
    /// The lease is unknown, expired or somebody else's: stop, undo nothing.
    #[error("the lease on {handoff} is no longer yours: it is {state}; stop working on it and undo nothing")]
    LeaseLost {
        /// The handoff it is about.
        handoff: HandoffId,
        /// The state it is in.
        state: &'static str,
    },
    /// The state does not allow it.
    #[error("a handoff that is {} cannot be {what}; it must be {}", state.word(), words(allowed))]
    IllegalTransition {
        /// The act that was asked for, as a past participle.
        what: &'static str,
        /// The state it is in.
        state: State,
        /// The states from which it could be done.
        allowed: &'static [State],
    },
    /// A version conflict: the handoff changed since it was seen.
    #[error("it changed since you saw it: {}", told(last_change.as_ref()))]
    VersionConflict {
        /// The version of the handoff now.
        current: u64,
        /// The latest change, whose author won the conflict; `None` when unknown.
        last_change: Option<LastChange>,
    },
    /// The contract is not the one shown to the approver any more.
    #[error("the contract changed since it was shown; read it again before deciding")]
    ContextMoved,
    /// This answer is not offered for this question.
    #[error("this question does not allow that answer; it can be {}", ways(allow))]
    AnswerNotAllowed {
        /// The answers that the question allows.
        allow: Vec<Answer>,
    },
    /// The edge forbids deciding on one's own work.
    #[error("{who} {deed} this handoff and may not decide on it (separation of duties): ask another approver")]
    SelfApproval {
        /// Subject of the token of the one who tried.
        who: String,
        /// What that one did to it, or would do by deciding.
        deed: &'static str,
    },
    /// The same key was emitted with other content: first write wins.
    #[error("key {key} is taken by handoff {handoff} with other content; treat it as already emitted")]
    IdempotencyMismatch {
        /// The idempotency key that is in use already.
        key: String,
        /// The handoff that was emitted with the key.
        handoff: HandoffId,
        /// Digest of the stored contract.
        existing: String,
        /// Digest of the contract that came now.
        received: String,
    },
    /// Who emits takes no part in the run.
    #[error(
        "{who} takes no part in run {run}, and no policy names it among the peers of that pipeline; leave trace_id out to \
         start a run of your own"
    )]
    Stranger {
        /// Name of the party that tried.
        who: String,
        /// Id of the run.
        run: RunId,
    },
    /// The place in the run belongs to other work: nothing was emitted before, and nothing is now.
    #[error("step {step} on branch {branch:?} of this run is taken by other work; emit on a branch of your own")]
    PlaceTaken {
        /// The step that was wanted.
        step: u32,
        /// The branch that was wanted; empty for the main one.
        branch: String,
    },
    /// The decision is for a role that the one who asks does not have.
    #[error("this is for {role} to decide, and {who} does not have that role: ask somebody who is an approver with it")]
    RoleNeeded {
        /// Name of the person who tried.
        who: String,
        /// The role.
        role: String,
    },
    /// Its deadline, or that of what its contract refers to, passed before anybody took it.
    #[error(
        "nobody is given handoff {handoff} any more: its deadline, or that of what it refers to, passed at {deadline}, and it \
         becomes a dead letter"
    )]
    Expired {
        /// The handoff it is about.
        handoff: HandoffId,
        /// The earlier of these.
        deadline: Time,
    },
    /// The request itself makes no sense.
    #[error("{0}")]
    Invalid(String),
}

/// The terms of the handoff `id`, for what can only be decided by them.
///
/// # Errors
/// Fails when it has none.
pub fn agreed<'a>(id: &HandoffId, emission: &'a Emission) -> Result<&'a Terms, Refusal> {
    let why = || Refusal::Invalid(format!("handoff {id} has no contract: it was only observed"));
    emission.terms.as_ref().ok_or_else(why)
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
