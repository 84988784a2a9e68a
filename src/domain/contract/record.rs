//! What is on record about a handoff: provenance, side effects, failure modes, quality, classification.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::key::EffectKey;
use crate::domain::time::{Millis, SECOND, Time};

/// Who decided, with which model, prompt and tools.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The agent and its version.
    pub agent: Maker,
    /// The model; `None` when no model was used.
    pub model: Option<Maker>,
    /// The prompt; `None` when there is none.
    pub prompt: Option<Maker>,
    /// Why this path was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch_reason: Option<String>,
    /// How sure the source is, `0.0..=1.0`; `None` when it does not say.
    pub confidence: Option<f64>,
    /// Tool calls in order, `seq` 1..n.
    pub tool_calls: Vec<ToolCall>,
}

/// Something that has a name and a version: an agent, a model, a prompt.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Maker {
    /// The name.
    pub name: String,
    /// The version, in whatever form its maker uses.
    pub version: String,
    /// Who offers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The hash of its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

impl Maker {
    /// `name@version`, as violations are grouped.
    pub fn label(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

/// One call of a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Its place in the order, from 1.
    pub seq: u32,
    /// The tool.
    pub name: String,
    /// The caller's id of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
    /// How it ended.
    pub status: CallStatus,
    /// The hash of its arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args_digest: Option<String>,
    /// How long it took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// How sure the source is of its result, `0.0..=1.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
}

/// How a tool call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    /// With a result.
    Ok,
    /// With an error.
    Error,
}

/// One write to the outside world, as the manifest lists it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SideEffect {
    /// Its place in the manifest, from 1.
    pub seq: u32,
    /// The step that caused it, when it was carried on from an earlier one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin_step: Option<u32>,
    /// Its key, which the outside system got as idempotency key.
    pub effect_key: EffectKey,
    /// The outside system.
    pub system: String,
    /// What was written, in that system's words.
    pub resource: String,
    /// What was done to it.
    pub op: EffectOp,
    /// What is known about it.
    pub status: EffectStatus,
    /// Whether doing it again with the same key does nothing more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotent: Option<bool>,
    /// Whether it can be undone.
    pub reversible: bool,
    /// When it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed_at: Option<Time>,
    /// How to undo it; `None` when there is no way.
    pub compensation: Option<Compensation>,
}

/// What a side effect does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectOp {
    /// Makes something.
    Create,
    /// Changes something.
    Update,
    /// Removes something.
    Delete,
    /// Takes money.
    Charge,
    /// Sends a message.
    Send,
    /// Anything else.
    Other,
}

/// What is known about a side effect in a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectStatus {
    /// It happened.
    Committed,
    /// Nobody knows whether it happened.
    Unknown,
    /// It was undone.
    Compensated,
    /// It stays, by decision.
    Kept,
}

/// How to undo a side effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compensation {
    /// Who undoes it.
    pub kind: CompensationKind,
    /// What to do.
    pub action: String,
    /// With which arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Map<String, Value>>,
}

/// Who undoes a side effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompensationKind {
    /// The agent that owns the system.
    Agent,
    /// An HTTP call.
    Http,
    /// A person.
    Manual,
}

/// Which failures may be retried and which go to a human. A code is in one list at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureModes {
    /// Codes to try again after.
    pub retryable: Vec<String>,
    /// Codes to ask a human about.
    pub escalate: Vec<String>,
    /// What to do about any other code.
    pub default: FailureAction,
    /// Attempts including the first, `1..=50`; the edge decides when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
}

impl FailureModes {
    /// What the source wants done after a failure with this code (protocol section 3, rows 11 to 13).
    pub fn action(&self, code: &str) -> FailureAction {
        let listed = |codes: &[String]| codes.iter().any(|listed| listed == code);
        if listed(&self.escalate) {
            FailureAction::Escalate
        } else if listed(&self.retryable) {
            FailureAction::Retry
        } else {
            self.default
        }
    }

    /// Whether the code is in one of the lists.
    pub fn declares(&self, code: &str) -> bool {
        self.retryable.iter().chain(&self.escalate).any(|listed| listed == code)
    }
}

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureAction {
    /// Try again while the budget lasts.
    Retry,
    /// Ask a human.
    Escalate,
    /// Park it.
    DeadLetter,
}

/// What the source says about the quality of its work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// How complete the work is, `0.0..=1.0`.
    pub completeness: f64,
    /// How many sources were verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources_verified: Option<u64>,
    /// How many issues are open; reviews that make progress bring it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_issues: Option<u64>,
    /// Checks the source ran.
    pub checks: Vec<Check>,
}

/// One check the source ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Which.
    pub name: String,
    /// How it ended.
    pub status: CheckStatus,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// Well.
    Pass,
    /// Badly.
    Fail,
    /// It was not run.
    Skipped,
}

/// How confidential a contract is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Classification {
    /// The level of the whole.
    pub level: Level,
    /// Regulations that apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regulations: Option<Vec<String>>,
    /// JSON pointer to the class of what is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<BTreeMap<String, String>>,
    /// What was taken out before it got here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redactions: Option<Vec<Redaction>>,
}

/// Levels of confidentiality, ordered: the most open first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// For everybody.
    Public,
    /// For the organisation.
    #[default]
    Internal,
    /// For those who need it; masked unless revealed.
    Confidential,
    /// For named people; masked unless revealed.
    Restricted,
}

/// Something taken out of a contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redaction {
    /// Where it was, as a JSON pointer.
    pub path: String,
    /// How it was taken out.
    pub method: RedactionMethod,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How something was taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedactionMethod {
    /// Removed.
    Drop,
    /// Covered.
    Mask,
    /// Replaced by a keyed hash.
    Hash,
    /// Replaced by a reference into a vault.
    Tokenize,
}

/// When to deliver and how long to wait.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Not to be claimed before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Time>,
    /// Of no use after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Time>,
    /// How long the target has to acknowledge, in seconds, `1..=86400`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ack_timeout_s: Option<u32>,
}

impl Delivery {
    /// [`Delivery::ack_timeout_s`] in milliseconds.
    pub fn ack_timeout(&self) -> Option<Millis> {
        self.ack_timeout_s.map(|seconds| Millis::from(seconds) * SECOND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_code_leads_to_the_declared_action() {
        let modes = FailureModes {
            retryable: vec!["timeout".into()],
            escalate: vec!["policy_violation".into()],
            default: FailureAction::DeadLetter,
            max_attempts: None,
        };
        assert_eq!(modes.action("timeout"), FailureAction::Retry);
        assert_eq!(modes.action("policy_violation"), FailureAction::Escalate);
        assert_eq!(modes.action("segfault"), FailureAction::DeadLetter);
        assert!(modes.declares("timeout") && !modes.declares("segfault"));
    }
}
