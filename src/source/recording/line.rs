//! One line of a recording, understood or not. Pure: nothing is read, nothing is remembered but names.

use std::collections::HashSet;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::quality::FixedState;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::domain::contract::Urgency;
use crate::domain::event::{Answer, DeadReason, Escalation, EscalationKind, Event, Fact, Placed, Resolution, Timeout};
use crate::domain::id::{Actor, Edge, HandoffId, RunId};
use crate::domain::time::Time;
use crate::source::observer::{Cause, Observation, Origin, Unusable, observed};

/// Longest line in bytes, its end excluded: far more than any event of ours, far less than memory.
pub const MAX_LINE: usize = 1 << 20;

/// Both shapes at once, so that one pass tells them apart. Every member is optional: what is missing is said.
#[derive(Deserialize)]
struct Raw {
    specversion: Option<IgnoredAny>,
    at: Option<String>,
    kind: Option<String>,
    pipeline: Option<String>,
    trace_id: Option<String>,
    step: Option<u32>,
    from: Option<String>,
    to: Option<String>,
    handoff_id: Option<String>,
    error: Option<String>,
    payload_summary: Option<String>,
    x_by: Option<String>,
}

/// Understands lines: the plain recording shape, and our own export (one event in CloudEvents form a line). Keeps one
/// copy of each name, since a recording repeats few names often.
#[derive(Debug, Default)]
pub struct Translator {
    names: HashSet<Arc<str>>,
}

impl Translator {
    /// Reads one line, with or without its end. Where it came from is for the reader to say.
    ///
    /// # Errors
    /// The cause and the detail of the fault, when the line is no event.
    pub fn line(&mut self, line: &[u8]) -> Result<Observation, Unusable> {
        if line.len() > MAX_LINE {
            return Err(too_long(line.len() as u64));
        }
        let text = str::from_utf8(line).map_err(|why| Unusable::new(Cause::NotUtf8, why.to_string()))?.trim();
        let raw: Raw = serde_json::from_str(text).map_err(|why| broken(&why))?;
        // serde reads a struct from an array too; an event is an object.
        if !text.starts_with('{') {
            return Err(Unusable::new(Cause::NotAnEvent, "an array"));
        }
        if raw.specversion.is_some() {
            let event: Event = serde_json::from_str(text).map_err(|why| broken(&why))?;
            let origin = if event.seq > 0 { Origin::Content } else { whole(text) };
            return Ok(Observation { event, place: None, origin, came_from: 0 });
        }
        Ok(Observation { origin: whole(text), ..self.observed(raw)? })
    }

    fn observed(&mut self, raw: Raw) -> Result<Observation, Unusable> {
        let kind = required("kind", raw.kind)?;
        let at = required("at", raw.at)?;
        let run = required("trace_id", raw.trace_id)?;
        let handoff = required("handoff_id", raw.handoff_id)?;
        let edge = Edge {
            pipeline: self.name(required("pipeline", raw.pipeline)?),
            from: self.name(required("from", raw.from)?),
            to: self.name(required("to", raw.to)?),
        };
        let at = Time::parse(&at).map_err(|why| Unusable::new(Cause::BadTime, why))?;
        let step = raw.step.unwrap_or(0);
        let error = raw.error.unwrap_or_default();
        let summary = raw.payload_summary.unwrap_or_default();
        let mut by = Actor { kind: crate::domain::id::ActorKind::Agent, id: edge.to.clone() };
        let fact = match kind.as_str() {
            "emitted" => {
                by.id = edge.from.clone();
                Fact::Emitted(Arc::new(observed(&edge, step, &summary, at)))
            }
            "acknowledged" => Fact::Acknowledged { until: None },
            "completed" => Fact::Completed { emitted: Vec::new(), result: None, note: String::new() },
            "failed" => Fact::ObservedFailed { code: error },
            "rejected" => Fact::ObservedRejected { code: error },
            "retried" => {
                by.id = edge.from.clone();
                Fact::ObservedRetried {}
            }
            "dead_lettered" => Fact::DeadLettered {
                code: error,
                reason: DeadReason::Observed,
                detail: summary,
                violations: Vec::new(),
            },
            "escalated" => {
                by.id = edge.from.clone();
                let question = if error.is_empty() { summary } else { error };
                Fact::EscalationOpened(Box::new(asked(&handoff, question)))
            }
            "resolved" => Fact::EscalationResolved(Box::new(Resolution {
                answer: Answer::Respond,
                note: summary,
                feedback: Vec::new(),
                value: None,
            })),
            other => return Err(Unusable::new(Cause::UnknownKind, format!("`{other}`"))),
        };
        if let Some(who) = raw.x_by.filter(|who| !who.is_empty()) {
            by.id = self.name(who);
        }
        Ok(Observation {
            event: Event {
                seen: None,
                run: RunId::from(run),
                seq: 0,
                at,
                handoff: Some(HandoffId::from(handoff)),
                actor: by,
                fact,
            },
            place: Some((edge, step)),
            origin: Origin::Content,
            came_from: 0,
        })
    }

    fn name(&mut self, text: String) -> Arc<str> {
        if let Some(known) = self.names.get(text.as_str()) {
            return known.clone();
        }
        let name: Arc<str> = text.into();
        self.names.insert(name.clone());
        name
    }
}

/// The identity of a line: its text, whatever its members mean.
fn whole(text: &str) -> Origin {
    Origin::Line(FixedState::default().hash_one(text))
}

/// A line of so many bytes.
pub(super) fn too_long(bytes: u64) -> Unusable {
    Unusable::new(Cause::TooLong, format!("{bytes} bytes"))
}

