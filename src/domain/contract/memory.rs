//! What the receiver reads and works with: the brief and the working memory.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Party, Urgency};
use crate::domain::time::Time;

/// What the receiver needs to know before it begins, in the order a person reads it.
///
/// In the lists `None` means "not said" and an empty list means "none": the first costs completeness.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Brief {
    /// The task in one sentence.
    pub title: String,
    /// What it is all for.
    pub goal: String,
    /// Where things stand.
    pub current_state: String,
    /// What has been decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decisions: Option<Vec<String>>,
    /// What must not change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constraints: Option<Vec<String>>,
    /// The exact next action.
    pub next_step: String,
    /// What has to be true at the end; at least one item.
    pub definition_of_done: Vec<DoneItem>,
    /// Who owns it from here on.
    pub owner: Party,
    /// How soon; normal when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency: Option<Urgency>,
    /// When it has to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Time>,
    /// Where the originals are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_links: Option<Vec<Link>>,
    /// What is done already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed: Option<Vec<String>>,
    /// What was tried and did not work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried: Option<Vec<String>>,
    /// Facts the receiver should not have to look up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_facts: Option<Vec<String>>,
    /// What stands in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blockers: Option<Vec<String>>,
    /// Whose consent is still missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_approvals: Option<Vec<String>>,
    /// What the receiver has to supply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_need: Option<String>,
    /// Why a human has to look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation_reason: Option<String>,
}

/// One condition of being done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoneItem {
    /// The condition.
    pub item: String,
    /// Whether it holds already.
    pub met: bool,
}

/// A link to an original.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Where it is.
    pub url: String,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// What the receiver works with: at least one of summary, references and payload.
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

/// The story so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// What was decided.
    pub decision: String,
    /// On the strength of what.
    pub inputs_used: Vec<String>,
    /// What is not known yet.
    pub open_questions: Vec<String>,
    /// The story.
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
    /// Where they are.
    pub uri: String,
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// Bytes, at most 16 MiB.
    pub size: u64,
    /// Their media type.
    pub media_type: String,
    /// The part that matters, as a JSON pointer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slice: Option<String>,
    /// Until when they can be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
}

/// Fields under a registered schema.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Payload {
    /// The name of the schema.
    pub schema: String,
    /// Its semantic version.
    pub version: String,
    /// The fields.
    pub fields: Map<String, Value>,
}
