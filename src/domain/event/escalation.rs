//! A question to a person, and the answer.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::contract::Urgency;
use crate::domain::time::Time;

/// A question to a person about one handoff (protocol section 3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Escalation {
    /// Id of the escalation.
    pub id: String,
    /// Kind of question.
    pub kind: EscalationKind,
    /// The question in one or two sentences. Hostile text when an agent wrote it.
    pub question: String,
    /// The answers that are allowed.
    pub allow: Vec<Answer>,
    /// The role that is asked; measured as the edge `{agent}>{role}`. `None` when no role is named.
    #[serde(with = "empty_for_none")]
    pub role: Option<String>,
    /// Urgency of the answer.
    pub urgency: Urgency,
    /// Time at which the timeout acts; `None` when the source does not say, or it never does.
    #[serde(with = "never_for_none")]
    pub due_at: Option<Time>,
    /// The answer given by the timeout when nobody answers; means nothing without a time at which it acts.
    pub on_timeout: Timeout,
    /// The action that will really run on approval, if the producer said so: `{name, args}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed_action: Option<Value>,
    /// A flat JSON Schema object for the answer to a question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_schema: Option<Value>,
    /// Digest of the contract the approver will see; a decision is bound to it. `None` without a contract.
    #[serde(with = "empty_for_none")]
    pub context_digest: Option<String>,
    /// The handoff needs this very yes: no answer to another question lets its target begin.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// Subject of the token that asked; kept only where duties are separated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asker: Option<Arc<str>>,
    /// The failure that it is about; `None` when no attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// The failure of an attempt that a person is asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Error code, such as `need_input`.
    pub code: String,
    /// The agent's own account of it; may be empty. Hostile text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// A text that always stands in JSON: an empty one when there is none.
mod empty_for_none {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::ref_option)] // serde passes references
    pub(super) fn serialize<S: Serializer>(it: &Option<String>, to: S) -> Result<S::Ok, S::Error> {
        it.as_deref().unwrap_or_default().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
        String::deserialize(from).map(|it| Some(it).filter(|it| !it.is_empty()))
    }
}

/// A time that always stands in JSON: [`Time::NEVER`](super::Time::NEVER) when there is none.
mod never_for_none {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Time;

    #[allow(clippy::trivially_copy_pass_by_ref, clippy::ref_option)] // serde passes references
    pub(super) fn serialize<S: Serializer>(it: &Option<Time>, to: S) -> Result<S::Ok, S::Error> {
        it.unwrap_or(Time::NEVER).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Time>, D::Error> {
        Time::deserialize(from).map(|it| Some(it).filter(|it| *it != Time::NEVER))
    }
}

/// Kind of question to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EscalationKind {
    /// May this go ahead?
    Approval,
    /// The agent needs to know something.
    Question,
    /// An operator asks for help with a dead letter.
    DeadLetter,
    /// Agents go round in circles.
    Loop,
    /// An effect could not be undone automatically.
    Compensation,
    /// The contract sends this error code to a person.
    Failure,
    /// Observed: the source says somebody was asked.
    Observed,
}

/// The answers a person can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Go ahead with exactly what was shown.
    Approve,
    /// Go ahead with an edited contract.
    EditApprove,
    /// Back to the source with feedback.
    Reject,
    /// An answer to the question.
    Respond,
    /// End the handoff unprocessed.
    Dismiss,
}

impl Answer {
    /// The word used on the wire, such as `edit_approve`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::EditApprove => "edit_approve",
            Self::Reject => "reject",
            Self::Respond => "respond",
            Self::Dismiss => "dismiss",
        }
    }

    /// The past participle, as in "it can be approved".
    pub const fn done(self) -> &'static str {
        match self {
            Self::Approve => "approved",
            Self::EditApprove => "edited and approved",
            Self::Reject => "rejected",
            Self::Respond => "answered",
            Self::Dismiss => "dismissed",
        }
    }
}

/// A person's decision on an escalation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resolution {
    /// The answer, one that the question allows.
    pub answer: Answer,
    /// The person's words; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// The changes the source must make; empty unless it is a rejection.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feedback: Vec<String>,
    /// The answer to a question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// Outcome of an escalation that nobody answers in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timeout {
    /// The handoff becomes a dead letter.
    #[default]
    DeadLetter,
    /// It goes ahead as if approved.
    Approve,
    /// It ends as if dismissed.
    Dismiss,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_of_every_question_stays_as_it_was() {
        let seen = concat!(
            r#"{"id":"h","kind":"observed","question":"May it go?","allow":[],"role":"","urgency":"normal","#,
            r#""due_at":"9999-12-31T23:59:59.999Z","on_timeout":"dead_letter","context_digest":""}"#,
        );
        let asked = concat!(
            r#"{"id":"e","kind":"approval","question":"May it go?","allow":["approve","dismiss"],"role":"editors","#,
            r#""urgency":"high","due_at":"2026-08-20T03:12:44.000Z","on_timeout":"approve","#,
            r#""proposed_action":{"name":"mail"},"requested_schema":{"type":"object"},"context_digest":"sha256:00","#,
            r#""required":true,"asker":"dana"}"#,
        );
        let failed = concat!(
            r#"{"id":"f","kind":"failure","question":"q failed","allow":["respond"],"role":"operators","urgency":"normal","#,
            r#""due_at":"2026-08-20T03:12:44.000Z","on_timeout":"dead_letter","context_digest":"sha256:00","#,
            r#""cause":{"code":"need_input","detail":"Which currency?"}}"#,
        );
        for json in [seen, asked, failed] {
            let read: Escalation = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), json);
        }
    }
}
