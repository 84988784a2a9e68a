//! The head of an accepted contract as the log keeps it: all the state machine and a watcher need, no payload.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::contract::{FailureAction, Party, RelationKind, Urgency};
use crate::domain::id::{Edge, HandoffId};
use crate::domain::time::Time;
use crate::domain::wire;

/// The head of a handoff: fixed at emit, except for what an edit of its contract changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Emission {
    /// Idempotency key, `hk1_` + 64 hex; empty when observed.
    #[serde(default, skip_serializing_if = "str::is_empty", deserialize_with = "wire::shared")]
    pub key: Arc<str>,
    /// Pipeline, source and target by name.
    pub edge: Edge,
    /// Version of the pipeline definition; empty when observed.
    #[serde(default, skip_serializing_if = "str::is_empty", deserialize_with = "wire::name")]
    pub pipeline_version: Arc<str>,
    /// Named position in the pipeline; empty when observed.
    #[serde(default, skip_serializing_if = "str::is_empty", deserialize_with = "wire::name")]
    pub stage: Arc<str>,
    /// The party that hands over.
    pub from: Party,
    /// The party that takes over.
    pub to: Party,
    /// Hop counter along one causal chain.
    #[serde(default)]
    pub step: u32,
    /// Path of fan-out indexes, such as `1.0`; empty on the main line.
    #[serde(default, skip_serializing_if = "str::is_empty", deserialize_with = "wire::name")]
    pub branch: Arc<str>,
    /// `sha256:` digest of the stored contract; empty when observed.
    #[serde(default, skip_serializing_if = "str::is_empty", deserialize_with = "wire::shared")]
    pub digest: Arc<str>,
    /// The handoff whose completion or return emitted this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<HandoffId>,
    /// Relation to the parent.
    pub relation: RelationKind,
    /// Returns on this pair so far, counted by the orchestrator.
    #[serde(default)]
    pub cycle: u32,
    /// Urgency of the handoff, as the producer said; normal when it did not.
    #[serde(default)]
    pub urgency: Urgency,
    /// Title of the work in one sentence, from the brief. Hostile text.
    pub title: String,
    /// Name of the owner of the outcome; empty when observed.
    #[serde(default, skip_serializing_if = "str::is_empty", deserialize_with = "wire::name")]
    pub owner: Arc<str>,
    /// Attempts per budget epoch, the first included.
    pub max_attempts: u32,
    /// Error codes worth another attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retryable: Vec<String>,
    /// Error codes that go to a person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalate: Vec<String>,
    /// Action for error codes in neither list.
    pub default: FailureAction,
    /// Time before which it cannot be claimed.
    pub ready_at: Time,
    /// Time after which it becomes a dead letter unless an attempt is running; `None` when it has no deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Time>,
    /// Time for which a claim may stay unacknowledged, in milliseconds.
    pub ack_timeout_ms: i64,
    /// The P95 of emit to acknowledge that the policy of the edge allows, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_max_ms: Option<i64>,
    /// Completeness of the brief, 0..=100; `None` when observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completeness: Option<u8>,
    /// `name@version` of the model that produced it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// `name@version` of the prompt that produced it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The producer's confidence, `0.0..=1.0`; `None` when it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// `name@version` of the payload schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// Names of payload members that did not cross the edge.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<String>,
    /// Fingerprint of the work itself, for loop verdicts (protocol section 5); empty when observed.
    #[serde(default, skip_serializing_if = "str::is_empty", deserialize_with = "wire::shared")]
    pub work: Arc<str>,
    /// Open issues the producer declares, for "does each revision make progress".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_issues: Option<u32>,
    /// Quality flags, such as `summary_size`, and violations an `observe` edge let through.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// The edge is declared cyclic (patrol, poll): no loop verdict on it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cyclic: bool,
    /// More returns than this on the pair is a loop.
    pub max_cycles: u32,
    /// Separation of duties: nobody who emitted, edited or requeued it may decide on it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub separation: bool,
}

impl Emission {
    /// The head as far as an observer knows it: the edge, the title and the time. The rest is empty or a default.
    pub fn observed(edge: Edge, title: &str, at: Time) -> Self {
        let party = |id: &Arc<str>| Party::agent(&**id);
        Self {
            key: "".into(),
            from: party(&edge.from),
            to: party(&edge.to),
            edge,
            pipeline_version: "".into(),
            stage: "".into(),
            step: 0,
            branch: "".into(),
            digest: "".into(),
            parent: None,
            relation: RelationKind::Forward,
            cycle: 0,
            urgency: Urgency::Normal,
            title: title.to_owned(),
            owner: "".into(),
            max_attempts: 0,
            retryable: Vec::new(),
            escalate: Vec::new(),
            default: FailureAction::Retry,
            ready_at: at,
            deadline: None,
            ack_timeout_ms: 0,
            p95_max_ms: None,
            completeness: None,
            model: None,
            prompt: None,
            confidence: None,
            payload: None,
            dropped: Vec::new(),
            work: "".into(),
            open_issues: None,
            flags: Vec::new(),
            cyclic: false,
            max_cycles: 0,
            separation: false,
        }
    }

