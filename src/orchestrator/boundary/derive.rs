//! Derived members: the server's own knowledge of a handoff, and how it meets what the producer said.

use semver::Version;
use serde_json::{Map, Value, json};

use super::HashKey;
use super::words::{brief, shown};
use crate::domain::contract::{
    Party, PartyKind, Relation, RelationKind, SCHEMA_VERSION, SideEffect, Strictness, Violation,
};
use crate::domain::key::{TraceId, handoff_key};
use crate::domain::time::Time;

/// The server's knowledge of a handoff before it reads the contract: it fills in what the producer left out,
/// and has to match what the producer said.
#[derive(Clone, Debug)]
pub struct Derive {
    /// The party that sends, as authenticated.
    pub producer: Party,
    /// Id of the trace, which is the run.
    pub trace: TraceId,
    /// The step of the new handoff, from 0.
    pub step: u32,
    /// The branch of the new handoff; empty for the main one.
    pub branch: String,
    /// Relation to an earlier handoff.
    pub relation: Relation,
    /// Time at which the contract arrived.
    pub now: Time,
    /// The source's side effects by the effects ledger; `None` where there is no ledger to compare with.
    pub effects: Option<Vec<SideEffect>>,
    /// Strictness of the edge.
    pub strictness: Strictness,
    /// The least completeness a strict edge accepts, `0..=100`.
    pub completeness_min: u8,
    /// The payload version the edge's consumer reads; `None` when it reads whatever comes.
    pub consumer: Option<Version>,
    /// The version of the payload's schema that was last handed over on the edge; `None` when none was.
    pub last_payload: Option<Version>,
    /// Payload members that change from one attempt to the next and do not make work different.
    pub volatile: Vec<String>,
    /// The key of redactions by `hash`; `None` where nothing is stored, and for contracts that ask for none.
    pub hash_key: Option<HashKey>,
}

impl Derive {
    /// The server's knowledge of a handoff over an edge without a policy of its own.
    pub fn new(
        producer: Party,
        trace: TraceId,
        step: u32,
        branch: impl Into<String>,
        relation: Relation,
        now: Time,
    ) -> Self {
        Self {
            producer,
            trace,
            step,
            branch: branch.into(),
            relation,
            now,
            effects: None,
            strictness: Strictness::default(),
            completeness_min: 0,
            consumer: None,
            last_payload: None,
            volatile: Vec::new(),
            hash_key: None,
        }
    }
}

/// Puts in what the producer may leave out; what it did say has to be the same (protocol section 2, derived
/// members). The server's word is what is stored.
pub(super) fn fill(members: &mut Map<String, Value>, derive: &Derive, found: &mut Vec<Violation>) {
    members.entry("schema_version").or_insert_with(|| SCHEMA_VERSION.into());
    let mut own = |name: &str, keyword: &str, value: Value| {
        let path = format!("/{name}");
        let malformed = found.iter().any(|violation| violation.path.starts_with(&path));
        match members.insert(name.to_owned(), value.clone()) {
            Some(said) if said != value && !malformed => {
                let (said, value) = (plain(&said), plain(&value));
                let message = format!("is {said}, but this handoff has {value}: leave it out, the server fills it in");
                found.push(Violation::new(path, keyword, message));
            }
            _ => {}
        }
    };
    own("trace_id", "trace_mismatch", json!(derive.trace));
    own("step", "step_mismatch", json!(derive.step));
    own("branch", "branch_mismatch", json!(derive.branch));
    own("source", "source_mismatch", json!(derive.producer));
    if let Ok(key) = handoff_key(&derive.trace, derive.step, &derive.branch) {
        own("idempotency_key", "key_mismatch", json!(key));
    }
    fill_relation(members, &derive.relation, found);
    if let Some(provenance) = members.get_mut("provenance").and_then(Value::as_object_mut) {
        let maker = json!({"name": derive.producer.id, "version": "unspecified"});
        let said = provenance.entry("agent").or_insert(maker).get("name").and_then(Value::as_str);
        if let Some(said) = said.filter(|said| derive.producer.kind == PartyKind::Agent && *said != derive.producer.id)
        {
            let (said, producer) = (shown(said), shown(&derive.producer.id));
            let message = format!("is {said}, but the producer is {producer}: an agent speaks for itself only");
            found.push(Violation::new("/provenance/agent/name", "agent_mismatch", message));
        }
    }
    let ledger = || json!(derive.effects.as_deref().unwrap_or_default());
    members.entry("side_effects").or_insert_with(ledger);
}

/// The producer may say more about a relation than the server knows (that it waits, that it sends back, why),
/// but not something else.
fn fill_relation(members: &mut Map<String, Value>, derived: &Relation, found: &mut Vec<Violation>) {
    let said = members.get("relation").cloned().and_then(|said| serde_json::from_value::<Relation>(said).ok());
    let mut relation = derived.clone();
    if let Some(said) = said {
        let kinds = (derived.kind, said.kind);
        let finer = matches!(
            kinds,
            (RelationKind::Initial | RelationKind::Forward, RelationKind::Delegate | RelationKind::Escalation)
                | (RelationKind::Forward, RelationKind::Revision)
        );
        let mut differs = |name: &str, said: String, known: String| {
            let message = format!("is {said}, but this handoff has {known}: leave it out, the server fills it in");
            found.push(Violation::new(format!("/relation/{name}"), "relation_mismatch", message));
        };
        if finer {
            relation.kind = said.kind;
        } else if said.kind != derived.kind {
            differs("type", plain(&json!(said.kind)), plain(&json!(derived.kind)));
        }
        // Where the server knows nothing, the producer's word stands.
        match (&derived.of, said.of) {
            (Some(known), Some(said)) if *known != said => {
                differs("of", shown(&said), shown(known));
            }
            (None, said) => relation.of = said,
            _ => {}
        }
        match (derived.cycle, said.cycle) {
            (Some(known), Some(said)) if known != said => {
                differs("cycle", said.to_string(), known.to_string());
            }
            (None, said) => relation.cycle = said,
            _ => {}
        }
        match (&derived.group, said.group) {
            (Some(known), Some(said)) if *known != said => {
                differs("group", plain(&json!(said)), plain(&json!(known)));
            }
            (None, said) => relation.group = said,
            _ => {}
        }
        relation.feedback = relation.feedback.or(said.feedback);
    }
    members.insert("relation".to_owned(), json!(relation));
}

/// A small value as JSON, a large one in a few words.
fn plain(value: &Value) -> String {
    match value {
        Value::Object(_) | Value::Array(_) => shown(&value.to_string()),
        other => brief(other),
    }
}
