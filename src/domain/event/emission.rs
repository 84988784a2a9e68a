//! The head of a handoff as the log keeps it: all the state machine and a watcher need, no payload.

use std::sync::Arc;

use super::{Answer, EscalationKind, Terms};
use crate::domain::contract::{Party, PartyKind, RelationKind};
use crate::domain::id::{Edge, HandoffId};
use crate::domain::time::Time;

mod wire;

/// The head of a handoff: fixed at emit, except for what an edit of its contract changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Emission {
    /// Pipeline, source and target by name.
    pub edge: Edge,
    /// Named position in the pipeline; `None` when the source names none.
    pub stage: Option<Arc<str>>,
    /// The party that hands over.
    pub from: Party,
    /// The party that takes over.
    pub to: Party,
    /// Hop counter along one causal chain.
    pub step: u32,
    /// Path of fan-out indexes, such as `1.0`; empty on the main line.
    pub branch: Arc<str>,
    /// The handoff whose completion or return emitted this one.
    pub parent: Option<HandoffId>,
    /// Relation to the parent; forward when the source does not say.
    pub relation: RelationKind,
    /// Declared returns on this pair so far, itself included.
    pub cycle: u32,
    /// Title of the work in one sentence; empty when the source gives none. Hostile text.
    pub title: String,
    /// Time before which it cannot be claimed.
    pub ready_at: Time,
    /// `name@version` of the model that produced it; `None` when no model did, or the source does not say.
    pub model: Option<String>,
    /// `name@version` of the prompt that produced it; `None` when there was none, or the source does not say.
    pub prompt: Option<String>,
    /// Fingerprint of the work itself, for loop verdicts (protocol section 5); `None` when the source gives none.
    pub work: Option<Arc<str>>,
    /// The terms of its contract; `None` when it was only seen from outside, and no orchestrator stands behind it.
    pub terms: Option<Terms>,
}

impl Emission {
    /// The head as far as an observer knows it: the edge, the title and the time.
    pub fn observed(edge: Edge, title: &str, at: Time) -> Self {
        let party = |id: &Arc<str>| Party::agent(&**id);
        Self {
            from: party(&edge.from),
            to: party(&edge.to),
            edge,
            stage: None,
            step: 0,
            branch: "".into(),
            parent: None,
            relation: RelationKind::Forward,
            cycle: 0,
            title: title.to_owned(),
            ready_at: at,
            model: None,
            prompt: None,
            work: None,
            terms: None,
        }
    }

    /// After an edit of the contract to one with this head. What happened stays as it was: who handed over what to
    /// whom, where in the run, made by what, and under which digest it was emitted.
    #[must_use]
    pub fn amended(&self, edited: &Self) -> Self {
        let own = self.terms.as_ref();
        let terms = own.map(|own| edited.terms.as_ref().map_or_else(|| own.clone(), |edited| own.amended(edited)));
        Self { title: edited.title.clone(), work: edited.work.clone(), terms, ..self.clone() }
    }

    /// The answers allowed to a question about it. Nobody outside can be sent back to, and where duties are separated
    /// nobody approves what they edit.
    pub fn answers(&self, kind: EscalationKind) -> Vec<Answer> {
        let separated = self.terms.as_ref().is_some_and(|it| it.separation);
        let mut allow = if kind == EscalationKind::Question { vec![Answer::Respond] } else { vec![Answer::Approve] };
        if kind != EscalationKind::Question && !separated {
            allow.push(Answer::EditApprove);
        }
        if self.from.kind != PartyKind::External {
            allow.push(Answer::Reject);
        }
        allow.push(Answer::Dismiss);
        allow
    }

    /// True when it was seen from outside and no orchestrator stands behind it: it has no terms.
    pub const fn is_observed(&self) -> bool {
        self.terms.is_none()
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
        r#""flags":["summary_size"],"cyclic":true,"max_cycles":3,"separation":true,"emitter":"writer-bot","#,
        r#""approval":{"role":"editors","question":"May it go?","due_ms":60000,"on_timeout":"dead_letter","#,
        r#""proposed_action":{"name":"mail"}}}"#,
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
        for (json, agreed) in [(FULL, true), (LEAST, true), (SEEN, false)] {
            let head: Emission = serde_json::from_str(json).unwrap();
            assert_eq!((head.terms.is_some(), head.is_observed()), (agreed, !agreed));
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
