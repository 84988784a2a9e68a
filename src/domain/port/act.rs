//! The acts of people. Each is one row of the table `acts!`: what it is called, who may do it, to what, and what it
//! needs. `/me`, the machine, the HTTP client, the CLI, the keys and the console read the row; besides it an act has a
//! command of the machine, a path of the API and a command line.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Ask, Object, Scope, Verb};
use crate::domain::event::{Answer, DismissReason};
use crate::domain::id::Edge;
use crate::domain::run::State;

macro_rules! acts {
    ($($(#[$doc:meta])* $kind:ident { $($row:tt)* })*) => {
        /// The acts a person may ask for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum ActKind { $($(#[$doc])* $kind,)* }

        impl ActKind {
            /// Every act, in the order of their rows.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The row of this act: its words, its scopes, and the states it fits.
            pub const fn row(self) -> &'static Verb {
                match self { $(Self::$kind => const { &Verb { $($row)* } },)* }
            }
        }
    };
}

acts! {
    /// Back to the queue (row 21).
    Requeue {
        verb: "requeue", done: "requeued", key: "requeue", help: "Send dead letters back to their edge; asks first.",
        states: &[State::DeadLettered, State::RetryWait],
        asks: &[Ask::Reason("why (enter to leave it empty)")],
        means: (
            "It goes back to its edge with a new budget of attempts.",
            "They go back to their edge with a new budget of attempts.",
        ),
        path: ("handoffs", "requeue"), ..Verb::OF_OPERATORS
    }
    /// To a person (row 18); the words are the question.
    Escalate {
        verb: "escalate", done: "escalated", key: "escalate", help: "Hand the item to a person; asks first.",
        states: &[State::Pending, State::RetryWait, State::DeadLettered],
        forced: &[State::Pending, State::RetryWait, State::DeadLettered, State::Leased, State::Acknowledged],
        asks: &[Ask::Words("question for the operators")],
        means: ("A person is asked; agents get nothing of it until then.", ""),
        path: ("handoffs", "escalate"), ..Verb::OF_OPERATORS
    }
    /// End it unprocessed (row 23).
    Dismiss {
        verb: "dismiss", done: "dismissed", answer: Some(Answer::Dismiss), key: "dismiss",
        help: "Close dead letters without another attempt; asks first and needs a reason.",
        states: &[State::DeadLettered, State::Escalated, State::Pending, State::RetryWait],
        asks: &[Ask::DismissReason, Ask::Note("note (enter to leave it empty)")],
        means: (
            "It ends unprocessed and nothing downstream runs. It is sent in 10 s; z takes it back until then.",
            "They end unprocessed and nothing downstream runs. It is sent in 10 s; z takes it back until then.",
        ),
        path: ("handoffs", "dismiss"), words: "note", ..Verb::OF_OPERATORS
    }
    /// Go ahead as shown (row 19).
    Approve {
        verb: "approve", done: "approved", answer: Some(Answer::Approve),
        key: "approve", help: "Approve exactly what is shown; asks first.",
        means: ("It goes ahead exactly as shown; refused if it changed since.", ""), ..Verb::OF_APPROVERS
    }
    /// Go ahead as edited (row 19).
    EditApprove {
        verb: "edit and approve", done: "edited and approved", answer: Some(Answer::EditApprove), key: "edit-approve",
        help: "Edit the proposal, then approve the edited one.",
        means: ("It goes ahead as you edited it; refused if it changed since.", ""), ..Verb::OF_APPROVERS
    }
    /// Back to the source with feedback (row 19).
    Reject {
        verb: "reject", done: "rejected", answer: Some(Answer::Reject),
        key: "reject", help: "Reject with feedback; asks first.",
        asks: &[Ask::Words("feedback: what must change")],
        means: ("It goes back to its source with your feedback, as a revision.", ""), ..Verb::OF_APPROVERS
    }
    /// Answer a question (row 19).
    Respond {
        verb: "respond", done: "answered", answer: Some(Answer::Respond),
        key: "respond", word: "answer", help: "Answer the question in words.",
        asks: &[Ask::Answer], means: ("The agent gets your answer and goes on.", ""), ..Verb::OF_APPROVERS
    }
    /// See what is masked, to decide on it; what it answers is no outcome but [`Found::Revealed`](super::Found::Revealed).
    Reveal {
        verb: "reveal", done: "revealed", key: "reveal", word: "show masked",
        help: "Show what is masked while you look at it; the log tells that you did.",
        means: ("You see what is masked, until you look away. The log tells that you did.", ""),
        path: ("escalations", "reveal"), adds: true, words: "", ..Verb::OF_APPROVERS
    }
    /// Take an escalation in hand.
    Claim {
        verb: "claim", done: "claimed", key: "claim", help: "Claim the question, or release it.",
        means: ("Others see that you have it in hand.", ""),
        path: ("escalations", "claim"), words: "", ..Verb::OF_APPROVERS
    }
    /// Put claimed work or a claimed question back.
    Release {
        verb: "release", done: "released", means: ("Others may take it again.", ""),
        path: ("escalations", "release"), words: "", ..Verb::OF_APPROVERS
    }
    /// Say what you make of it, for all to read; it moves nothing.
    Annotate {
        verb: "annotate", done: "annotated", key: "annotate", help: "Say what you make of it: a verdict that all can read.",
        scopes: &[Scope::Operator, Scope::Approver], states: &State::ALL,
        asks: &[Ask::Verdict, Ask::Note("note: why (enter to leave it empty)")],
        means: ("Your verdict is kept beside those of others, with your name. Nothing moves by it.", ""),
        path: ("handoffs", "annotate"), adds: true, words: "note", ..Verb::OF_OPERATORS
    }
    /// Agents get nothing more from this edge.
    PauseEdge {
        verb: "pause", done: "paused", key: "pause-edge", help: "Pause or resume the edge; asks first.",
        on: Object::Edge, asks: &[Ask::Words("why")],
        means: ("Agents get nothing more from this edge until it is resumed; what is held now is finished.", ""),
        path: ("edges", "pause"), ..Verb::OF_OPERATORS
    }
    /// Agents get work from the edge again.
    ResumeEdge {
        verb: "resume", done: "resumed", on: Object::Edge,
        means: ("Agents get work from this edge again.", ""), path: ("edges", "unpause"), ..Verb::OF_OPERATORS
    }
    /// Be done with refused contracts: one, a group, or all of an edge.
    DismissRefused {
        verb: "dismiss refused contracts", done: "dismissed refused contracts", on: Object::Refused,
        asks: &[Ask::Note("why (enter to leave it empty)")],
        means: ("Their records end; how many were refused, and why, still counts.", ""),
        path: ("rejections", "dismiss"), ..Verb::OF_OPERATORS
    }
    /// Cancel a whole run (row 25).
    Cancel {
        verb: "cancel", done: "cancelled", on: Object::Run, asks: &[Ask::Words("why")],
        means: ("Every open handoff of the run ends; there is no undo.", ""),
        path: ("runs", "cancel"), ..Verb::OF_OPERATORS
    }
}

impl ActKind {
    /// The verb, as in commands and buttons.
    pub const fn verb(self) -> &'static str {
        self.row().verb
    }

    /// The past participle, as in "dana requeued this".
    pub const fn done(self) -> &'static str {
        self.row().done
    }

    /// The word beside its key.
    pub const fn word(self) -> &'static str {
        if self.row().word.is_empty() { self.row().verb } else { self.row().word }
    }

    /// States of a handoff in which it can be done, by `force` or without.
    pub const fn states(self, force: bool) -> &'static [State] {
        let row = self.row();
        if force && !row.forced.is_empty() { row.forced } else { row.states }
    }

    /// True when it can be done to a handoff in this state.
    pub fn fits(self, state: State, force: bool) -> bool {
        self.states(force).contains(&state)
    }

    /// Acts an operator can do with a handoff in this state, the most useful first.
    pub fn of_operators(state: State) -> impl Iterator<Item = Self> {
        let all = Self::ALL.iter().copied();
        all.filter(move |it| it.row().scopes.contains(&Scope::Operator) && it.fits(state, false))
    }

    /// The act, of what a person gave; `None` when something it needs is missing. A dismissal that is bound to a digest
    /// is the answer to a question.
    pub fn with(self, given: &Given) -> Option<Act> {
        let missing = match self {
            Self::EditApprove | Self::Respond => given.value.is_none(),
            Self::Annotate => given.verdict.trim().is_empty(),
            Self::Requeue
            | Self::Escalate
            | Self::Dismiss
            | Self::Approve
            | Self::Reject
            | Self::Reveal
            | Self::Claim
            | Self::Release
            | Self::PauseEdge
            | Self::ResumeEdge
            | Self::DismissRefused
            | Self::Cancel => false,
        };
        if missing {
            return None;
        }
        if let Some(answer) = self.row().answer
            && (self != Self::Dismiss || !given.digest.is_empty())
        {
            return Some(Act::Resolve { answer, context_digest: given.digest.clone(), value: given.value.clone() });
        }
        match self {
            Self::Requeue => Some(Act::Requeue),
            Self::Escalate => Some(Act::Escalate { force: given.force, role: given.role.clone() }),
            Self::Dismiss => given.reason.map(|reason| Act::Dismiss { reason }),
            Self::Claim => Some(Act::Claim),
            Self::Release => Some(Act::Release),
            Self::PauseEdge => given.edge.clone().map(Act::PauseEdge),
            Self::ResumeEdge => given.edge.clone().map(Act::ResumeEdge),
            Self::DismissRefused => given.edge.as_ref().map(|it| Act::DismissRefused(path_of(it))),
            Self::Cancel => Some(Act::Cancel),
            Self::Annotate => Some(Act::Annotate { verdict: given.verdict.clone(), of_run: given.of_run }),
            Self::Approve | Self::EditApprove | Self::Reject | Self::Respond | Self::Reveal => None,
        }
    }
}

