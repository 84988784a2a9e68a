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
    /// `run:seq`, unique in the log of an orchestrator.
    pub fn id(&self) -> String {
        format!("{}:{}", self.run, self.seq)
    }
}

impl Wire<'_> {
    fn of(event: &Event, id: String) -> Wire<'_> {
        Wire {
            specversion: "1.0".into(),
            id: id.into(),
            source: "/ns/default".into(),
            subject: event.handoff.as_ref().map(|id| format!("handoff/{id}").into()),
            time: event.at,
            sequence: format!("{:020}", event.seq).into(),
            correlationid: event.run.as_str().into(),
            actor: Cow::Borrowed(&event.actor),
            seen: event.seen.clone(),
            fact: Cow::Borrowed(&event.fact),
        }
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire::of(self, self.id()).serialize(serializer)
    }
}

/// An event in a log, with its place there from 1: an observed one has no number in its run, so that the place makes
/// its id unique (`run:0:place`).
pub struct Placed<'a>(pub &'a Event, pub u64);

impl Serialize for Placed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(event, place) = self;
        let id = if event.seq > 0 { event.id() } else { format!("{}:{place}", event.id()) };
        Wire::of(event, id).serialize(serializer)
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