/// A question that a recording mentions. Whom it was put to, what they may answer and until when, it does not
/// say.
fn asked(handoff: &str, question: String) -> Escalation {
    Escalation {
        id: handoff.to_owned(),
        kind: EscalationKind::Observed,
        question,
        allow: Vec::new(),
        role: None,
        urgency: Urgency::Normal,
        due_at: None,
        on_timeout: Timeout::default(),
        proposed_action: None,
        requested_schema: None,
        context_digest: None,
        required: false,
        asker: None,
        cause: None,
    }
}

fn required(name: &'static str, value: Option<String>) -> Result<String, Unusable> {
    value
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Unusable::new(Cause::MissingMember, format!("`{name}` is missing")))
}

fn broken(why: &serde_json::Error) -> Unusable {
    let cause = if why.is_data() { Cause::NotAnEvent } else { Cause::NotJson };
    Unusable::new(cause, why.to_string())
}

/// One event as a line of our own export, without the line's end; `place` is the number of the line. Lines are told
/// apart by that, where what they tell is the same. [`Translator::line`] reads it back.
///
/// # Errors
/// When a value inside cannot be JSON, which no event that came from JSON has.
pub fn write_line(event: &Event, place: u64) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Placed(event, place))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMITTED: &str = r#"{"at":"2026-03-01T10:00:00Z","kind":"emitted","pipeline":"p","trace_id":"t","step":3,"from":"a","to":"b","handoff_id":"h","error":null,"payload_summary":"do it","x_by":"c"}"#;

    fn line(text: &str) -> Result<Observation, Unusable> {
        Translator::default().line(text.as_bytes())
    }

    fn kind(kind: &str) -> Fact {
        let text = EMITTED.replace("emitted", kind).replace("null", "\"broke\"");
        line(&text).unwrap().event.fact
    }

    #[test]
    fn every_kind_has_its_fact() {
        let names = [
            ("emitted", "handoff.emitted"),
            ("acknowledged", "handoff.acknowledged"),
            ("completed", "handoff.completed"),
            ("failed", "observed.failed"),
            ("retried", "observed.retried"),
            ("rejected", "observed.rejected"),
            ("dead_lettered", "handoff.dead_lettered"),
            ("escalated", "escalation.opened"),
            ("resolved", "escalation.resolved"),
        ];
        for (from, to) in names {
            assert_eq!(kind(from).name(), to);
        }
        let Fact::DeadLettered { code, reason, .. } = kind("dead_lettered") else {
            panic!("not a dead letter");
        };
        assert_eq!((code.as_str(), reason), ("broke", DeadReason::Observed));
    }

    #[test]
    fn an_emission_says_what_was_seen() {
        let record = line(EMITTED).unwrap();
        let Fact::Emitted(emission) = &record.event.fact else {
            panic!("not an emission");
        };
        assert!(emission.is_observed());
        assert_eq!((emission.step, emission.title.as_str()), (3, "do it"));
        assert_eq!(record.event.actor.to_string(), "agent:c");
        assert_eq!(record.event.seq, 0);
    }

    #[test]
    fn every_fact_survives_our_own_export() {
        for name in [
            "emitted",
            "acknowledged",
            "completed",
            "failed",
            "retried",
            "rejected",
            "dead_lettered",
            "escalated",
            "resolved",
        ] {
            let event = line(&EMITTED.replace("emitted", name)).unwrap().event;
            let text = write_line(&event, 1).unwrap();
            assert!(!text.contains('\n'));
            assert_eq!(line(&text).unwrap().event, event, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            ("", Cause::NotJson),
            ("{", Cause::NotJson),
            ("\0\0\0\0", Cause::NotJson),
            ("42", Cause::NotAnEvent),
            ("[1,2]", Cause::NotAnEvent),
            (
                "[null,\"2026-03-01T10:00:00Z\",\"emitted\",\"p\",\"t\",1,\"a\",\"b\",\"h\",null,null,null]",
                Cause::NotAnEvent,
            ),
            (r#"{"hello":1}"#, Cause::MissingMember),
            (r#"{"specversion":"1.0"}"#, Cause::NotAnEvent),
            (&EMITTED.replace("emitted", "teleported"), Cause::UnknownKind),
            (&EMITTED.replace("2026-03-01T", "yesterday "), Cause::BadTime),
            (&EMITTED.replace("\"to\":\"b\",", ""), Cause::MissingMember),
            (&EMITTED.replace("\"b\"", "\"\""), Cause::MissingMember),
            (&EMITTED.replace("\"b\"", "7"), Cause::NotAnEvent),
            (&EMITTED.replace(":3", ":-3"), Cause::NotAnEvent),
        ];
        for (text, cause) in cases {
            assert_eq!(line(text).map_err(|it| it.cause), Err(cause), "{text}");
        }
        let bad = Translator::default().line(b"{\"kind\":\"\xff\"}");
        assert_eq!(bad.map_err(|it| it.cause), Err(Cause::NotUtf8));
        let long = Translator::default().line(&vec![b' '; MAX_LINE + 1]);
        assert_eq!(long.map_err(|it| it.cause), Err(Cause::TooLong));
    }

    #[test]
    fn hostile_text_is_data() {
        let hostile = "\u{1b}]52;c;aGk=\u{7}\u{202e}\0";
        let name = serde_json::to_string(hostile).unwrap();
        let record = line(&EMITTED.replace("\"do it\"", &name)).unwrap();
        let Fact::Emitted(emission) = record.event.fact else {
            panic!("not an emission");
        };
        assert_eq!(emission.title, hostile);
    }
}