/// The words and choices a person gave for an act, as far as the act needs them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    /// Category of the reason, for a dismissal.
    pub reason: Option<DismissReason>,
    /// Digest of what was shown, for answers; empty for everything else.
    pub digest: String,
    /// The answer to a question, or the whole edited body; an edited text is a string.
    pub value: Option<Value>,
    /// The role to ask; when empty, the one that the source asks by default.
    pub role: String,
    /// True to revoke a running lease.
    pub force: bool,
    /// The edge to pause or resume.
    pub edge: Option<Edge>,
    /// The verdict of an annotation.
    pub verdict: String,
    /// An annotation is about the whole run.
    pub of_run: bool,
}

/// An act with the data it needs; who it is done to stands in [`Request::on`](super::Request::on).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Act {
    /// Row 21: back to the queue.
    Requeue,
    /// Row 18: to a person; the words are the question.
    Escalate {
        /// True to revoke a running lease.
        force: bool,
        /// The role to ask; when empty, the one that the source asks by default.
        role: String,
    },
    /// Row 23: it ends unprocessed.
    Dismiss {
        /// Category of the reason.
        reason: DismissReason,
    },
    /// Row 19: a question is answered.
    Resolve {
        /// The answer to the question.
        answer: Answer,
        /// Digest of what was shown.
        context_digest: String,
        /// The answer to a question, or the whole edited body for edit and approve.
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<Value>,
    },
    /// An escalation is taken in hand.
    Claim,
    /// An escalation, or work that was taken, is put back.
    Release,
    /// Something is said of a handoff, or of its run; the words are the note.
    Annotate {
        /// The verdict in a few words.
        verdict: String,
        /// True when it is about the whole run.
        #[serde(skip)]
        of_run: bool,
    },
    /// Nothing more for agents from an edge; [`Request::on`](super::Request::on) is empty.
    PauseEdge(#[serde(skip)] Edge),
    /// The edge flows again; [`Request::on`](super::Request::on) is empty.
    ResumeEdge(#[serde(skip)] Edge),
    /// The records of refused contracts end: one by its id, a group by its id, or all of an edge, written
    /// `pipeline>from>to`; [`Request::on`](super::Request::on) is empty.
    DismissRefused(#[serde(skip)] String),
    /// Row 25: the runs of the targets end.
    Cancel,
}

impl Act {
    /// The kind of this act.
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
            Self::Annotate { .. } => ActKind::Annotate,
            Self::PauseEdge(_) => ActKind::PauseEdge,
            Self::ResumeEdge(_) => ActKind::ResumeEdge,
            Self::DismissRefused(_) => ActKind::DismissRefused,
            Self::Cancel => ActKind::Cancel,
        }
    }

    /// It is about whole runs.
    pub fn on_run(&self) -> bool {
        self.on() == Object::Run
    }

    /// The kind of object that it is done to.
    pub const fn on(&self) -> Object {
        if matches!(self, Self::Annotate { of_run: true, .. }) { Object::Run } else { self.kind().row().on }
    }

    /// What it is done to, as in the path of its call, of an act that names that itself.
    pub fn named(&self) -> Option<String> {
        match self {
            Self::PauseEdge(edge) | Self::ResumeEdge(edge) => Some(path_of(edge)),
            Self::DismissRefused(of) => Some(of.clone()),
            Self::Requeue
            | Self::Escalate { .. }
            | Self::Dismiss { .. }
            | Self::Resolve { .. }
            | Self::Claim
            | Self::Release
            | Self::Annotate { .. }
            | Self::Cancel => None,
        }
    }

    /// Path and body of the HTTP request that it is, with the person's words.
    pub fn call(&self, why: &str) -> ((&'static str, &'static str), Value) {
        // A dismissal has two ways: as the end of a handoff, and as the answer to a question.
        let kind = if matches!(self, Self::Resolve { .. }) { ActKind::Approve } else { self.kind() };
        let Verb { path: (group, name), words, .. } = *kind.row();
        let group = if self.on_run() { "runs" } else { group };
        let mut body = match serde_json::to_value(self) {
            Ok(Value::Object(body)) => body,
            _ => Map::new(),
        };
        if self.kind() == ActKind::EditApprove
            && let Some(edited) = body.remove("value")
        {
            body.insert("edited".to_owned(), edited);
        }
        if !words.is_empty() {
            body.insert(words.to_owned(), why.into());
        }
        ((group, name), body.into())
    }
}

/// An edge as the paths of the API have it.
pub fn path_of(Edge { pipeline, from, to }: &Edge) -> String {
    format!("{pipeline}>{from}>{to}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_value_of_an_answer_has_the_name_that_the_api_gives_it() {
        for (answer, name) in [(Answer::EditApprove, "edited"), (Answer::Respond, "value")] {
            let act = Act::Resolve { answer, context_digest: "d".to_owned(), value: Some(json!(7)) };
            let body = json!({"answer": answer, "context_digest": "d", name: 7, "note": "why"});
            assert_eq!(act.call("why"), (("escalations", "resolve"), body));
        }
    }
}
