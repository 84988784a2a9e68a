//! From a producer's contract to a candidate the state machine can decide on, or to a record of its refusal.

use std::borrow::Cow;

use serde_json::Value;

use super::blobs::Kept;
use super::ids::new_id;
use super::{Engine, Problem, cut};
use crate::domain::command::NewHandoff;
use crate::domain::contract::{
    Classification, Contract, Hidden, MASK, Maker, Masked, Party, PartyKind, RelationKind, Strictness, Urgency,
    Violation,
};
use crate::domain::event::{Approval, Emission, Escalation, EscalationKind, Terms, Timeout};
use crate::domain::id::{Actor, ActorKind, Edge, HandoffId};
use crate::domain::machine::{DEFAULT_ACK_TIMEOUT, DEFAULT_ATTEMPTS, ESCALATION_DUE};
use crate::domain::policy::EdgePolicy;
use crate::domain::time::Time;
use crate::orchestrator::boundary::{Admitted, Derive, HashKey, admit, needs_key};
use crate::store::Blob;

/// The media type of a stored contract.
pub(super) const CONTRACT_TYPE: &str = "application/vnd.handoff+json;v=1";
/// The member of `ext` that says what will run on approval, `{name, args}`.
const PROPOSAL: &str = "handoff.proposed_action";
/// The role that is asked when nobody else is named.
pub(super) const OPERATORS: &str = "operators";
/// The most of a name that is kept of a refused contract, in characters.
pub(super) const KEPT_NAME: usize = 128;

/// A contract that may become a handoff, and its bytes.
#[derive(Clone)]
pub(super) struct Candidate {
    pub(super) handoff: NewHandoff,
    pub(super) blob: Kept,
}

impl Engine {
    /// What the server knows, with the version of the payload that came before `body` on its edge.
    pub(super) async fn after_the_last(&self, body: &Value, mut derive: Derive) -> Result<Derive, Problem> {
        if let Some(schema) = text_at(body, "/working_memory/payload/schema") {
            let last = self.inner.store.last_payload(&edge_of(body, &derive.producer.id), schema).await?;
            derive.last_payload = last.and_then(|it| it.parse().ok());
        }
        Ok(derive)
    }

    /// Admits `body` at the place that `derive` says, with what its edge demands.
    pub(super) fn candidate(&self, body: &Value, mut derive: Derive) -> Result<Candidate, Vec<Violation>> {
        let policy = self.policy(&edge_of(body, &derive.producer.id)).clone();
        derive.strictness = policy.strictness;
        derive.completeness_min = policy.completeness_min;
        derive.consumer.clone_from(&policy.consumer);
        derive.volatile.clone_from(&policy.volatile);
        self.candidate_as(body, &derive, &policy)
    }

    /// The same for what the orchestrator itself writes: nothing is refused that can be represented.
    pub(super) fn own_candidate(&self, body: &Value, mut derive: Derive) -> Result<Candidate, Vec<Violation>> {
        let policy = self.policy(&edge_of(body, &derive.producer.id)).clone();
        derive.strictness = Strictness::Observe;
        derive.consumer.clone_from(&policy.consumer);
        self.candidate_as(body, &derive, &policy)
    }

    fn candidate_as(&self, body: &Value, derive: &Derive, policy: &EdgePolicy) -> Result<Candidate, Vec<Violation>> {
        let admitted = self.admit(body, derive)?;
        let id = new_id(derive.now);
        let emission = emission(&admitted, policy, derive.now);
        let urgency = admitted.contract.urgency();
        let on_loop = Escalation {
            allow: emission.answers(EscalationKind::Loop),
            context_digest: Some(admitted.digest.clone()),
            ..question_to(EscalationKind::Loop, String::new(), OPERATORS, urgency, derive.now)
        };
        Ok(Candidate { blob: contract_blob(&admitted), handoff: NewHandoff { id, emission, on_loop } })
    }

    /// Gets ready what the admission of `body` looks at: payload schemas that others registered, and the key of hashes where
    /// it asks for any.
    pub(super) async fn prepare(&self, body: &Value) -> Result<(), Problem> {
        if needs_key(body) && self.inner.hash_key.get().is_none() {
            let secret = self.inner.store.secret().await?;
            let _ = self.inner.hash_key.set(HashKey::new(secret)); // the same by whoever was faster
        }
        self.refresh_schemas().await
    }

