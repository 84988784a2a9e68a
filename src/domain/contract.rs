//! The handoff contract: six fields, working memory, brief (protocol section 2).
//!
//! A [`Contract`] is the full stored form: whatever a producer may leave out has been derived by the time one
//! exists. [`crate::orchestrator::boundary`] builds it from untrusted JSON; here are only the types and the
//! rules that need nothing but the contract itself.
//!
//! Reading and writing keep every fact of a valid contract; the spelling of numbers (`1` for `1.0`) and of
//! times (UTC, milliseconds) may change, so a [`digest`] is always taken from a written [`Contract`].

mod hidden;
mod mask;
mod memory;
mod record;

pub use hidden::{Hidden, leaves};
pub use mask::{MASK, Masked, mask};
pub use memory::{Brief, Summary, WorkingMemory};
pub use record::{
    CallStatus, CheckStatus, Classification, Delivery, EffectStatus, FailureAction, FailureModes, Level, Maker,
    Provenance, Quality, Redaction, RedactionMethod, SideEffect,
};

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::canonical::canonical;
use super::key::{HandoffKey, TraceId, hashed};

/// The contract version this program writes.
pub const SCHEMA_VERSION: &str = "1.0.0";

/// One transfer of state, context and ownership from a source to a target, complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contract {
    /// Six-field 1: the semantic version of the contract.
    pub schema_version: String,
    /// Six-field 2: computed from trace, step and branch.
    pub idempotency_key: HandoffKey,
    /// Six-field 3: the trace, which is the run.
    pub trace_id: TraceId,
    /// Hops since the start of the run, `0..=2^31-1`.
    pub step: u32,
    /// The path of fan-out indexes, `""` on the trunk.
    pub branch: String,
    /// W3C trace context under which this edge was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// W3C vendor trace state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracestate: Option<String>,
    /// The pipeline and stage that this handoff belongs to.
    pub pipeline: Pipeline,
    /// The party that hands over.
    pub source: Party,
    /// The party that takes over.
    pub target: Party,
    /// Relation of this handoff to an earlier one.
    pub relation: Relation,
    /// The brief: the part that the receiver reads first.
    pub brief: Brief,
    /// The context that the receiver works with.
    pub working_memory: WorkingMemory,
    /// Six-field 4: who decided what, with which model, prompt and tools.
    pub provenance: Provenance,
    /// Six-field 5: what the source wrote to the outside world; empty means "nothing".
    pub side_effects: Vec<SideEffect>,
    /// Six-field 6: which failures may be retried and which go to a human.
    pub failure_modes: FailureModes,
    /// Quality markers of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
    /// Confidentiality of the contract; [`Level::Internal`] when `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classification: Option<Classification>,
    /// Delivery times and timeouts; `None` leaves them to the policy of the edge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
    /// The only open place: members named like reversed domains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ext: Option<Map<String, Value>>,
}

impl Contract {
    /// The edge, written `from>to`.
    pub fn edge(&self) -> String {
        format!("{}>{}", self.source.id, self.target.id)
    }

    /// The urgency stated in the brief, else [`Urgency::Normal`].
    pub fn urgency(&self) -> Urgency {
        self.brief.urgency.unwrap_or_default()
    }

    /// The confidentiality stated, else [`Level::Internal`].
    pub fn level(&self) -> Level {
        self.classification.as_ref().map(|classification| classification.level).unwrap_or_default()
    }

    /// The stored form as a JSON value.
    #[allow(clippy::missing_panics_doc, reason = "the message is the proof")]
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).expect("string keys and finite numbers only, so JSON can hold it")
    }
}

/// `sha256:` and the hash over the RFC 8785 (JCS) bytes of `value`: equal meaning, equal digest, whatever the
/// order of the members.
pub fn digest(value: &Value) -> String {
    hashed("sha256:", &canonical(value))
}

/// `sha256:` and the hash over bytes as they are.
pub fn digest_of_bytes(bytes: &[u8]) -> String {
    hashed("sha256:", bytes)
}

/// A party that can hand over or take over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Party {
    /// Kind of party: agent, person, team and so on.
    pub kind: PartyKind,
    /// Its name, unique within its kind.
    pub id: String,
}

impl Party {
    /// An agent of this name.
    pub fn agent(id: impl Into<String>) -> Self {
        Self { kind: PartyKind::Agent, id: id.into() }
    }

    /// A person of this name.
    pub fn human(id: impl Into<String>) -> Self {
        Self { kind: PartyKind::Human, id: id.into() }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

/// Kinds of parties that hand over or take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyKind {
    /// A program that decides with a model.
    Agent,
    /// One person, by name.
    Human,
    /// Several people with one inbox.
    Team,
    /// A program that follows rules.
    System,
    /// Somebody outside, who cannot be asked to do it again.
    External,
}

impl PartyKind {
    /// Whether people read what arrives there, so that the brief has to be whole.
    pub fn is_people(self) -> bool {
        matches!(self, Self::Human | Self::Team)
    }
}

/// Urgency of a handoff or of a question. Ordered: the most urgent first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// To be served at once, an hour ahead of normal work of the same age.
    Critical,
    /// To be served ten minutes ahead of normal work of the same age.
    High,
    /// To be served in the order of arrival.
    #[default]
    Normal,
    /// To be served ten minutes behind normal work of the same age.
    Low,
}

impl Urgency {
    /// The word used on the wire, such as `critical`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }
}

