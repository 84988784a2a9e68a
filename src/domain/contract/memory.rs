//! The brief and the working memory: the context that the receiver reads and works with.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Party, Urgency};
use crate::domain::time::Time;

/// The brief: facts the receiver needs before it begins, in the order a person reads them.
///
/// In the lists `None` means "not said" and an empty list means "none": the first costs completeness.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Brief {
    /// The task in one sentence.
    pub title: String,
    /// The purpose of the whole work.
    pub goal: String,
    /// The state of the work at the time of the handoff.
    pub current_state: String,
    /// The decisions made so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decisions: Option<Vec<String>>,
    /// The limits the receiver must keep to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constraints: Option<Vec<String>>,
    /// The exact next action.
    pub next_step: String,
    /// Conditions that have to hold at the end; at least one item.
    pub definition_of_done: Vec<DoneItem>,
    /// The party that owns the outcome from here on.
    pub owner: Party,
    /// Urgency of the work; normal when `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency: Option<Urgency>,
    /// Time by which the work has to be done; `None` when there is no such time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Time>,
    /// Links to the original documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_links: Option<Vec<Link>>,
    /// The steps that are done already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed: Option<Vec<String>>,
    /// The attempts that did not work, so that nobody repeats them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried: Option<Vec<String>>,
    /// Facts the receiver should not have to look up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_facts: Option<Vec<String>>,
    /// The obstacles in the way of the next step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blockers: Option<Vec<String>>,
    /// The people or teams whose consent is still missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_approvals: Option<Vec<String>>,
    /// The input that only the receiver can supply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_need: Option<String>,
    /// The reason to involve a person; `None` when there is no need.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation_reason: Option<String>,
}

/// One condition of being done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoneItem {
    /// The condition, as a sentence.
    pub item: String,
    /// True when the condition holds already.
    pub met: bool,
}

/// A link to an original.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// URL of the original.
    pub url: String,
    /// A name for the link; `None` when the URL has to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// The working memory: at least one of summary, references and payload.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkingMemory {
    /// The story so far, short enough to read whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
    /// Claim checks: large things stored elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refs: Option<Vec<Reference>>,
    /// Selected fields under a registered schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Payload>,
}

/// Summary of the work so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The decision that the work led to.
    pub decision: String,
    /// The inputs that the decision was based on; empty when there were none.
    pub inputs_used: Vec<String>,
    /// The questions that are still open; empty when there are none.
    pub open_questions: Vec<String>,
    /// The summary itself, as prose.
    pub text: String,
    /// Tokens as the producer counted them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
}

impl Summary {
    /// The text's length in tokens, estimated as one for every four bytes, rounded up.
    pub fn estimated_tokens(&self) -> u64 {
        (self.text.len() as u64).div_ceil(4)
    }
}

/// A claim check: where the bytes are and how to know them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// URI of the bytes.
    pub uri: String,
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// Bytes, at most 16 MiB.
    pub size: u64,
    /// Media type of the bytes, such as `application/pdf`.
    pub media_type: String,
    /// The part that matters, as a JSON pointer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slice: Option<String>,
    /// Time until which the bytes can be fetched; `None` when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
}

/// Fields under a registered schema.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Payload {
    /// The name of the schema.
    pub schema: String,
    /// Semantic version of the schema.
    pub version: String,
    /// The members, as the registered schema names them.
    pub fields: Map<String, Value>,
}
