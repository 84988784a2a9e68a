//! An [`Event`] as CloudEvents 1.0 JSON: what the store keeps, SSE sends and an export contains.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::{Event, Fact};
use crate::domain::id::{Actor, HandoffId, RunId};
use crate::domain::mark::SeenToken;
use crate::domain::time::Time;

#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    specversion: Cow<'a, str>,
    id: Cow<'a, str>,
    source: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Cow<'a, str>>,
    time: Time,
    sequence: Cow<'a, str>,
    correlationid: Cow<'a, str>,
    actor: Cow<'a, Actor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<SeenToken>,
    #[serde(flatten)]
    fact: Cow<'a, Fact>,
}

impl Event {
    /// `run:seq`, unique in the log.
    pub fn id(&self) -> String {
        format!("{}:{}", self.run, self.seq)
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire {
            specversion: "1.0".into(),
            id: self.id().into(),
            source: "/ns/default".into(),
            subject: self.handoff.as_ref().map(|id| format!("handoff/{id}").into()),
            time: self.at,
            sequence: format!("{:020}", self.seq).into(),
            correlationid: self.run.as_str().into(),
            actor: Cow::Borrowed(&self.actor),
            seen: self.seen.clone(),
            fact: Cow::Borrowed(&self.fact),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        if wire.specversion != "1.0" {
            return Err(D::Error::custom(format!("CloudEvents {} is not supported, only 1.0", wire.specversion)));
        }
        let seq = wire
            .sequence
            .parse()
            .map_err(|_| D::Error::custom(format!("sequence `{}` is not a number", wire.sequence)))?;
        Ok(Self {
            run: RunId::from(&*wire.correlationid),
            seq,
            at: wire.time,
            handoff: wire.subject.as_deref().and_then(|it| it.strip_prefix("handoff/")).map(HandoffId::from),
            actor: wire.actor.into_owned(),
            seen: wire.seen,
            fact: wire.fact.into_owned(),
        })
    }
}
