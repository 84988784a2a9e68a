//! What a person asks a source to do, and what came of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Fault;
use crate::domain::event::{Answer, DismissReason};
use crate::domain::id::{Edge, HandoffId, RunId};

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
    /// The version on the screen: of the handoff, or of the run for [`Act::Cancel`].
    pub version: u64,
}

/// What is done, with what it needs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Row 21.
    Requeue,
    /// Row 18; the reason is the question.
    Escalate {
        /// Revoke a running lease.
        force: bool,
        /// Whom to ask; when empty, those whom the source asks by default.
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
