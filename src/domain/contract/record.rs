//! The record of a handoff: provenance, side effects, failure modes, quality, classification.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::key::EffectKey;
use crate::domain::time::{Millis, SECOND, Time};

/// Provenance: the agent, model and prompt that decided, and the tools they called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The agent and its version.
    pub agent: Maker,
    /// The model; `None` when no model was used.
    pub model: Option<Maker>,
    /// The prompt; `None` when there is none.
    pub prompt: Option<Maker>,
    /// The reason for taking this path; `None` when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch_reason: Option<String>,
    /// Confidence of the source in its work, `0.0..=1.0`; `None` when it does not say.
    pub confidence: Option<f64>,
    /// Tool calls in order, `seq` 1..n.
    pub tool_calls: Vec<ToolCall>,
}

/// Something that has a name and a version: an agent, a model, a prompt.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Maker {
    /// Name of the agent, model or prompt.
    pub name: String,
    /// The version, in whatever form its maker uses.
    pub version: String,
    /// Provider of the model or agent, such as its vendor; `None` when not said.
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
    /// Name of the tool.
    pub name: String,
    /// The caller's id of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
    /// Result of the call: success or error.
    pub status: CallStatus,
    /// The hash of its arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args_digest: Option<String>,
    /// Duration of the call in milliseconds; `None` when it was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// Confidence of the source in this result, `0.0..=1.0`; `None` when it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
}

/// Result of a tool call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    /// The tool returned a result.
    Ok,
    /// The tool returned an error.
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
    /// Name of the outside system that was written to.
    pub system: String,
    /// The resource that was written, in that system's words.
    pub resource: String,
    /// The operation on the resource.
    pub op: EffectOp,
    /// Status of the write as far as known.
    pub status: EffectStatus,
    /// True when doing it again with the same key does nothing more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotent: Option<bool>,
    /// True when it can be undone.
    pub reversible: bool,
    /// Time at which it was committed; `None` when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed_at: Option<Time>,
    /// The way to undo it; `None` when there is no way.
    pub compensation: Option<Compensation>,
}

/// Operation of a side effect on its resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectOp {
    /// Makes a new resource.
    Create,
    /// Changes an existing resource.
    Update,
    /// Removes a resource.
    Delete,
    /// Charges money to somebody.
    Charge,
    /// Sends a message to somebody.
    Send,
    /// Any other write.
    Other,
}

/// Status of a side effect in a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectStatus {
    /// It happened in the outside system.
    Committed,
    /// Nobody knows whether it happened.
    Unknown,
    /// It happened and was undone since.
    Compensated,
    /// It stays as it is, by decision.
    Kept,
}

/// The way to undo a side effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compensation {
    /// Kind of actor that undoes it.
    pub kind: CompensationKind,
    /// The action that undoes it, by name.
    pub action: String,
    /// Arguments of the action; `None` when it takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Map<String, Value>>,
}

/// Kind of actor that undoes a side effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompensationKind {
    /// The agent that owns the system.
    Agent,
    /// An HTTP request to the outside system.
    Http,
    /// A person, by hand.
    Manual,
}

/// The error codes that may be retried and those that go to a person. A code is in one list at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureModes {
    /// Codes to try again after.
    pub retryable: Vec<String>,
    /// Codes to ask a human about.
    pub escalate: Vec<String>,
    /// The action for any code in neither list.
    pub default: FailureAction,
    /// Attempts including the first, `1..=50`; the edge decides when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
}

impl FailureModes {
    /// The action the source wants after a failure with this code (protocol section 3, rows 11 to 13).
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

/// Action after a failed attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureAction {
    /// Try again while the budget lasts.
    #[default]
    Retry,
    /// Ask a person.
    Escalate,
    /// Park it as a dead letter.
    DeadLetter,
}

/// The source's own judgement of the quality of its work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Completeness of the work, `0.0..=1.0`.
    pub completeness: f64,
    /// Number of sources that were verified; `None` when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources_verified: Option<u64>,
    /// Number of open issues; reviews that make progress bring it down. `None` when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_issues: Option<u64>,
    /// The checks the source ran; empty when it ran none.
    pub checks: Vec<Check>,
}

/// One check the source ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Name of the check.
    pub name: String,
    /// Result of the check.
    pub status: CheckStatus,
    /// Details of the result; `None` when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// The check passed.
    Pass,
    /// The check failed.
    Fail,
    /// The check was not run.
    Skipped,
}

/// Confidentiality of a contract.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Classification {
    /// The level of the whole.
    pub level: Level,
    /// Regulations that apply, such as `GDPR`; `None` when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regulations: Option<Vec<String>>,
    /// JSON pointer to the class of what is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<BTreeMap<String, String>>,
    /// The parts that were redacted before the contract got here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redactions: Option<Vec<Redaction>>,
}

/// Levels of confidentiality, ordered: the most open first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// May be shown to everybody.
    Public,
    /// May be shown within the organisation.
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
    /// JSON pointer to the place of the redacted part.
    pub path: String,
    /// Method of the redaction.
    pub method: RedactionMethod,
    /// Reason for the redaction; `None` when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Method of a redaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedactionMethod {
    /// The value was removed.
    Drop,
    /// The value was masked: covered by a placeholder.
    Mask,
    /// Replaced by a keyed hash.
    Hash,
    /// Replaced by a reference into a vault.
    Tokenize,
}

/// Delivery times and timeouts of a handoff.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Time before which it cannot be claimed; `None` when it can be at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Time>,
    /// Time after which the work is of no use; `None` when it has no deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Time>,
    /// Time in which the target has to acknowledge a claim, in seconds, `1..=86400`.
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