/// The pipeline this handoff belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pipeline {
    /// The name of the pipeline.
    pub name: String,
    /// Semantic version of the pipeline, such as `1.4.0`.
    pub version: String,
    /// The stage the target works at.
    pub stage: String,
    /// Kind of output that is handed over.
    pub output: String,
    /// Arrangement of the agents; `None` when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Pattern>,
}

/// Arrangement of the agents of a pipeline; it decides how a run is recovered (protocol section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// One agent after the other.
    Sequential,
    /// One agent distributes, many work, one gathers.
    SupervisorWorker,
    /// Each agent decides who is next.
    PeerToPeer,
    /// A program holds the state and calls the agents.
    StatefulOrchestrator,
}

/// Relation of a handoff to an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// Kind of the relation.
    #[serde(rename = "type")]
    pub kind: RelationKind,
    /// The id of the handoff it follows from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// Number of the revision cycle, counted by the server; 0 before the first revision, `None` when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cycle: Option<u32>,
    /// The changes that a revision has to make; `None` when it is no revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<Vec<String>>,
    /// The fan-out it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
}

impl Relation {
    /// The start of a run: follows from nothing.
    pub fn initial() -> Self {
        Self::plain(RelationKind::Initial)
    }

    /// A relation of this kind and nothing more said.
    pub fn plain(kind: RelationKind) -> Self {
        Self { kind, of: None, cycle: None, feedback: None, group: None }
    }
}

/// Kinds of relations between a handoff and an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelationKind {
    /// The first of a run.
    Initial,
    /// Hands on to the next stage.
    Forward,
    /// Back to be mended, with feedback.
    Revision,
    /// The source waits for the answer.
    Delegate,
    /// Hands over one of several parts in parallel.
    FanOut,
    /// Joins the results of several earlier handoffs.
    FanIn,
    /// Puts a question to a person.
    Escalation,
}

/// The place of one handoff in a fan-out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Names the fan-out within its run.
    pub id: String,
    /// Number of members in the group, `1..=1000`.
    pub size: u32,
    /// Index of this member, counted from 0.
    pub index: u32,
    /// Condition under which the fan-out counts as done.
    pub join: Join,
    /// Number of members that are enough; set for [`Join::Quorum`] only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quorum: Option<u32>,
}

/// Condition under which a fan-out counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// Every member is completed.
    All,
    /// One member is completed.
    Any,
    /// [`Group::quorum`] members are completed.
    Quorum,
}

/// Strictness of an edge: its demands on a contract (protocol section 2, strictness).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strictness {
    /// Records what is wrong and delivers anyway.
    Observe,
    /// Schema and semantic checks.
    #[default]
    Standard,
    /// Also a completeness threshold, a summary of 200 to 500 tokens and a payload with a schema.
    Strict,
}

/// One violation of a contract: the place, the rule broken, and a message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Violation {
    /// JSON pointer to the place; a missing member is named as if it were there. `""` is the whole document.
    pub path: String,
    /// The rule broken: a JSON Schema keyword such as `required`, or a code of ours such as `key_mismatch`.
    pub keyword: String,
    /// The defect and the expectation, for people. Quotes values only shortened and escaped.
    pub message: String,
}

impl Violation {
    /// A violation of `keyword` at `path`.
    pub fn new(path: impl Into<String>, keyword: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), keyword: keyword.into(), message: message.into() }
    }
}

/// The flag of a handoff whose source left out what it wrote to the outside: that its manifest is empty is not its word.
pub const SIDE_EFFECTS_UNDECLARED: &str = "side_effects_undeclared";

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "/" } else { &self.path };
        write!(f, "{path}: {}", self.message)
    }
}

/// The contract shipped as an example, for tests of every part.
#[cfg(test)]
pub(crate) const EXAMPLE: &str = include_str!("../../examples/contract.json");

/// [`EXAMPLE`], read.
#[cfg(test)]
pub(crate) fn example() -> Contract {
    serde_json::from_str(EXAMPLE).expect("the example is a valid contract")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_example_survives_reading_and_writing() {
        let sent: Value = serde_json::from_str(EXAMPLE).unwrap();
        let contract: Contract = serde_json::from_value(sent.clone()).unwrap();
        let written = contract.to_value();
        assert_eq!(serde_json::from_value::<Contract>(written.clone()).unwrap(), contract);
        // Only the spelling of a time differs.
        let mut expected = sent;
        *expected.pointer_mut("/side_effects/0/committed_at").unwrap() = json!("2026-08-20T10:00:02.000Z");
        assert_eq!(written, expected);
        assert_eq!(contract.edge(), "research>writer");
    }

    #[test]
    fn the_digest_ignores_member_order_and_number_spelling() {
        let one: Value = serde_json::from_str(r#"{"b":1.0,"a":"é"}"#).unwrap();
        let two: Value = serde_json::from_str("{\"a\":\"\\u00e9\",\"b\":1}").unwrap();
        assert_eq!(digest(&one), digest(&two));
        // RFC 8785 bytes: {"a":"é","b":1}
        assert_eq!(canonical(&one), "{\"a\":\"é\",\"b\":1}".as_bytes());
        assert_eq!(digest(&json!({})), "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
        assert_ne!(digest(&one), digest(&json!({"a": "e", "b": 1})));
    }

    #[test]
    fn urgency_is_ordered_and_normal_when_nothing_is_said() {
        assert!(Urgency::Critical < Urgency::High && Urgency::High < Urgency::Normal && Urgency::Normal < Urgency::Low);
        let mut contract = example();
        contract.brief.urgency = None;
        contract.classification = None;
        assert_eq!((contract.urgency(), contract.level()), (Urgency::Normal, Level::Internal));
    }
}
