//! The head of a handoff in JSON: flat, the terms of its contract among the rest, in the order the log has always had.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Emission;
use crate::domain::contract::{FailureAction, Party, RelationKind, Urgency};
use crate::domain::event::{Approval, Terms};
use crate::domain::id::{Edge, HandoffId};
use crate::domain::time::{Millis, Time};
use crate::domain::wire;

/// What stands in JSON in the place of terms where there are none.
static NONE: LazyLock<Terms> = LazyLock::new(Terms::default);

type Shared<'a> = Cow<'a, Arc<str>>;

/// An [`Emission`] as it is written and read. Without a key there are no terms, whatever else there is of them.
#[derive(Serialize, Deserialize)]
struct Flat<'a> {
    #[serde(default, skip_serializing_if = "str::is_empty", deserialize_with = "shared")]
    key: Shared<'a>,
    edge: Cow<'a, Edge>,
    #[serde(default, skip_serializing_if = "str::is_empty", deserialize_with = "name")]
    pipeline_version: Shared<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "named")]
    stage: Option<Shared<'a>>,
    from: Cow<'a, Party>,
    to: Cow<'a, Party>,
    #[serde(default)]
    step: u32,
    #[serde(default, skip_serializing_if = "str::is_empty", deserialize_with = "name")]
    branch: Shared<'a>,
    #[serde(default, skip_serializing_if = "str::is_empty", deserialize_with = "shared")]
    digest: Shared<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<Cow<'a, HandoffId>>,
    relation: RelationKind,
    #[serde(default)]
    cycle: u32,
    #[serde(default)]
    urgency: Urgency,
    title: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "str::is_empty", deserialize_with = "name")]
    owner: Shared<'a>,
    max_attempts: u32,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    retryable: Cow<'a, [String]>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    escalate: Cow<'a, [String]>,
    default: FailureAction,
    ready_at: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deadline: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refs_until: Option<Time>,
    ack_timeout_ms: Millis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p95_max_ms: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    completeness: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prompt: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confidence: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payload: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    dropped: Cow<'a, [String]>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    work: Option<Shared<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open_issues: Option<u32>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    flags: Cow<'a, [String]>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    cyclic: bool,
    max_cycles: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_hops: Option<u32>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    separation: bool,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    emitter: Option<Shared<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    approval: Option<Cow<'a, Approval>>,
}

fn shared<'de, D: Deserializer<'de>>(from: D) -> Result<Shared<'static>, D::Error> {
    wire::shared(from).map(Cow::Owned)
}

fn name<'de, D: Deserializer<'de>>(from: D) -> Result<Shared<'static>, D::Error> {
    wire::name(from).map(Cow::Owned)
}

/// A name that need not be there; an empty one is none.
fn named<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Shared<'static>>, D::Error> {
    name(from).map(|it| Some(it).filter(|it| !it.is_empty()))
}

/// A text that need not be there; an empty one is none.
fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Shared<'static>>, D::Error> {
    shared(from).map(|it| Some(it).filter(|it| !it.is_empty()))
}

impl Serialize for Emission {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let terms = self.terms.as_ref().unwrap_or(&NONE);
        Flat {
            key: Cow::Borrowed(&terms.key),
            edge: Cow::Borrowed(&self.edge),
            pipeline_version: Cow::Borrowed(&terms.pipeline_version),
            stage: self.stage.as_ref().map(Cow::Borrowed),
            from: Cow::Borrowed(&self.from),
            to: Cow::Borrowed(&self.to),
            step: self.step,
            branch: Cow::Borrowed(&self.branch),
            digest: Cow::Borrowed(&terms.digest),
            parent: self.parent.as_ref().map(Cow::Borrowed),
            relation: self.relation,
            cycle: self.cycle,
            urgency: terms.urgency,
            title: Cow::Borrowed(&self.title),
            owner: Cow::Borrowed(&terms.owner),
            max_attempts: terms.max_attempts,
            retryable: Cow::Borrowed(&terms.retryable),
            escalate: Cow::Borrowed(&terms.escalate),
            default: terms.default,
            ready_at: self.ready_at,
            deadline: terms.deadline,
            refs_until: terms.refs_until,
            ack_timeout_ms: terms.ack_timeout_ms,
            p95_max_ms: terms.p95_max_ms,
            completeness: terms.completeness,
            model: self.model.as_deref().map(Cow::Borrowed),
            prompt: self.prompt.as_deref().map(Cow::Borrowed),
            confidence: terms.confidence,
            payload: terms.payload.as_deref().map(Cow::Borrowed),
            dropped: Cow::Borrowed(&terms.dropped),
            work: self.work.as_ref().map(Cow::Borrowed),
            open_issues: terms.open_issues,
            flags: Cow::Borrowed(&terms.flags),
            cyclic: terms.cyclic,
            max_cycles: terms.max_cycles,
            max_hops: terms.max_hops,
            separation: terms.separation,
            emitter: terms.emitter.as_ref().map(Cow::Borrowed),
            approval: terms.approval.as_deref().map(Cow::Borrowed),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Emission {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let it = Flat::deserialize(deserializer)?;
        let terms = (!it.key.is_empty()).then(|| Terms {
            key: it.key.into_owned(),
            digest: it.digest.into_owned(),
            pipeline_version: it.pipeline_version.into_owned(),
            urgency: it.urgency,
            owner: it.owner.into_owned(),
            max_attempts: it.max_attempts,
            retryable: it.retryable.into_owned(),
            escalate: it.escalate.into_owned(),
            default: it.default,
            deadline: it.deadline,
            refs_until: it.refs_until,
            ack_timeout_ms: it.ack_timeout_ms,
            p95_max_ms: it.p95_max_ms,
            completeness: it.completeness,
            confidence: it.confidence,
            payload: it.payload.map(Cow::into_owned),
            dropped: it.dropped.into_owned(),
            open_issues: it.open_issues,
            flags: it.flags.into_owned(),
            cyclic: it.cyclic,
            max_cycles: it.max_cycles,
            max_hops: it.max_hops,
            separation: it.separation,
            emitter: it.emitter.map(Cow::into_owned),
            approval: it.approval.map(|it| Box::new(it.into_owned())),
        });
        Ok(Self {
            edge: it.edge.into_owned(),
            stage: it.stage.map(Cow::into_owned),
            from: it.from.into_owned(),
            to: it.to.into_owned(),
            step: it.step,
            branch: it.branch.into_owned(),
            parent: it.parent.map(Cow::into_owned),
            relation: it.relation,
            cycle: it.cycle,
            title: it.title.into_owned(),
            ready_at: it.ready_at,
            model: it.model.map(Cow::into_owned),
            prompt: it.prompt.map(Cow::into_owned),
            work: it.work.map(Cow::into_owned),
            terms,
        })
    }
}