    /// Admits a body that it is [prepared](Self::prepare) for.
    pub(super) fn admit(&self, body: &Value, derive: &Derive) -> Result<Admitted, Vec<Violation>> {
        let derive = Derive { hash_key: self.hash_key(), ..derive.clone() };
        let admitted = self.registry(|registry| admit(registry, body, &derive));
        admitted.map_err(|mut violations| {
            Hidden::of(body).cover(&mut violations);
            violations
        })
    }

    /// The key of redactions by hash; `None` while nothing asked for it.
    pub(super) fn hash_key(&self) -> Option<HashKey> {
        self.inner.hash_key.get().cloned()
    }
}

/// The action the producer says will run on approval: the member of `ext` that protocol section 3 names, masked as the
/// contract is.
pub(super) fn proposal(admitted: &Admitted) -> Option<Value> {
    admitted.contract.ext.as_ref()?.get(PROPOSAL)?;
    let said = told(admitted).ext.as_ref()?.get(PROPOSAL)?.clone();
    said.get("name")?.as_str()?;
    Some(said)
}

/// The contract as the log may tell of it: everybody who may read at all reads titles, owners and questions.
fn told(admitted: &Admitted) -> Cow<'_, Contract> {
    let contract = &admitted.contract;
    if !contract.classification.as_ref().is_some_and(Classification::hides_places) {
        return Cow::Borrowed(contract);
    }
    let told = Masked::of(admitted.value.clone()).contract();
    Cow::Owned(told.unwrap_or_else(|_| {
        // What is hidden is part of what makes it a contract: nothing that is a text of somebody's is told.
        let mut told = contract.clone();
        MASK.clone_into(&mut told.brief.title);
        MASK.clone_into(&mut told.brief.owner.id);
        (told.provenance.model, told.provenance.prompt, told.provenance.confidence) = (None, None, None);
        (told.quality, told.ext) = (None, None);
        told
    }))
}

/// An admitted contract as it is stored.
pub(super) fn contract_blob(admitted: &Admitted) -> Kept {
    let digest = admitted.digest.clone();
    let blob = Blob { digest, media_type: CONTRACT_TYPE.to_owned(), bytes: admitted.bytes.clone() };
    let refs = admitted.contract.working_memory.refs.iter().flatten();
    Kept { blob, refers: refs.filter_map(|it| it.uri.strip_prefix("blob:")).map(str::to_owned).collect() }
}

/// The party an actor speaks for; what kind of agent or person it is, it may say itself.
pub(super) fn party(by: &Actor, said: Option<&Value>) -> Party {
    let said = said.and_then(|it| serde_json::from_value(it.get("kind")?.clone()).ok());
    let (default, others): (_, &[PartyKind]) = match by.kind {
        ActorKind::Agent => (PartyKind::Agent, &[PartyKind::System, PartyKind::External]),
        ActorKind::User => (PartyKind::Human, &[PartyKind::Team]),
        ActorKind::System => (PartyKind::System, &[]),
    };
    Party { kind: said.filter(|it| others.contains(it)).unwrap_or(default), id: by.id.to_string() }
}

/// The kind of relation a contract claims, if it is one of `allowed`.
pub(super) fn relation_kind(body: &Value, allowed: &[RelationKind]) -> Option<RelationKind> {
    let said = body.pointer("/relation/type")?.clone();
    let said = serde_json::from_value(said).ok()?;
    allowed.contains(&said).then_some(said)
}

pub(super) fn edge_of(body: &Value, source: &str) -> Edge {
    let name = |path| cut(body.pointer(path).and_then(Value::as_str).unwrap_or("?"), KEPT_NAME);
    Edge::new(&name("/pipeline/name"), &cut(source, KEPT_NAME), &name("/target/id"))
}

pub(super) fn text_at<'a>(body: &'a Value, path: &str) -> Option<&'a str> {
    body.pointer(path).and_then(Value::as_str)
}