    /// After an edit of the contract to one with this head. What happened stays as it was: who handed over what to
    /// whom, where in the run, made by what, and under which digest it was emitted.
    #[must_use]
    pub fn amended(&self, edited: &Self) -> Self {
        Self {
            urgency: edited.urgency,
            title: edited.title.clone(),
            owner: edited.owner.clone(),
            max_attempts: edited.max_attempts,
            retryable: edited.retryable.clone(),
            escalate: edited.escalate.clone(),
            default: edited.default,
            deadline: edited.deadline,
            ack_timeout_ms: edited.ack_timeout_ms,
            completeness: edited.completeness,
            payload: edited.payload.clone(),
            dropped: edited.dropped.clone(),
            work: edited.work.clone(),
            open_issues: edited.open_issues,
            flags: edited.flags.clone(),
            ..self.clone()
        }
    }

    /// True when it was seen from outside and no orchestrator stands behind it.
    pub fn is_observed(&self) -> bool {
        self.key.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{Event, Fact};
    use crate::domain::run::Run;

    const AT: &str = "2026-08-20T03:12:44.000Z";
    /// Every member a contract can bring, in the order of the log.
    const FULL: &str = concat!(
        r#"{"key":"hk1_00","edge":{"pipeline":"news","from":"writer","to":"editor"},"pipeline_version":"3","#,
        r#""stage":"review","from":{"kind":"agent","id":"writer"},"to":{"kind":"team","id":"editor"},"step":4,"#,
        r#""branch":"1.0","digest":"sha256:00","parent":"h-1","relation":"revision","cycle":2,"urgency":"high","#,
        r#""title":"Write \"it\"","owner":"desk","max_attempts":3,"retryable":["timeout"],"escalate":["policy"],"#,
        r#""default":"dead_letter","ready_at":"2026-08-20T03:12:44.000Z","deadline":"2026-08-20T04:12:44.000Z","#,
        r#""ack_timeout_ms":30000,"p95_max_ms":8000,"completeness":87,"model":"model-m@2026-07","prompt":"draft@18","#,
        r#""confidence":0.75,"payload":"article@1","dropped":["notes"],"work":"wf1_00","open_issues":5,"#,
        r#""flags":["summary_size"],"cyclic":true,"max_cycles":3,"separation":true}"#,
    );
    /// The least a contract brings.
    const LEAST: &str = concat!(
        r#"{"key":"hk1_00","edge":{"pipeline":"news","from":"writer","to":"editor"},"#,
        r#""from":{"kind":"agent","id":"writer"},"to":{"kind":"agent","id":"editor"},"step":0,"digest":"sha256:00","#,
        r#""relation":"initial","cycle":0,"urgency":"normal","title":"","max_attempts":5,"default":"escalate","#,
        r#""ready_at":"2026-08-20T03:12:44.000Z","ack_timeout_ms":30000,"max_cycles":0}"#,
    );
    /// A handoff that was only seen.
    const SEEN: &str = concat!(
        r#"{"edge":{"pipeline":"news","from":"writer","to":"editor"},"from":{"kind":"agent","id":"writer"},"#,
        r#""to":{"kind":"agent","id":"editor"},"step":3,"parent":"h-1","relation":"forward","cycle":0,"#,
        r#""urgency":"normal","title":"Write it","max_attempts":0,"default":"retry","#,
        r#""ready_at":"2026-08-20T03:12:44.000Z","ack_timeout_ms":0,"max_cycles":0}"#,
    );

    #[test]
    fn the_json_of_every_head_stays_as_it_was() {
        for json in [FULL, LEAST, SEEN] {
            let head: Emission = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&head).unwrap(), json);
        }
    }

    #[test]
    fn events_and_stored_runs_keep_the_head_flat() {
        for json in [FULL, LEAST, SEEN] {
            let event = format!(
                concat!(
                    r#"{{"specversion":"1.0","id":"r:1","source":"/ns/default","subject":"handoff/h","#,
                    r#""time":"{0}","sequence":"00000000000000000001","correlationid":"r","#,
                    r#""actor":"agent:writer","type":"handoff.emitted.v1","data":{1}}}"#,
                ),
                AT, json
            );
            let told: Event = serde_json::from_str(&event).unwrap();
            assert!(matches!(told.fact, Fact::Emitted(_)));
            assert_eq!(serde_json::to_string(&told).unwrap(), event);
            let run = format!(
                concat!(
                    r#"{{"id":"r","version":1,"started_at":"{0}","changed_at":"{0}","handoffs":[["h",{{"id":"h","#,
                    r#""emission":{1},"state":"pending","version":1,"emitted_at":"{0}","ready_at":"{0}","#,
                    r#""waiting_since":"{0}"}}]],"retried":0}}"#,
                ),
                AT, json
            );
            let stored: Run = serde_json::from_str(&run).unwrap();
            assert_eq!(serde_json::to_string(&stored).unwrap(), run);
        }
    }
}