/// The head of an admitted contract: the part that the log keeps.
pub(super) fn emission(it: &Admitted, policy: &EdgePolicy, now: Time) -> Emission {
    let contract = &it.contract;
    let told = told(it);
    let label = |maker: &Option<Maker>| maker.as_ref().map(Maker::label);
    let delivery = contract.delivery.clone().unwrap_or_default();
    let modes = &contract.failure_modes;
    let demands = policy.strictness != Strictness::Observe;
    let broken = it.violations.iter().map(|it| format!("{} {}", it.path, it.keyword));
    let terms = Terms {
        key: contract.idempotency_key.as_str().into(),
        digest: it.digest.as_str().into(),
        pipeline_version: contract.pipeline.version.as_str().into(),
        urgency: contract.urgency(),
        owner: told.brief.owner.id.as_str().into(),
        max_attempts: modes.max_attempts.or(policy.max_attempts).unwrap_or(DEFAULT_ATTEMPTS),
        retryable: modes.retryable.clone(),
        escalate: modes.escalate.clone(),
        default: modes.default,
        deadline: delivery.deadline,
        refs_until: contract
            .working_memory
            .refs
            .iter()
            .flatten()
            .filter_map(|it| it.expires_at)
            .min()
            .filter(|_| demands),
        ack_timeout_ms: delivery.ack_timeout().or(policy.ack_timeout).unwrap_or(DEFAULT_ACK_TIMEOUT),
        p95_max_ms: policy.p95_max,
        completeness: Some(it.completeness.score),
        confidence: told.provenance.confidence,
        payload: contract.working_memory.payload.as_ref().map(|it| format!("{}@{}", it.schema, it.version)),
        dropped: it.dropped.clone(),
        open_issues: told
            .quality
            .as_ref()
            .and_then(|it| it.open_issues)
            .map(|it| u32::try_from(it).unwrap_or(u32::MAX)),
        flags: it.flags.iter().map(|it| it.name().to_owned()).chain(broken).collect(),
        cyclic: policy.cyclic,
        max_cycles: policy.max_cycles,
        max_hops: policy.max_hops,
        separation: policy.separation,
        emitter: None, // of whom it comes the one who decides knows
        approval: policy.approval.as_ref().map(|needed| {
            Box::new(Approval {
                role: needed.role.clone(),
                question: needed.question.clone(),
                due_ms: needed.due,
                on_timeout: needed.on_timeout,
                proposed_action: proposal(it),
            })
        }),
    };
    Emission {
        edge: edge(contract),
        stage: Some(contract.pipeline.stage.as_str()).filter(|it| !it.is_empty()).map(Into::into),
        from: contract.source.clone(),
        to: contract.target.clone(),
        step: contract.step,
        branch: contract.branch.as_str().into(),
        parent: contract.relation.of.as_deref().map(HandoffId::from),
        relation: contract.relation.kind,
        cycle: 0,
        title: told.brief.title.clone(),
        ready_at: delivery.not_before.unwrap_or(now).max(now),
        model: label(&told.provenance.model),
        prompt: label(&told.provenance.prompt),
        work: Some(it.work_fingerprint.as_str().into()),
        terms: Some(terms),
    }
}

fn edge(contract: &Contract) -> Edge {
    Edge::new(&contract.pipeline.name, &contract.source.id, &contract.target.id)
}

/// Time a question of this urgency may wait, in milliseconds.
fn due(urgency: Urgency) -> i64 {
    if urgency == Urgency::Critical { ESCALATION_DUE.1 } else { ESCALATION_DUE.0 }
}

/// A question to people, with everything but the contract it is about.
pub(super) fn question_to(
    kind: EscalationKind,
    question: String,
    role: &str,
    urgency: Urgency,
    now: Time,
) -> Escalation {
    Escalation {
        id: new_id(now).as_str().to_owned(),
        kind,
        question,
        allow: Vec::new(),
        role: Some(role.to_owned()),
        urgency,
        due_at: Some(now + due(urgency)),
        on_timeout: Timeout::DeadLetter,
        proposed_action: None,
        requested_schema: None,
        context_digest: None,
        required: false,
        asker: None,
        cause: None,
    }
}

/// Wrong contracts of a list: each path under its place in the list.
pub(super) fn placed(errors: Vec<Violation>, nth: usize) -> impl Iterator<Item = Violation> {
    errors.into_iter().map(move |it| Violation { path: format!("/next/{nth}{}", it.path), ..it })
}

impl Problem {
    pub(super) fn invalid(violations: Vec<Violation>, rejection: Option<String>) -> Self {
        Self::Invalid { violations, rejection }
    }
}
